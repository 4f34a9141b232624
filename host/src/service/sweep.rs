//! What time does to tasks: a deadline ends a running one, retention removes a finished one.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Service;
use crate::error::Explain as _;
use crate::plugin::Work;
use crate::task::{Event, Failure, Outcome, Record};

/// How late a deadline may be.
const DEADLINES: Duration = Duration::from_secs(1);
/// How long a backend may take to hear of a deadline before the task ends without it.
const COURTESY: Duration = Duration::from_secs(5);
/// Every so many looks at deadlines there is one at retention.
const RETENTION_EVERY: u32 = 30;
/// Records removed at a time, so that a large clean-up does not hold up new tasks.
const REMOVED_AT_ONCE: usize = 500;

impl Service {
    /// Sweeps until the service ends.
    pub(super) async fn sweep(self) {
        let mut tick = tokio::time::interval(DEADLINES);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut turn = 0_u32;
        loop {
            tick.tick().await;
            self.end_overdue();
            if turn.is_multiple_of(RETENTION_EVERY) {
                self.remove_expired().await;
            }
            turn = turn.wrapping_add(1);
        }
    }

    /// Each by itself: a backend that does not answer holds up the ends of no other's tasks.
    fn end_overdue(&self) {
        let now = self.now_ms();
        let overdue: Vec<_> = self
            .live()
            .values()
            .filter(|live| {
                live.record()
                    .origin
                    .deadline_ms
                    .is_some_and(|deadline| deadline <= now)
            })
            .filter(|live| !live.ending.swap(true, Ordering::AcqRel))
            .cloned()
            .collect();
        for live in overdue {
            let record = live.record();
            let service = self.clone();
            // Ending it is one write and one message: neither may be left out because the host ends.
            self.0.work.spawn(async move {
                if tokio::time::timeout(COURTESY, service.reap(&record))
                    .await
                    .is_err()
                {
                    tracing::warn!(
                        task_id = record.id().stem(),
                        "its backend has not heard that its time is up"
                    );
                }
                let outcome = Outcome::Failed(overdue_failure(&record));
                service.record(&live, Event::Finished(outcome)).await;
                // Where the store has refused it, the next sweep tries again.
                live.ending.store(false, Ordering::Release);
            });
        }
    }

    /// Nobody wants the result any more: the backend is told once, as a courtesy.
    async fn reap(&self, record: &Record) {
        let (Some(attached), Some(handle)) =
            (self.0.backends.get(&record.origin.backend), record.handle())
        else {
            return;
        };
        let work = Work {
            id: record.id(),
            handle: handle.clone(),
        };
        if let Err(error) = attached
            .backend
            .cancel(&work, Some("its time is up".to_owned()))
            .await
        {
            tracing::warn!(task_id = work.id.stem(), code = %error.code(), "not stopped at its deadline: {error}");
        }
    }

    async fn remove_expired(&self) {
        loop {
            let expired = match self.0.store.expired(self.now_ms(), REMOVED_AT_ONCE) {
                Ok(expired) => expired,
                Err(error) => {
                    tracing::error!(code = %error.code(), "cannot look for expired tasks: {error}");
                    return;
                }
            };
            let all = expired.len();
            let removals = expired.into_iter().map(|id| self.0.store.remove(id));
            for removed in futures::future::join_all(removals).await {
                if let Err(error) = removed {
                    tracing::error!(code = %error.code(), "cannot remove an expired task: {error}");
                    return;
                }
            }
            if all < REMOVED_AT_ONCE {
                return;
            }
        }
    }
}

fn overdue_failure(record: &Record) -> Failure {
    let allowed = record.origin.deadline_ms.map_or(0, |deadline| {
        deadline.saturating_sub(record.origin.created_ms)
    });
    Failure {
        code: "timeout".to_owned(),
        message: format!(
            "it was not over after {} s, which is its time limit",
            allowed.div_ceil(1000)
        ),
        retryable: true,
        system: true,
        detail: None,
    }
}
