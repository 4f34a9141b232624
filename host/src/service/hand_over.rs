//! From an accepted task to one that a backend has.
//!
//! `start` is idempotent by id, so it is called until somebody knows what came of it: with a handle the
//! task is confirmed, with a definite no it has failed, and with anything else it is called again.
//!
//! A call may also end the instance that it was made in, and with it the calls of others. Then all of
//! them are suspects and are tried again one by one, so that the guilty one is known: a task whose
//! `start` ends an instance [`STRIKES`] times has failed.

use std::sync::Arc;
use std::time::Duration;

use super::Service;
use super::live::Live;
use super::start::REJECTED;
use crate::error::Explain as _;
use crate::plugin::{CallError, Health, Refusal, StartWork};
use crate::task::{Event, Failure, Outcome};

/// The first pause between two attempts; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause: how late a task may be when its backend is back.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How many instances the `start` of one task may end.
const STRIKES: u32 = 3;

impl Service {
    /// Calls `start` until there is an answer. Ends when the task is confirmed or over.
    pub(super) async fn hand_over(self, live: Arc<Live>) {
        let record = live.record();
        let Some(attached) = self.0.backends.get(&record.origin.backend).cloned() else {
            live.set_note(Some(format!(
                "its backend `{}` is not configured in this host",
                record.origin.backend
            )));
            return;
        };
        let start = StartWork {
            id: record.id(),
            task: record.origin.task.clone(),
            arguments: record.origin.arguments.clone(),
            deadline_ms: record.origin.deadline_ms,
            options: record.origin.options.clone(),
        };
        let mut pause = FIRST_PAUSE;
        let mut strikes = 0;
        loop {
            let alone = match strikes {
                0 => None,
                _ => Some(attached.suspects.lock().await),
            };
            let answer = attached.backend.start(start.clone()).await;
            drop(alone);
            match answer {
                Ok(handle) => {
                    live.set_note(None);
                    self.record(&live, Event::Submitted(handle)).await;
                    if live.record().cancel_requested() {
                        self.deliver_cancel(live).await;
                    }
                    return;
                }
                Err(error) if !error.is_transient() => {
                    self.record(&live, Event::Finished(Outcome::Failed(rejection(&error))))
                        .await;
                    return;
                }
                Err(error @ CallError::Gone { .. }) if strikes + 1 >= STRIKES => {
                    let outcome = Outcome::Failed(crashed(&error));
                    self.record(&live, Event::Finished(outcome)).await;
                    return;
                }
                Err(error) => {
                    strikes += u32::from(matches!(error, CallError::Gone { .. }));
                    live.set_note(Some(format!(
                        "not handed over yet: {error} [{}]",
                        error.code()
                    )));
                    tracing::warn!(task_id = start.id.stem(), code = %error.code(), "cannot hand over: {error}");
                    let wait = error.retry_ms().map_or(pause, |ms| {
                        Duration::from_millis(u64::from(ms)).clamp(FIRST_PAUSE, LONGEST_PAUSE)
                    });
                    let mut health = attached.backend.health();
                    tokio::select! {
                        () = tokio::time::sleep(wait) => pause = (pause * 2).min(LONGEST_PAUSE),
                        // A fresh instance: no reason to wait any longer.
                        () = reborn(&mut health) => pause = FIRST_PAUSE,
                        () = live.over() => return,
                    }
                }
            }
        }
    }
}

/// Resolves when there is another instance than now.
async fn reborn(health: &mut tokio::sync::watch::Receiver<Health>) {
    health.mark_unchanged();
    loop {
        if health.changed().await.is_err() {
            return std::future::pending().await;
        }
        if matches!(&*health.borrow_and_update(), Health::Ready { .. }) {
            return;
        }
    }
}

fn rejection(error: &CallError) -> Failure {
    let code = match error {
        CallError::Refused {
            kind:
                Refusal::InvalidInput | Refusal::UnknownTask | Refusal::Unsupported | Refusal::Denied,
            ..
        } => REJECTED,
        _ => "backend-defect",
    };
    Failure {
        code: code.to_owned(),
        message: format!("{error} [{}]", error.code()),
        retryable: false,
        system: true,
        detail: None,
    }
}

fn crashed(error: &CallError) -> Failure {
    Failure {
        code: "backend-crashed".to_owned(),
        message: format!(
            "starting it ended the backend {STRIKES} times, so it is not tried again and whether it ran is \
             not known: {error} [{}]",
            error.code()
        ),
        retryable: false,
        system: true,
        detail: None,
    }
}
