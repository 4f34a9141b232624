//! The backend behind a strategy: some of the tasks of `mock`, as slow as is wanted.

use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::plugin::{Backend, CallError, CancelAnswer, Health, StartWork, Work};
use crate::task::{Definition, Handle, Observation, Response};

/// A backend with some of its tasks.
pub(super) struct Companion {
    inner: Box<dyn Backend>,
    tasks: Vec<String>,
    start: Duration,
}

impl Companion {
    /// With these tasks, or all where there are none.
    pub(super) fn new(inner: impl Backend, tasks: Vec<String>, start: Duration) -> Self {
        Self {
            inner: Box::new(inner),
            tasks,
            start,
        }
    }
}

impl Backend for Companion {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.inner.health()
    }

    fn list_tasks(&self) -> BoxFuture<'_, Result<Vec<Definition>, CallError>> {
        Box::pin(async {
            let mut definitions = self.inner.list_tasks().await?;
            if !self.tasks.is_empty() {
                definitions.retain(|one| self.tasks.contains(&one.name));
            }
            Ok(definitions)
        })
    }

    fn start(&self, start: StartWork) -> BoxFuture<'_, Result<Handle, CallError>> {
        Box::pin(async {
            tokio::time::sleep(self.start).await;
            self.inner.start(start).await
        })
    }

    fn observe<'a>(
        &'a self,
        works: &'a [Work],
    ) -> BoxFuture<'a, Result<Vec<Result<Observation, CallError>>, CallError>> {
        self.inner.observe(works)
    }

    fn cancel<'a>(
        &'a self,
        work: &'a Work,
        reason: Option<String>,
    ) -> BoxFuture<'a, Result<CancelAnswer, CallError>> {
        self.inner.cancel(work, reason)
    }

    fn answer<'a>(
        &'a self,
        work: &'a Work,
        key: String,
        response: &'a Response,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        self.inner.answer(work, key, response)
    }

    fn release<'a>(&'a self, work: &'a Work) -> BoxFuture<'a, Result<(), CallError>> {
        self.inner.release(work)
    }
}
