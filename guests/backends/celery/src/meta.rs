//! From the value of a result key to what the host may know.
//!
//! A worker writes one JSON object for each state that it reaches; states that it does not write
//! (pending, ignored) have no key. All of them are read here, and what cannot be read ends the task
//! with a failure that names the setting to change: waiting on would be for ever.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use taskhost_sdk::{Failure, Observation, Outcome, Progress};

use crate::repr::repr;
use crate::typed_json;

/// A state as the worker wrote it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Meta {
    pub(crate) observation: Observation,
    /// The worker that runs it, where the state says so.
    pub(crate) worker: Option<String>,
}

#[derive(Deserialize)]
struct Written<'value> {
    status: String,
    #[serde(borrow, default)]
    result: Option<&'value RawValue>,
    #[serde(default)]
    traceback: Option<Value>,
}

/// What an exception is in a result.
#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "exc_type", default)]
    kind: String,
    #[serde(rename = "exc_message", default)]
    message: Value,
    #[serde(rename = "exc_module", default)]
    module: Option<String>,
}

impl Meta {
    /// Never fails: a value that is no state is a failure of the task.
    pub(crate) fn read(value: &[u8]) -> Self {
        let Ok(text) = std::str::from_utf8(value) else {
            return Self::unreadable(value);
        };
        if let Ok(written) = serde_json::from_str::<Written<'_>>(text) {
            return Self::from_written(&written);
        }
        let patched = typed_json::without_nan(text).unwrap_or_default();
        match serde_json::from_str::<Written<'_>>(&patched) {
            Ok(written) => Self::from_written(&written),
            Err(_) => Self::unreadable(value),
        }
    }

    /// Whether the task is over.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.observation, Observation::Finished(_))
    }

    fn from_written(written: &Written<'_>) -> Self {
        // `null` is a result like any other, and serde takes it for an absent one.
        let result = written.result.map_or("null", RawValue::get);
        let value =
            || -> Value { typed_json::unwrap(serde_json::from_str(result).unwrap_or_default()) };
        let mut worker = None;
        let observation = match written.status.as_str() {
            "PENDING" | "RECEIVED" => Observation::Pending,
            "SUCCESS" => Observation::Finished(Outcome::Completed(
                written
                    .result
                    .map_or_else(|| "null".into(), typed_json::plain),
            )),
            "FAILURE" | "REJECTED" | "IGNORED" => {
                let failure = failure(value(), written.traceback.clone(), &written.status);
                Observation::Finished(Outcome::Failed(failure))
            }
            "RETRY" => {
                let mut failure = failure(value(), written.traceback.clone(), "RETRY");
                failure.retryable = true;
                Observation::Retrying(failure)
            }
            "REVOKED" => Observation::Finished(revoked(&value())),
            state => {
                let value = value();
                worker = value
                    .get("hostname")
                    .and_then(Value::as_str)
                    .map(str::to_owned);
                Observation::Running(progress(state, value))
            }
        };
        Self {
            observation,
            worker,
        }
    }

    fn unreadable(value: &[u8]) -> Self {
        let what = serializer(value);
        let failure = Failure {
            code: "unreadable-result".into(),
            message: format!(
                "the worker wrote a result that is not JSON: it looks like {what}; set \
                 `result_serializer = \"json\"` and no `result_compression` in the Celery \
                 application"
            ),
            retryable: false,
            system: true,
            detail: None,
        };
        Self {
            observation: Observation::Finished(Outcome::Failed(failure)),
            worker: None,
        }
    }
}

/// What wrote these bytes, by how they begin.
fn serializer(value: &[u8]) -> &'static str {
    match value {
        [b'\0', rest @ ..] if rest.starts_with(b"celery-compressed\0") => {
            "a compressed result (`result_compression`)"
        }
        [0x80, 2..=5, ..] => "pickle",
        [0x81..=0x8f | 0xde | 0xdf, ..] => "msgpack",
        [b'{', ..] => "damaged JSON",
        _ if value.windows(7).any(|window| window == b"status:") => "yaml",
        _ if value
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=\n".contains(byte)) =>
        {
            "a signed message (`auth`)"
        }
        _ => "an unknown serializer",
    }
}

/// Exceptions that Celery writes in the task's place: nobody ran it, or it was stopped.
const NOT_THE_TASKS_OWN: [&str; 6] = [
    "NotRegistered",
    "Reject",
    "SoftTimeLimitExceeded",
    "Terminated",
    "TimeLimitExceeded",
    "WorkerLostError",
];

