//! What a client reads: one object, as `structuredContent` and as the same JSON in a text.
//!
//! The keys and the order are those that clients of other polling servers know: `status`, `token`,
//! `progress`, `metadata`, `result`, `error`, `is_error`. Beyond them: a result that is null is
//! there, a failure says its type and whether trying again helps, and `next` says what to do.
//!
//! **Invariant:** `isError` of the reply and `is_error` of the payload are one thing. It is set when
//! the task failed, whichever tool says so; when the result of a cancelled task is asked for; and
//! when there is no such task. A task that is not ready is no error.
//!
//! **Invariant:** every payload is valid for [`schema::output`], those of errors too: some clients
//! check `structuredContent` whether or not `isError` is set.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::action::Action;
use crate::guide::{Guide, Id};
use crate::interface::{Error, Observation, Outcome, Progress, Snapshot};

mod failure;
mod listed;
mod progress;
mod questions;
mod reply;
pub mod schema;
mod status;
#[cfg(test)]
mod tests;

pub use listed::Listed;
pub use reply::Link;
pub use status::Status;

use questions::OpenQuestion;

/// A longer result is a preview and the address of the whole, where a strategy says so: clients cut
/// what they cannot show.
pub const MOST_RESULT: usize = 64 * 1024;

/// How much of it a preview shows.
const PREVIEW: usize = 4096;

/// The answer of any of the tools.
#[derive(Debug, Default, Serialize)]
pub struct Payload {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", rename = "resourceUri")]
    resource_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_duration_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<f64>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    metadata: Map<String, Value>,
    /// As the work returned it. Not looked into: it may be large, and numbers would lose digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_preview: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tasks: Option<Vec<Listed>>,
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

impl Payload {
    /// What `action` has to say of a task: the whole result where it is asked for.
    pub fn of(action: Action, snapshot: &Snapshot, guide: &Guide) -> Result<Self, Error> {
        let mut payload = Self::without_result(action, snapshot, guide)?;
        if action == Action::Result
            && let Observation::Finished(Outcome::Completed(result)) = &snapshot.observation
        {
            payload.result = Some(reply::raw(result)?);
            payload.next = guide.step(action, Status::Completed, snapshot, true);
        }
        Ok(payload)
    }

    /// What `action` has to say of a task: its result too, unless that is too long, and where to
    /// read it then.
    pub fn with_result(action: Action, snapshot: &Snapshot, guide: &Guide) -> Result<Self, Error> {
        let mut payload = Self::without_result(action, snapshot, guide)?;
        let Observation::Finished(Outcome::Completed(result)) = &snapshot.observation else {
            return Ok(payload);
        };
        if result.len() <= MOST_RESULT {
            payload.result = Some(reply::raw(result)?);
            payload.next = guide.step(action, Status::Completed, snapshot, true);
            return Ok(payload);
        }
        let uri = result_uri(&snapshot.id);
        payload.next = format!(
            "Done. The result is {} bytes long: read the resource `{uri}` for all of it.",
            result.len()
        );
        payload.result_preview = Some(beginning_of(result, PREVIEW).into());
        payload.result_uri = Some(uri);
        Ok(payload)
    }

    fn without_result(action: Action, snapshot: &Snapshot, guide: &Guide) -> Result<Self, Error> {
        let status = Status::of(&snapshot.observation)?;
        let mut payload = Self {
            status: Some(status),
            cancel_requested: snapshot.cancel_requested,
            note: snapshot.note.clone(),
            next: guide.step(action, status, snapshot, false),
            ..Self::default()
        };
        payload.set_id(guide.id, &snapshot.id);
        match &snapshot.observation {
            Observation::Running(Some(progress)) => payload.set_progress(progress),
            Observation::Retrying(cause) => payload.set_failure(cause),
            Observation::InputRequired(questions) => {
                payload.questions = questions
                    .iter()
                    .map(OpenQuestion::of)
                    .collect::<Result<_, _>>()?;
            }
            Observation::Finished(outcome) => payload.set_outcome(action, outcome),
            Observation::Pending | Observation::Running(None) | Observation::Unknown => {}
        }
        Ok(payload)
    }

