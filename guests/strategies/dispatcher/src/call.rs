//! Carries out one `tools/call`.

use serde::Deserialize;
use serde_json::value::RawValue;
use taskhost_strategy_kit::action::Action;
use taskhost_strategy_kit::guide::Guide;
use taskhost_strategy_kit::inline;
use taskhost_strategy_kit::input::{self, Answer};
use taskhost_strategy_kit::interface::{Call, Caller, Error, Snapshot, timers};
use taskhost_strategy_kit::lookup::{self, Refusal};
use taskhost_strategy_kit::payload::{Listed, Payload};

use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::tools;

/// More lines than a model reads.
const MOST_LISTED: u32 = 100;

/// The payload for a call of the tool behind `route`.
pub(crate) async fn carry_out(
    config: &Config,
    catalogue: &Catalogue,
    call: &Call,
    caller: &Caller,
    route: &str,
    arguments: &str,
) -> Result<Payload, Error> {
    let guide = tools::guide(config);
    let desk = Desk {
        config,
        catalogue,
        call,
        caller,
        guide: &guide,
    };
    let (action, found) = match route {
        tools::START => (Action::Start, desk.start(arguments).await),
        tools::STATUS => (Action::Status, desk.status(arguments).await),
        tools::CANCEL => (Action::Cancel, desk.cancel(arguments).await),
        tools::LIST => return desk.list(arguments).await,
        _ => {
            return Err(Error::Internal(format!(
                "`{route}` is no route of `dispatcher`"
            )));
        }
    };
    match found {
        Ok(snapshot) => {
            let estimate_ms = catalogue.estimate_ms(&snapshot.task);
            let payload = Payload::with_result(action, &snapshot, &guide)?;
            Ok(payload.with_type(&snapshot.task, estimate_ms))
        }
        Err(refusal) => refusal.payload(),
    }
}

/// One call at work.
struct Desk<'a> {
    config: &'a Config,
    catalogue: &'a Catalogue,
    call: &'a Call,
    caller: &'a Caller,
    guide: &'a Guide,
}

