//! Runs tasks as invocations of Restate services, by Restate's HTTP interfaces.
//!
//! ```text
//! list-tasks ─► catalogue ◄─ discovery ─► admin    services and their handlers
//! start ──────► start ────────────────► ingress    the id of the task is the idempotency key
//! observe ────► observe ──────────────► admin      one query for all, by SQL
//!                 ├─ outcome ─────────► ingress    the result of what is over
//!                 ├─ questions ───────► admin      awakeables, in the journal
//!                 └─ stop ◄──────────── mark       killed, when cancelling took too long
//! cancel ─────► stop ─────────────────► admin      cancelled; release purges
//! ```
//!
//! Nothing that matters is held in memory. The handle is the id of the invocation, which Restate makes
//! of service, handler and idempotency key. What only this component knows of a task is a [`mark`]: that
//! it was asked to stop, and when.
//!
//! **Unknown is never pending, and never guessed.** Queries are answered by those partitions that are
//! there, so that right after a restart of the server rows are missing; only the ingress, which asks the
//! partition itself, says that there is no such invocation.
//!
//! **Questions** are awakeables that the handler tells of: by a run that is called `taskhost.ask` and
//! returns `{ "awakeable": ID, "message": TEXT, "schema": … }` ([`questions`]).

mod catalogue;
mod config;
mod discovery;
mod mark;
mod observe;
mod outcome;
mod questions;
mod row;
mod schema;
mod server;
mod start;
mod stop;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use taskhost_sdk::{
    CancelAnswer, Error, Observation, Response, StartRequest, Task, Work, export_backend, manifest,
    spawn,
};

use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::questions::Asked;
use crate::server::Server;

/// A query takes Restate some milliseconds, whatever the number of works.
const OBSERVE_EVERY: Duration = Duration::from_secs(1);

/// One instance of the component.
///
/// Cells are borrowed for a moment only, never across an await: another call would find them taken.
pub struct Backend {
    config: Config,
    server: Server,
    /// Absent: Restate has not been reached yet.
    catalogue: RefCell<Option<Catalogue>>,
    asked: RefCell<Asked>,
}

impl taskhost_sdk::Backend for Backend {
    const NAME: &'static str = "restate";
    const OBSERVE_EVERY: Option<Duration> = Some(OBSERVE_EVERY);
    type Config = Config;

    fn new(config: Config) -> Result<Self, Error> {
        config.check()?;
        Ok(Self {
            server: Server::new(&config),
            config,
            catalogue: RefCell::default(),
            asked: RefCell::default(),
        })
    }

    async fn init(self: Rc<Self>) -> Result<(), Error> {
        spawn(discovery::run(self));
        spawn(mark::sweep());
        Ok(())
    }

    async fn tasks(&self) -> Result<Vec<Task>, Error> {
        discovery::tasks(self).await
    }

    async fn start(&self, request: StartRequest) -> Result<String, Error> {
        start::start(self, &request).await
    }

    async fn observe(&self, work: &Work) -> Result<Observation, Error> {
        let mut observations = self.observe_all(std::slice::from_ref(work)).await?;
        Ok(observations.pop().unwrap_or(Observation::Unknown))
    }

    async fn observe_all(&self, works: &[Work]) -> Result<Vec<Observation>, Error> {
        observe::observe(self, works).await
    }

    async fn cancel(&self, work: &Work, reason: Option<String>) -> Result<CancelAnswer, Error> {
        stop::cancel(self, work, reason).await
    }

    async fn answer(&self, work: &Work, key: String, response: Response) -> Result<(), Error> {
        questions::answer(self, work, &key, &response).await
    }

    async fn release(&self, work: &Work) -> Result<(), Error> {
        stop::release(self, work).await
    }
}

export_backend!(Backend);
manifest!();
