//! What the operator may do: see everybody's tasks, and stop them.

use std::sync::Arc;

use super::live::Live;
use super::watcher::Watcher;
use super::{Service, internal};
use crate::plugin::{Snapshot, TaskError};
use crate::store::{Filter, Store};
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

    /// How many tasks of one backend are not over.
    pub fn alive_at(&self, backend: &str) -> usize {
        let at_backend = |live: &&Arc<Live>| live.record().origin.backend == backend;
        self.live().values().filter(at_backend).count()
    }

    /// Watches one task, whoever owns it.
    pub fn watch_any(&self, id: TaskId) -> Result<Watcher, TaskError> {
        Ok(Watcher::on(&self.find(None, &id.to_string())?))
    }

    /// Lines that the work of a task printed after position `after`, oldest first, each with its own.
    pub fn printed(&self, id: TaskId, after: u64) -> Result<Vec<(u64, String)>, TaskError> {
        self.0
            .store
            .output(id, after, LINES)
            .map_err(|error| internal(&error))
    }

    /// The journal of a task, oldest first.
    pub fn journal(&self, id: TaskId, after: u64) -> Result<Vec<Entry>, TaskError> {
        self.0
            .store
            .journal(id, after)
            .map_err(|error| internal(&error))
    }

    /// Where everything is kept.
    pub fn store(&self) -> &dyn Store {
        &*self.0.store
    }

    /// Stops a task in the operator's name.
    pub async fn stop(&self, id: TaskId, reason: Option<String>) -> Result<Snapshot, TaskError> {
        let service = self.clone();
        self.shielded(async move { service.cancel_task(None, &id.to_string(), reason).await })
            .await
    }
}

/// All lines that the store keeps.
const LINES: usize = 1_000;
