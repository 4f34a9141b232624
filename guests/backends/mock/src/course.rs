//! The course of a task, as a pure function of its record and the time.
//!
//! **Invariant:** nothing here reads a clock or writes anything. The same record gives the same
//! answer in every instance, which is what makes a restart harmless.
//!
//! **Invariant:** every course ends: an unanswered question fails after [`WEEK_MS`]. So a record
//! whose release was lost can be told from one that is alive.
//!
//! **Invariant:** `next_ms` is later than the moment that was asked about, so a watcher that sleeps
//! until then makes progress.

use serde_json::{Value, json};
use taskhost_sdk::{CancelAnswer, Failure, Observation, Outcome, Progress, Question};

use crate::record::{Answer, Cancel, Record, Said};
use crate::script::Script;

/// How long a question stays open, and how long the record of a finished task may wait for its
/// release. A host that was switched off over a holiday still finds its results.
pub(crate) const WEEK_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// The key of the one question that `ask` has.
pub(crate) const QUESTION: &str = "answer";

/// A task at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moment {
    pub(crate) observation: Observation,
    /// When it will next look different by itself. Absent: it is over.
    pub(crate) next_ms: Option<u64>,
}

impl Moment {
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.observation, Observation::Finished(_))
    }
}

/// How the task stands at `now`.
pub(crate) fn at(record: &Record, now: u64) -> Moment {
    let moment = undisturbed(record, now);
    let Some(cancel) = &record.cancel else {
        return moment;
    };
    let stop_ms = cancel.at_ms.saturating_add(record.script.grace_ms());
    if now < stop_ms {
        return Moment {
            next_ms: moment.next_ms.map(|next| next.min(stop_ms)),
            ..moment
        };
    }
    // What was over before it could stop has won the race, and stays what it was.
    if undisturbed(record, stop_ms).is_over() {
        return moment;
    }
    over(Outcome::Cancelled(cancel.reason.clone()))
}

/// The lines it prints after `after` and not later than `until`.
pub(crate) fn lines(record: &Record, after: u64, until: u64) -> Vec<String> {
    let (lines, every_ms, word) = match record.script {
        Script::Count { steps, step_ms } => (steps, step_ms, "step"),
        Script::Chatty { lines, every_ms } => (lines, every_ms, "line"),
        _ => return Vec::new(),
    };
    let until = record
        .cancel
        .as_ref()
        .map_or(until, |cancel| until.min(cancel.at_ms));
    let passed = |now: u64| now.saturating_sub(record.started_ms) / every_ms.max(1);
    (passed(after).saturating_add(1)..=passed(until).min(lines))
        .map(|line| format!("{word} {line} of {lines}"))
        .collect()
}

/// Takes the wish to stop into the record, where it can still be heard.
pub(crate) fn cancel(record: &mut Record, now: u64, reason: Option<String>) -> CancelAnswer {
    if at(record, now).is_over() {
        return CancelAnswer::AlreadyFinished;
    }
    if !record.script.is_cancellable() {
        return CancelAnswer::Unsupported;
    }
    // The first wish counts: the host repeats itself, and a grace must not start anew.
    record.cancel.get_or_insert(Cancel { at_ms: now, reason });
    CancelAnswer::Accepted
}

/// Takes an answer into the record, and says whether it was one to an open question.
pub(crate) fn answer(record: &mut Record, now: u64, key: &str, said: Said) -> bool {
    let open = matches!(at(record, now).observation, Observation::InputRequired(_));
    if !open || key != QUESTION {
        return false;
    }
    record.answer = Some(Answer { at_ms: now, said });
    true
}

/// True when it has been over for so long that nobody will come for it.
pub(crate) fn is_abandoned(record: &Record, now: u64) -> bool {
    let then = now.saturating_sub(WEEK_MS);
    record.started_ms <= then && at(record, then).is_over()
}

