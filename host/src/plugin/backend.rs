//! Who runs the tasks, as the service sees it.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::watch;

use super::{CallError, CancelAnswer, Health, Meter, StartWork, Work};
use crate::engine::backend::RunningBackend;
use crate::task::{Definition, Handle, Observation, Response};

/// Runs tasks. The contract is that of `taskhost:plugin/backend`; every call may be made at any time.
pub trait Backend: Send + Sync + 'static {
    /// Configured name.
    fn name(&self) -> &str;
    /// How it is, now and from now on.
    fn health(&self) -> watch::Receiver<Health>;
    /// What it has used, and may use.
    fn meter(&self) -> Arc<Meter>;
    /// All tasks it can run now.
    fn list_tasks(&self) -> BoxFuture<'_, Result<Vec<Definition>, CallError>>;
    /// Begins some work. Idempotent by id.
    fn start(&self, start: StartWork) -> BoxFuture<'_, Result<Handle, CallError>>;
    /// As many observations as works, in the same order.
    fn observe<'a>(
        &'a self,
        works: &'a [Work],
    ) -> BoxFuture<'a, Result<Vec<Result<Observation, CallError>>, CallError>>;
    /// Asks it to stop some work. Idempotent.
    fn cancel<'a>(
        &'a self,
        work: &'a Work,
        reason: Option<String>,
    ) -> BoxFuture<'a, Result<CancelAnswer, CallError>>;
    /// Answers a question of some work.
    fn answer<'a>(
        &'a self,
        work: &'a Work,
        key: String,
        response: &'a Response,
    ) -> BoxFuture<'a, Result<(), CallError>>;
    /// The outcome is stored.
    fn release<'a>(&'a self, work: &'a Work) -> BoxFuture<'a, Result<(), CallError>>;
}

impl Backend for RunningBackend {
    fn name(&self) -> &str {
        Self::name(self)
    }

    fn health(&self) -> watch::Receiver<Health> {
        Self::health(self)
    }

    fn meter(&self) -> Arc<Meter> {
        Self::meter(self).clone()
    }

    fn list_tasks(&self) -> BoxFuture<'_, Result<Vec<Definition>, CallError>> {
        Box::pin(Self::list_tasks(self))
    }

    fn start(&self, start: StartWork) -> BoxFuture<'_, Result<Handle, CallError>> {
        Box::pin(Self::start(self, start))
    }

    fn observe<'a>(
        &'a self,
        works: &'a [Work],
    ) -> BoxFuture<'a, Result<Vec<Result<Observation, CallError>>, CallError>> {
        Box::pin(Self::observe(self, works))
    }

    fn cancel<'a>(
        &'a self,
        work: &'a Work,
        reason: Option<String>,
    ) -> BoxFuture<'a, Result<CancelAnswer, CallError>> {
        Box::pin(Self::cancel(self, work, reason))
    }

    fn answer<'a>(
        &'a self,
        work: &'a Work,
        key: String,
        response: &'a Response,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(Self::answer(self, work, key, response))
    }

    fn release<'a>(&'a self, work: &'a Work) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(Self::release(self, work))
    }
}
