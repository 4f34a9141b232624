//! What an operator may do with orchestrations beside starting and cancelling them, as tasks.
//!
//! Offered where `controls` is set. Each is over as soon as it has begun: suspending, resuming and raising
//! an event are done by `start`, and the handle says what was done. Listing asks the server when the
//! host observes, since a list does not fit into a handle.
//!
//! Suspending twice is suspending once; an event that is raised twice is two events. So an event is
//! remembered until its task is released. A crash between the event and that record may raise it again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use taskhost_sdk::storage::Table;
use taskhost_sdk::{Error, Observation, StartRequest, Task};

use crate::hub::Hub;
use crate::proto::{InstanceQuery, OrchestrationState, OrchestrationStatus, Timestamp};
use crate::state::custom_status;

const SUSPEND: &str = "suspend_orchestration";
const RESUME: &str = "resume_orchestration";
const RAISE: &str = "raise_orchestration_event";
const LIST: &str = "list_orchestrations";

/// All of them.
pub(crate) const NAMES: [&str; 4] = [SUSPEND, RESUME, RAISE, LIST];

/// Tasks that have raised their event.
const RAISED: Table<bool> = Table::new("raised/");

/// Suspends an orchestration: it stops before its next step, until it is resumed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Suspend {
    /// Id of the orchestration: the token of the task that started it.
    instance: String,
    /// Why, for people.
    #[serde(default)]
    reason: String,
}

/// Lets an orchestration that is suspended go on.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Resume {
    /// Id of the orchestration: the token of the task that started it.
    instance: String,
    /// Why, for people.
    #[serde(default)]
    reason: String,
}

/// Raises an event that an orchestration waits for, or will wait for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Raise {
    /// Id of the orchestration: the token of the task that started it.
    instance: String,
    /// Name of the event.
    event: String,
    /// What the orchestration gets with it.
    #[serde(default)]
    data: Value,
}

/// Lists orchestrations of the task hub, whoever started them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    /// Only those in one of these states. Empty: in any.
    #[serde(default)]
    status: Vec<OrchestrationStatus>,
    /// Only those whose id begins like this.
    #[serde(default)]
    #[schemars(length(max = 256))]
    prefix: String,
    /// How many at most.
    #[serde(default = "usual_limit")]
    #[schemars(range(min = 1, max = 1000))]
    limit: i32,
}

fn usual_limit() -> i32 {
    100
}

/// The handle of such a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Control {
    /// It was done, with this orchestration.
    Did {
        task: String,
        instance: String,
    },
    List(List),
}

pub(crate) fn tasks() -> Vec<Task> {
    vec![
        Task::new::<Suspend>(SUSPEND).uncancellable().idempotent(),
        Task::new::<Resume>(RESUME).uncancellable().idempotent(),
        Task::new::<Raise>(RAISE).uncancellable(),
        Task::new::<List>(LIST).uncancellable().idempotent(),
    ]
}

impl Control {
    /// Of a handle, unless it is that of an orchestration.
    pub(crate) fn read(handle: &str) -> Option<Self> {
        serde_json::from_str(handle).ok()
    }

    /// Does it, and says so.
    pub(crate) async fn begin(hub: &Hub, request: &StartRequest) -> Result<Self, Error> {
        let instance = match request.task.as_str() {
            SUSPEND => {
                let Suspend { instance, reason } = request.arguments()?;
                hub.suspend(&instance, &reason).await?;
                instance
            }
            RESUME => {
                let Resume { instance, reason } = request.arguments()?;
                hub.resume(&instance, &reason).await?;
                instance
            }
            RAISE => {
                let raise: Raise = request.arguments()?;
                if RAISED.get(&request.id).await?.is_none() {
                    let data = raise.data.to_string();
                    hub.raise(&raise.instance, &raise.event, data).await?;
                    RAISED.insert(&request.id, &true).await?;
                }
                raise.instance
            }
            LIST => return Ok(Self::List(request.arguments()?)),
            other => return Err(Error::unknown(other)),
        };
        let task = request.task.clone();
        Ok(Self::Did { task, instance })
    }

    /// What came of it.
    pub(crate) async fn end(&self, hub: &Hub) -> Result<Observation, Error> {
        let List {
            status,
            prefix,
            limit,
        } = match self {
            Self::Did { instance, .. } => {
                return Ok(Observation::completed(&json!({ "instance": instance })));
            }
            Self::List(list) => list,
        };
        let states = hub
            .query(InstanceQuery {
                runtime_status: status.iter().map(|one| i32::from(*one)).collect(),
                max_instance_count: *limit,
                instance_id_prefix: (!prefix.is_empty()).then(|| prefix.clone().into()),
            })
            .await?;
        let shown: Vec<Value> = states.iter().map(shown).collect();
        Ok(Observation::completed(&json!({ "orchestrations": shown })))
    }
}

/// Forgets that the event was raised.
pub(crate) async fn forget(id: &str) -> Result<(), Error> {
    RAISED.remove(id).await
}

fn shown(state: &OrchestrationState) -> Value {
    let mut shown = json!({
        "instance": state.instance_id,
        "name": state.name,
        "status": state.status(),
        "created_ms": milliseconds(state.created.as_ref()),
        "updated_ms": milliseconds(state.last_updated.as_ref()),
    });
    if let (Some(fields), Some(custom)) = (shown.as_object_mut(), custom_status(state)) {
        fields.insert("custom_status".to_owned(), custom);
    }
    shown
}

fn milliseconds(time: Option<&Timestamp>) -> Option<i64> {
    time.map(|time| time.seconds * 1000 + i64::from(time.nanos / 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_read_as_it_was_written_and_fits() {
        let list = List {
            status: vec![OrchestrationStatus::Running; 8],
            prefix: "x".repeat(256),
            limit: 1000,
        };
        let did = Control::Did {
            task: SUSPEND.into(),
            instance: "t1".into(),
        };
        for control in [did, Control::List(list)] {
            let handle = serde_json::to_string(&control).unwrap();
            assert!(handle.len() <= 1024, "{handle}");
            assert_eq!(Control::read(&handle), Some(control));
        }
        for strange in ["", "t06gvpt08a400167", "{\"a\":[\u{0}]}"] {
            assert_eq!(Control::read(strange), None);
        }
    }
}
