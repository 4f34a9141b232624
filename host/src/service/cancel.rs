//! A wish to stop a task, kept until it has been heard.
//!
//! The durable record of the wish is what counts; telling the backend only makes it come true sooner.
//! Nothing here ever says "cancelled": that is for whoever runs the work to say.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::audit::{self, Act};
use super::live::{ApplyError, Live};
use super::{Found, Service, internal};
use crate::error::{Code, Explain as _, Report};
use crate::plugin::{Caller, CancelAnswer, Snapshot, TaskError, Work};
use crate::task::{Cancel, Event, Open, Refused};

/// The first pause between two attempts; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause: how late a worker may hear of it that has just appeared.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Service {
    /// Records the wish, passes it on, and waits a moment for its effect. `None` is the operator.
    pub(super) async fn cancel_task(
        &self,
        caller: Option<&Caller>,
        id: &str,
        reason: Option<String>,
    ) -> Result<Snapshot, TaskError> {
        let cancelled = self.wish_to_cancel(caller, id, reason).await;
        audit::acted(caller, Act::Cancel, Some(id), &cancelled);
        cancelled
    }

    async fn wish_to_cancel(
        &self,
        caller: Option<&Caller>,
        id: &str,
        reason: Option<String>,
    ) -> Result<Snapshot, TaskError> {
        let live = match self.find(caller, id)? {
            Found::Stored(snapshot) => return Ok(snapshot),
            Found::Live(live) => live,
        };
        let origin = &live.record().origin;
        if !origin.cancellable {
            return Err(TaskError::Unsupported(Report::new(
                Code(714),
                format!("`{}` cannot be cancelled: it runs to its end", origin.task),
            )));
        }
        match live
            .apply(
                &*self.0.store,
                Event::CancelRequested(reason),
                self.now_ms(),
            )
            .await
        {
            Ok(_) | Err(ApplyError::Refused(Refused::Unchanged)) => {}
            Err(ApplyError::Refused(_)) => return Ok(live.snapshot()),
            Err(ApplyError::Store(error)) => return Err(internal(&error)),
        }
        self.spawn(self.clone().deliver_cancel(live.clone()));
        live.wait(self.0.settings.cancel, |record| record.state.is_done())
            .await;
        Ok(live.snapshot())
    }

    /// The client has taken back a call: the tasks that were to end with it are cancelled.
    pub fn abandon(&self, caller: &Caller) {
        for id in caller.bound.take() {
            let (service, caller) = (self.clone(), caller.clone());
            self.0.work.spawn(async move {
                let reason = "the client has taken back the call".to_owned();
                let text = id.to_string();
                if let Err(error) = service
                    .cancel_task(Some(&caller), &text, Some(reason))
                    .await
                {
                    tracing::warn!(task_id = id.stem(), "not cancelled with its call: {error}");
                }
            });
        }
    }

    /// Tells the backend until it has heard. Ends at once if somebody else is at it, or if the backend
    /// does not have the task yet: whoever hands it over comes here afterwards.
    pub(super) async fn deliver_cancel(self, live: Arc<Live>) {
        if live.delivering.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut pause = FIRST_PAUSE;
        while let Some((work, reason)) = undelivered(&live) {
            if self.tell(&live, &work, reason).await {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                () = live.over() => break,
            }
        }
        live.delivering.store(false, Ordering::Release);
    }

    /// One attempt. True: nothing is left to deliver.
    async fn tell(&self, live: &Arc<Live>, work: &Work, reason: Option<String>) -> bool {
        let Some(attached) = self.0.backends.get(&live.record().origin.backend).cloned() else {
            return true;
        };
        let note = match attached.backend.cancel(work, reason).await {
            Ok(CancelAnswer::Accepted) => None,
            Ok(CancelAnswer::AlreadyFinished) => {
                attached.mailbox.look_at(work.id);
                None
            }
            Ok(CancelAnswer::Unsupported) => {
                Some("whoever runs it cannot stop it: it runs to its end".to_owned())
            }
            Ok(CancelAnswer::NotDelivered) => {
                live.set_note(Some(
                    "nobody has heard the cancellation yet; it is repeated until somebody does"
                        .to_owned(),
                ));
                return false;
            }
            Err(error) if error.is_transient() => {
                live.set_note(Some(format!(
                    "the cancellation is repeated: {error} [{}]",
                    error.code()
                )));
                return false;
            }
            Err(error) => Some(format!(
                "the cancellation was refused: {error} [{}]",
                error.code()
            )),
        };
        live.set_note(note);
        self.record(live, Event::CancelHeard).await;
        true
    }
}

/// The wish that is still to be told, and how the backend knows the work.
fn undelivered(live: &Live) -> Option<(Work, Option<String>)> {
    let record = live.record();
    let Open {
        cancel: Cancel::Wished(reason),
        ..
    } = record.open()?
    else {
        return None;
    };
    let work = Work {
        id: record.id(),
        handle: record.handle()?.clone(),
    };
    Some((work, reason.clone()))
}