fn failure(result: Value, traceback: Option<Value>, status: &str) -> Failure {
    let exception = serde_json::from_value(result.clone());
    let Exception {
        mut kind,
        message,
        mut module,
    } = exception.unwrap_or(Exception {
        kind: String::new(),
        message: result,
        module: None,
    });
    let mut arguments = match message {
        Value::Array(arguments) => arguments,
        Value::Null => Vec::new(),
        other => vec![other],
    };
    // Celery wraps an exception that pickle cannot carry: module, class, arguments, text.
    if kind == "UnpickleableExceptionWrapper"
        && let [
            Value::String(home),
            Value::String(class),
            Value::Array(inner),
            ..,
        ] = arguments.as_slice()
    {
        (module, kind, arguments) = (Some(home.clone()), class.clone(), inner.clone());
    }
    if kind.is_empty() {
        kind = status.to_lowercase();
    }
    let mut detail = Map::new();
    if let Some(Value::String(traceback)) = traceback {
        detail.insert("traceback".into(), traceback.into());
    }
    if let Some(module) = module {
        detail.insert("module".into(), module.into());
    }
    let message = text_of(&kind, &arguments);
    if !arguments.is_empty() {
        detail.insert("args".into(), arguments.into());
    }
    Failure {
        retryable: kind == "WorkerLostError",
        system: NOT_THE_TASKS_OWN.contains(&kind.as_str()),
        message,
        code: kind,
        detail: (!detail.is_empty()).then(|| Value::Object(detail).to_string()),
    }
}

/// What `str()` of the exception gave, or close to it.
fn text_of(code: &str, arguments: &[Value]) -> String {
    match (code, arguments) {
        ("NotRegistered", [Value::String(task)]) => format!(
            "the worker does not know a task named `{task}`; check the name, and that the worker \
             imports its module"
        ),
        ("TimeLimitExceeded", [Value::Number(limit)]) => {
            format!("the task ran longer than its time limit of {limit} s")
        }
        ("SoftTimeLimitExceeded", []) => "the task ran longer than its soft time limit".into(),
        (code, []) => code.to_owned(),
        (_, [Value::String(text)]) => text.clone(),
        (_, [one]) => repr(one),
        (_, several) => {
            let list = repr(&Value::Array(several.to_vec()));
            let inner = list.strip_prefix('[').unwrap_or(&list);
            format!("({})", inner.strip_suffix(']').unwrap_or(inner))
        }
    }
}

/// Celery has one state for three ends. Nobody asked to cancel a message that expired.
fn revoked(result: &Value) -> Outcome {
    let word = result
        .pointer("/exc_message/0")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if word == "expired" {
        return Outcome::Failed(Failure {
            code: "expired".into(),
            message: "no worker began the task before it expired".into(),
            retryable: true,
            system: true,
            detail: None,
        });
    }
    Outcome::Cancelled((word == "terminated").then(|| "terminated".into()))
}

/// What applications write with `update_state`: there is no rule, so the common shapes are known.
fn progress(state: &str, meta: Value) -> Option<Progress> {
    let mut entries = match meta {
        Value::Object(entries) => entries,
        Value::Null => Map::new(),
        Value::String(text) => Map::from_iter([("message".into(), text.into())]),
        other => Map::from_iter([("meta".into(), other)]),
    };
    let (current, total) = position(&mut entries);
    let mut message = ["message", "status", "description"]
        .into_iter()
        .find_map(|key| {
            let text = entries.get(key)?.as_str()?.to_owned();
            entries.remove(key);
            Some(text)
        });
    if !matches!(state, "STARTED" | "PROGRESS") {
        entries.insert("state".into(), state.into());
        message = message.or_else(|| Some(state.to_owned()));
    }
    if entries.is_empty() && message.is_none() && current.is_none() {
        return None;
    }
    Some(Progress {
        current: current.unwrap_or(0.0),
        total,
        message,
        detail: (!entries.is_empty()).then(|| Value::Object(entries).to_string()),
    })
}

/// How far, and of how much. What is used is taken out of `entries`.
fn position(entries: &mut Map<String, Value>) -> (Option<f64>, Option<f64>) {
    let number = |entries: &Map<String, Value>, key: &str| {
        entries
            .get(key)
            .and_then(Value::as_f64)
            .filter(|number| *number >= 0.0)
    };
    if let Some(fraction) = number(entries, "progress") {
        entries.remove("progress");
        // Written as a fraction by most, as percent by some.
        let total = if fraction <= 1.0 { 1.0 } else { 100.0 };
        return (Some(fraction), Some(total));
    }
    if let Some(current) = number(entries, "current") {
        entries.remove("current");
        let total = number(entries, "total").filter(|total| *total > 0.0);
        if total.is_some() {
            entries.remove("total");
        }
        return (Some(current), total);
    }
    if let Some(percent) = number(entries, "percent") {
        entries.remove("percent");
        return (Some(percent), Some(100.0));
    }
    (None, None)
}

/// A worker that is gone, as the outcome of what it ran.
pub(crate) fn worker_lost(worker: &str) -> Observation {
    Observation::Finished(Outcome::Failed(Failure {
        code: "worker-lost".into(),
        message: format!(
            "worker `{worker}` began the task and is gone, and no other worker or queue has it"
        ),
        retryable: true,
        system: true,
        detail: Some(json!({ "worker": worker }).to_string()),
    }))
}

/// A task that is over without having left a result.
pub(crate) fn no_result(workers: &[String]) -> Observation {
    Observation::Finished(Outcome::Failed(Failure {
        code: "no-result".into(),
        message: "the task ended without a result: it raised `Ignore`, its results are ignored \
                  (`ignore_result=True` or `task_ignore_result`), they go to another result \
                  backend, or its worker dropped it; no worker and no queue has it any more"
            .into(),
        retryable: false,
        system: true,
        detail: Some(json!({ "workers": workers }).to_string()),
    }))
}

#[cfg(test)]
mod tests;
