//! Blocking: one tool for each task, which waits for the result like any other tool.
//!
//! For work that is known to be short, and for clients that are to see nothing else. What takes
//! longer than the limit is cancelled, and the answer says so: nothing runs on that nobody waits
//! for. For the same reason a call that the client takes back cancels its work.
//!
//! A task that asks something is answered inside the call, where the client can be asked.

mod config;
mod tools;
mod verdict;

use taskhost_strategy_kit::action::Action;
use taskhost_strategy_kit::inline::{self, Ending, Patience};
use taskhost_strategy_kit::interface::{
    Call, Caller, Error, Observation, Outcome, Reply, Snapshot, TaskDefinition, Tool,
};
use taskhost_strategy_kit::strategy::{Strategy, each};
use taskhost_strategy_kit::{export_strategy, manifest};

use config::Config;
use verdict::Reason;

/// The strategy.
pub struct Blocking {
    config: Config,
}

impl Strategy for Blocking {
    const NAME: &'static str = "blocking";
    type Config = Config;

    fn new(config: Config) -> Result<Self, Error> {
        Ok(Self { config })
    }

    fn tools(&self, catalog: &[TaskDefinition]) -> Vec<Tool> {
        each(catalog, |definition| {
            Ok(vec![tools::of(definition, &self.config)?])
        })
    }

    async fn call_tool(
        &self,
        call: &Call,
        caller: &Caller,
        route: &str,
        arguments: String,
    ) -> Result<Reply, Error> {
        let Some((Action::Start, task)) = Action::read(route) else {
            return Err(Error::Internal(format!(
                "`{route}` is no route of `blocking`"
            )));
        };
        let guide = tools::guide(task, &self.config);
        let options = inline::options(true);
        let begun = inline::begin(call, caller, task, arguments, options, &guide).await;
        let snapshot = match begun {
            Ok(snapshot) => snapshot,
            Err(refusal) => return refusal.payload()?.into_reply(),
        };
        let patience = Patience {
            limit_ms: self.config.limits.of(task),
            heartbeat_ms: self.config.heartbeat_ms,
        };
        let (snapshot, reason) = match inline::wait(call, caller, snapshot, patience).await? {
            Ending::Over(snapshot) => return Ok(Reply::Answer(call.result(snapshot.id).await?)),
            Ending::Ask(reply) => return Ok(reply),
            Ending::Late(snapshot) => (snapshot, Reason::TimedOut(patience.limit_ms)),
            Ending::Asks(snapshot, why) => {
                let reason = Reason::asks(&snapshot, why);
                (snapshot, reason)
            }
        };
        give_up(call, snapshot, &reason, &guide).await
    }
}

/// Cancels the work, and says why; unless it completes just then.
async fn give_up(
    call: &Call,
    snapshot: Snapshot,
    reason: &Reason,
    guide: &taskhost_strategy_kit::guide::Guide,
) -> Result<Reply, Error> {
    let cancelled = call.cancel(snapshot.id.clone(), Some(reason.words())).await;
    let snapshot = match cancelled {
        Ok(snapshot) => snapshot,
        Err(Error::Unsupported(_)) => snapshot,
        Err(error) => return Err(error),
    };
    if matches!(
        snapshot.observation,
        Observation::Finished(Outcome::Completed(_) | Outcome::Failed(_))
    ) {
        return Ok(Reply::Answer(call.result(snapshot.id).await?));
    }
    verdict::payload(&snapshot, reason, guide)?.into_reply()
}

export_strategy!(Blocking);
manifest!();
