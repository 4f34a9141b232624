//! Adaptive: one tool for each task, which answers as the client and the work allow.
//!
//! ```text
//! the client speaks native tasks ──▶ the task, at once
//! the work ends within the limit ──▶ its result, as if it were any tool
//! the work asks something        ──▶ the client is asked, where it can be; the call goes on
//! otherwise                      ──▶ a token, and four generic tools that take it
//! ```
//!
//! While a call waits, a client that listens for progress hears of it: what the work reports at once,
//! and a heartbeat when it reports nothing.
//!
//! **Invariant:** a call starts one task at most. One that brings the answers to questions names the
//! task that asked, and starts none.

mod config;
mod tools;

use serde_json::Map;
use taskhost_strategy_kit::action::Action;
use taskhost_strategy_kit::config::Native;
use taskhost_strategy_kit::guide::Guide;
use taskhost_strategy_kit::inline::{self, Ending, Patience};
use taskhost_strategy_kit::interface::{
    Call, Caller, Error, Reply, Snapshot, TaskDefinition, Tool,
};
use taskhost_strategy_kit::native;
use taskhost_strategy_kit::payload::Payload;
use taskhost_strategy_kit::strategy::{Strategy, each};
use taskhost_strategy_kit::{export_strategy, manifest};

use config::Config;

/// The strategy.
pub struct Adaptive {
    config: Config,
}

impl Strategy for Adaptive {
    const NAME: &'static str = "adaptive";
    type Config = Config;

    fn new(config: Config) -> Result<Self, Error> {
        Ok(Self { config })
    }

    fn tools(&self, catalog: &[TaskDefinition]) -> Vec<Tool> {
        let mut tools = each(catalog, |definition| {
            Ok(vec![tools::of(definition, &self.config)?])
        });
        tools.extend(self.config.companions.tools());
        tools
    }

    async fn call_tool(
        &self,
        call: &Call,
        caller: &Caller,
        route: &str,
        arguments: String,
    ) -> Result<Reply, Error> {
        if let Some(action) = self.config.companions.read(route) {
            let name = |task: &str| self.config.naming.task(task);
            return self
                .config
                .companions
                .carry_out(action, call, caller, &arguments, name)
                .await;
        }
        match Action::read(route) {
            Some((Action::Start, task)) => self.run(call, caller, task, arguments).await,
            _ => Err(Error::Internal(format!(
                "`{route}` is no route of `adaptive`"
            ))),
        }
    }
}

impl Adaptive {
    /// Starts a task, or finds the one that this call goes on with, and answers with what comes of
    /// it.
    async fn run(
        &self,
        call: &Call,
        caller: &Caller,
        task: &str,
        arguments: String,
    ) -> Result<Reply, Error> {
        let guide = tools::guide(task, &self.config);
        let is_native = self.is_native(caller);
        // A native task is answered at once, and whoever follows it decides.
        let options = inline::options(self.config.cancel_when_abandoned && !is_native);
        let begun = inline::begin(call, caller, task, arguments, options, &guide).await;
        let snapshot = match begun {
            Ok(snapshot) => snapshot,
            Err(refusal) => return refusal.payload()?.into_reply(),
        };
        if is_native {
            let immediate = tools::immediate(task, &self.config);
            return Ok(native::reply(caller, &snapshot.id, immediate, Map::new()));
        }
        let patience = Patience {
            limit_ms: self.config.limits.of(task),
            heartbeat_ms: self.config.heartbeat_ms,
        };
        match inline::wait(call, caller, snapshot, patience).await? {
            Ending::Over(snapshot) => Ok(Reply::Answer(call.result(snapshot.id).await?)),
            Ending::Ask(reply) => Ok(reply),
            Ending::Asks(snapshot, why) => asks(&snapshot, why.as_deref(), &guide)?.into_reply(),
            Ending::Late(snapshot) => late(&snapshot, &guide)?.into_reply(),
        }
    }

