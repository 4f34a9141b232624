//! Runs tasks on Celery workers over Redis, without Python.
//!
//! ```text
//! list-tasks ─► catalogue ◄─ discovery ─► control ─► pidbox          workers are asked
//! start ──────► dispatch ──► envelope, mark                          one script pushes once
//! observe ────► results ◄── meta ◄── typed_json                      keys, told of by pub/sub
//! cancel ─────► cancel ────► mark, control                           taken back, else revoked
//!                  └─ all of them: wire ─► redis client ─► net       one connection a database
//! ```
//!
//! Nothing that matters is held in memory: a task is found again by its id, the list in its handle,
//! and two keys in Redis, its result ([`meta`]) and the mark of having been sent ([`mark`]).
//!
//! Redis 6 and later push changes on the connection that is used for everything else. Older servers
//! push on a second one ([`wire`]). Where an ACL forbids listening, results are polled.

mod backend;
mod cancel;
mod catalogue;
mod config;
mod control;
mod discovery;
mod dispatch;
mod endpoint;
mod envelope;
mod fields;
mod handle;
mod instant;
mod keys;
mod live;
mod liveness;
mod mark;
mod messages;
mod meta;
mod no_result;
mod options;
mod pidbox;
mod repr;
mod results;
mod typed_json;
mod wire;

use std::rc::Rc;
use std::time::Duration;

use redis::cmd;
use taskhost_sdk::{
    CancelAnswer, Error, Observation, StartRequest, Task, Work, export_backend, manifest,
};

pub use crate::backend::Backend;
use crate::config::Config;
use crate::discovery::Survey;
use crate::handle::Handle;

/// Changes are pushed; this finds what a crash of the host or of Redis has lost.
const OBSERVE_EVERY: Duration = Duration::from_secs(15);
/// How long the first list of tasks waits for workers to answer.
const FIRST_LIST_MS: u64 = 1500;

/// Celery tasks ask nothing, so there is nothing to answer.
impl taskhost_sdk::Backend for Backend {
    const NAME: &'static str = "celery";
    const OBSERVE_EVERY: Option<Duration> = Some(OBSERVE_EVERY);
    type Config = Config;

    fn new(config: Config) -> Result<Self, Error> {
        Ok(Self::open(config))
    }

    async fn init(self: Rc<Self>) -> Result<(), Error> {
        self.begin().await;
        Ok(())
    }

    async fn tasks(&self) -> Result<Vec<Task>, Error> {
        if self.config.discover_every_ms.is_some() && self.found.borrow().is_empty() {
            // Clients list tools once, right at the beginning.
            let mut survey = self.survey.subscribe();
            let over = survey.wait_for(|survey| *survey != Survey::Begun);
            _ = wire::within(FIRST_LIST_MS, over).await;
        }
        let definitions = self.catalogue.borrow().definitions();
        Ok(definitions.into_iter().map(Task::from).collect())
    }

    async fn start(&self, request: StartRequest) -> Result<String, Error> {
        dispatch::start(self, &request).await
    }

    async fn observe(&self, work: &Work) -> Result<Observation, Error> {
        let mut observations = self.observe_all(std::slice::from_ref(work)).await?;
        Ok(observations.pop().unwrap_or(Observation::Unknown))
    }

    async fn observe_all(&self, works: &[Work]) -> Result<Vec<Observation>, Error> {
        results::observe(self, works).await
    }

    async fn cancel(&self, work: &Work, reason: Option<String>) -> Result<CancelAnswer, Error> {
        cancel::cancel(self, work, reason).await
    }

    async fn release(&self, work: &Work) -> Result<(), Error> {
        Handle::read(&work.handle)?;
        results::unwatch(self, &work.id).await;
        let mut forget = cmd("DEL");
        forget.arg(self.broker_keys.sent(&work.id));
        Ok(self.broker.ask::<()>(&forget).await?)
    }
}

export_backend!(Backend);
manifest!();