impl Desk<'_> {
    async fn start(&self, arguments: &str) -> Result<Snapshot, Refusal> {
        let asked: StartArguments = input::read(arguments)?;
        let task = asked.task_type;
        let params = asked
            .params
            .map_or_else(|| "{}".into(), |params| params.get().to_owned());
        let options = inline::options(false);
        match self.call.start(task.clone(), params, options).await {
            Ok(snapshot) => Ok(snapshot),
            Err(Error::InvalidInput(why)) => Err(Refusal::tell(unfit(
                &task,
                &why,
                self.catalogue,
                self.guide,
            ))),
            Err(Error::UnknownTask(_)) => {
                Err(Refusal::tell(unknown(&task, self.catalogue, self.guide)))
            }
            Err(other) => Err(other.into()),
        }
    }

    async fn status(&self, arguments: &str) -> Result<Snapshot, Refusal> {
        let asked: StatusArguments = input::read(arguments)?;
        let mut snapshot = lookup::find(self.call, asked.task_id, self.guide).await?;
        if let Some(answer) = asked.answer {
            snapshot = lookup::answer(self.call, snapshot, answer, self.guide).await?;
        }
        let seconds = asked
            .wait_seconds
            .min(f64::from(self.config.max_wait_seconds));
        lookup::news(self.call, self.caller, snapshot, seconds, self.guide).await
    }

    async fn cancel(&self, arguments: &str) -> Result<Snapshot, Refusal> {
        let asked: CancelArguments = input::read(arguments)?;
        let snapshot = lookup::find(self.call, asked.task_id, self.guide).await?;
        lookup::cancel(self.call, snapshot, asked.reason, self.guide).await
    }

    async fn list(&self, arguments: &str) -> Result<Payload, Error> {
        let asked: ListArguments = input::read(arguments)?;
        let active = match self.call.list_active(asked.task_type, MOST_LISTED).await {
            Ok(active) => active,
            Err(Error::Unsupported(why)) => {
                let next = format!(
                    "Tasks can only be found by their task_id here: keep those that `{}` gives.",
                    self.config.tool(tools::START)
                );
                return Ok(Payload::wrong("Unsupported", &why, next));
            }
            Err(other) => return Err(other),
        };
        let now_ms = timers::now_ms();
        let listed = active
            .iter()
            .map(|snapshot| {
                Listed::of(snapshot, self.catalogue.estimate_ms(&snapshot.task), now_ms)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let next = after_list(listed.len(), self.config);
        Ok(Payload::list(listed, next))
    }
}

/// Arguments that the task does not take.
fn unfit(task: &str, why: &str, catalogue: &Catalogue, guide: &Guide) -> Payload {
    let expected = catalogue.find(task).map_or_else(String::new, |kind| {
        format!(" JSON Schema of its params: {}", kind.input_schema)
    });
    let next = format!(
        "Nothing was started. Call {} again with task_type `{task}` and params that fit.{expected}",
        guide.start
    );
    Payload::wrong("InvalidParams", why, next)
}

/// A kind of task that there is not, or no longer.
fn unknown(task: &str, catalogue: &Catalogue, guide: &Guide) -> Payload {
    let names = catalogue.names().join("`, `");
    let next = format!(
        "Nothing was started. Call {} again with a task_type that there is: `{names}`.",
        guide.start
    );
    let why = format!("there is no task_type `{task}`");
    Payload::wrong("UnknownTaskType", &why, next)
}

fn after_list(listed: usize, config: &Config) -> String {
    let status = config.tool(tools::STATUS);
    match listed {
        0 => "No task is active. One that is over is found by its task_id only.".into(),
        listed if listed >= MOST_LISTED as usize => format!(
            "There may be more. Call `{status}` with a task_id to follow one, and do not start \
             again what is listed here."
        ),
        _ => format!(
            "Call `{status}` with a task_id to follow one. Do not start again what is listed here."
        ),
    }
}

#[derive(Deserialize)]
struct StartArguments {
    task_type: String,
    params: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct StatusArguments {
    task_id: String,
    #[serde(default)]
    wait_seconds: f64,
    answer: Option<Answer>,
}

#[derive(Deserialize)]
struct CancelArguments {
    task_id: String,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct ListArguments {
    task_type: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use taskhost_strategy_kit::sample::definition;

    use super::*;

    #[test]
    fn params_that_do_not_fit_are_answered_with_those_that_would() {
        let payload = told(|catalogue, guide| unfit("render", "it is too long", catalogue, guide));
        assert_eq!(payload["error"], "InvalidParams: it is too long");
        let next = payload["next"].as_str().unwrap();
        assert!(next.contains(r#"{"type":"object"}"#), "{next}");
        assert!(next.starts_with("Nothing was started."), "{next}");
    }

    #[test]
    fn a_type_that_there_is_not_is_answered_with_those_there_are() {
        let payload = told(|catalogue, guide| unknown("dance", catalogue, guide));
        assert_eq!(payload["error_type"], "UnknownTaskType");
        assert!(payload["next"].as_str().unwrap().contains("`render`"));
        assert_eq!(payload["is_error"], json!(true));
    }

    #[test]
    fn a_list_of_nothing_says_so() {
        let config = Config::read("{}").unwrap();
        assert!(after_list(0, &config).starts_with("No task"));
        assert!(after_list(100, &config).starts_with("There may be more"));
        assert!(after_list(1, &config).contains("`get_task_status`"));
    }

    fn told(payload: impl Fn(&Catalogue, &Guide) -> Payload) -> Value {
        let config = Config::read("{}").unwrap();
        let catalogue = Catalogue::of(&[definition()]);
        serde_json::to_value(payload(&catalogue, &tools::guide(&config))).unwrap()
    }
}
