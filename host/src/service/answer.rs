//! A client's answer to a question of a task.
//!
//! The backend is told first: answers are idempotent by key, and a question that is still open after a
//! crash can be answered again, while an answer that only the record knew would be lost.

use super::live::ApplyError;
use super::{Found, Service, internal};
use crate::error::{Code, Explain as _, Report};
use crate::plugin::{Caller, Snapshot, TaskError, Work};
use crate::schema::Validator;
use crate::task::{Event, Open, Phase, Response};

impl Service {
    /// Answers the question `key` of a task of `caller`'s.
    pub(super) async fn answer_task(
        &self,
        caller: &Caller,
        id: &str,
        key: String,
        response: Response,
    ) -> Result<Snapshot, TaskError> {
        let invalid = |message: String| TaskError::Invalid(Report::new(Code(715), message));
        let live = match self.find(Some(caller), id)? {
            Found::Live(live) => live,
            Found::Stored(_) => {
                return Err(invalid("the task is over: it has no questions".to_owned()));
            }
        };
        let record = live.record();
        let Some(Open {
            phase: Phase::AwaitingInput(questions),
            ..
        }) = record.open()
        else {
            return Err(invalid("the task does not wait for an answer".to_owned()));
        };
        let Some(question) = questions.iter().find(|question| question.key == key) else {
            let open: Vec<_> = questions
                .iter()
                .map(|question| question.key.as_str())
                .collect();
            return Err(invalid(format!(
                "the task has no question `{key}`; open are: {}",
                open.join(", ")
            )));
        };
        if let Response::Accepted(answer) = &response {
            let schema = Validator::compile(&question.schema).map_err(|why| {
                invalid(format!(
                    "the question has a schema that does not compile: {why}"
                ))
            })?;
            schema
                .check(answer)
                .map_err(|why| invalid(format!("the answer does not fit the question: {why}")))?;
        }
        let (Some(attached), Some(handle)) =
            (self.0.backends.get(&record.origin.backend), record.handle())
        else {
            return Err(TaskError::Unavailable(
                Report::new(Code(801), "the backend of the task is not there"),
                Some(1_000),
            ));
        };
        let work = Work {
            id: record.id(),
            handle: handle.clone(),
        };
        attached
            .backend
            .answer(&work, key.clone(), &response)
            .await
            .map_err(|error| {
                let report = Report::new(error.code(), error.to_string());
                if error.is_transient() {
                    TaskError::Unavailable(report, error.retry_ms())
                } else {
                    TaskError::Invalid(report)
                }
            })?;
        match live
            .apply(&*self.0.store, Event::Answered(key), self.now_ms())
            .await
        {
            // The backend may have moved on, and said so, before this was written.
            Ok(_) | Err(ApplyError::Refused(_)) => Ok(live.snapshot()),
            Err(ApplyError::Store(error)) => Err(internal(&error)),
        }
    }
}
