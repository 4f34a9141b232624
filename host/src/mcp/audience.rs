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
use serde_json::json;
use tokio::sync::watch;
use tokio::time::timeout;

use super::counterpart;
use crate::service::toolbox::Toolbox;

/// Everybody who may be told.
#[derive(Default)]
pub(super) struct Audience {
    /// Counts the changes.
    changes: watch::Sender<Changes>,
    sessions: Mutex<Vec<Peer<RoleServer>>>,
    /// Somebody was shown tools before they were complete.
    shown_early: AtomicBool,
}

/// How often each list has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) tools: u64,
    pub(super) prompts: u64,
    pub(super) documents: u64,
}

impl Changes {
    /// The notifications that say what is new since `before`.
    pub(super) fn since(self, before: Self) -> Vec<&'static str> {
        let mut methods = Vec::new();
        if self.tools != before.tools {
            methods.push("notifications/tools/list_changed");
        }
        if self.prompts != before.prompts {
            methods.push("notifications/prompts/list_changed");
        }
        if self.documents != before.documents {
            methods.push("notifications/resources/list_changed");
        }
        methods
    }
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
    pub(super) fn changes(&self) -> watch::Receiver<Changes> {
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
            self.tell(|changes| changes.tools += 1).await;
        }
        while toolbox.changed().await.is_ok() {
            let now = toolbox.borrow_and_update().clone();
            self.tell(|changes| {
                changes.tools += u64::from(!now.tools().eq(known.tools()));
                changes.prompts += u64::from(!now.prompts().eq(known.prompts()));
                changes.documents += u64::from(
                    !(now.documents().eq(known.documents())
                        && now.templates().eq(known.templates())),
                );
            })
            .await;
            known = now;
        }
    }

    async fn tell(&self, change: impl FnOnce(&mut Changes)) {
        let before = *self.changes.borrow();
        self.changes.send_if_modified(|changes| {
            change(changes);
            *changes != before
        });
        let methods = self.changes.borrow().since(before);
        if methods.is_empty() {
            return;
        }
        let sessions = {
            let mut sessions = self.sessions();
            sessions.retain(|peer| !peer.is_transport_closed());
            sessions.clone()
        };
        futures::future::join_all(sessions.iter().map(|peer| async {
            for method in &methods {
                let told = peer.send_notification(counterpart::notification(method, json!({})));
                match timeout(PATIENCE, told).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::debug!("a client did not hear {method}: {error}"),
                    Err(_) => tracing::debug!("a client does not read {method}"),
                }
            }
        }))
        .await;
    }

    fn sessions(&self) -> MutexGuard<'_, Vec<Peer<RoleServer>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