    /// A call that brings answers goes on as it began.
    fn is_native(&self, caller: &Caller) -> bool {
        caller.accepts_task
            && caller.request_state.is_none()
            && self.config.native != Native::Forbidden
    }
}

/// It goes on without the call.
fn late(snapshot: &Snapshot, guide: &Guide) -> Result<Payload, Error> {
    let payload = Payload::of(Action::Start, snapshot, guide)?;
    let next = format!(
        "It takes longer than this call waits, and goes on in the background. {}",
        payload.next()
    );
    Ok(payload.with_next(next))
}

/// It asks what this call cannot answer. `why`: what is wrong with the answer that there was.
fn asks(snapshot: &Snapshot, why: Option<&str>, guide: &Guide) -> Result<Payload, Error> {
    match why {
        Some(why) => Payload::unfit(snapshot, why, guide),
        None => Payload::of(Action::Start, snapshot, guide),
    }
}

export_strategy!(Adaptive);
manifest!();

#[cfg(test)]
mod tests {
    use taskhost_strategy_kit::interface::Observation;
    use taskhost_strategy_kit::mock::Host;
    use taskhost_strategy_kit::sample::{asking, caller, snapshot};

    use super::*;

    #[test]
    fn what_takes_longer_is_handed_over_with_a_token_and_no_reason_to_call_again() {
        let payload = late(&snapshot(Observation::Running(None)), &guide()).unwrap();
        let payload = serde_json::to_value(payload).unwrap();
        assert_eq!(payload["token"], "t1");
        assert_eq!(
            payload["next"],
            "It takes longer than this call waits, and goes on in the background. It runs. Call \
             `task_status` with the token and wait_seconds 25 to follow it, and `task_result` when \
             it is COMPLETED. Do not start it again while it runs."
        );
    }

    #[test]
    fn what_ends_within_the_limit_is_the_answer_and_what_does_not_a_token() {
        for (limit_seconds, answered) in [(2, r#"\"film\""#), (0, "task_status")] {
            let host = Host::new().task("render", |course| match course.ran_ms {
                0..1000 => Observation::running(),
                _ => Observation::completed("film"),
            });
            let config = format!(r#"{{"limit_seconds":{limit_seconds}}}"#);
            let strategy = Adaptive {
                config: Config::read(&config).unwrap(),
            };
            let (call, caller) = (host.call(), caller());
            let route = Action::Start.route("render");
            let reply = strategy.call_tool(&call, &caller, &route, "{}".into());
            let Ok(Reply::Answer(said)) = host.run(reply) else {
                panic!("there is no answer");
            };
            assert!(said.contains(answered), "{said}");
            assert_eq!(host.started().len(), 1);
        }
    }

    #[test]
    fn a_question_is_handed_over_with_the_tool_that_answers_it() {
        let payload = asks(&asking(), None, &guide()).unwrap();
        let payload = serde_json::to_value(payload).unwrap();
        assert_eq!(payload["questions"][0]["key"], "k");
        assert!(payload["next"].as_str().unwrap().contains("`task_answer`"));
        let payload = asks(&asking(), Some("no text"), &guide()).unwrap();
        let payload = serde_json::to_value(payload).unwrap();
        assert_eq!(payload["error"], "InvalidInput: no text");
    }

    #[test]
    fn a_client_gets_a_native_task_where_it_takes_one_and_the_operator_lets_it() {
        let takes = Caller {
            accepts_task: true,
            ..caller()
        };
        let answers = Caller {
            request_state: Some("t1".into()),
            ..takes.clone()
        };
        let configured = |text: &str| Adaptive {
            config: Config::read(text).unwrap(),
        };
        let strategy = configured("{}");
        assert!(!strategy.is_native(&caller()));
        assert!(strategy.is_native(&takes));
        assert!(!strategy.is_native(&answers));
        let never = configured(r#"{"task_support":"forbidden"}"#);
        assert!(!never.is_native(&takes));
    }

    fn guide() -> Guide {
        tools::guide("render", &Config::read("{}").unwrap())
    }
}
