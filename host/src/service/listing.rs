//! Tasks of one caller, page by page, and the host's own secret.

use std::sync::Arc;

use super::{Service, internal};
use crate::error::{Code, Report};
use crate::plugin::{Caller, Snapshot, TaskError};
use crate::store::Filter;
use crate::task::TaskId;

/// Whom the secret belongs to among the maps of components: no component can have this name.
const HOST: &str = "taskhost.host";
const SECRET: &str = "request-state";

impl Service {
    /// The caller's own tasks, over or not, newest first; only those before `before`.
    pub fn tasks_of(
        &self,
        caller: &Caller,
        before: Option<TaskId>,
        limit: usize,
    ) -> Result<Vec<Snapshot>, TaskError> {
        let records = self.list(&Filter {
            owner: Some(caller.principal.clone()),
            before,
            limit,
            ..Filter::default()
        })?;
        let live = self.live();
        Ok(records
            .into_iter()
            .map(|record| match live.get(&record.id()) {
                Some(live) => live.snapshot(),
                None => Snapshot {
                    record: Arc::new(record),
                    note: None,
                },
            })
            .collect())
    }

    /// 32 bytes that only this data directory knows, made when they are first asked for. They seal what
    /// clients keep for strategies, so that it is good after a restart too.
    pub async fn secret(&self) -> Result<Vec<u8>, TaskError> {
        let store = &self.0.store;
        let known = || {
            store
                .component_get(HOST, SECRET)
                .map_err(|error| internal(&error))
        };
        if let Some(secret) = known()? {
            return Ok(secret);
        }
        let mut fresh = vec![0; 32];
        getrandom::fill(&mut fresh).map_err(|error| {
            TaskError::Internal(Report::new(
                Code(699),
                format!("the system has no randomness: {error}"),
            ))
        })?;
        // Of two that come at once, one writes and both read the same.
        store
            .component_swap(HOST, SECRET, None, Some(fresh.clone()))
            .await
            .map_err(|error| internal(&error))?;
        Ok(known()?.unwrap_or(fresh))
    }
}
