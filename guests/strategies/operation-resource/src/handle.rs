//! A task that was just started, as the answer to the call that started it.

use serde_json::{Map, json};
use taskhost_strategy_kit::action::Action;
use taskhost_strategy_kit::guide::{Guide, Id};
use taskhost_strategy_kit::interface::{Caller, Error, Reply, Snapshot};
use taskhost_strategy_kit::native;
use taskhost_strategy_kit::payload::{Link, Payload, result_uri, task_uri};

use crate::config::Config;

/// The key of the task's address in `_meta`.
const RESOURCE_URI: &str = "resourceUri";

/// For a client that speaks native tasks.
pub(crate) fn native(caller: &Caller, snapshot: &Snapshot, config: &Config) -> Reply {
    let (id, name) = (&snapshot.id, config.naming.task(&snapshot.task));
    let immediate = format!(
        "`{name}` has begun, and runs in the background as `{}`. Its result will come by itself. \
         Do not call `{name}` again for the same work.",
        task_uri(id)
    );
    let meta = Map::from_iter([(RESOURCE_URI.into(), task_uri(id).into())]);
    native::reply(caller, id, immediate, meta)
}

/// For any other.
pub(crate) fn plain(snapshot: &Snapshot, config: &Config) -> Result<Reply, Error> {
    let id = &snapshot.id;
    let payload = Payload::of(Action::Start, snapshot, &guide(snapshot, config))?.with_address(id);
    let link = Link::new(
        result_uri(id),
        format!("{}-result", snapshot.task),
        format!(
            "What came of this `{}`, once it is over. `{}` says how far it is.",
            snapshot.task,
            task_uri(id)
        ),
    );
    let meta = json!({ RESOURCE_URI: task_uri(id) });
    Ok(Reply::Answer(payload.into_result(vec![link], Some(&meta))?))
}

/// How a client goes on with this task.
fn guide(snapshot: &Snapshot, config: &Config) -> Guide {
    let (task, result) = (task_uri(&snapshot.id), result_uri(&snapshot.id));
    let start = format!("`{}`", config.naming.task(&snapshot.task));
    let read = format!("Read the resource `{task}`, or subscribe to it, to follow it");
    let fetch = format!("Read the resource `{result}` for the result");
    match &config.companions {
        None => Guide {
            id: Id::Token,
            follow: read,
            then: format!(", and `{result}` when it is COMPLETED"),
            fetch: format!("{fetch}."),
            answer: String::new(),
            start,
        },
        Some(companions) => {
            let tools = companions.guide(start);
            let (follow, then) = (tools.follow, tools.then);
            Guide {
                follow: format!(
                    "{read}, and `{result}` when it is COMPLETED. Without resources: {follow}"
                ),
                then,
                fetch: format!("{fetch}. Without resources: {}", tools.fetch),
                id: tools.id,
                answer: tools.answer,
                start: tools.start,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use taskhost_strategy_kit::interface::Observation;
    use taskhost_strategy_kit::sample::{caller, snapshot};

    use super::*;

    #[test]
    fn a_plain_client_gets_the_address_in_every_form_it_might_look_for() {
        let answer = told("{}");
        let payload = &answer["structuredContent"];
        assert_eq!(payload["resourceUri"], "task://t1");
        assert_eq!(
            (&payload["task_id"], &payload["token"]),
            (&json!("t1"), &json!("t1"))
        );
        assert_eq!(answer["_meta"]["resourceUri"], "task://t1");
        assert_eq!(answer["content"][1]["type"], "resource_link");
        assert_eq!(answer["content"][1]["uri"], "task://t1/result");
        let text = answer["content"][0]["text"].as_str().unwrap();
        assert_eq!(&serde_json::from_str::<Value>(text).unwrap(), payload);
    }

    #[test]
    fn the_next_step_names_resources_and_tools_where_there_are_any() {
        let next = |config: &str| {
            let answer = told(config);
            let next = &answer["structuredContent"]["next"];
            next.as_str().unwrap().to_owned()
        };
        let both = next("{}");
        assert!(both.contains("`task://t1`"), "{both}");
        assert!(both.contains("`task_status`"), "{both}");
        assert!(both.contains("Do not start it again"), "{both}");
        let resources = next(r#"{"companions":false}"#);
        assert!(!resources.contains("task_status"), "{resources}");
    }

    #[test]
    fn a_native_task_carries_its_address() {
        let config = Config::read("{}").unwrap();
        let Reply::Task((id, Some(meta))) =
            native(&caller(), &snapshot(Observation::Pending), &config)
        else {
            panic!("no task");
        };
        assert_eq!(id, "t1");
        let meta: Value = serde_json::from_str(&meta).unwrap();
        assert_eq!(meta["resourceUri"], "task://t1");
        assert!(meta["io.modelcontextprotocol/model-immediate-response"].is_string());
    }

    fn told(config: &str) -> Value {
        let config = Config::read(config).unwrap();
        match plain(&snapshot(Observation::Pending), &config) {
            Ok(Reply::Answer(answer)) => serde_json::from_str(&answer).unwrap(),
            other => panic!("{other:?}"),
        }
    }
}
