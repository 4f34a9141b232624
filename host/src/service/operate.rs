//! What the operator may do: see everybody's tasks, and stop them.

use super::{Service, internal};
use crate::plugin::{Snapshot, TaskError};
use crate::store::Filter;
use crate::task::{Entry, Record, TaskId};

impl Service {
    /// Records by `filter`, newest first.
    pub fn list(&self, filter: &Filter) -> Result<Vec<Record>, TaskError> {
        self.0.store.list(filter).map_err(|error| internal(&error))
    }

    /// One task, whoever owns it.
    pub fn look(&self, id: TaskId) -> Result<Snapshot, TaskError> {
        Ok(self.find(None, &id.to_string())?.snapshot())
    }

    /// Resolves when the revision of a task is above `since`, with the newest snapshot, or after a while.
    pub async fn next_change(&self, id: TaskId, since: u64) -> Result<Snapshot, TaskError> {
        let found = self.find(None, &id.to_string())?;
        if let super::Found::Live(live) = &found {
            live.wait(LONGEST_LOOK, |record| record.revision > since)
                .await;
        }
        Ok(found.snapshot())
    }

    /// The journal of a task, oldest first.
    pub fn journal(&self, id: TaskId, after: u64) -> Result<Vec<Entry>, TaskError> {
        self.0
            .store
            .journal(id, after)
            .map_err(|error| internal(&error))
    }

    /// Stops a task in the operator's name.
    pub async fn stop(&self, id: TaskId, reason: Option<String>) -> Result<Snapshot, TaskError> {
        let service = self.clone();
        self.shielded(async move { service.cancel_task(None, &id.to_string(), reason).await })
            .await
    }
}

/// How long one look may take: short enough that whoever left is noticed.
const LONGEST_LOOK: std::time::Duration = std::time::Duration::from_secs(20);
