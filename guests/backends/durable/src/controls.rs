//! What an operator may do with orchestrations beside starting and cancelling them, as tasks.
//!
//! Offered where `controls` is set. Each is over as soon as it has begun: it is done by `start`, and the handle
//! says what was done. Listing is done when the host observes, since a list does not fit into a handle.

use std::rc::Rc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use taskhost_sdk::{Error, Observation, StartRequest, Task};

use crate::actor::Told;
use crate::engine::Engine;
use crate::entry::End;
use crate::input::Input;
use crate::load::words;
use crate::summary::{State, Summary};
use crate::world::World;

const SIGNAL: &str = "signal_orchestration";
const SUSPEND: &str = "suspend_orchestration";
const RESUME: &str = "resume_orchestration";
const TERMINATE: &str = "terminate_orchestration";
const LIST: &str = "list_orchestrations";

/// All of them.
const NAMES: [&str; 5] = [SIGNAL, SUSPEND, RESUME, TERMINATE, LIST];

/// How many the journal is asked for at once.
const PAGE: u32 = 1000;

/// Tells an orchestration something that it waits for, or will wait for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Signal {
    /// Token of the task that started it.
    task: String,
    /// Name of the signal.
    name: String,
    /// What the orchestration gets with it.
    #[serde(default)]
    data: Value,
}

/// Suspends an orchestration: it decides nothing, and nothing is begun for it, until it is resumed. What is
/// under way comes to its end.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Suspend {
    /// Token of the task that started it.
    task: String,
    /// Why, for people.
    reason: Option<String>,
}

/// Lets an orchestration that is suspended go on.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Resume {
    /// Token of the task that started it.
    task: String,
}

/// Ends an orchestration at once, with all that it began. It does not clean up: to cancel it lets it do that.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Terminate {
    /// Token of the task that started it.
    task: String,
    /// Why, for people.
    reason: Option<String>,
}

/// Lists orchestrations that are not over, whoever started them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    /// Only those of this name.
    #[serde(default)]
    #[schemars(length(max = 96))]
    name: Option<String>,
    /// Only those in this state.
    #[serde(default)]
    state: Option<State>,
    /// Those too that others have begun.
    #[serde(default)]
    children: bool,
    /// How many at most.
    #[serde(default = "usual_limit")]
    #[schemars(range(min = 1, max = 1000))]
    limit: usize,
}

fn usual_limit() -> usize {
    100
}

/// The handle of such a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Control {
    /// It was done, with this run.
    Did {
        task: String,
    },
    List(List),
}

/// All of them, where none has the name of an orchestration.
pub(crate) fn tasks(orchestrations: &[Task]) -> Result<Vec<Task>, Error> {
    let names = orchestrations
        .iter()
        .map(|task| taskhost_sdk::TaskDefinition::from(task.clone()).name);
    if let Some(name) = names
        .into_iter()
        .find(|name| NAMES.contains(&name.as_str()))
    {
        return Err(Error::invalid(format!(
            "the orchestration `{name}` has the name of a control: call it something else, or set \
             `controls = false`"
        )));
    }
    Ok(vec![
        Task::new::<Signal>(SIGNAL).uncancellable().idempotent(),
        Task::new::<Suspend>(SUSPEND).uncancellable().idempotent(),
        Task::new::<Resume>(RESUME).uncancellable().idempotent(),
        Task::new::<Terminate>(TERMINATE)
            .uncancellable()
            .idempotent(),
        Task::new::<List>(LIST).uncancellable().idempotent(),
    ])
}

impl Control {
    /// Of a handle, unless it is that of a run.
    pub(crate) fn read(handle: &str) -> Option<Self> {
        // The handle of a run is its name.
        let is_ours = handle.starts_with('{');
        is_ours.then(|| serde_json::from_str(handle).ok()).flatten()
    }

    /// Whether this task is one.
    pub(crate) fn is_one(task: &str) -> bool {
        NAMES.contains(&task)
    }

    /// Does it, and says so.
    pub(crate) async fn begin<W: World>(
        engine: &Rc<Engine<W>>,
        request: &StartRequest,
    ) -> Result<Self, Error> {
        let (task, input) = match request.task.as_str() {
            SIGNAL => {
                let Signal { task, name, data } = request.arguments()?;
                let data = data.to_string();
                // Started again, it is received once.
                let from = Some(request.id.clone());
                (task, Input::Signal { name, data, from })
            }
            SUSPEND => {
                let Suspend { task, reason } = request.arguments()?;
                (task, Input::Suspend { reason })
            }
            RESUME => {
                let Resume { task } = request.arguments()?;
                (task, Input::Resume)
            }
            TERMINATE => {
                let Terminate { task, reason } = request.arguments()?;
                let ending = End::Cancelled;
                (task, Input::Terminate { ending, reason })
            }
            LIST => return Ok(Self::List(request.arguments()?)),
            other => return Err(Error::unknown(other)),
        };
        let is_end = matches!(input, Input::Terminate { .. });
        match engine.tell(&task, input).await {
            Told::Written => Ok(Self::Did { task }),
            // As it would be if it came again.
            Told::Over if is_end => Ok(Self::Did { task }),
            Told::Over => Err(Error::invalid(format!("`{task}` is over"))),
            Told::Unknown => Err(Error::invalid(format!(
                "there is no orchestration `{task}`"
            ))),
            Told::Refused(error) => Err(error),
        }
    }

    /// What came of it.
    pub(crate) async fn end<W: World>(&self, engine: &Engine<W>) -> Result<Observation, Error> {
        match self {
            Self::Did { task } => Ok(Observation::completed(&json!({ "task": task }))),
            Self::List(list) => {
                let all = list.shown(engine).await?;
                Ok(Observation::completed(&json!({ "orchestrations": all })))
            }
        }
    }
}

impl List {
    async fn shown<W: World>(&self, engine: &Engine<W>) -> Result<Vec<Value>, Error> {
        let mut shown = Vec::new();
        let mut after = None;
        loop {
            let page = engine.world.live(after, PAGE).await;
            let page = page.map_err(|error| Error::unavailable(words(error)))?;
            let Some(last) = page.last() else {
                return Ok(shown);
            };
            after = Some(last.run.clone());
            for head in page {
                let summary = Summary::read(&head.summary);
                if self.takes(&summary) {
                    shown.push(one(&head.run, head.length, summary));
                }
                if shown.len() >= self.limit {
                    return Ok(shown);
                }
            }
        }
    }

    fn takes(&self, summary: &Summary) -> bool {
        self.name.as_ref().is_none_or(|name| *name == summary.name)
            && self.state.is_none_or(|state| state == summary.state)
            && (self.children || summary.parent.is_none())
    }
}

fn one(run: &str, length: u64, summary: Summary) -> Value {
    let mut shown = json!({ "task": run, "entries": length });
    if let (Some(shown), Ok(Value::Object(known))) =
        (shown.as_object_mut(), serde_json::to_value(summary))
    {
        shown.extend(known);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_read_as_it_was_written_and_fits() {
        let list = List {
            name: Some("x".repeat(96)),
            state: Some(State::Suspended),
            children: true,
            limit: 1000,
        };
        let did = Control::Did { task: "t1".into() };
        for control in [did, Control::List(list)] {
            let handle = serde_json::to_string(&control).unwrap();
            assert!(handle.len() <= 1024, "{handle}");
            assert_eq!(Control::read(&handle), Some(control));
        }
        for strange in ["", "t06gvpt08a400167", "{\"a\":[]}"] {
            assert_eq!(Control::read(strange), None);
        }
    }
}
