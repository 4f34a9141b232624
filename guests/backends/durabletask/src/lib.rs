//! Runs orchestrations on a server that speaks `TaskHubSidecarService`: the Durable Task Scheduler, its
//! emulator, or the sidecar of any Durable Task SDK.
//!
//! ```text
//! list-tasks ─► catalogue ◄─ config          what may be started is configured
//! start ──────► hub.start                    instance id = task id: started twice, there is one
//! observe ────► hub.get ─► state, ask        status, progress, failure; questions by convention
//! cancel ─────► hub.terminate                answer ─► hub.raise        release ─► hub.purge
//! watch ──────► hub.get, now and then ─► events
//! controls ───► hub.suspend, resume, raise, query      tasks of their own, where they are switched on
//!                 └─ all of them: wire ─► h2 ─► net     one connection, TLS in the host
//! ```
//!
//! Nothing that matters is held here: the server knows all instances, and the handle is the instance's
//! id. An instance that the server does not know is unknown, also right after its restart with an empty
//! store; it is never taken for one that waits.

mod ask;
mod catalogue;
mod config;
mod controls;
mod hub;
mod progress;
mod proto;
mod state;
mod watch;
mod wire;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use taskhost_sdk::{
    CancelAnswer, Error, Observation, Response, StartRequest, Task, Work, events, export_backend,
    manifest, serde_json,
};

pub use crate::config::Config;
use crate::controls::Control;
use crate::hub::Hub;
use crate::proto::{OrchestrationState, Timestamp};
use crate::watch::Watched;
use crate::wire::Link;

/// What has changed is pushed; this finds what nobody remembers here after a restart.
const OBSERVE_EVERY: Duration = Duration::from_secs(5);

/// One instance of the component. Cells are borrowed for a moment only, never across an await.
pub struct Backend {
    pub(crate) config: Config,
    hub: Hub,
    pub(crate) watched: Watched,
    /// Of those that are suspended: the history is long, and read once.
    reasons: RefCell<HashMap<String, Suspension>>,
}

/// Why an instance is suspended, and since which change of it.
type Suspension = (Option<Timestamp>, Option<String>);

impl taskhost_sdk::Backend for Backend {
    const NAME: &'static str = "durabletask";
    const OBSERVE_EVERY: Option<Duration> = Some(OBSERVE_EVERY);
    type Config = Config;

    fn new(config: Config) -> Result<Self, Error> {
        #[allow(
            clippy::disallowed_methods,
            reason = "of a component: it has the variables that the operator grants"
        )]
        let variable = |name: &str| std::env::var(name).ok();
        if let Some(name) = controls::NAMES
            .into_iter()
            .find(|name| config.controls && config.orchestrations.contains_key(*name))
        {
            return Err(Error::invalid(format!(
                "`orchestrations.{name}` has the name of a control: call it something else, and name it \
                 by `orchestration`"
            )));
        }
        let link = Link::open(config.endpoint(variable)?, config.account(variable));
        Ok(Self {
            config,
            hub: Hub(link),
            watched: Watched::default(),
            reasons: RefCell::default(),
        })
    }

    async fn init(self: Rc<Self>) -> Result<(), Error> {
        taskhost_sdk::spawn(watch::run(self));
        Ok(())
    }

    async fn tasks(&self) -> Result<Vec<Task>, Error> {
        let definitions = catalogue::definitions(&self.config);
        let mut tasks: Vec<_> = definitions.into_iter().map(Task::from).collect();
        if self.config.controls {
            tasks.extend(controls::tasks());
        }
        Ok(tasks)
    }

    async fn start(&self, request: StartRequest) -> Result<String, Error> {
        let Some(one) = self.config.orchestrations.get(&request.task) else {
            if self.config.controls {
                let control = Control::begin(&self.hub, &request).await?;
                // It is over. Where that cannot be said now, the host asks.
                if let Ok(end) = control.end(&self.hub).await {
                    events::observed(&request.id, &end);
                }
                return Ok(serde_json::to_string(&control)?);
            }
            return Err(Error::unknown(request.task));
        };
        let name = catalogue::called(&request.task, one);
        let version = one.version.as_deref();
        self.hub
            .start(&request.id, name, version, &request.arguments)
            .await?;
        self.watched.add(&request.id);
        Ok(request.id)
    }

    async fn observe(&self, work: &Work) -> Result<Observation, Error> {
        if let Some(control) = Control::read(&work.handle) {
            return control.end(&self.hub).await;
        }
        let seen = self.see(work).await?;
        if !seen.is_over() && seen != Observation::Unknown {
            self.watched.add(&work.id);
        }
        self.watched.note(&work.id, &seen);
        Ok(seen)
    }

    async fn cancel(&self, work: &Work, reason: Option<String>) -> Result<CancelAnswer, Error> {
        if Control::read(&work.handle).is_some() {
            return Ok(CancelAnswer::AlreadyFinished);
        }
        let Some(state) = self.state_of(work).await? else {
            return Err(Error::unknown(&work.handle));
        };
        if state::is_over(&state) {
            return Ok(CancelAnswer::AlreadyFinished);
        }
        let output = serde_json::to_string(&reason)?;
        self.hub.terminate(&work.id, output).await?;
        Ok(CancelAnswer::Accepted)
    }

    async fn answer(&self, work: &Work, key: String, response: Response) -> Result<(), Error> {
        match self.state_of(work).await? {
            Some(state) => ask::answer(&self.hub, &work.id, &state, &key, response).await,
            None => Ok(()),
        }
    }

    async fn release(&self, work: &Work) -> Result<(), Error> {
        self.watched.remove(&work.id);
        self.reasons.borrow_mut().remove(&work.id);
        if Control::read(&work.handle).is_some() {
            return controls::forget(&work.id).await;
        }
        if !is_ours(work) {
            return Ok(());
        }
        if !self.config.keep {
            self.hub.purge(&work.id).await?;
        }
        ask::forget(&work.id).await
    }
}

/// The handle is the id: another one was not given out here.
fn is_ours(work: &Work) -> bool {
    work.handle == work.id
}

impl Backend {
    /// How it stands, without remembering anything.
    pub(crate) async fn see(&self, work: &Work) -> Result<Observation, Error> {
        let Some(state) = self.state_of(work).await? else {
            return Ok(Observation::Unknown);
        };
        if state::is_suspended(&state) {
            let reason = self.why_suspended(&work.id, &state).await?;
            return Ok(state::suspended(&state, reason.as_deref()));
        }
        let questions = ask::open(&work.id, &state).await?;
        if !questions.is_empty() {
            return Ok(Observation::InputRequired(questions));
        }
        Ok(state::observation(state))
    }

    async fn state_of(&self, work: &Work) -> Result<Option<OrchestrationState>, Error> {
        if !is_ours(work) {
            return Ok(None);
        }
        self.hub.get(&work.id).await
    }

    async fn why_suspended(
        &self,
        id: &str,
        state: &OrchestrationState,
    ) -> Result<Option<String>, Error> {
        let known = self.reasons.borrow().get(id).cloned();
        if let Some((since, reason)) = known
            && since == state.last_updated
        {
            return Ok(reason);
        }
        let reason = self.hub.why_suspended(id).await?;
        let entry = (state.last_updated.clone(), reason.clone());
        self.reasons.borrow_mut().insert(id.to_owned(), entry);
        Ok(reason)
    }
}

export_backend!(Backend);
manifest!();
