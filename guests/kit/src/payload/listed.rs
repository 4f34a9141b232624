//! One task among others.

use serde::Serialize;

use super::{Status, progress};
use crate::interface::{Error, Observation, Snapshot};

/// A line of a list of tasks.
#[derive(Debug, Serialize)]
pub struct Listed {
    task_id: String,
    task_type: String,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_duration_seconds: Option<u64>,
    running_for_seconds: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cancel_requested: bool,
}

impl Listed {
    /// How the task stands at `now_ms`.
    pub fn of(snapshot: &Snapshot, estimate_ms: Option<u64>, now_ms: u64) -> Result<Self, Error> {
        let progress = match &snapshot.observation {
            Observation::Running(progress) => progress.as_ref(),
            _ => None,
        };
        Ok(Self {
            task_id: snapshot.id.clone(),
            task_type: snapshot.task.clone(),
            status: Status::of(&snapshot.observation)?,
            progress: progress.and_then(progress::fraction),
            message: progress.and_then(|progress| progress.message.clone()),
            estimated_duration_seconds: estimate_ms.map(|ms| ms.div_ceil(1000)),
            running_for_seconds: now_ms.saturating_sub(snapshot.created_ms) / 1000,
            cancel_requested: snapshot.cancel_requested,
        })
    }
}
