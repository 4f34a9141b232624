//! Between the words of the interface and the host's own.
//!
//! What comes in is checked here, once: JSON parses, sizes are bounded, numbers are finite. What fails
//! is [`Rubbish`], which costs the component that call and nothing else.

use super::bindings::host::types as wire;
use super::bindings::tasks as wire_tasks;
use super::logging::cut;
use super::tasks::Snapshot;
use crate::config::limits;
use crate::task::{
    Failure, Json, Observation, Outcome, Phase, Progress, Question, Record, Response, State,
};

/// A component handed out something that the interface does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Rubbish(pub String);

/// Checks that `text` is JSON of at most so many bytes. `what` is for the message.
pub fn json_in(what: &str, text: String, most: usize) -> Result<Json, Rubbish> {
    if text.len() > most {
        return Err(Rubbish(format!(
            "{what} has {} bytes, at most {most} are allowed",
            text.len(),
        )));
    }
    Json::parse(text).map_err(|error| Rubbish(format!("{what} is not JSON: {error}")))
}

/// Checks that `text` is a JSON object.
pub fn object_in(what: &str, text: String, most: usize) -> Result<Json, Rubbish> {
    let json = json_in(what, text, most)?;
    if json.text().trim_start().starts_with('{') {
        Ok(json)
    } else {
        Err(Rubbish(format!("{what} is not a JSON object")))
    }
}

/// What a backend sees, in documents of at most `most` bytes.
pub fn observation_in(observation: wire::Observation, most: usize) -> Result<Observation, Rubbish> {
    Ok(match observation {
        wire::Observation::Pending => Observation::At(Phase::Pending),
        wire::Observation::Running(None) => Observation::At(Phase::Running(None)),
        wire::Observation::Running(Some(progress)) => {
            Observation::At(Phase::Running(Some(progress_in(progress)?)))
        }
        wire::Observation::Retrying(failure) => {
            Observation::At(Phase::Retrying(failure_in(failure, most)?))
        }
        wire::Observation::InputRequired(questions) if questions.is_empty() => {
            return Err(Rubbish(
                "input is required and there is no question".to_owned(),
            ));
        }
        wire::Observation::InputRequired(questions) if questions.len() > limits::QUESTIONS => {
            return Err(Rubbish(format!("{} questions at a time", questions.len())));
        }
        wire::Observation::InputRequired(questions) => Observation::At(Phase::AwaitingInput(
            questions
                .into_iter()
                .map(question_in)
                .collect::<Result<_, _>>()?,
        )),
        wire::Observation::Finished(outcome) => Observation::Finished(outcome_in(outcome, most)?),
        wire::Observation::Unknown => Observation::Unknown,
    })
}

/// How far the work is.
pub fn progress_in(progress: wire::Progress) -> Result<Progress, Rubbish> {
    if !progress.current.is_finite() || progress.total.is_some_and(|total| !total.is_finite()) {
        return Err(Rubbish("progress is not a finite number".to_owned()));
    }
    let detail = progress
        .detail
        .filter(|detail| detail.len() <= limits::DETAIL)
        .map(|detail| object_in("the detail of a progress report", detail, limits::DETAIL))
        .transpose()?;
    Ok(Progress {
        current: progress.current,
        total: progress.total.filter(|total| *total > 0.0),
        message: progress
            .message
            .map(|message| cut(message, limits::MESSAGE)),
        detail,
    })
}

fn failure_in(failure: wire::Failure, most: usize) -> Result<Failure, Rubbish> {
    let detail = failure
        .detail
        .map(|detail| object_in("the detail of a failure", detail, most))
        .transpose()?;
    Ok(Failure {
        code: cut(failure.code, limits::MESSAGE),
        message: cut(failure.message, limits::DETAIL),
        retryable: failure.retryable,
        system: failure.system,
        detail,
    })
}

fn outcome_in(outcome: wire::Outcome, most: usize) -> Result<Outcome, Rubbish> {
    Ok(match outcome {
        wire::Outcome::Completed(result) => {
            Outcome::Completed(json_in("the result", result, most)?)
        }
        wire::Outcome::Failed(failure) => Outcome::Failed(failure_in(failure, most)?),
        wire::Outcome::Cancelled(reason) => {
            Outcome::Cancelled(reason.map(|reason| cut(reason, limits::MESSAGE)))
        }
    })
}

