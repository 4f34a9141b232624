//! The host.

use taskhost_flow::{Command, Event, Failure};

use crate::bindings::{dispatch, journal};
use crate::world::{Dispatch, Journal, Session};

/// The imports of the component.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Host;

impl Journal for Host {
    async fn append(&self, turn: journal::Turn) -> Result<(), journal::Error> {
        journal::append(turn).await
    }

    async fn read(&self, run: &str) -> Result<Option<Vec<String>>, journal::Error> {
        journal::read(run.to_owned()).await
    }

    async fn find(&self, run: &str) -> Result<Option<journal::Head>, journal::Error> {
        journal::find(run.to_owned()).await
    }

    async fn live(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<journal::Head>, journal::Error> {
        journal::live(after, limit).await
    }
}

impl Dispatch for Host {
    type Session = dispatch::Session;

    async fn describe(&self) -> Result<dispatch::Flows, Failure> {
        dispatch::describe().await
    }

    async fn open(&self) -> Result<dispatch::Session, Failure> {
        dispatch::Session::open().await
    }

    fn start_attempt(&self, attempt: &dispatch::Attempt) -> bool {
        dispatch::start_attempt(attempt)
    }

    fn stop_attempt(&self, ticket: u64) {
        dispatch::stop_attempt(ticket);
    }

    async fn next(&self, max: u32) -> Vec<dispatch::Ended> {
        dispatch::next(max).await
    }

    fn seed(&self) -> u64 {
        dispatch::seed()
    }
}

impl Session for dispatch::Session {
    async fn step(&mut self, events: Vec<Event>) -> Result<Vec<Command>, Failure> {
        Self::step(self, events).await
    }
}
