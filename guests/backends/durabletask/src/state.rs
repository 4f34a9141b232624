//! How an orchestration stands, in the words of the host.
//!
//! | Durable Task | host |
//! |---|---|
//! | `PENDING` | pending |
//! | `RUNNING`, `CONTINUED_AS_NEW` | running, or a question ([`crate::ask`]) |
//! | `SUSPENDED` | running, and its progress says that it is suspended, and why |
//! | `COMPLETED` | completed with its output |
//! | `FAILED` | failed: type, message, stack, cause and properties stay |
//! | `TERMINATED`, `CANCELED` | cancelled |

use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use taskhost_sdk::{Failure, Observation, Outcome, Progress};

use crate::hub::words_of;
use crate::progress;
use crate::proto::{Kind, OrchestrationState, OrchestrationStatus as Status, TaskFailureDetails};
use crate::proto::{Text, Value as Protobuf};

/// What the host takes as one document.
const LARGEST: usize = 16 << 20;

/// As it is, but for what only its history knows.
pub(crate) fn observation(state: OrchestrationState) -> Observation {
    // A status of a newer protocol is no end: ends are those below.
    let status = Status::try_from(state.status).unwrap_or(Status::Running);
    match status {
        Status::Pending => Observation::Pending,
        Status::Running | Status::ContinuedAsNew => Observation::Running(progress(&state)),
        Status::Suspended => suspended(&state, None),
        Status::Completed => completed(state.output),
        Status::Failed => failed(state.failure).into(),
        Status::Canceled | Status::Terminated => {
            let reason = state.output.map(|output| words_of(&output.value));
            Observation::cancelled(reason.filter(|reason| !reason.is_empty() && reason != "null"))
        }
    }
}

/// Work goes on when somebody resumes it.
pub(crate) fn suspended(state: &OrchestrationState, reason: Option<&str>) -> Observation {
    let words = match reason {
        Some(reason) => format!("suspended: {reason}"),
        None => "suspended".into(),
    };
    let progress = progress(state).unwrap_or_else(|| Progress::new(0.0));
    let words = match &progress.message {
        Some(message) => format!("{words} ({message})"),
        None => words,
    };
    progress.saying(words).into()
}

pub(crate) fn is_suspended(state: &OrchestrationState) -> bool {
    state.status() == Status::Suspended
}

/// It may ask: it runs, and what it says of itself is of now.
pub(crate) fn is_running(state: &OrchestrationState) -> bool {
    matches!(state.status(), Status::Running | Status::ContinuedAsNew)
}

pub(crate) fn is_over(state: &OrchestrationState) -> bool {
    matches!(
        state.status(),
        Status::Completed | Status::Failed | Status::Canceled | Status::Terminated
    )
}

/// What it says of itself.
pub(crate) fn custom_status(state: &OrchestrationState) -> Option<Value> {
    let text = &state.custom_status.as_ref()?.value;
    let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str()));
    (!value.is_null() && value != "").then_some(value)
}

fn progress(state: &OrchestrationState) -> Option<Progress> {
    progress::read(custom_status(state)?)
}

fn completed(output: Option<Text>) -> Observation {
    let text = output.map(|output| output.value).unwrap_or_default();
    if text.len() > LARGEST {
        let words = format!(
            "the output has {} bytes, and may have {LARGEST}",
            text.len()
        );
        return Failure::new("result-too-large", words).system().into();
    }
    // As it came, so that no number changes on the way.
    let outcome = match serde_json::from_str::<IgnoredAny>(&text) {
        _ if text.is_empty() => Outcome::Completed("null".into()),
        Ok(_) => Outcome::Completed(text),
        Err(_) => Outcome::completed(&text),
    };
    outcome.into()
}

fn failed(details: Option<TaskFailureDetails>) -> Failure {
    let Some(details) = details else {
        return Failure::new("failed", "the orchestration failed, and does not say why");
    };
    let code = match details.error_type.as_str() {
        "" => "failed",
        // Java and .NET say where a type lives, too.
        named => named.rsplit('.').next().unwrap_or(named),
    };
    let shown = shown(&details);
    Failure::new(code, details.error_message).with_detail(&shown)
}

fn shown(details: &TaskFailureDetails) -> Value {
    Value::Object(fields(details))
}

