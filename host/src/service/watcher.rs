//! Watching one task from outside.
//!
//! A watcher sees every end and the newest of everything before it: changes that follow each other
//! faster than it looks are one change. It holds nothing up, and costs the task nothing.

use std::sync::Arc;

use tokio::sync::{broadcast, watch};

use super::live::Live;
use super::{Found, Service};
use crate::plugin::{Caller, Snapshot, TaskError};
use crate::task::Record;

/// One task, watched.
pub struct Watcher {
    /// As it was when it was last looked at.
    seen: Snapshot,
    live: Option<Watched>,
}

struct Watched {
    live: Arc<Live>,
    changes: watch::Receiver<Arc<Record>>,
    lines: watch::Receiver<u64>,
}

/// What a watcher saw.
#[derive(Clone, Debug)]
pub enum News {
    /// It stands differently now.
    Changed(Snapshot),
    /// It has printed something.
    Printed,
}

impl Service {
    /// Watches a task that `caller` may see.
    pub fn watch(&self, caller: &Caller, id: &str) -> Result<Watcher, TaskError> {
        let found = self.find(Some(caller), id)?;
        Ok(Watcher::on(&found))
    }

    /// Addresses of documents of strategies that have changed, from now on.
    pub fn document_changes(&self) -> broadcast::Receiver<String> {
        self.0.documents.subscribe()
    }
}

impl Watcher {
    /// From how it stands now.
    pub(super) fn on(found: &Found) -> Self {
        let live = match found {
            Found::Stored(_) => None,
            Found::Live(live) => {
                let mut changes = live.changes();
                changes.mark_unchanged();
                Some(Watched {
                    changes,
                    lines: live.lines(),
                    live: live.clone(),
                })
            }
        };
        Self {
            seen: found.snapshot(),
            live,
        }
    }

    /// As it was when it was last looked at.
    pub fn seen(&self) -> &Snapshot {
        &self.seen
    }

    /// The next thing that happens; `None` when the task is over and its end has been seen.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: what has not been returned is returned the next time.
    pub async fn next(&mut self) -> Option<News> {
        if self.seen.record.state.is_done() {
            return None;
        }
        let watched = self.live.as_mut()?;
        let before = self.seen.record.revision;
        tokio::select! {
            biased;
            _ = watched.changes.wait_for(|record| record.revision > before) => {
                self.seen = watched.live.snapshot();
                Some(News::Changed(self.seen.clone()))
            }
            _ = watched.lines.changed() => Some(News::Printed),
        }
    }
}
