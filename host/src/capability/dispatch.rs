//! `dispatch`: instances of the component that has the orchestrations, for their engine.
//!
//! The engine of components ([`crate::engine`]) is above this: what opens instances comes in as a port.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::Mutex;
use wasmtime::component::{Accessor, HasSelf, Resource};

use super::Guest;
use super::bindings::engine::dispatch::{self, Attempt, Command, Ended, Event, Failure};

pub use super::bindings::engine::dispatch::Flows as Described;
pub use super::bindings::engine::types::{Activity, Orchestration};

/// A component of orchestrations, as an engine uses it. A failure that is `retryable` is the host's, and says nothing
/// of the component.
pub trait Flows: Send + Sync {
    /// What it has. Asked of the component once; after that it costs a copy.
    fn describe(&self) -> BoxFuture<'static, Result<Described, Failure>>;
    /// An instance for a run. Called when one begins, and whenever one goes on whose instance was dropped.
    fn open(&self) -> BoxFuture<'static, Result<Box<dyn Session>, Failure>>;
    /// A desk for one instance of an engine. Called once for each.
    fn desk(&self) -> Arc<dyn Desk>;
}

/// An instance that has one run.
pub trait Session: Send {
    /// Shows it what happened: with each turn, and with the whole history after a restart. After a failure it is of no
    /// more use. Dropped before the end, the step is lost, and the session with it.
    fn step(&mut self, events: Vec<Event>) -> BoxFuture<'_, Result<Vec<Command>, Failure>>;
}

/// Where one instance of an engine has activities done. Dropped, it ends those that are under way.
pub trait Desk: Send + Sync {
    /// Begins it when there is room. False: the queue is full, nothing happened. Never waits.
    fn start(&self, attempt: Attempt) -> bool;
    /// Nobody waits for it any more. It is told, and ended some seconds later; an unknown ticket is nobody's.
    fn stop(&self, ticket: u64);
    /// Those that have ended, at most `max`: waits for the first. Dropped while it waits, it loses none.
    fn next(&self, max: usize) -> BoxFuture<'static, Vec<Ended>>;
}

/// The resource behind `dispatch.session`. Shared, so that a step does not hold the table of resources.
pub struct OpenSession(Arc<Mutex<Box<dyn Session>>>);

impl dispatch::Host for Guest {
    fn start_attempt(&mut self, attempt: Attempt) -> bool {
        self.desk().is_some_and(|desk| desk.start(attempt))
    }

    fn stop_attempt(&mut self, ticket: u64) {
        if let Some(desk) = self.desk() {
            desk.stop(ticket);
        }
    }

    fn seed(&mut self) -> u64 {
        getrandom::u64().unwrap_or_else(|error| {
            tracing::warn!(component = %self.name, "the system has no chance to give: {error}");
            self.ports.clock.now_ms()
        })
    }
}

impl dispatch::HostSession for Guest {
    fn drop(&mut self, session: Resource<OpenSession>) -> wasmtime::Result<()> {
        self.table.delete(session)?;
        Ok(())
    }
}

impl<T: Send> dispatch::HostWithStore<T> for HasSelf<Guest> {
    async fn describe(host: &Accessor<T, Self>) -> Result<Described, Failure> {
        let described =
            host.with(|mut access| Ok::<_, Failure>(access.get().flows()?.describe()))?;
        described.await
    }

    async fn next(host: &Accessor<T, Self>, max: u32) -> Vec<Ended> {
        let next = host.with(|mut access| {
            let desk = access.get().desk();
            desk.map(|desk| desk.next(usize::try_from(max).unwrap_or(usize::MAX)))
        });
        match next {
            Some(next) => next.await,
            None => std::future::pending().await,
        }
    }
}

impl<T: Send> dispatch::HostSessionWithStore<T> for HasSelf<Guest> {
    async fn open(host: &Accessor<T, Self>) -> Result<Resource<OpenSession>, Failure> {
        let opening = host.with(|mut access| Ok::<_, Failure>(access.get().flows()?.open()))?;
        let session = OpenSession(Arc::new(Mutex::new(opening.await?)));
        host.with(|mut access| {
            (access.get().table.push(session)).map_err(|error| unavailable(error.to_string()))
        })
    }

    async fn step(
        host: &Accessor<T, Self>,
        session: Resource<OpenSession>,
        events: Vec<Event>,
    ) -> Result<Vec<Command>, Failure> {
        let session = host.with(|mut access| {
            let session = access.get().table.get(&session);
            session.map(|session| session.0.clone())
        });
        let session = session.map_err(|error| unavailable(error.to_string()))?;
        let mut session = session.lock().await;
        session.step(events).await
    }
}

impl Guest {
    fn flows(&self) -> Result<&dyn Flows, Failure> {
        self.ports.flows.as_deref().ok_or_else(|| Failure {
            code: "denied".to_owned(),
            message: format!("`{}` was not started with orchestrations", self.name),
            detail: None,
            retryable: false,
        })
    }

    /// Its own, from the first time that it is asked for.
    fn desk(&mut self) -> Option<Arc<dyn Desk>> {
        if self.desk.is_none() {
            self.desk = self.ports.flows.as_ref().map(|flows| flows.desk());
        }
        self.desk.clone()
    }
}

/// The host cannot now.
pub fn unavailable(message: String) -> Failure {
    Failure {
        code: "unavailable".to_owned(),
        message,
        detail: None,
        retryable: true,
    }
}