fn question_in(question: wire::Question) -> Result<Question, Rubbish> {
    if question.key.len() > limits::QUESTION_KEY {
        return Err(Rubbish(format!(
            "a question has a key of {} bytes",
            question.key.len()
        )));
    }
    Ok(Question {
        key: question.key,
        message: cut(question.message, limits::DETAIL),
        schema: object_in("the schema of a question", question.schema, limits::SCHEMA)?,
    })
}

/// What a client says to a question, as a strategy passes it on.
pub fn response_in(response: wire::Response, most: usize) -> Result<Response, Rubbish> {
    Ok(match response {
        wire::Response::Accepted(answer) => {
            Response::Accepted(json_in("the answer", answer, most)?)
        }
        wire::Response::Declined => Response::Declined,
        wire::Response::Dismissed => Response::Dismissed,
    })
}

/// The same, for a backend.
pub fn response_out(response: &Response) -> wire::Response {
    match response {
        Response::Accepted(answer) => wire::Response::Accepted(answer.text().to_owned()),
        Response::Declined => wire::Response::Declined,
        Response::Dismissed => wire::Response::Dismissed,
    }
}

/// A record as strategies see it.
pub fn snapshot_out(snapshot: &Snapshot) -> wire_tasks::Snapshot {
    let record = &*snapshot.record;
    wire_tasks::Snapshot {
        id: record.id().to_string(),
        task: record.origin.task.clone(),
        observation: observation_out(record),
        cancel_requested: record.cancel_requested(),
        note: snapshot.note.clone(),
        cancellable: record.origin.cancellable,
        created_ms: record.origin.created_ms,
        updated_ms: record.updated_ms,
        expires_ms: record.expires_ms,
        revision: record.revision,
    }
}

fn observation_out(record: &Record) -> wire::Observation {
    match &record.state {
        State::Open(open) => match &open.phase {
            Phase::Pending => wire::Observation::Pending,
            Phase::Running(progress) => {
                wire::Observation::Running(progress.as_ref().map(progress_out))
            }
            Phase::Retrying(failure) => wire::Observation::Retrying(failure_out(failure)),
            Phase::AwaitingInput(questions) => {
                wire::Observation::InputRequired(questions.iter().map(question_out).collect())
            }
        },
        State::Done(outcome) => wire::Observation::Finished(match outcome {
            Outcome::Completed(result) => wire::Outcome::Completed(result.text().to_owned()),
            Outcome::Failed(failure) => wire::Outcome::Failed(failure_out(failure)),
            Outcome::Cancelled(reason) => wire::Outcome::Cancelled(reason.clone()),
        }),
    }
}

fn progress_out(progress: &Progress) -> wire::Progress {
    wire::Progress {
        current: progress.current,
        total: progress.total,
        message: progress.message.clone(),
        detail: progress
            .detail
            .as_ref()
            .map(|detail| detail.text().to_owned()),
    }
}

fn failure_out(failure: &Failure) -> wire::Failure {
    wire::Failure {
        code: failure.code.clone(),
        message: failure.message.clone(),
        retryable: failure.retryable,
        system: failure.system,
        detail: failure
            .detail
            .as_ref()
            .map(|detail| detail.text().to_owned()),
    }
}

fn question_out(question: &Question) -> wire::Question {
    wire::Question {
        key: question.key.clone(),
        message: question.message.clone(),
        schema: question.schema.text().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_that_is_not_json_is_rubbish() {
        let finished = wire::Observation::Finished(wire::Outcome::Completed("{oops".into()));
        assert!(observation_in(finished, limits::DOCUMENT).is_err());
        let finished = wire::Observation::Finished(wire::Outcome::Completed("[1, 2]".into()));
        assert!(observation_in(finished.clone(), 6).is_ok());
        assert!(observation_in(finished, 5).is_err());
    }

    #[test]
    fn progress_must_be_a_number() {
        let progress = wire::Progress {
            current: f64::NAN,
            total: None,
            message: None,
            detail: None,
        };
        assert!(progress_in(progress).is_err());
    }

    #[test]
    fn waiting_for_nothing_is_rubbish() {
        let nothing = wire::Observation::InputRequired(Vec::new());
        assert!(observation_in(nothing, limits::DOCUMENT).is_err());
    }
}
