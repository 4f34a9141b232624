//! The store as components see it: a small map each, and the logs of the runs of engines.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::plugin::{ComponentMap, RunLogs, journal};
use crate::store::{RunHead, Store, StoreError, Turn};
use crate::task::Run;

/// The maps of all components, in the store.
pub struct StoredMaps(pub Arc<dyn Store>);

impl ComponentMap for StoredMaps {
    fn get(&self, component: &str, key: &str) -> Result<Option<Vec<u8>>, String> {
        self.0
            .component_get(component, key)
            .map_err(|error| error.to_string())
    }

    fn size(&self, component: &str) -> Result<u64, String> {
        self.0
            .component_size(component)
            .map_err(|error| error.to_string())
    }

    fn set(
        &self,
        component: &str,
        key: &str,
        value: Option<Vec<u8>>,
    ) -> BoxFuture<'static, Result<(), String>> {
        let write = self.0.component_set(component, key, value);
        Box::pin(async move { write.await.map_err(|error| error.to_string()) })
    }

    fn swap(
        &self,
        component: &str,
        key: &str,
        expected: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
    ) -> BoxFuture<'static, Result<bool, String>> {
        let write = self.0.component_swap(component, key, expected, value);
        Box::pin(async move { write.await.map_err(|error| error.to_string()) })
    }

    fn keys(&self, component: &str, prefix: &str, limit: usize) -> Result<Vec<String>, String> {
        self.0
            .component_keys(component, prefix, limit)
            .map_err(|error| error.to_string())
    }
}

/// The logs of runs, in the store.
pub struct StoredLogs(pub Arc<dyn Store>);

impl RunLogs for StoredLogs {
    fn append(
        &self,
        component: &str,
        run: Run,
        turn: journal::Turn,
    ) -> BoxFuture<'static, Result<(), journal::Error>> {
        let store = self.0.clone();
        let component = component.to_owned();
        let write = store.run_append(
            &component,
            Turn {
                run: run.clone(),
                expected: turn.expected,
                entries: turn.entries,
                summary: turn.summary,
                over: turn.over,
                anew: turn.anew,
            },
        );
        Box::pin(async move {
            if write.await.map_err(|error| wrong(&error))? {
                return Ok(());
            }
            let head = store
                .run_find(&component, &run)
                .map_err(|error| wrong(&error))?;
            Err(journal::Error::Conflict(head.map_or(0, |head| head.length)))
        })
    }

    fn read(&self, component: &str, run: &Run) -> Result<Option<Vec<String>>, journal::Error> {
        self.0
            .run_read(component, run)
            .map_err(|error| wrong(&error))
    }

    fn find(&self, component: &str, run: &Run) -> Result<Option<journal::Head>, journal::Error> {
        let found = self
            .0
            .run_find(component, run)
            .map_err(|error| wrong(&error))?;
        Ok(found.map(head))
    }

    fn live(
        &self,
        component: &str,
        after: Option<&Run>,
        limit: usize,
    ) -> Result<Vec<journal::Head>, journal::Error> {
        let live = self.0.runs_live(component, after, limit);
        Ok(live
            .map_err(|error| wrong(&error))?
            .into_iter()
            .map(head)
            .collect())
    }
}

fn head(head: RunHead) -> journal::Head {
    journal::Head {
        run: head.run.to_string(),
        length: head.length,
        summary: head.summary,
        over: head.over,
    }
}

fn wrong(error: &StoreError) -> journal::Error {
    match error {
        StoreError::TooLarge { .. } => journal::Error::Full(error.to_string()),
        _ => journal::Error::Failed(error.to_string()),
    }
}
