//! What a backend says of a task, in the host's own words.
//!
//! Mirrors `taskhost:plugin/types`; `engine::convert` is the only place that knows both.

use serde::{Deserialize, Serialize};

use super::Json;

/// What a backend sees of a task at one moment.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    /// It is not over.
    At(Phase),
    /// It is over.
    Finished(Outcome),
    /// The backend knows no such work.
    Unknown,
}

/// Where a task stands that is not over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Accepted, not begun.
    Pending,
    /// At work, and how far, where known.
    Running(Option<Progress>),
    /// Failed once; the backend will try again by itself.
    Retrying(Failure),
    /// Waits for the client. Never empty.
    AwaitingInput(Vec<Question>),
}

impl Phase {
    /// Whether going from `self` to `next` is only a step of progress: worth showing, not worth a
    /// place in the journal.
    pub fn is_progress_to(&self, next: &Self) -> bool {
        matches!((self, next), (Self::Running(_), Self::Running(_)))
    }
}

/// How far the work is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// In units of `total`.
    pub current: f64,
    /// Absent: no end is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<f64>,
    /// A sentence for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Anything else worth showing: an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Json>,
}

/// Work that was carried out and did not succeed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Short and stable, for programs.
    pub code: String,
    /// For a person.
    pub message: String,
    /// Starting the same task again may succeed.
    pub retryable: bool,
    /// Not the work's own verdict: whoever should have carried it out was lost, stopped, or refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub system: bool,
    /// Traceback, cause, exit status: an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Json>,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// What the work returned.
    Completed(Json),
    /// What went wrong.
    Failed(Failure),
    /// Stopped because somebody asked; the reason, where known.
    Cancelled(Option<String>),
}

/// Something only the client can say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Unique for the life of the task.
    pub key: String,
    /// For a person.
    pub message: String,
    /// JSON Schema of the answer.
    pub schema: Json,
}

/// What the client says to a question.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// An answer.
    Accepted(Json),
    /// A person said no.
    Declined,
    /// A person closed the question without a word.
    Dismissed,
}
