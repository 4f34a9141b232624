//! How a run stands, in the words of the host.
//!
//! | run | host |
//! |---|---|
//! | waits for answers, and not for its end | questions |
//! | suspended, cancelled and not over, retrying | running, and its message says so |
//! | ended without its code, as failed | failed, and it is not the work's own verdict |

use serde_json::{Value, json};
use taskhost_sdk::{Failure, Observation, Outcome, Progress, Question};

use crate::entry::{End, Why};
use crate::ledger::{Activity, Ended, Ledger, Open};
use crate::run::{Run, Shown};
use crate::world::Session;

/// The host shows no more at once.
const QUESTIONS: usize = 100;

impl<S: Session> Run<S> {
    /// How it stands. `trouble`: why it does not go on, where that is none of its doing.
    pub(crate) fn observation(&self, trouble: Option<&str>) -> Observation {
        if let Some(ended) = self.ledger.ending() {
            let asked = self.ledger.cancelled();
            let reason = asked.and_then(|asked| asked.reason.clone());
            return outcome(ended, ended.reason.clone().or(reason)).into();
        }
        if trouble.is_none() && self.ledger.suspended().is_none() {
            let questions: Vec<_> = self.questions().take(QUESTIONS).collect();
            if !questions.is_empty() {
                return Observation::InputRequired(questions);
            }
        }
        Observation::Running(progress(&self.shown, &self.ledger, trouble))
    }

    fn questions(&self) -> impl Iterator<Item = Question> {
        self.ledger.asked().filter_map(|(seq, open)| match open {
            Open::Question {
                key,
                message,
                schema,
            } => Some(Question {
                key: self.question_key(seq, key),
                message: message.clone(),
                schema: schema.clone(),
            }),
            _ => None,
        })
    }
}

/// How a run ended, and why somebody wanted that.
pub(crate) fn outcome(ended: &Ended, reason: Option<String>) -> Outcome {
    match &ended.ending {
        End::Completed(result) => Outcome::Completed(result.clone()),
        End::Failed(why) => Outcome::Failed(failure(why, ended.terminated)),
        End::Cancelled => Outcome::Cancelled(reason),
        // It is never the end of a log.
        End::Continued(_) => Outcome::Completed("null".to_owned()),
    }
}

/// Why a run failed. `system`: it is not its own verdict.
pub(crate) fn failure(why: &Why, system: bool) -> Failure {
    let as_object = |detail: &String| match serde_json::from_str(detail) {
        Ok(Value::Object(_)) => Some(detail.clone()),
        Ok(other) => Some(json!({ "detail": other }).to_string()),
        Err(_) => None,
    };
    Failure {
        code: why.code.clone(),
        message: why.message.clone(),
        retryable: why.retryable,
        system,
        detail: why.detail.as_ref().and_then(as_object),
    }
}

fn progress(shown: &Shown, ledger: &Ledger, trouble: Option<&str>) -> Option<Progress> {
    let words = [
        trouble.map(str::to_owned),
        suspended(ledger),
        cancelling(ledger),
        retrying(ledger),
    ];
    let words = words
        .into_iter()
        .flatten()
        .reduce(|all, more| all + "; " + &more);
    let known = shown.progress.as_ref();
    let said = known.and_then(|progress| progress.message.clone());
    let message = match (said, words) {
        (Some(said), Some(words)) => Some(format!("{words} ({said})")),
        (said, words) => words.or(said),
    };
    if known.is_none() && message.is_none() && shown.status.is_none() {
        return None;
    }
    Some(Progress {
        current: known.map_or(0.0, |progress| progress.current),
        total: known.and_then(|progress| progress.total),
        message,
        detail: shown.status.clone(),
    })
}

fn suspended(ledger: &Ledger) -> Option<String> {
    let suspended = ledger.suspended()?;
    Some(with_reason("suspended", suspended.reason.as_deref()))
}

fn cancelling(ledger: &Ledger) -> Option<String> {
    let cancelled = ledger.cancelled()?;
    Some(with_reason("cancelling", cancelled.reason.as_deref()))
}

fn with_reason(word: &str, reason: Option<&str>) -> String {
    match reason {
        Some(reason) => format!("{word}: {reason}"),
        None => word.to_owned(),
    }
}

/// The first that is tried again, and how many more.
fn retrying(ledger: &Ledger) -> Option<String> {
    let mut all = ledger.failed();
    let (_, first) = all.next()?;
    let words = attempt(first);
    Some(match all.count() {
        0 => words,
        more => format!("{words}, and {more} more"),
    })
}

fn attempt(activity: &Activity) -> String {
    let Activity { name, attempt, .. } = activity;
    let of = match activity.attempts() {
        // Those that a crash has ended come on top.
        Some(most) if *attempt <= most => format!(" of {most}"),
        _ => String::new(),
    };
    let why = activity.why.as_deref().unwrap_or("a failure");
    format!("`{name}`: attempt {attempt}{of} after: {why}")
}
