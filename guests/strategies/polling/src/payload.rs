//! What a client reads: one object, as `structuredContent` and as the same JSON in a text.
//!
//! The keys and the order are those that clients of other polling servers know: `status`, `token`,
//! `progress`, `metadata`, `result`, `error`, `is_error`. Beyond them: a result that is null is
//! there, a failure says its type and whether trying again helps, and `next` says what to do.
//!
//! **Invariant:** `isError` of the reply and `is_error` of the payload are one thing. It is set when
//! the task failed, whichever tool says so; when the result of a cancelled task is asked for; and
//! when there is no such task. A task that is not ready is no error.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

use crate::action::Action;
use crate::bindings::taskhost::plugin::tasks::Snapshot;
use crate::bindings::taskhost::plugin::types::{
    Error, Failure, Observation, Outcome, Progress, Question,
};
use crate::config::Config;
use crate::next;

/// A model reads the detail of a failure to find its cause, not to keep it.
const MOST_DETAIL: usize = 4096;

/// The answer of any of the tools. Valid for [`crate::schema::output`].
#[derive(Debug, Default, Serialize)]
pub(crate) struct Payload {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<f64>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    metadata: Map<String, Value>,
    /// As the work returned it. Not looked into: it may be large, and numbers would lose digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    questions: Vec<OpenQuestion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retryable: Option<bool>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    error_detail: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    cancel_requested: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    is_error: bool,
    next: String,
}

/// Where a task stands, in the words of polling clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Status {
    Pending,
    Running,
    Retrying,
    InputRequired,
    Completed,
    Failed,
    Cancelled,
}

impl Payload {
    /// What `action` has to say of a task.
    pub(crate) fn of(action: Action, snapshot: &Snapshot, config: &Config) -> Result<Self, Error> {
        let status = Status::of(&snapshot.observation)?;
        let mut payload = Self {
            status: Some(status),
            token: Some(snapshot.id.clone()),
            cancel_requested: snapshot.cancel_requested,
            note: snapshot.note.clone(),
            next: next::step(action, status, snapshot, config),
            ..Self::default()
        };
        match &snapshot.observation {
            Observation::Running(Some(progress)) => payload.set_progress(progress),
            Observation::Retrying(cause) => payload.set_failure(cause),
            Observation::InputRequired(questions) => {
                payload.questions = questions
                    .iter()
                    .map(OpenQuestion::of)
                    .collect::<Result<_, _>>()?;
            }
            Observation::Finished(outcome) => payload.set_outcome(action, outcome)?,
            Observation::Pending | Observation::Running(None) | Observation::Unknown => {}
        }
        Ok(payload)
    }

    /// There is no such task, or not for this caller.
    pub(crate) fn unknown(task: &str, config: &Config) -> Self {
        Self::wrong(
            "UnknownToken",
            "there is no task with this token: it never existed, has expired, or is not yours",
            next::after_unknown(task, config),
        )
    }

    /// The task is the caller's own, and another tool's.
    pub(crate) fn other(action: Action, owner: &str, config: &Config) -> Self {
        Self::wrong(
            "WrongTool",
            &format!("this token belongs to a task of `{owner}`"),
            next::after_other(action, owner, config),
        )
    }

    /// An answer does not fit its question; the task stands as before.
    pub(crate) fn unfit(snapshot: &Snapshot, why: &str, config: &Config) -> Result<Self, Error> {
        let wrong = Self::wrong(
            "InvalidInput",
            why,
            next::after_unfit(&snapshot.task, config),
        );
        let payload = Self::of(Action::Status, snapshot, config)?;
        Ok(Self {
            error: wrong.error,
            error_type: wrong.error_type,
            is_error: true,
            // Where the task asks nothing, its own next step is the better advice.
            next: if payload.questions.is_empty() {
                payload.next
            } else {
                wrong.next
            },
            ..payload
        })
    }

    /// The MCP `CallToolResult`.
    pub(crate) fn into_result(self) -> Result<String, Error> {
        #[derive(Serialize)]
        struct CallToolResult<'a> {
            content: [Text<'a>; 1],
            #[serde(rename = "structuredContent")]
            structured: &'a RawValue,
            #[serde(rename = "isError")]
            is_error: bool,
        }

        #[derive(Serialize)]
        struct Text<'a> {
            r#type: &'static str,
            text: &'a str,
        }

