//! What can happen to a task.

use serde::{Deserialize, Serialize};

use super::{Handle, Outcome, Phase};

/// What happened. Written to the store before anything acts on it or anybody is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The intent is on disk. Always the first, never again.
    Accepted,
    /// A backend has it, under this name.
    Submitted(Handle),
    /// A backend reports where it stands.
    Observed(Phase),
    /// The client answered the question with this key.
    Answered(String),
    /// Somebody asked to stop it, and why. Only the first wish is kept.
    CancelRequested(Option<String>),
    /// Whoever runs it has heard the wish, or cannot follow it: nothing is left to deliver.
    CancelHeard,
    /// It is over.
    Finished(Outcome),
}

impl Event {
    /// One word for lists and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Submitted(_) => "submitted",
            Self::Observed(Phase::Pending) => "pending",
            Self::Observed(Phase::Running(_)) => "running",
            Self::Observed(Phase::Retrying(_)) => "retrying",
            Self::Observed(Phase::AwaitingInput(_)) => "input-required",
            Self::Answered(_) => "answered",
            Self::CancelRequested(_) => "cancel-requested",
            Self::CancelHeard => "cancel-heard",
            Self::Finished(Outcome::Completed(_)) => "completed",
            Self::Finished(Outcome::Failed(_)) => "failed",
            Self::Finished(Outcome::Cancelled(_)) => "cancelled",
        }
    }
}

/// One line of a task's journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The record's revision after the event. Rises within a task; steps of progress, which have no
    /// line, leave gaps.
    pub revision: u64,
    /// When the host learnt of it, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What happened.
    pub event: Event,
}