fn fields(details: &TaskFailureDetails) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert("type".to_owned(), details.error_type.as_str().into());
    if let Some(stack) = &details.stack_trace {
        shown.insert("traceback".to_owned(), stack.value.as_str().into());
    }
    if let Some(inner) = &details.inner {
        let mut cause = fields(inner);
        cause.insert("message".to_owned(), inner.error_message.as_str().into());
        shown.insert("cause".to_owned(), cause.into());
    }
    if details.is_non_retriable {
        shown.insert("non_retriable".to_owned(), true.into());
    }
    if !details.properties.is_empty() {
        let properties = object(details.properties.iter());
        shown.insert("properties".to_owned(), properties);
    }
    shown
}

fn object<'a>(fields: impl Iterator<Item = (&'a String, &'a Protobuf)>) -> Value {
    let mut fields: Vec<_> = fields
        .map(|(key, value)| (key.clone(), json(value)))
        .collect();
    fields.sort_by(|(one, _), (other, _)| one.cmp(other));
    Map::from_iter(fields).into()
}

fn json(value: &Protobuf) -> Value {
    match &value.kind {
        None | Some(Kind::Null(_)) => Value::Null,
        Some(Kind::Number(number)) => (*number).into(),
        Some(Kind::Text(text)) => text.as_str().into(),
        Some(Kind::Bool(bool)) => (*bool).into(),
        Some(Kind::Object(object)) => self::object(object.fields.iter()),
        Some(Kind::List(list)) => list.values.iter().map(json).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state(status: Status) -> OrchestrationState {
        OrchestrationState {
            status: status.into(),
            ..OrchestrationState::default()
        }
    }

    fn with_output(status: Status, output: &str) -> Observation {
        let output = Some(output.to_owned().into());
        observation(OrchestrationState {
            output,
            ..state(status)
        })
    }

    #[test]
    fn what_works_on_is_not_over() {
        assert_eq!(observation(state(Status::Pending)), Observation::Pending);
        for status in [Status::Running, Status::ContinuedAsNew] {
            assert_eq!(observation(state(status)), Observation::running());
        }
        let newer = OrchestrationState {
            status: 99,
            ..OrchestrationState::default()
        };
        assert_eq!(observation(newer), Observation::running());
        let Observation::Running(Some(progress)) = suspended(&state(Status::Suspended), Some("x"))
        else {
            panic!("it works on");
        };
        assert_eq!(progress.message.as_deref(), Some("suspended: x"));
    }

    #[test]
    fn an_output_is_a_result_as_it_came() {
        for (output, result) in [
            (r#"{"a":1.10}"#, r#"{"a":1.10}"#),
            ("", "null"),
            ("plain words", r#""plain words""#),
        ] {
            let seen = with_output(Status::Completed, output);
            assert_eq!(seen, Outcome::Completed(result.into()).into());
        }
    }

    #[test]
    fn who_was_terminated_was_cancelled_with_the_reason_that_was_given() {
        for (output, reason) in [
            (r#""too late""#, Some("too late")),
            ("", None),
            ("null", None),
        ] {
            let seen = with_output(Status::Terminated, output);
            assert_eq!(seen, Observation::cancelled(reason.map(str::to_owned)));
        }
    }

    #[test]
    fn the_details_of_a_failure_stay() {
        let number = Protobuf {
            kind: Some(Kind::Number(7.0)),
        };
        let failure = TaskFailureDetails {
            error_type: "builtins.ValueError".into(),
            error_message: "no".into(),
            stack_trace: Some("line 1".to_owned().into()),
            inner: Some(Box::new(TaskFailureDetails {
                error_type: "KeyError".into(),
                error_message: "k".into(),
                ..TaskFailureDetails::default()
            })),
            is_non_retriable: true,
            properties: [("n".to_owned(), number)].into(),
        };
        let seen = observation(OrchestrationState {
            failure: Some(failure),
            ..state(Status::Failed)
        });
        let Observation::Finished(Outcome::Failed(failure)) = seen else {
            panic!("{seen:?}");
        };
        assert_eq!(
            (failure.code.as_str(), failure.message.as_str()),
            ("ValueError", "no")
        );
        let detail: Value = serde_json::from_str(&failure.detail.unwrap()).unwrap();
        assert_eq!(
            detail,
            json!({
                "type": "builtins.ValueError",
                "traceback": "line 1",
                "cause": { "type": "KeyError", "message": "k" },
                "non_retriable": true,
                "properties": { "n": 7.0 },
            })
        );
    }
}
