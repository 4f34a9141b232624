//! What the engine has outside of itself: in a component the imports, in tests a host in memory.

use taskhost_flow::{Command, Event, Failure};

use crate::bindings::{dispatch, journal};

/// The logs of runs. See `journal` in `wit/durable/engine.wit`.
pub trait Journal {
    /// Writes a turn, all of it or nothing.
    fn append(&self, turn: journal::Turn) -> impl Future<Output = Result<(), journal::Error>>;
    /// All entries of a log.
    fn read(&self, run: &str) -> impl Future<Output = Result<Option<Vec<String>>, journal::Error>>;
    /// A log without its entries.
    fn find(
        &self,
        run: &str,
    ) -> impl Future<Output = Result<Option<journal::Head>, journal::Error>>;
    /// Runs that are not over, by name.
    fn live(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<journal::Head>, journal::Error>>;
}

/// The code of orchestrations and activities. See `dispatch` in `wit/durable/engine.wit`.
pub trait Dispatch {
    type Session: Session;

    /// What there is.
    fn describe(&self) -> impl Future<Output = Result<dispatch::Flows, Failure>>;
    /// The code of one run, to which nothing has happened.
    fn open(&self) -> impl Future<Output = Result<Self::Session, Failure>>;
    /// False: there is no room now.
    fn start_attempt(&self, attempt: &dispatch::Attempt) -> bool;
    /// Nobody waits for it any more.
    fn stop_attempt(&self, ticket: u64);
    /// Attempts that have ended. Waits for the first.
    fn next(&self, max: u32) -> impl Future<Output = Vec<dispatch::Ended>>;
    /// A number that chance has chosen.
    fn seed(&self) -> u64;
}

/// The code of one run, wherever it runs.
pub trait Session {
    /// See `orchestrator.run.step` in `wit/durable/orchestrator.wit`.
    fn step(&mut self, events: Vec<Event>) -> impl Future<Output = Result<Vec<Command>, Failure>>;
}

impl Session for taskhost_flow::replay::Run {
    async fn step(&mut self, events: Vec<Event>) -> Result<Vec<Command>, Failure> {
        Self::step(self, events)
    }
}

/// Both.
pub trait World: Journal + Dispatch + Default + 'static {}

impl<W: Journal + Dispatch + Default + 'static> World for W {}
