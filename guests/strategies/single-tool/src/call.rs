//! Carries out one `tools/call`.

use taskhost_strategy_kit::action::Action;
use taskhost_strategy_kit::guide::Guide;
use taskhost_strategy_kit::interface::{Call, Caller, Error, Snapshot};
use taskhost_strategy_kit::lookup::{self, Refusal};
use taskhost_strategy_kit::payload::Payload;
use taskhost_strategy_kit::{inline, input};

use crate::config::Config;
use crate::need::{Typed, Wish};
use crate::tools;
use crate::verb::Verb;

/// The payload for a call of the tool behind `route`.
pub(crate) async fn carry_out(
    config: &Config,
    call: &Call,
    caller: &Caller,
    route: &str,
    arguments: &str,
) -> Result<Payload, Error> {
    let Some((Action::Start, task)) = Action::read(route) else {
        return Err(Error::Internal(format!(
            "`{route}` is no route of `single-tool`"
        )));
    };
    let guide = tools::guide(task, config);
    let typed: Typed = input::read(arguments)?;
    let wish = match typed.wish(&config.naming.task(task)) {
        Ok(wish) => wish,
        Err(lack) => return Ok(Payload::wrong("InvalidInput", &lack.why, lack.next)),
    };
    let desk = Desk {
        config,
        call,
        caller,
        task,
        guide: &guide,
    };
    let verb = wish.verb();
    match desk.fulfil(wish).await {
        Ok(snapshot) if verb == Verb::Result => {
            Payload::with_result(verb.action(), &snapshot, &guide)
        }
        Ok(snapshot) => Payload::of(verb.action(), &snapshot, &guide),
        Err(refusal) => refusal.payload(),
    }
}

/// One call at work.
struct Desk<'a> {
    config: &'a Config,
    call: &'a Call,
    caller: &'a Caller,
    task: &'a str,
    guide: &'a Guide,
}

impl Desk<'_> {
    async fn fulfil(&self, wish: Wish) -> Result<Snapshot, Refusal> {
        let (call, guide) = (self.call, self.guide);
        match wish {
            Wish::Start { arguments } => {
                let options = inline::options(false);
                match call.start(self.task.into(), arguments, options).await {
                    Err(Error::InvalidInput(why)) => Err(Refusal::tell(self.unfit(&why))),
                    other => Ok(other?),
                }
            }
            Wish::Check {
                token,
                wait_seconds,
            } => {
                let snapshot = self.find(token).await?;
                let seconds = wait_seconds.min(f64::from(self.config.max_wait_seconds));
                lookup::news(call, self.caller, snapshot, seconds, guide).await
            }
            Wish::Result { token } => self.find(token).await,
            Wish::Answer { token, answer } => {
                let snapshot = self.find(token).await?;
                lookup::answer(call, snapshot, answer, guide).await
            }
            Wish::Cancel { token, reason } => {
                let snapshot = self.find(token).await?;
                lookup::cancel(call, snapshot, reason, guide).await
            }
        }
    }

    /// The task behind a token, if it is one of this tool's.
    async fn find(&self, token: String) -> Result<Snapshot, Refusal> {
        let snapshot = lookup::find(self.call, token, self.guide).await?;
        if snapshot.task == self.task {
            return Ok(snapshot);
        }
        let owner = self.config.naming.task(&snapshot.task);
        let next = format!("Call `{owner}` with the same action and this token.");
        Err(Refusal::tell(Payload::other(&snapshot.task, next)))
    }

    fn unfit(&self, why: &str) -> Payload {
        let next = format!(
            "Nothing was started. Call {} again with `arguments` that fit its schema.",
            self.guide.start
        );
        Payload::wrong("InvalidInput", &format!("`arguments`: {why}"), next)
    }
}

impl Wish {
    fn verb(&self) -> Verb {
        match self {
            Self::Start { .. } => Verb::Start,
            Self::Check { .. } => Verb::Check,
            Self::Result { .. } => Verb::Result,
            Self::Answer { .. } => Verb::Answer,
            Self::Cancel { .. } => Verb::Cancel,
        }
    }
}