/// How it would stand had nobody asked it to stop.
fn undisturbed(record: &Record, now: u64) -> Moment {
    let started_ms = record.started_ms;
    // For the tasks that only take their time.
    let after = |ms: u64, outcome: Outcome| {
        let end_ms = started_ms.saturating_add(ms);
        if now >= end_ms {
            over(outcome)
        } else {
            until(end_ms, Observation::Running(None))
        }
    };
    match &record.script {
        Script::Count { steps, step_ms } => count(started_ms, *steps, *step_ms, now),
        Script::Sleep { ms } => after(*ms, completed(&json!({ "slept_ms": ms }))),
        Script::Echo { value } => over(completed(value)),
        Script::Fail {
            code,
            message,
            after_ms,
            retryable,
            system,
        } => after(
            *after_ms,
            Outcome::Failed(Failure {
                code: code.clone(),
                message: message.clone(),
                retryable: *retryable,
                system: *system,
                detail: None,
            }),
        ),
        Script::Retry { attempts, delay_ms } => retry(started_ms, *attempts, *delay_ms, now),
        Script::Stubborn { ms, .. } | Script::Uncancellable { ms } => {
            after(*ms, completed(&json!({ "ran_ms": ms })))
        }
        Script::Ask { question, schema } => ask(record, question, schema, now),
        Script::Chatty { lines, every_ms } => chatty(started_ms, *lines, *every_ms, now),
        Script::Large { kib } => {
            // What the schema lets through fits into memory many times over.
            let length = usize::try_from(kib.saturating_mul(1024)).unwrap_or_default();
            over(completed(&"x".repeat(length).into()))
        }
        // Half a second more than the panic takes to come, so that the instance that follows finds
        // the task running, and sees it to its end.
        Script::Trap { after_ms, .. } => after(
            after_ms.saturating_add(500),
            completed(&json!({ "survived": true })),
        ),
        Script::Spin {} => over(completed(&Value::Null)),
        Script::Hog { mib } => over(completed(&json!({ "allocated_mib": mib }))),
        Script::Rubbish {} => over(Outcome::Completed("this is not JSON".into())),
    }
}

fn count(started_ms: u64, steps: u64, step_ms: u64, now: u64) -> Moment {
    let step_ms = step_ms.max(1);
    let done = now.saturating_sub(started_ms) / step_ms;
    if done >= steps {
        return over(completed(&json!({ "counted": steps })));
    }
    until(
        started_ms.saturating_add((done + 1).saturating_mul(step_ms)),
        Observation::Running(Some(Progress {
            current: float(done),
            total: Some(float(steps)),
            message: Some(format!("{done} of {steps} steps")),
            detail: None,
        })),
    )
}

fn chatty(started_ms: u64, lines: u64, every_ms: u64, now: u64) -> Moment {
    let every_ms = every_ms.max(1);
    let printed = now.saturating_sub(started_ms) / every_ms;
    if printed >= lines {
        return over(completed(&json!({ "printed": lines })));
    }
    until(
        started_ms.saturating_add((printed + 1).saturating_mul(every_ms)),
        Observation::Running(None),
    )
}

/// Each attempt fails as soon as it begins, so all the time goes into waiting for the next one.
fn retry(started_ms: u64, attempts: u64, delay_ms: u64, now: u64) -> Moment {
    let delay_ms = delay_ms.max(1);
    let attempt = now.saturating_sub(started_ms) / delay_ms + 1;
    if attempt > attempts {
        return over(completed(&json!({ "attempts": attempts })));
    }
    until(
        started_ms.saturating_add(attempt.saturating_mul(delay_ms)),
        Observation::Retrying(Failure {
            code: "MockFailure".into(),
            message: format!("attempt {attempt} failed, as it was told to"),
            retryable: true,
            system: false,
            detail: Some(json!({ "attempt": attempt, "delay_ms": delay_ms }).to_string()),
        }),
    )
}

fn ask(record: &Record, question: &str, schema: &Value, now: u64) -> Moment {
    if let Some(answer) = record.answer.as_ref().filter(|answer| now >= answer.at_ms) {
        return over(match &answer.said {
            Said::Response(response) => completed(response),
            Said::Declined {} => unanswered("declined", "the question was declined"),
            Said::Dismissed {} => unanswered("dismissed", "the question was dismissed"),
        });
    }
    let end_ms = record.started_ms.saturating_add(WEEK_MS);
    if now >= end_ms {
        return over(unanswered(
            "unanswered",
            "nobody answered the question within a week",
        ));
    }
    until(
        end_ms,
        Observation::InputRequired(vec![Question {
            key: QUESTION.into(),
            message: question.into(),
            schema: schema.to_string(),
        }]),
    )
}

/// Another start asks once more, so trying again may help.
fn unanswered(code: &str, message: &str) -> Outcome {
    Outcome::Failed(Failure {
        code: code.into(),
        message: message.into(),
        retryable: true,
        system: false,
        detail: None,
    })
}

fn until(next_ms: u64, observation: Observation) -> Moment {
    Moment {
        observation,
        next_ms: Some(next_ms),
    }
}

fn over(outcome: Outcome) -> Moment {
    Moment {
        observation: Observation::Finished(outcome),
        next_ms: None,
    }
}

fn completed(value: &Value) -> Outcome {
    Outcome::Completed(value.to_string())
}

