//! Carries out one `tools/call`.

use serde::Deserialize;
use serde_json::value::RawValue;
use taskhost_strategy_kit::action::Action;
use taskhost_strategy_kit::guide::Guide;
use taskhost_strategy_kit::inline;
use taskhost_strategy_kit::input::{Answer, read};
use taskhost_strategy_kit::interface::{Call, Caller, Error, Snapshot};
use taskhost_strategy_kit::lookup::{self, Refusal};
use taskhost_strategy_kit::payload::Payload;

use crate::config::Config;
use crate::guide;

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
    let guide = guide::of(config, task);
    let desk = Desk {
        config,
        call,
        caller,
        action,
        task,
        guide: &guide,
    };
    let found = match action {
        Action::Start => desk.start(arguments).await,
        Action::Status => desk.status(&arguments).await,
        Action::Result => desk.result(&arguments).await,
        Action::Answer => desk.answer(&arguments).await,
        Action::Cancel => desk.cancel(&arguments).await,
    };
    match found {
        Ok(snapshot) => Payload::of(action, &snapshot, &guide),
        Err(refusal) => refusal.payload(),
    }
}

/// One call at work. Each action ends with the task as it stands, or with a refusal.
struct Desk<'a> {
    config: &'a Config,
    call: &'a Call,
    caller: &'a Caller,
    action: Action,
    task: &'a str,
    guide: &'a Guide,
}

impl Desk<'_> {
    async fn start(&self, arguments: String) -> Result<Snapshot, Refusal> {
        // The answer is the token, and whoever has it decides.
        let options = inline::options(false);
        let started = self.call.start(self.task.into(), arguments, options).await;
        // An error of the start is about the kind of task, never about a token.
        started.map_err(Refusal::Fail)
    }

    async fn status(&self, arguments: &str) -> Result<Snapshot, Refusal> {
        let asked: StatusArguments = read(arguments)?;
        let snapshot = self.find(asked.token).await?;
        let seconds = asked
            .wait_seconds
            .min(f64::from(self.config.max_wait_seconds));
        lookup::news(self.call, self.caller, snapshot, seconds, self.guide).await
    }

    async fn result(&self, arguments: &str) -> Result<Snapshot, Refusal> {
        let asked: ResultArguments = read(arguments)?;
        self.find(asked.token).await
    }

    async fn answer(&self, arguments: &str) -> Result<Snapshot, Refusal> {
        let asked: AnswerArguments = read(arguments)?;
        let snapshot = self.find(asked.token).await?;
        let answer = Answer {
            key: asked.key,
            response: asked.response,
        };
        lookup::answer(self.call, snapshot, answer, self.guide).await
    }

    async fn cancel(&self, arguments: &str) -> Result<Snapshot, Refusal> {
        let asked: CancelArguments = read(arguments)?;
        let snapshot = self.find(asked.token).await?;
        lookup::cancel(self.call, snapshot, asked.reason, self.guide).await
    }

    /// The task behind a token, if it is one of this tool's.
    async fn find(&self, token: String) -> Result<Snapshot, Refusal> {
        let snapshot = lookup::find(self.call, token, self.guide).await?;
        if snapshot.task == self.task {
            return Ok(snapshot);
        }
        let owner = self.config.naming.tool(&snapshot.task, self.action);
        let next = format!("Call `{owner}` with this token.");
        Err(Refusal::tell(Payload::other(&snapshot.task, next)))
    }
}

#[derive(Deserialize)]
struct StatusArguments {
    token: String,
    #[serde(default)]
    wait_seconds: f64,
}

#[derive(Deserialize)]
struct ResultArguments {
    token: String,
}

#[derive(Deserialize)]
struct AnswerArguments {
    token: String,
    key: String,
    response: Box<RawValue>,
}

#[derive(Deserialize)]
struct CancelArguments {
    token: String,
    reason: Option<String>,
}
