//! Questions: an orchestration that waits for an external event, and says so in its custom status.
//!
//! ```python
//! ctx.set_custom_status({"taskhost": {"ask": {
//!     "event": "approve",                     # which event it waits for
//!     "message": "Publish the report?",       # for a person
//!     "schema": {"type": "object", "properties": {"yes": {"type": "boolean"}}},
//!     "key": "approve-2",                     # absent: the event. Another one for each question
//! }}})
//! answer = yield ctx.wait_for_external_event("approve")
//! ctx.set_custom_status(None)
//! ```
//!
//! `ask` may be a list of such questions. The answer is the data of the event; where the person declined,
//! or closed the question, it is `null`. A key that was answered is remembered until the task is
//! released, and shown no more, since the status stands there until the orchestration goes on. A crash
//! between the event and that record may raise the event again.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use taskhost_sdk::storage::Table;
use taskhost_sdk::{Error, Question, Response};

use crate::hub::Hub;
use crate::proto::OrchestrationState;
use crate::state::{custom_status, is_running};

/// Where in the custom status.
pub(crate) const KEY: &str = "taskhost";

/// The host shows no more at once.
const MOST: usize = 100;

/// Which keys of a task were answered.
const ANSWERED: Table<Vec<String>> = Table::new("answered/");

/// One question, as the orchestration writes it.
#[derive(Debug, Deserialize, Serialize)]
struct Ask {
    event: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    schema: Value,
    #[serde(default)]
    key: Option<String>,
}

impl Ask {
    fn key(&self) -> &str {
        self.key.as_deref().unwrap_or(&self.event)
    }
}

/// What it asks and nobody has answered.
pub(crate) async fn open(id: &str, state: &OrchestrationState) -> Result<Vec<Question>, Error> {
    let asks = asked(state);
    if asks.is_empty() {
        return Ok(Vec::new());
    }
    let answered = ANSWERED.get(id).await?.unwrap_or_default();
    let open = asks
        .iter()
        .filter(|ask| !answered.iter().any(|key| key == ask.key()));
    Ok(open.map(question).collect())
}

/// Raises the event that is waited for. A key that is not asked, or was answered, is ignored.
pub(crate) async fn answer(
    hub: &Hub,
    id: &str,
    state: &OrchestrationState,
    key: &str,
    response: Response,
) -> Result<(), Error> {
    let Some(ask) = asked(state).into_iter().find(|ask| ask.key() == key) else {
        return Ok(());
    };
    let known = ANSWERED.get(id).await?.unwrap_or_default();
    if known.iter().any(|known| known == key) {
        return Ok(());
    }
    let data = match response {
        Response::Accepted(json) => json,
        Response::Declined | Response::Dismissed => "null".into(),
    };
    hub.raise(id, &ask.event, data).await?;
    ANSWERED.insert(id, &Vec::new()).await?;
    let remember = |known: &mut Vec<String>| known.push(key.to_owned());
    ANSWERED.update(id, remember).await.map(drop)
}

/// Forgets what was answered.
pub(crate) async fn forget(id: &str) -> Result<(), Error> {
    ANSWERED.remove(id).await
}

fn asked(state: &OrchestrationState) -> Vec<Ask> {
    if !is_running(state) {
        return Vec::new();
    }
    let status = custom_status(state);
    let Some(asks) = status
        .as_ref()
        .and_then(|status| status.pointer("/taskhost/ask"))
    else {
        return Vec::new();
    };
    let each = match asks {
        Value::Array(asks) => asks.as_slice(),
        one => std::slice::from_ref(one),
    };
    // What is no question is not worth the task: it goes on without.
    each.iter()
        .filter_map(|ask| Ask::deserialize(ask).ok())
        .take(MOST)
        .collect()
}

fn question(ask: &Ask) -> Question {
    let schema = match &ask.schema {
        Value::Object(schema) if !schema.is_empty() => ask.schema.to_string(),
        _ => json!({ "type": "object" }).to_string(),
    };
    let message = if ask.message.is_empty() {
        format!("The orchestration waits for `{}`.", ask.event)
    } else {
        ask.message.clone()
    };
    Question {
        key: ask.key().to_owned(),
        message,
        schema,
    }
}

#[cfg(test)]
mod tests {
    use taskhost_sdk::mock::Host;

    use super::*;
    use crate::proto::OrchestrationStatus;

    fn state(status: OrchestrationStatus, custom: &Value) -> OrchestrationState {
        OrchestrationState {
            status: status.into(),
            custom_status: Some(custom.to_string().into()),
            ..OrchestrationState::default()
        }
    }

    #[test]
    fn a_custom_status_asks_and_what_was_answered_is_asked_no_more() {
        let custom = json!({ "taskhost": { "ask": [
            { "event": "approve", "message": "Publish?", "key": "a" },
            { "event": "approve", "key": "b" },
            { "no": "event" },
        ]}});
        let state = state(OrchestrationStatus::Running, &custom);
        let host = Host::new().stored("answered/t1", r#"["a"]"#);
        let keys = |id: &str| {
            let open = host.run(open(id, &state)).unwrap();
            open.into_iter()
                .map(|question| question.key)
                .collect::<Vec<_>>()
        };
        assert_eq!(keys("t1"), ["b"]);
        assert_eq!(keys("t2"), ["a", "b"]);
    }

    #[test]
    fn who_does_not_run_asks_nothing() {
        let custom = json!({ "taskhost": { "ask": { "event": "approve" } } });
        for status in [
            OrchestrationStatus::Suspended,
            OrchestrationStatus::Completed,
        ] {
            assert!(asked(&state(status, &custom)).is_empty());
        }
        assert_eq!(
            asked(&state(OrchestrationStatus::Running, &custom)).len(),
            1
        );
    }
}
