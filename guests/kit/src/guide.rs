//! What the client should do now, in words.
//!
//! The most expensive mistake is to start the work again while it runs, so everything that is said
//! of a live task forbids it. What to call differs from strategy to strategy: that is a [`Guide`].

use crate::action::Action;
use crate::interface::{Observation, Outcome, Snapshot};
use crate::payload::Status;

/// The steps that a strategy offers for one task, as parts of sentences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guide {
    /// What names the task in payloads and arguments.
    pub id: Id,
    /// "Call `render_status` with the token and `wait_seconds` 25 to follow it"
    pub follow: String,
    /// How that goes on: ", and `render_result` when it is COMPLETED"
    pub then: String,
    /// "Call `render_result` with this token for the result."
    pub fetch: String,
    /// "call `render_answer` with this token, `key` and `response`"; empty where nothing answers.
    pub answer: String,
    /// What starts it: "`render_start`"
    pub start: String,
}

/// What a task's id is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Id {
    /// `token`
    #[default]
    Token,
    /// `task_id`
    TaskId,
}

impl Id {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::TaskId => "task_id",
        }
    }
}

impl Guide {
    /// The next step after `action` has found the task as `snapshot` says. `has_result`: the client
    /// has it before its eyes.
    pub fn step(
        &self,
        action: Action,
        status: Status,
        snapshot: &Snapshot,
        has_result: bool,
    ) -> String {
        match (status, action) {
            (Status::Pending | Status::Running | Status::Retrying, _) => {
                self.live(action, status, snapshot.cancel_requested)
            }
            (Status::InputRequired, _) if self.answer.is_empty() => {
                "The task waits for an answer that no tool here can give. Tell the user. Do not \
                 start it again."
                    .into()
            }
            (Status::InputRequired, _) => format!(
                "The task waits for an answer. Ask the user, unless you know it, and {} for each of \
                 `questions`; the response must fit the question's schema. Do not start it again.",
                self.answer
            ),
            (Status::Completed, _) if has_result => "Done. No further call is needed.".into(),
            (Status::Completed, Action::Cancel) => {
                format!("It completed before it could be cancelled. {}", self.fetch)
            }
            (Status::Completed, _) => self.fetch.clone(),
            (Status::Failed, _) => self.failed(&snapshot.observation),
            (Status::Cancelled, _) => format!(
                "It was cancelled, and there will be no result. Call {} only if the work is wanted \
                 after all.",
                self.start
            ),
        }
    }

    /// After an id that names nothing.
    pub fn after_unknown(&self) -> String {
        format!(
            "Check that the {id} is exactly the one that {start} gave. Tasks that are over expire. \
             Call {start} only if the work is still wanted and not running already.",
            id = self.id.word(),
            start = self.start
        )
    }

    /// After an answer that was not taken.
    pub fn after_unfit(&self) -> String {
        format!(
            "The task still waits. Correct the answer and {} again: the key must be one of \
             `questions`, and the response must fit the schema there.",
            self.answer
        )
    }

    /// The task is neither over nor asking.
    fn live(&self, action: Action, status: Status, cancel_requested: bool) -> String {
        let (follow, then) = (&self.follow, &self.then);
        let never = "Do not start it again while it runs.";
        if cancel_requested {
            return format!(
                "Cancellation is requested: it will show CANCELLED when it has stopped, and may \
                 still complete. {follow}. {never}"
            );
        }
        let situation = match (action, status) {
            (Action::Cancel, _) => "It was not asked to stop, and goes on.",
            (Action::Result, _) => "The result is not ready.",
            (_, Status::Retrying) => {
                "An attempt failed, and the task will be tried again by itself."
            }
            (_, Status::Pending) => "It is accepted, and has not begun.",
            _ => "It runs.",
        };
        format!("{situation} {follow}{then}. {never}")
    }

    fn failed(&self, observation: &Observation) -> String {
        let start = &self.start;
        match observation {
            Observation::Finished(Outcome::Failed(failure)) if failure.retryable => {
                format!("It failed. Calling {start} again with the same arguments may succeed.")
            }
            _ => format!(
                "It failed, and would probably fail again in the same way. Tell the user, or change \
                 the arguments before you call {start} again."
            ),
        }
    }
}