        let structured = serde_json::value::to_raw_value(&self).map_err(internal)?;
        serde_json::to_string(&CallToolResult {
            content: [Text {
                r#type: "text",
                text: structured.get(),
            }],
            structured: &structured,
            is_error: self.is_error,
        })
        .map_err(internal)
    }

    fn wrong(kind: &str, why: &str, next: String) -> Self {
        Self {
            error: Some(format!("{kind}: {why}")),
            error_type: Some(kind.into()),
            is_error: true,
            next,
            ..Self::default()
        }
    }

    fn set_progress(&mut self, progress: &Progress) {
        self.progress = fraction(progress);
        if let Some(detail) = &progress.detail {
            self.metadata = members(detail);
        }
        // After the detail, so that nothing in there can hide them. "0 of nobody knows" says nothing.
        let counts = progress.total.is_some() || progress.current != 0.0;
        let numbers = [
            ("current", counts.then_some(progress.current)),
            ("total", progress.total),
        ];
        for (name, number) in numbers {
            if let Some(number) = number.and_then(number_of) {
                self.metadata.insert(name.into(), Value::Number(number));
            }
        }
        if let Some(message) = &progress.message {
            self.metadata
                .insert("message".into(), message.as_str().into());
        }
    }

    fn set_failure(&mut self, failure: &Failure) {
        self.error = Some(format!("{}: {}", failure.code, failure.message));
        self.error_type = Some(failure.code.clone());
        self.retryable = Some(failure.retryable);
        if let Some(detail) = &failure.detail {
            self.error_detail = cut(members(detail));
        }
    }

    fn set_outcome(&mut self, action: Action, outcome: &Outcome) -> Result<(), Error> {
        match outcome {
            Outcome::Completed(result) if action == Action::Result => {
                self.result = Some(raw(result)?);
            }
            Outcome::Completed(_) => {}
            Outcome::Failed(failure) => {
                self.set_failure(failure);
                self.is_error = true;
            }
            Outcome::Cancelled(reason) => {
                self.reason.clone_from(reason);
                if action == Action::Result {
                    let reason = reason
                        .as_ref()
                        .map_or(String::new(), |why| format!(": {why}"));
                    self.error = Some(format!("Cancelled: the task was cancelled{reason}"));
                    self.error_type = Some("Cancelled".into());
                    self.is_error = true;
                }
            }
        }
        Ok(())
    }
}

impl Status {
    fn of(observation: &Observation) -> Result<Self, Error> {
        Ok(match observation {
            Observation::Pending => Self::Pending,
            Observation::Running(_) => Self::Running,
            Observation::Retrying(_) => Self::Retrying,
            Observation::InputRequired(_) => Self::InputRequired,
            Observation::Finished(Outcome::Completed(_)) => Self::Completed,
            Observation::Finished(Outcome::Failed(_)) => Self::Failed,
            Observation::Finished(Outcome::Cancelled(_)) => Self::Cancelled,
            Observation::Unknown => {
                return Err(Error::Internal("a snapshot says `unknown`".into()));
            }
        })
    }
}

/// A question as a client reads it.
#[derive(Debug, Serialize)]
struct OpenQuestion {
    key: String,
    message: String,
    schema: Box<RawValue>,
}

impl OpenQuestion {
    fn of(question: &Question) -> Result<Self, Error> {
        Ok(Self {
            key: question.key.clone(),
            message: question.message.clone(),
            schema: raw(&question.schema)?,
        })
    }
}

/// How much is done, between 0 and 1, where that can be said.
fn fraction(progress: &Progress) -> Option<f64> {
    let fraction = progress.current / progress.total?;
    fraction.is_finite().then(|| fraction.clamp(0.0, 1.0))
}

/// The number as one writes it: 3 and not 3.0. Nothing for what JSON has no number for.
fn number_of(number: f64) -> Option<Number> {
    number.to_string().parse().ok()
}

fn raw(json: &str) -> Result<Box<RawValue>, Error> {
    RawValue::from_string(json.to_owned()).map_err(internal)
}

/// The members of a JSON object; of anything else none.
fn members(json: &str) -> Map<String, Value> {
    serde_json::from_str(json).unwrap_or_default()
}

/// No more of a failure's detail than a reader needs. Of a long text the end stays: that is where a
/// traceback says what happened.
fn cut(detail: Map<String, Value>) -> Map<String, Value> {
    let mut left = MOST_DETAIL;
    let mut kept = Map::new();
    let mut is_cut = false;
    for (name, value) in detail {
        let weight = match &value {
            Value::String(text) => text.len(),
            other => other.to_string().len(),
        };
        let value = if weight <= left {
            value
        } else {
            is_cut = true;
            let Value::String(text) = value else {
                continue;
            };
            Value::String(end_of(&text, left).into())
        };
        left = left.saturating_sub(weight);
        kept.insert(name, value);
    }
    if is_cut {
        kept.insert("cut".into(), true.into());
    }
    kept
}

