//! What was alive when the last host ended.
//!
//! A record is the fold of its journal, so taking up a task is reading it: one that may not have arrived
//! at its backend is handed over again under the same id, a wish to cancel that nobody heard is told
//! again, and everything else is observed as soon as its backend is there.

use std::sync::Arc;

use super::Service;
use super::live::Live;
use crate::store::StoreError;
use crate::task::{Dispatch, Open};

impl Service {
    /// Takes up all open tasks. Called once, before anything else.
    pub(super) fn recover(&self) -> Result<(), StoreError> {
        let records = self.0.store.open_tasks()?;
        if !records.is_empty() {
            tracing::info!(tasks = records.len(), "taking up tasks of the last host");
        }
        for record in records {
            let live = Arc::new(Live::new(record));
            let record = live.record();
            self.live().insert(record.id(), live.clone());
            match record.open() {
                Some(Open {
                    dispatch: Dispatch::Intent,
                    ..
                }) => self.spawn(self.clone().hand_over(live)),
                Some(_) if record.cancel_requested() => {
                    self.spawn(self.clone().deliver_cancel(live));
                }
                Some(_) if !self.0.backends.contains_key(&record.origin.backend) => {
                    live.set_note(Some(format!(
                        "its backend `{}` is not configured in this host",
                        record.origin.backend
                    )));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
