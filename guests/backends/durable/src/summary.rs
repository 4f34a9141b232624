//! What the host keeps of a run beside its log: enough to list it, and what onlookers see.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use taskhost_flow::Progress;

use crate::entry::End;
use crate::ledger::Ledger;
use crate::run::Shown;

/// The host takes 4 KiB.
const LARGEST: usize = 4000;

/// The longest sentence of a progress, in bytes.
const SENTENCE: usize = 1024;

/// See the head of this file.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Summary {
    /// The orchestration.
    pub name: String,
    pub state: State,
    /// Whose child it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    #[serde(skip_serializing_if = "is_zero")]
    pub generation: u32,
    pub started_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<u64>,
    /// Of the log.
    pub bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<Far>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Value>,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    #[default]
    Running,
    Suspended,
    Cancelling,
    Completed,
    Failed,
    Cancelled,
}

/// A progress.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Far {
    current: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    total: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// Of a run.
pub(crate) fn write(ledger: &Ledger, shown: &Shown, bytes: u64) -> String {
    let over = ledger.ending().is_some();
    let mut summary = Summary {
        name: ledger.name().to_owned(),
        state: state(ledger),
        parent: ledger.parent().map(|parent| parent.run.clone()),
        generation: ledger.generation(),
        started_ms: ledger.started_ms(),
        ended_ms: ledger.ending().map(|ended| ended.at_ms),
        bytes,
        progress: shown.progress.as_ref().filter(|_| !over).map(Far::of),
        status: None,
    };
    let status = shown.status.as_ref().filter(|_| !over);
    if let Some(status) = status
        && status.len() < LARGEST
        && let Ok(raw) = serde_json::from_str(status)
    {
        summary.status = Some(raw);
    }
    let text = serde_json::to_string(&summary).unwrap_or_default();
    if text.len() <= LARGEST {
        return text;
    }
    // What onlookers see is the first to go: the code says it again.
    summary.status = None;
    let text = serde_json::to_string(&summary).unwrap_or_default();
    if text.len() <= LARGEST {
        return text;
    }
    summary.progress = None;
    serde_json::to_string(&summary).unwrap_or_default()
}

impl Summary {
    /// As it was written. What cannot be read says nothing.
    pub(crate) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    pub(crate) fn shown(&self) -> Shown {
        Shown {
            status: self.status.as_ref().map(Value::to_string),
            progress: self.progress.clone().map(|far| Progress {
                current: far.current,
                total: far.total,
                message: far.message,
            }),
        }
    }
}

impl Far {
    fn of(progress: &Progress) -> Self {
        let short = |message: &String| {
            let end = message.floor_char_boundary(SENTENCE);
            message.get(..end).unwrap_or_default().to_owned()
        };
        Self {
            current: progress.current,
            total: progress.total,
            message: progress.message.as_ref().map(short),
        }
    }
}

pub(crate) fn state(ledger: &Ledger) -> State {
    match ledger.ending().map(|ended| &ended.ending) {
        Some(End::Completed(_) | End::Continued(_)) => State::Completed,
        Some(End::Failed(_)) => State::Failed,
        Some(End::Cancelled) => State::Cancelled,
        None if ledger.suspended().is_some() => State::Suspended,
        None if ledger.cancelled().is_some() => State::Cancelling,
        None => State::Running,
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
