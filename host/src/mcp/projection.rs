//! One record of truth, as the two task protocols show it.
//!
//! | the host | 2025-11-25 | 2026-07-28 |
//! |---|---|---|
//! | pending, running, retrying | `working` | `working` |
//! | asks | `input_required` | `input_required` + `inputRequests` |
//! | completed | `completed` | `completed` + `result` |
//! | failed | `failed` | `completed` + `result` with `isError` |
//! | failed, not by the work itself | `failed` | `failed` + `error` |
//! | cancelled | `cancelled` | `cancelled` |
//! | open, and somebody asked to stop it | `cancelled`, for good | as above, until it has stopped |
//!
//! The last line is the older protocol's own rule: its `tasks/cancel` answers `cancelled` and the task
//! stays so, whatever becomes of the work.
//!
//! (2025-11-25 `basic/utilities/tasks`; SEP-2663 `specification/draft/tasks`.)

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::plugin::Snapshot;
use crate::service::rendering;
use crate::task::{Failure, Open, Outcome, Phase, Progress, Record, State};

use super::question;

/// How a task stands, in the words of both protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TaskStatus {
    Working,
    InputRequired,
    Completed,
    Failed,
    Cancelled,
}

impl TaskStatus {
    /// As 2025-11-25 has it.
    pub(super) fn v1(record: &Record) -> Self {
        match &record.state {
            _ if record.withdrawn => Self::Cancelled,
            State::Open(open) => Self::open(open),
            State::Done(Outcome::Completed(_)) => Self::Completed,
            State::Done(Outcome::Failed(_)) => Self::Failed,
            State::Done(Outcome::Cancelled(_)) => Self::Cancelled,
        }
    }

    /// As 2026-07-28 has it.
    fn v2(record: &Record) -> Self {
        match &record.state {
            State::Open(open) => Self::open(open),
            State::Done(Outcome::Failed(failure)) if failure.system => Self::Failed,
            State::Done(Outcome::Completed(_) | Outcome::Failed(_)) => Self::Completed,
            State::Done(Outcome::Cancelled(_)) => Self::Cancelled,
        }
    }

    fn open(open: &Open) -> Self {
        match open.phase {
            Phase::Pending | Phase::Running(_) | Phase::Retrying(_) => Self::Working,
            Phase::AwaitingInput(_) => Self::InputRequired,
        }
    }

    pub(super) fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::InputRequired => "input_required",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// `Task` of 2025-11-25.
pub(super) fn v1(snapshot: &Snapshot) -> Value {
    let record = &*snapshot.record;
    let mut task = base(snapshot, TaskStatus::v1(record));
    task["ttl"] = json!(ttl_ms(record));
    if !TaskStatus::v1(record).is_terminal() {
        task["pollInterval"] = json!(poll_ms(record));
    }
    task
}

/// `Task` of 2026-07-28, as it stands in `CreateTaskResult`.
pub(super) fn v2(snapshot: &Snapshot) -> Value {
    let record = &*snapshot.record;
    let mut task = base(snapshot, TaskStatus::v2(record));
    task["ttlMs"] = json!(ttl_ms(record));
    if !record.state.is_done() {
        task["pollIntervalMs"] = json!(poll_ms(record));
    }
    task
}

/// `DetailedTask` of 2026-07-28: with the questions, the result or the error.
pub(super) fn v2_detailed(snapshot: &Snapshot) -> Value {
    let record = &*snapshot.record;
    let mut task = v2(snapshot);
    match &record.state {
        State::Open(Open {
            phase: Phase::AwaitingInput(questions),
            ..
        }) => {
            task["inputRequests"] = (questions.iter())
                .map(|question| (question.key.clone(), question::request(question)))
                .collect();
        }
        State::Done(Outcome::Failed(failure)) if failure.system => task["error"] = error(failure),
        State::Done(Outcome::Completed(_) | Outcome::Failed(_)) => {
            let mut result = rendering::result(record).map_or(Value::Null, |json| json.value());
            // What the call itself would have said in this revision, and some clients insist on it.
            if let Some(fields) = result.as_object_mut() {
                fields.insert("resultType".into(), "complete".into());
            }
            task["result"] = result;
        }
        State::Open(_) | State::Done(Outcome::Cancelled(_)) => {}
    }
    task
}

/// What went wrong around the work, as a JSON-RPC error.
pub(super) fn error(failure: &Failure) -> Value {
    json!({
        "code": -32603,
        "message": format!("{}: {}", failure.code, failure.message),
        "data": {"reason": failure.code, "retryable": failure.retryable},
    })
}

/// Where it stands, in one sentence: for 2026-07-28 the only place for progress.
pub(super) fn status_message(snapshot: &Snapshot) -> String {
    let record = &*snapshot.record;
    let mut message = match &record.state {
        State::Open(open) => match &open.phase {
            Phase::Pending => "Waiting to be run".to_owned(),
            Phase::Running(None) => "Running".to_owned(),
            Phase::Running(Some(progress)) => step(progress),
            Phase::Retrying(failure) => format!(
                "Failed once, and is tried again: {}: {}",
                failure.code, failure.message
            ),
            Phase::AwaitingInput(questions) => (questions.first())
                .map_or_else(String::new, |question| {
                    format!("Waiting for an answer: {}", question.message)
                }),
        },
        State::Done(Outcome::Completed(_)) => "Completed".to_owned(),
        State::Done(Outcome::Failed(failure)) => format!("{}: {}", failure.code, failure.message),
        State::Done(Outcome::Cancelled(None)) => "Cancelled".to_owned(),
        State::Done(Outcome::Cancelled(Some(reason))) => format!("Cancelled: {reason}"),
    };
    if record.cancel_requested() {
        message = format!("Asked to stop. {message}");
    }
    if let Some(note) = &snapshot.note {
        message = format!("{message} ({note})");
    }
    message
}

fn base(snapshot: &Snapshot, status: TaskStatus) -> Value {
    let record = &*snapshot.record;
    json!({
        "taskId": record.id().to_string(),
        "status": status.name(),
        "statusMessage": status_message(snapshot),
        "createdAt": instant(record.origin.created_ms),
        "lastUpdatedAt": instant(record.updated_ms),
    })
}

fn step(progress: &Progress) -> String {
    let count = match progress.total {
        Some(total) => format!("{} of {total}", progress.current),
        None => format!("{}", progress.current),
    };
    match &progress.message {
        // Many say it themselves: "3 of 5 pages".
        Some(message) if progress.total.is_some() && !message.contains(&count) => {
            format!("{message} ({count})")
        }
        Some(message) => message.clone(),
        None => format!("Running: {count}"),
    }
}

/// How long the record is kept, from its creation on. While the task is open this is what it would be
/// if it ended now, so it grows and never shrinks.
fn ttl_ms(record: &Record) -> u64 {
    let until = record
        .expires_ms
        .unwrap_or_else(|| record.updated_ms.saturating_add(record.origin.retention_ms));
    until.saturating_sub(record.origin.created_ms)
}

/// When it is worth asking again: a tenth of how long the task has been there at its last change, between
/// a half and ten seconds. Somebody who asks earlier learns nothing wrong.
fn poll_ms(record: &Record) -> u64 {
    let age = record.updated_ms.saturating_sub(record.origin.created_ms);
    (age / 10).clamp(500, 10_000)
}

fn instant(ms: u64) -> String {
    let at = UNIX_EPOCH.checked_add(Duration::from_millis(ms));
    humantime::format_rfc3339_millis(at.unwrap_or(UNIX_EPOCH)).to_string()
}
