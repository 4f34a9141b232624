//! Carries out one `tools/call`.
//!
//! What the model can put right itself comes back as a payload: an unknown token, a token of another
//! task, an answer that does not fit. Everything else goes up as an error, and the host shows it.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::action::Action;
use crate::bindings::exports::taskhost::plugin::strategy::{Call, Caller};
use crate::bindings::taskhost::plugin::tasks::{Snapshot, StartOptions};
use crate::bindings::taskhost::plugin::types::{Error, Observation, Response};
use crate::config::Config;
use crate::payload::Payload;

/// The payload for a call of the tool behind `route`.
pub(crate) async fn carry_out(
    config: &Config,
    call: &Call,
    caller: &Caller,
    route: &str,
    arguments: String,
) -> Result<Payload, Error> {
    let (action, task) = Action::read(route)
        .ok_or_else(|| Error::Internal(format!("`{route}` is no route of `polling`")))?;
    let desk = Desk {
        config,
        call,
        caller,
        action,
        task,
    };
    let answer = match action {
        Action::Start => desk.start(arguments).await,
        Action::Status => desk.status(&arguments).await,
        Action::Result => desk.result(&arguments).await,
        Action::Cancel => desk.cancel(&arguments).await,
    };
    match answer {
        Ok(snapshot) => Payload::of(action, &snapshot, config),
        Err(Refusal::Tell(payload)) => Ok(*payload),
        Err(Refusal::Fail(error)) => Err(error),
    }
}

/// One call at work. Each action ends with the task as it stands, or with a refusal.
struct Desk<'a> {
    config: &'a Config,
    call: &'a Call,
    caller: &'a Caller,
    action: Action,
    task: &'a str,
}

impl Desk<'_> {
    async fn start(&self, arguments: String) -> Result<Snapshot, Refusal> {
        let options = StartOptions {
            idempotency_key: None,
            retention_ms: None,
            timeout_ms: None,
            options: None,
            with_call: false,
        };
        let started = self.call.start(self.task.into(), arguments, options).await;
        // An error of the start is about the kind of task, never about a token.
        started.map_err(Refusal::Fail)
    }

    async fn status(&self, arguments: &str) -> Result<Snapshot, Refusal> {
        let asked: StatusArguments = read(arguments)?;
        let mut snapshot = self.find(asked.token).await?;
        if let Some(answer) = asked.answer {
            snapshot = self.answer(snapshot, answer).await?;
        }
        self.wait(snapshot, asked.wait_seconds).await
    }

    async fn result(&self, arguments: &str) -> Result<Snapshot, Refusal> {
        let asked: ResultArguments = read(arguments)?;
        self.find(asked.token).await
    }

    async fn cancel(&self, arguments: &str) -> Result<Snapshot, Refusal> {
        let asked: CancelArguments = read(arguments)?;
        let snapshot = self.find(asked.token).await?;
        self.heard(self.call.cancel(snapshot.id, asked.reason).await)
    }

    /// The task behind a token, if it is one of this tool's.
    async fn find(&self, token: String) -> Result<Snapshot, Refusal> {
        let snapshot = self.heard(self.call.get(token).await)?;
        if snapshot.task == self.task {
            return Ok(snapshot);
        }
        let payload = Payload::other(self.action, &snapshot.task, self.config);
        Err(Refusal::Tell(Box::new(payload)))
    }

    async fn answer(&self, snapshot: Snapshot, answer: Answer) -> Result<Snapshot, Refusal> {
        let response = answer.response.get().to_owned();
        let answered = self
            .call
            .answer(
                snapshot.id.clone(),
                answer.key,
                Response::Accepted(response),
            )
            .await;
        match answered {
            Err(Error::InvalidInput(why)) => {
                let payload = Payload::unfit(&snapshot, &why, self.config)?;
                Err(Refusal::Tell(Box::new(payload)))
            }
            other => self.heard(other),
        }
    }

    /// Waits for the next change, unless the next move is the client's.
    async fn wait(&self, snapshot: Snapshot, seconds: f64) -> Result<Snapshot, Refusal> {
        let patience = self.patience_ms(seconds);
        let has_news = matches!(
            snapshot.observation,
            Observation::Finished(_) | Observation::InputRequired(_)
        );
        if patience == 0 || has_news {
            return Ok(snapshot);
        }
        self.report(&snapshot);
        let waited = self
            .call
            .wait(snapshot.id, snapshot.revision, patience)
            .await;
        let snapshot = self.heard(waited)?;
        self.report(&snapshot);
        Ok(snapshot)
    }

    /// Shows the progress to a client that listens while it waits.
    fn report(&self, snapshot: &Snapshot) {
        if self.caller.wants_progress
            && let Observation::Running(Some(progress)) = &snapshot.observation
        {
            self.call.report(progress);
        }
    }

    fn patience_ms(&self, seconds: f64) -> u32 {
        let most = f64::from(self.config.max_wait_seconds);
        let patience = Duration::try_from_secs_f64(seconds.min(most)).unwrap_or_default();
        u32::try_from(patience.as_millis()).unwrap_or(u32::MAX)
    }

    /// An unknown task here is an unknown token, and the client is told what that means.
    fn heard(&self, answer: Result<Snapshot, Error>) -> Result<Snapshot, Refusal> {
        answer.map_err(|error| match error {
            Error::UnknownTask(_) => {
                Refusal::Tell(Box::new(Payload::unknown(self.task, self.config)))
            }
            other => Refusal::Fail(other),
        })
    }
}

/// Why a call ends without a task to show.
enum Refusal {
    /// The model can put it right, and reads how.
    Tell(Box<Payload>),
    /// It cannot.
    Fail(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Fail(error)
    }
}

#[derive(Deserialize)]
struct StatusArguments {
    token: String,
    #[serde(default)]
    wait_seconds: f64,
    answer: Option<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    key: String,
    response: Box<RawValue>,
}

#[derive(Deserialize)]
struct ResultArguments {
    token: String,
}

#[derive(Deserialize)]
struct CancelArguments {
    token: String,
    reason: Option<String>,
}

fn read<T: DeserializeOwned>(arguments: &str) -> Result<T, Error> {
    serde_json::from_str(arguments)
        .map_err(|error| Error::InvalidInput(format!("the arguments do not fit: {error}")))
}
