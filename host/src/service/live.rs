//! One task that is not over, and everybody who waits for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::plugin::Snapshot;
use crate::store::{Store, StoreError};
use crate::task::{Entry, Event, Handle, Record, Refused};

/// A task that is not over, or has just ended.
pub(super) struct Live {
    /// As the store has it. Waiters watch this.
    record: watch::Sender<Arc<Record>>,
    /// Why it does not move. Not stored: whoever wrote it finds out again.
    note: Mutex<Option<String>>,
    /// Held while an event is being written, so that events of one task have an order.
    turn: tokio::sync::Mutex<()>,
    /// How many lines it has printed since the host knows it. Waiters watch this.
    printed: watch::Sender<u64>,
    /// Only one of each at a time.
    pub(super) delivering: std::sync::atomic::AtomicBool,
    /// Its deadline has come, and somebody is at it.
    pub(super) ending: std::sync::atomic::AtomicBool,
    /// The backend's name for it, also after the end.
    handle: Mutex<Option<Handle>>,
    /// How often in a row the backend did not know it.
    pub(super) unknown: std::sync::atomic::AtomicU32,
}

/// Why an event was not applied. The task is as it was.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApplyError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Live {
    pub(super) fn new(record: Record) -> Self {
        Self {
            handle: Mutex::new(record.handle().cloned()),
            record: watch::Sender::new(Arc::new(record)),
            note: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            printed: watch::Sender::new(0),
            delivering: false.into(),
            ending: false.into(),
            unknown: 0.into(),
        }
    }

    /// As the store has it.
    pub(super) fn record(&self) -> Arc<Record> {
        self.record.borrow().clone()
    }

    /// The backend's name for it: what `release` needs when the record is over.
    pub(super) fn last_handle(&self) -> Option<Handle> {
        self.handle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            record: self.record(),
            note: self
                .note
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }

    /// Changes of the record, from now on.
    pub(super) fn changes(&self) -> watch::Receiver<Arc<Record>> {
        self.record.subscribe()
    }

    /// Lines printed, from now on.
    pub(super) fn lines(&self) -> watch::Receiver<u64> {
        self.printed.subscribe()
    }

    /// A line has been stored.
    pub(super) fn has_printed(&self) {
        self.printed.send_modify(|printed| *printed += 1);
    }

    /// Says, or no longer says, why it does not move.
    pub(super) fn set_note(&self, note: Option<String>) {
        *self.note.lock().unwrap_or_else(PoisonError::into_inner) = note;
    }

    /// Writes `event`, and then makes it known.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: dropped in the middle, the store may know more than the waiters. Callers run it
    /// where it is not dropped.
    pub(super) async fn apply(
        &self,
        store: &dyn Store,
        event: Event,
        now_ms: u64,
    ) -> Result<Arc<Record>, ApplyError> {
        let _turn = self.turn.lock().await;
        let before = self.record();
        let after = before.after(&event, now_ms)?;
        if is_progress(&before, &event) {
            store.touch(&after);
        } else {
            let entry = Entry {
                revision: after.revision,
                at_ms: after.updated_ms,
                event,
            };
            store.append(&after, &entry).await?;
        }
        if let Some(handle) = after.handle() {
            *self.handle.lock().unwrap_or_else(PoisonError::into_inner) = Some(handle.clone());
        }
        let after = Arc::new(after);
        if after.state.is_done() {
            self.set_note(None);
        }
        self.record.send_replace(after.clone());
        Ok(after)
    }

    /// Resolves when `enough` says so of the record, or after `timeout`.
    pub(super) async fn wait(&self, timeout: Duration, mut enough: impl FnMut(&Record) -> bool) {
        let mut changes = self.record.subscribe();
        _ = tokio::time::timeout(timeout, changes.wait_for(|record| enough(record))).await;
    }

    /// Resolves when it is over.
    pub(super) async fn over(&self) {
        let mut changes = self.record.subscribe();
        _ = changes.wait_for(|record| record.state.is_done()).await;
    }
}

/// Whether `event` is only a step of progress, which the backend can tell again.
fn is_progress(before: &Record, event: &Event) -> bool {
    match (before.open(), event) {
        (Some(open), Event::Observed(phase)) => open.phase.is_progress_to(phase),
        _ => false,
    }
}
