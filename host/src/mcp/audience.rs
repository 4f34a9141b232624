//! Who hears that the tools have changed.
//!
//! Clients that have said `initialize` are told whether they asked or not; later revisions ask with
//! `subscriptions/listen`. Both learn only *that* there is a change, so changes that come faster than a
//! client reads become one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::service::Peer;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::service::toolbox::Toolbox;

/// Everybody who may be told.
#[derive(Default)]
pub(super) struct Audience {
    /// Counts the changes.
    changes: watch::Sender<u64>,
    sessions: Mutex<Vec<Peer<RoleServer>>>,
    /// Somebody was shown tools before they were complete.
    shown_early: AtomicBool,
}

/// How long one client may take to hear it, before the others are no longer held up.
const PATIENCE: Duration = Duration::from_secs(5);

impl Audience {
    /// Tells `peer` of all changes from now on, as long as it is there.
    pub(super) fn join(&self, peer: Peer<RoleServer>) {
        let mut sessions = self.sessions();
        sessions.retain(|peer| !peer.is_transport_closed());
        sessions.push(peer);
    }

    /// Counts the changes, from now on.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Somebody is shown `toolbox`.
    pub(super) fn shown(&self, toolbox: &Toolbox) {
        if !toolbox.complete {
            self.shown_early.store(true, Ordering::Release);
        }
    }

    /// Passes on the changes of `toolbox`. The start of a host is no news: what fills up until the
    /// tools are complete for the first time counts as one change, and only if somebody looked before.
    pub(super) async fn keep_informed(&self, mut toolbox: watch::Receiver<Arc<Toolbox>>) {
        let Ok(first) = toolbox
            .wait_for(|toolbox| toolbox.complete)
            .await
            .map(|first| first.clone())
        else {
            return;
        };
        let mut known = first;
        if self.shown_early.load(Ordering::Acquire) {
            self.tell().await;
        }
        while toolbox.changed().await.is_ok() {
            let now = toolbox.borrow_and_update().clone();
            if !now.tools().eq(known.tools()) {
                known = now;
                self.tell().await;
            }
        }
    }

    async fn tell(&self) {
        self.changes.send_modify(|changes| *changes += 1);
        let sessions = {
            let mut sessions = self.sessions();
            sessions.retain(|peer| !peer.is_transport_closed());
            sessions.clone()
        };
        futures::future::join_all(sessions.iter().map(|peer| async {
            match timeout(PATIENCE, peer.notify_tool_list_changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!("a client did not hear of new tools: {error}"),
                Err(_) => tracing::debug!("a client does not read that the tools have changed"),
            }
        }))
        .await;
    }

    fn sessions(&self) -> MutexGuard<'_, Vec<Peer<RoleServer>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