    /// There is no such task, or not for this caller.
    pub fn unknown(guide: &Guide) -> Self {
        Self::wrong(
            match guide.id {
                Id::Token => "UnknownToken",
                Id::TaskId => "UnknownTask",
            },
            &format!(
                "there is no task with this {}: it never existed, has expired, or is not yours",
                guide.id.word()
            ),
            guide.after_unknown(),
        )
    }

    /// The task is the caller's own, and another tool's. `next` names that tool.
    pub fn other(owner: &str, next: String) -> Self {
        Self::wrong(
            "WrongTool",
            &format!("this token belongs to a task of `{owner}`"),
            next,
        )
    }

    /// An answer does not fit its question; the task stands as before.
    pub fn unfit(snapshot: &Snapshot, why: &str, guide: &Guide) -> Result<Self, Error> {
        let mut payload = Self::of(Action::Status, snapshot, guide)?;
        // Where the task asks nothing, its own next step is the better advice.
        if !payload.questions.is_empty() {
            payload.next = guide.after_unfit();
        }
        payload.set_wrong("InvalidInput", why);
        Ok(payload)
    }

    /// Something that the model can put right, about no task in particular.
    pub fn wrong(kind: &str, why: &str, next: String) -> Self {
        let mut payload = Self {
            next,
            ..Self::default()
        };
        payload.set_wrong(kind, why);
        payload
    }

    /// Nothing but advice, or a list of tasks and advice.
    pub fn list(tasks: Vec<Listed>, next: String) -> Self {
        Self {
            tasks: Some(tasks),
            next,
            ..Self::default()
        }
    }

    /// The same as an error, with another next step.
    #[must_use]
    pub fn and_wrong(mut self, kind: &str, why: &str, next: String) -> Self {
        self.set_wrong(kind, why);
        self.next = next;
        self
    }

    /// With the kind of task, and what is known of how long it takes.
    #[must_use]
    pub fn with_type(mut self, task: &str, estimate_ms: Option<u64>) -> Self {
        self.task_type = Some(task.into());
        self.estimated_duration_seconds = estimate_ms.map(|ms| ms.div_ceil(1000));
        self
    }

    /// With the task's address, and its id by the name that goes with that.
    #[must_use]
    pub fn with_address(mut self, id: &str) -> Self {
        self.task_id = Some(id.into());
        self.resource_uri = Some(task_uri(id));
        self
    }

    /// With other advice.
    #[must_use]
    pub fn with_next(mut self, next: String) -> Self {
        self.next = next;
        self
    }

    /// The advice.
    pub fn next(&self) -> &str {
        &self.next
    }

    fn set_id(&mut self, id: Id, value: &str) {
        match id {
            Id::Token => self.token = Some(value.into()),
            Id::TaskId => self.task_id = Some(value.into()),
        }
    }

    fn set_wrong(&mut self, kind: &str, why: &str) {
        self.error = Some(format!("{kind}: {why}"));
        self.error_type = Some(kind.into());
        self.is_error = true;
    }

    fn set_progress(&mut self, progress: &Progress) {
        self.progress = progress::fraction(progress);
        self.metadata = progress::metadata(progress);
    }

    fn set_failure(&mut self, failure: &crate::interface::Failure) {
        self.error = Some(format!("{}: {}", failure.code, failure.message));
        self.error_type = Some(failure.code.clone());
        self.retryable = Some(failure.retryable);
        self.error_detail = failure::detail(failure);
    }

    fn set_outcome(&mut self, action: Action, outcome: &Outcome) {
        match outcome {
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
                    self.set_wrong("Cancelled", &format!("the task was cancelled{reason}"));
                }
            }
        }
    }
}

/// The document that a task is.
pub fn task_uri(id: &str) -> String {
    format!("task://{id}")
}

/// The document that its result is.
pub fn result_uri(id: &str) -> String {
    format!("task://{id}/result")
}

/// The first `most` bytes, or a little less where a character would be broken.
fn beginning_of(text: &str, most: usize) -> &str {
    let end = text.floor_char_boundary(most.min(text.len()));
    text.get(..end).unwrap_or_default()
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape that serde wants"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}
