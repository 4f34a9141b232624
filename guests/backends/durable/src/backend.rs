//! The backend: what the host calls.

use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;
use taskhost_sdk::{
    Backend, CancelAnswer, Error, Handle, Observation, Response, StartRequest, Task, Work, events,
    spawn, time,
};

use crate::actor::{Told, What};
use crate::config::Config;
use crate::controls::{self, Control};
use crate::engine::Engine;
use crate::entry::{End, Outcome, Why};
use crate::input::Input;
use crate::run::Begin;
use crate::world::World;

/// What changes is pushed; this finds what a push has lost.
const OBSERVE_EVERY: Duration = Duration::from_secs(30);

/// How long a call waits for a turn to be written. The host calls again.
const PATIENCE: Duration = Duration::from_secs(20);

/// The engine, as a backend.
pub struct Durable<W: World>(pub(crate) Rc<Engine<W>>);

impl<W: World> Backend for Durable<W> {
    const NAME: &'static str = "durable";
    const OBSERVE_EVERY: Option<Duration> = Some(OBSERVE_EVERY);
    type Config = Config;

    fn new(config: Config) -> Result<Self, Error> {
        Ok(Self(Rc::new(Engine::new(config))))
    }

    async fn init(self: Rc<Self>) -> Result<(), Error> {
        if self.0.config.check {
            return Ok(());
        }
        spawn(self.0.clone().take_up_what_ends());
        spawn(self.0.clone().look_after_those_due());
        spawn(self.0.clone().recover());
        Ok(())
    }

    async fn tasks(&self) -> Result<Vec<Task>, Error> {
        let flows = self.0.world.describe().await;
        let flows = flows.map_err(|failure| Error::unavailable(failure.message))?;
        let mut tasks = Vec::new();
        for one in flows.orchestrations {
            let schema: Value = serde_json::from_str(&one.input_schema)?;
            let mut task = taskhost_sdk::TaskDefinition::from(Task::untyped(one.name, &schema));
            task.description = one.description;
            task.output_schema = one.output_schema;
            task.idempotent = true;
            tasks.push(task.into());
        }
        if self.0.config.controls {
            let controls = controls::tasks(&tasks)?;
            tasks.extend(controls);
        }
        Ok(tasks)
    }

    async fn start(&self, request: StartRequest) -> Result<Handle, Error> {
        let Config {
            check, controls, ..
        } = self.0.config;
        if check {
            return Err(Error::Unsupported(
                "it only checks, and runs nothing".into(),
            ));
        }
        if controls && Control::is_one(&request.task) {
            let control = Control::begin(&self.0, &request);
            let control = time::timeout(PATIENCE, control).await??;
            // It is over. Where that cannot be said now, the host asks.
            if let Ok(end) = control.end(&self.0).await {
                events::observed(&request.id, &end);
            }
            return Ok(serde_json::to_string(&control)?);
        }
        let begin = Begin {
            orchestration: request.task,
            input: request.arguments,
            seed: self.0.world.seed(),
            parent: None,
        };
        let begin = What::Begin(Box::new(begin));
        match time::timeout(PATIENCE, self.0.ask(&request.id, begin)).await? {
            Told::Written | Told::Over => Ok(request.id),
            Told::Unknown => Err(Error::unavailable("the store has not taken it")),
            Told::Refused(error) => Err(error),
        }
    }

    async fn observe(&self, work: &Work) -> Result<Observation, Error> {
        if let Some(control) = Control::read(&work.handle) {
            return control.end(&self.0).await;
        }
        if self.0.config.check {
            return self.0.check(&work.id).await;
        }
        time::timeout(PATIENCE, self.0.look(&work.id)).await?
    }

    async fn cancel(&self, work: &Work, reason: Option<String>) -> Result<CancelAnswer, Error> {
        if Control::read(&work.handle).is_some() {
            return Ok(CancelAnswer::AlreadyFinished);
        }
        if self.0.config.check {
            return Ok(CancelAnswer::Unsupported);
        }
        let told = self.0.tell(&work.id, Input::Cancel { reason });
        match time::timeout(PATIENCE, told).await? {
            Told::Written => Ok(CancelAnswer::Accepted),
            Told::Over => Ok(CancelAnswer::AlreadyFinished),
            Told::Unknown => Err(Error::unknown(&work.id)),
            Told::Refused(error) => Err(error),
        }
    }

    async fn answer(&self, work: &Work, key: String, response: Response) -> Result<(), Error> {
        if self.0.config.check {
            return Ok(());
        }
        let outcome = match response {
            Response::Accepted(json) => Outcome::Done(json),
            Response::Declined => refused("declined", "the question was declined"),
            Response::Dismissed => refused("cancelled", "the question was closed unanswered"),
        };
        let told = self.0.tell(&work.id, Input::Answer { key, outcome });
        match time::timeout(PATIENCE, told).await? {
            Told::Written | Told::Over | Told::Unknown => Ok(()),
            Told::Refused(error) => Err(error),
        }
    }

    async fn release(&self, work: &Work) -> Result<(), Error> {
        // It is over, as a rule, and not in memory. One that the host has given up ends without anybody.
        if self.0.known(&work.id).is_some() {
            let (ending, reason) = (End::Cancelled, None);
            let input = Input::Terminate { ending, reason };
            self.0.post(&work.id, What::Input(Box::new(input)));
        }
        Ok(())
    }
}

fn refused(code: &str, message: &str) -> Outcome {
    Outcome::Failed(Why {
        code: code.to_owned(),
        message: message.to_owned(),
        detail: None,
        retryable: false,
    })
}
