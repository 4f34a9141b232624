//! The course of a task, as a pure function of its record and the time.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use taskhost_sdk::{CancelAnswer, Failure, Observation, Outcome, Question};

use crate::job::Job;

/// All that is kept of a task. Time passing changes nothing here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    started_ms: u64,
    job: Job,
    /// The answers so far, by key; nothing where a person did not want to answer.
    answers: BTreeMap<String, Option<Value>>,
    cancelled: Option<Cancelled>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Cancelled {
    reason: Option<String>,
}

impl Record {
    pub(crate) fn new(started_ms: u64, job: Job) -> Self {
        Self {
            started_ms,
            job,
            answers: BTreeMap::new(),
            cancelled: None,
        }
    }
}

/// How the task stands at `now`.
pub(crate) fn at(record: &Record, now: u64) -> Observation {
    if let Some(cancelled) = &record.cancelled {
        return Observation::Finished(Outcome::Cancelled(cancelled.reason.clone()));
    }
    if end_ms(record).is_some_and(|end_ms| now < end_ms) {
        return Observation::Running(None);
    }
    match &record.job {
        Job::SlowCompute { seconds, label } => {
            completed(&format!("slow_compute({label}) done after {seconds}s"))
        }
        Job::Failing {} => failed("failing_job: it failed, as it was told to", false),
        Job::ProtocolError {} => failed("protocol_error_job: nobody could run it", true),
        Job::TestToolWithTask { user_name } => completed(&format!("Hello, {user_name}! (async)")),
        Job::ConfirmDelete { filename } => {
            let question = question(
                "confirm",
                &format!("Delete {filename}?"),
                &json!({ "confirm": { "type": "boolean" } }),
            );
            ask(record, vec![question], |answers| {
                let confirmed = answers.get("confirm") == Some(&json!(true));
                format!("confirm_delete({filename}): confirmed = {confirmed}")
            })
        }
        Job::MultiInput {} => {
            let name = question(
                "name",
                "What is your name?",
                &json!({ "name": { "type": "string" } }),
            );
            let sure = question(
                "sure",
                "Are you sure?",
                &json!({ "confirm": { "type": "boolean" } }),
            );
            ask(record, vec![name, sure], |answers| {
                format!("multi_input: {}", Value::Object(answers))
            })
        }
    }
}

/// When the job ends by itself. Absent: it waits for answers.
pub(crate) fn end_ms(record: &Record) -> Option<u64> {
    let ms = match &record.job {
        Job::SlowCompute { seconds, .. } => {
            let duration = Duration::try_from_secs_f64(*seconds).unwrap_or_default();
            u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
        }
        Job::Failing {} => 1000,
        Job::ProtocolError {} | Job::TestToolWithTask { .. } => 200,
        Job::ConfirmDelete { .. } | Job::MultiInput {} => return None,
    };
    Some(record.started_ms.saturating_add(ms))
}

/// Takes the wish to stop into the record, where it can still be heard.
pub(crate) fn cancel(record: &mut Record, now: u64, reason: Option<String>) -> CancelAnswer {
    if matches!(at(record, now), Observation::Finished(_)) {
        return CancelAnswer::AlreadyFinished;
    }
    record.cancelled = Some(Cancelled { reason });
    CancelAnswer::Accepted
}

/// Takes an answer into the record. The first one to a question counts.
pub(crate) fn answer(record: &mut Record, key: &str, accepted: Option<Value>) {
    record.answers.entry(key.to_owned()).or_insert(accepted);
}

/// Waits for what has no answer, and is done with all that was said.
fn ask(
    record: &Record,
    mut questions: Vec<Question>,
    done: impl Fn(serde_json::Map<String, Value>) -> String,
) -> Observation {
    questions.retain(|question| !record.answers.contains_key(&question.key));
    if !questions.is_empty() {
        return Observation::InputRequired(questions);
    }
    let said = record
        .answers
        .values()
        .flatten()
        .filter_map(Value::as_object);
    completed(&done(
        said.flatten()
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect(),
    ))
}

fn question(key: &str, message: &str, properties: &Value) -> Question {
    Question {
        key: key.into(),
        message: message.into(),
        schema: json!({ "type": "object", "properties": properties }).to_string(),
    }
}

fn completed(text: &str) -> Observation {
    Observation::Finished(Outcome::Completed(json!(text).to_string()))
}

fn failed(message: &str, system: bool) -> Observation {
    Observation::Finished(Outcome::Failed(Failure {
        code: "conformance".into(),
        message: message.into(),
        retryable: false,
        system,
        detail: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_runs_until_its_end_and_is_done_then() {
        let record = record("slow_compute", r#"{"seconds":0.5,"label":"x"}"#);
        assert_eq!(at(&record, 1499), Observation::Running(None));
        assert_eq!(
            at(&record, 1500),
            completed("slow_compute(x) done after 0.5s")
        );
    }

    #[test]
    fn a_cancelled_job_stops_at_once_and_a_finished_one_does_not() {
        let mut record = record("slow_compute", "{}");
        let finished = cancel(&mut record.clone(), 2000, None);
        assert_eq!(finished, CancelAnswer::AlreadyFinished);
        assert_eq!(cancel(&mut record, 1999, None), CancelAnswer::Accepted);
        let cancelled = Observation::Finished(Outcome::Cancelled(None));
        assert_eq!(at(&record, 5000), cancelled);
    }

    #[test]
    fn each_answer_closes_its_question_and_the_last_one_the_task() {
        let mut record = record("multi_input", "{}");
        assert_eq!(open(&record), ["name", "sure"]);
        answer(&mut record, "name", Some(json!({ "name": "Ann" })));
        assert_eq!(open(&record), ["sure"]);
        answer(&mut record, "sure", None);
        assert_eq!(
            at(&record, 1000),
            completed(r#"multi_input: {"name":"Ann"}"#)
        );
    }

    fn open(record: &Record) -> Vec<String> {
        match at(record, 1000) {
            Observation::InputRequired(open) => open.into_iter().map(|one| one.key).collect(),
            other => panic!("{other:?}"),
        }
    }

    fn record(task: &str, arguments: &str) -> Record {
        Record::new(1000, Job::read(task, arguments).unwrap())
    }
}