/// Exact for all that the schemas let through.
fn float(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: u64 = 1_000_000;

    #[test]
    fn count_shows_each_step_and_then_its_result() {
        let record = task("count", r#"{"steps":3,"step_ms":100}"#);
        let first = at(&record, BEGIN);
        assert_eq!(progress(&first), Some((0.0, Some(3.0))));
        assert_eq!(first.next_ms, Some(BEGIN + 100));
        assert_eq!(progress(&at(&record, BEGIN + 299)), Some((2.0, Some(3.0))));
        assert_eq!(result(&at(&record, BEGIN + 300)), Some(r#"{"counted":3}"#));
    }

    #[test]
    fn each_step_is_printed_once_however_late_the_watcher_wakes() {
        let record = task("count", r#"{"steps":3,"step_ms":100}"#);
        assert_eq!(lines(&record, BEGIN, BEGIN + 99), Vec::<String>::new());
        assert_eq!(lines(&record, BEGIN + 99, BEGIN + 100), ["step 1 of 3"]);
        assert_eq!(
            lines(&record, BEGIN + 100, BEGIN + 9000),
            ["step 2 of 3", "step 3 of 3"]
        );
    }

    #[test]
    fn nothing_is_printed_after_the_cancellation() {
        let mut record = task("count", r#"{"steps":3,"step_ms":100}"#);
        cancel(&mut record, BEGIN + 150, None);
        assert_eq!(lines(&record, BEGIN, BEGIN + 9000), ["step 1 of 3"]);
    }

    #[test]
    fn echo_completes_at_once_with_null_too() {
        let record = task("echo", r#"{"value":null}"#);
        assert_eq!(result(&at(&record, BEGIN)), Some("null"));
    }

    #[test]
    fn fail_fails_as_it_was_told() {
        let record = task(
            "fail",
            r#"{"code":"Kaput","message":"no","after_ms":10,"retryable":true}"#,
        );
        assert_eq!(
            at(&record, BEGIN + 9).observation,
            Observation::Running(None)
        );
        let Observation::Finished(Outcome::Failed(failure)) = at(&record, BEGIN + 10).observation
        else {
            panic!("it did not fail");
        };
        assert_eq!(
            (
                failure.code.as_str(),
                failure.message.as_str(),
                failure.retryable
            ),
            ("Kaput", "no", true)
        );
    }

    #[test]
    fn retry_shows_every_failed_attempt_and_then_succeeds() {
        let record = task("retry", r#"{"attempts":2,"delay_ms":100}"#);
        for (now, attempt) in [(BEGIN, "attempt 1"), (BEGIN + 100, "attempt 2")] {
            let Observation::Retrying(cause) = at(&record, now).observation else {
                panic!("it does not retry at {now}");
            };
            assert!(cause.message.starts_with(attempt), "{}", cause.message);
        }
        assert_eq!(result(&at(&record, BEGIN + 200)), Some(r#"{"attempts":2}"#));
    }

    #[test]
    fn most_tasks_stop_as_soon_as_they_are_asked() {
        let mut record = task("sleep", "{}");
        let answer = cancel(&mut record, BEGIN + 5, Some("enough".into()));
        assert_eq!(answer, CancelAnswer::Accepted);
        assert_eq!(
            at(&record, BEGIN + 5),
            over(Outcome::Cancelled(Some("enough".into())))
        );
    }

    #[test]
    fn stubborn_runs_on_for_its_grace() {
        let mut record = task("stubborn", r#"{"ms":10000,"grace_ms":100}"#);
        cancel(&mut record, BEGIN + 50, None);
        let after = at(&record, BEGIN + 50);
        assert_eq!(after.observation, Observation::Running(None));
        assert_eq!(after.next_ms, Some(BEGIN + 150));
        assert_eq!(at(&record, BEGIN + 150), over(Outcome::Cancelled(None)));
    }

    #[test]
    fn a_second_wish_does_not_prolong_the_grace() {
        let mut record = task("stubborn", r#"{"ms":10000,"grace_ms":100}"#);
        cancel(&mut record, BEGIN, None);
        cancel(&mut record, BEGIN + 90, Some("again".into()));
        assert_eq!(at(&record, BEGIN + 100), over(Outcome::Cancelled(None)));
    }

    #[test]
    fn what_ends_within_its_grace_has_completed() {
        let mut record = task("stubborn", r#"{"ms":100,"grace_ms":1000}"#);
        cancel(&mut record, BEGIN + 50, None);
        assert_eq!(
            result(&at(&record, BEGIN + 5000)),
            Some(r#"{"ran_ms":100}"#)
        );
    }

    #[test]
    fn a_late_cancellation_changes_nothing() {
        let mut record = task("sleep", r#"{"ms":10}"#);
        let before = record.clone();
        let answer = cancel(&mut record, BEGIN + 10, None);
        assert_eq!((answer, record), (CancelAnswer::AlreadyFinished, before));
    }

    #[test]
    fn uncancellable_says_so_and_goes_on() {
        let mut record = task("uncancellable", r#"{"ms":10}"#);
        let answer = cancel(&mut record, BEGIN, None);
        assert_eq!(answer, CancelAnswer::Unsupported);
        assert_eq!(result(&at(&record, BEGIN + 10)), Some(r#"{"ran_ms":10}"#));
    }

    #[test]
    fn ask_completes_with_the_first_answer_to_its_question() {
        let mut record = task("ask", r#"{"question":"which?"}"#);
        let Observation::InputRequired(questions) = at(&record, BEGIN).observation else {
            panic!("it does not ask");
        };
        assert_eq!(questions[0].message, "which?");
        let response = |text| Said::Response(json!(text));
        assert!(!answer(&mut record, BEGIN, "other", response("no")));
        assert!(answer(&mut record, BEGIN + 1, QUESTION, response("this")));
        assert!(!answer(&mut record, BEGIN + 2, QUESTION, response("that")));
        assert_eq!(result(&at(&record, BEGIN + 1)), Some(r#""this""#));
    }

    #[test]
    fn ask_fails_when_nobody_wants_to_answer() {
        for (said, code) in [
            (Said::Declined {}, "declined"),
            (Said::Dismissed {}, "dismissed"),
        ] {
            let mut record = task("ask", "{}");
            assert!(answer(&mut record, BEGIN, QUESTION, said));
            let Observation::Finished(Outcome::Failed(failure)) = at(&record, BEGIN).observation
            else {
                panic!("it did not fail");
            };
            assert_eq!(failure.code, code);
        }
    }

    #[test]
    fn chatty_prints_and_shows_nothing_else() {
        let record = task("chatty", r#"{"lines":2,"every_ms":100}"#);
        assert_eq!(
            at(&record, BEGIN + 100).observation,
            Observation::Running(None)
        );
        assert_eq!(
            lines(&record, BEGIN, BEGIN + 500),
            ["line 1 of 2", "line 2 of 2"]
        );
        assert_eq!(result(&at(&record, BEGIN + 200)), Some(r#"{"printed":2}"#));
    }

    #[test]
    fn large_is_as_long_as_it_was_told() {
        let record = task("large", r#"{"kib":2}"#);
        assert_eq!(
            result(&at(&record, BEGIN)).map(str::len),
            Some(2 * 1024 + 2)
        );
    }

    #[test]
    fn a_question_does_not_stay_open_for_ever() {
        let record = task("ask", "{}");
        let Observation::Finished(Outcome::Failed(failure)) =
            at(&record, BEGIN + WEEK_MS).observation
        else {
            panic!("it is still open");
        };
        assert_eq!(failure.code, "unanswered");
    }

    #[test]
    fn a_record_is_abandoned_a_week_after_its_end_and_not_before() {
        let record = task("sleep", r#"{"ms":1000}"#);
        assert!(!is_abandoned(&record, BEGIN));
        assert!(!is_abandoned(&record, BEGIN + 999 + WEEK_MS));
        assert!(is_abandoned(&record, BEGIN + 1000 + WEEK_MS));
    }

    #[test]
    fn a_fresh_record_is_not_abandoned_because_it_is_over_at_once() {
        let record = task("echo", r#"{"value":1}"#);
        assert!(!is_abandoned(&record, BEGIN + 1));
    }

    #[test]
    fn every_course_moves_forward_and_ends() {
        for definition in crate::catalogue::definitions(true) {
            let arguments = match definition.name.as_str() {
                "echo" => r#"{"value":1}"#,
                _ => "{}",
            };
            let mut record = task(&definition.name, arguments);
            for cancelled in [false, true] {
                if cancelled {
                    cancel(&mut record, BEGIN, None);
                }
                let (mut now, mut changes) = (BEGIN, 0);
                while let Some(next_ms) = at(&record, now).next_ms {
                    assert!(next_ms > now, "{} stands still", definition.name);
                    (now, changes) = (next_ms, changes + 1);
                    assert!(changes < 100, "{} never ends", definition.name);
                }
                assert!(at(&record, now).is_over(), "{}", definition.name);
                assert!(at(&record, u64::MAX).is_over(), "{}", definition.name);
            }
        }
    }

    fn task(name: &str, arguments: &str) -> Record {
        Record::new(BEGIN, Script::read(name, arguments).unwrap())
    }

    fn progress(moment: &Moment) -> Option<(f64, Option<f64>)> {
        match &moment.observation {
            Observation::Running(Some(progress)) => Some((progress.current, progress.total)),
            _ => None,
        }
    }

    fn result(moment: &Moment) -> Option<&str> {
        match &moment.observation {
            Observation::Finished(Outcome::Completed(result)) => Some(result),
            _ => None,
        }
    }
}