/// The last `most` bytes, or a little less where a character would be broken.
fn end_of(text: &str, most: usize) -> &str {
    let from = text.ceil_char_boundary(text.len().saturating_sub(most));
    text.get(from..).unwrap_or_default()
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that `map_err` wants"
)]
fn internal(error: serde_json::Error) -> Error {
    Error::Internal(error.to_string())
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape that serde wants"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema;

    #[test]
    fn a_started_task_has_status_token_and_a_next_step() {
        let reply = reply(Action::Start, &snapshot(Observation::Pending));
        assert_eq!(
            reply["structuredContent"],
            json!({
                "status": "PENDING",
                "token": "t1",
                "next": "It is accepted, and has not begun. Call `render_status` with the token \
                         and wait_seconds 25 to follow it, and `render_result` when it is \
                         COMPLETED. Do not start it again while it runs.",
            })
        );
        assert_eq!(reply["isError"], json!(false));
    }

    #[test]
    fn the_text_is_the_structured_content_with_the_known_keys_first() {
        let reply = reply(Action::Start, &snapshot(Observation::Pending));
        let text = reply["content"][0]["text"].as_str().unwrap();
        assert!(
            text.starts_with(r#"{"status":"PENDING","token":"t1","#),
            "{text}"
        );
        let text: Value = serde_json::from_str(text).unwrap();
        assert_eq!(text, reply["structuredContent"]);
    }

    #[test]
    fn progress_is_a_fraction_and_its_parts_are_metadata() {
        let payload = payload(
            Action::Status,
            &snapshot(running(
                1.0,
                Some(4.0),
                Some(r#"{"host":"w1","current":"no"}"#),
            )),
        );
        assert_eq!(payload["progress"], json!(0.25));
        assert_eq!(
            payload["metadata"],
            json!({ "host": "w1", "current": 1, "total": 4, "message": "on it" })
        );
    }

    #[test]
    fn progress_that_is_no_number_is_left_out() {
        for (current, total) in [
            (1.0, None),
            (1.0, Some(0.0)),
            (f64::NAN, Some(1.0)),
            (f64::INFINITY, Some(2.0)),
        ] {
            let payload = payload(Action::Status, &snapshot(running(current, total, None)));
            assert_eq!(payload.get("progress"), None, "{current} of {total:?}");
        }
        let beyond = payload(Action::Status, &snapshot(running(5.0, Some(4.0), None)));
        assert_eq!(beyond["progress"], json!(1.0));
    }

    #[test]
    fn a_result_that_is_null_is_there() {
        let payload = payload(Action::Result, &completed("null"));
        assert_eq!(payload.get("result"), Some(&Value::Null));
    }

    #[test]
    fn a_result_passes_through_digit_by_digit() {
        let reply = Payload::of(
            Action::Result,
            &completed("12345678901234567890123"),
            &Config::default(),
        )
        .unwrap()
        .into_result()
        .unwrap();
        assert!(
            reply.contains(r#""result":12345678901234567890123"#),
            "{reply}"
        );
    }

    #[test]
    fn status_of_a_completed_task_points_to_the_result_and_does_not_carry_it() {
        let payload = payload(Action::Status, &completed("1"));
        assert_eq!(payload.get("result"), None);
        assert_eq!(
            payload["next"],
            json!("Call `render_result` with this token for the result.")
        );
    }

    #[test]
    fn a_failure_is_an_error_in_every_tool_and_says_its_type() {
        for action in Action::ALL {
            let reply = reply(action, &failed(false, None));
            assert_eq!(reply["isError"], json!(true), "{action:?}");
            let payload = &reply["structuredContent"];
            assert_eq!(payload["status"], json!("FAILED"));
            assert_eq!(payload["error"], json!("ValueError: kaput"));
            assert_eq!(payload["error_type"], json!("ValueError"));
            assert_eq!(payload["retryable"], json!(false));
            assert_eq!(payload["is_error"], json!(true));
        }
    }

    #[test]
    fn a_failure_that_may_pass_says_that_another_start_may_help() {
        let next = |retryable| {
            let payload = payload(Action::Status, &failed(retryable, None));
            payload["next"].as_str().unwrap().to_owned()
        };
        assert!(next(true).contains("may succeed"));
        assert!(next(false).contains("fail again"));
    }

    #[test]
    fn a_long_traceback_keeps_its_end() {
        let detail =
            json!({ "host": "w1", "traceback": format!("{}ä at the end", "ü".repeat(9000)) });
        let payload = payload(Action::Result, &failed(false, Some(detail.to_string())));
        let kept = &payload["error_detail"];
        assert_eq!((&kept["host"], &kept["cut"]), (&json!("w1"), &json!(true)));
        let traceback = kept["traceback"].as_str().unwrap();
        assert!(traceback.len() <= MOST_DETAIL, "{}", traceback.len());
        assert!(traceback.ends_with("ä at the end"));
    }

    #[test]
    fn a_retry_tells_its_cause_and_is_no_error() {
        let cause = failure(true, None);
        let reply = reply(Action::Status, &snapshot(Observation::Retrying(cause)));
        assert_eq!(reply["isError"], json!(false));
        let payload = &reply["structuredContent"];
        assert_eq!(payload["error"], json!("ValueError: kaput"));
        assert_eq!(payload.get("is_error"), None);
        assert!(payload["next"].as_str().unwrap().contains("by itself"));
    }

    #[test]
    fn a_question_is_shown_with_the_way_to_answer_it() {
        let payload = payload(Action::Status, &asking());
        assert_eq!(payload["status"], json!("INPUT_REQUIRED"));
        assert_eq!(
            payload["questions"],
            json!([{ "key": "k", "message": "which?", "schema": { "type": "string" } }])
        );
        assert!(
            payload["next"]
                .as_str()
                .unwrap()
                .contains("`answer` {key, response}")
        );
    }

    #[test]
    fn an_answer_that_does_not_fit_is_an_error_that_repeats_the_question() {
        let payload = Payload::unfit(&asking(), "it is no string", &Config::default()).unwrap();
        let payload = serde_json::to_value(payload).unwrap();
        assert_eq!(payload["error"], json!("InvalidInput: it is no string"));
        assert_eq!(payload["status"], json!("INPUT_REQUIRED"));
        assert_eq!(payload["questions"][0]["key"], json!("k"));
        assert_eq!(payload["is_error"], json!(true));
    }

    #[test]
    fn a_result_that_is_not_ready_is_no_error_and_says_how_to_get_it() {
        let reply = reply(Action::Result, &snapshot(Observation::Running(None)));
        assert_eq!(reply["isError"], json!(false));
        let payload = &reply["structuredContent"];
        assert_eq!(payload.get("error"), None);
        let next = payload["next"].as_str().unwrap();
        assert!(
            next.starts_with("The result is not ready. Call `render_status`"),
            "{next}"
        );
        assert!(
            next.ends_with("Do not start it again while it runs."),
            "{next}"
        );
    }

    #[test]
    fn a_cancelled_task_is_an_error_only_for_who_wants_its_result() {
        let cancelled = snapshot(Observation::Finished(Outcome::Cancelled(Some(
            "enough".into(),
        ))));
        let result = payload(Action::Result, &cancelled);
        assert_eq!(
            result["error"],
            json!("Cancelled: the task was cancelled: enough")
        );
        assert_eq!(result["is_error"], json!(true));
        for action in [Action::Start, Action::Status, Action::Cancel] {
            let payload = payload(action, &cancelled);
            assert_eq!(payload.get("is_error"), None, "{action:?}");
            assert_eq!(payload["reason"], json!("enough"));
        }
    }

    #[test]
    fn a_cancellation_on_its_way_says_so_with_the_hosts_note() {
        let snapshot = Snapshot {
            cancel_requested: true,
            note: Some("nobody has heard the cancellation yet".into()),
            ..snapshot(Observation::Running(None))
        };
        let payload = payload(Action::Cancel, &snapshot);
        assert_eq!(payload["status"], json!("RUNNING"));
        assert_eq!(payload["cancel_requested"], json!(true));
        assert_eq!(
            payload["note"],
            json!("nobody has heard the cancellation yet")
        );
        let next = payload["next"].as_str().unwrap();
        assert!(
            next.contains("it will show CANCELLED when it has stopped"),
            "{next}"
        );
    }

    #[test]
    fn cancelling_what_has_completed_points_to_the_result() {
        let payload = payload(Action::Cancel, &completed("1"));
        assert_eq!(
            payload["next"],
            json!(
                "It completed before it could be cancelled. Call `render_result` with this token \
                 for the result."
            )
        );
    }

    #[test]
    fn a_strange_token_is_an_error_without_a_status() {
        let payload = Payload::unknown("render", &Config::default());
        let payload = serde_json::to_value(payload).unwrap();
        assert_eq!(payload.get("status"), None);
        assert_eq!(payload.get("token"), None);
        assert_eq!(payload["error_type"], json!("UnknownToken"));
        assert_eq!(payload["is_error"], json!(true));
    }

    #[test]
    fn a_token_of_another_task_names_the_tool_that_fits() {
        let payload = Payload::other(Action::Result, "count", &Config::default());
        let payload = serde_json::to_value(payload).unwrap();
        assert_eq!(
            (&payload["error"], &payload["next"]),
            (
                &json!("WrongTool: this token belongs to a task of `count`"),
                &json!("Call `count_result` with this token."),
            )
        );
    }

    #[test]
    fn every_payload_is_what_the_output_schema_promises() {
        let config = Config::default();
        let long = json!({ "traceback": "x".repeat(9000) }).to_string();
        let snapshots = [
            snapshot(Observation::Pending),
            snapshot(Observation::Running(None)),
            snapshot(running(1.0, Some(2.0), Some(r#"{"a":1}"#))),
            snapshot(running(f64::NAN, None, Some("not JSON"))),
            snapshot(Observation::Retrying(failure(true, Some(long.clone())))),
            asking(),
            completed("null"),
            completed(r#"[{"a":1}]"#),
            failed(true, Some(long)),
            snapshot(Observation::Finished(Outcome::Cancelled(None))),
            Snapshot {
                cancel_requested: true,
                note: Some("note".into()),
                ..snapshot(Observation::Finished(Outcome::Cancelled(Some(
                    "why".into(),
                ))))
            },
        ];
        let mut payloads = vec![
            Payload::unknown("render", &config),
            Payload::other(Action::Status, "count", &config),
            Payload::unfit(&asking(), "why", &config).unwrap(),
        ];
        for action in Action::ALL {
            for snapshot in &snapshots {
                payloads.push(Payload::of(action, snapshot, &config).unwrap());
            }
        }
        for payload in payloads {
            check(&serde_json::to_value(payload).unwrap(), &schema::output());
        }
    }

    /// As much of JSON Schema as `schema::output` uses.
    fn check(value: &Value, schema: &Value) {
        let fits = match schema["type"].as_str() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            _ => true,
        };
        assert!(fits, "{value} is no {}", schema["type"]);
        if let Some(allowed) = schema["enum"].as_array() {
            assert!(allowed.contains(value), "{value}");
        }
        if let (Some(minimum), Some(number)) = (schema["minimum"].as_f64(), value.as_f64()) {
            assert!(number >= minimum);
        }
        if let (Some(maximum), Some(number)) = (schema["maximum"].as_f64(), value.as_f64()) {
            assert!(number <= maximum);
        }
        for required in schema["required"].as_array().into_iter().flatten() {
            assert!(
                value.get(required.as_str().unwrap()).is_some(),
                "{required} of {value}"
            );
        }
        for item in value.as_array().into_iter().flatten() {
            check(item, &schema["items"]);
        }
        if let (Some(properties), Some(object)) =
            (schema["properties"].as_object(), value.as_object())
        {
            for (name, member) in object {
                check(
                    member,
                    properties
                        .get(name)
                        .unwrap_or_else(|| panic!("undeclared {name}")),
                );
            }
        }
    }

    fn reply(action: Action, snapshot: &Snapshot) -> Value {
        let payload = Payload::of(action, snapshot, &Config::default()).unwrap();
        serde_json::from_str(&payload.into_result().unwrap()).unwrap()
    }

    fn payload(action: Action, snapshot: &Snapshot) -> Value {
        reply(action, snapshot)["structuredContent"].clone()
    }

    fn completed(result: &str) -> Snapshot {
        snapshot(Observation::Finished(Outcome::Completed(result.into())))
    }

    fn failed(retryable: bool, detail: Option<String>) -> Snapshot {
        snapshot(Observation::Finished(Outcome::Failed(failure(
            retryable, detail,
        ))))
    }

    fn asking() -> Snapshot {
        snapshot(Observation::InputRequired(vec![Question {
            key: "k".into(),
            message: "which?".into(),
            schema: r#"{"type":"string"}"#.into(),
        }]))
    }

    fn failure(retryable: bool, detail: Option<String>) -> Failure {
        Failure {
            code: "ValueError".into(),
            message: "kaput".into(),
            retryable,
            system: false,
            detail,
        }
    }

    fn running(current: f64, total: Option<f64>, detail: Option<&str>) -> Observation {
        Observation::Running(Some(Progress {
            current,
            total,
            message: Some("on it".into()),
            detail: detail.map(Into::into),
        }))
    }

    fn snapshot(observation: Observation) -> Snapshot {
        Snapshot {
            id: "t1".into(),
            task: "render".into(),
            observation,
            cancel_requested: false,
            note: None,
            cancellable: true,
            created_ms: 0,
            updated_ms: 0,
            expires_ms: None,
            revision: 1,
        }
    }
}
