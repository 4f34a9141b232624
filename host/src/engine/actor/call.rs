//! A call on its way to a component and back.
//!
//! ```text
//! caller ─room─▶ queue ─Turn─▶ instance ─▶ answer
//!           └ none: Busy   └ the caller was first: not made    └ none in time: abandoned
//! ```
//!
//! Whoever gets hold of a call first decides: the instance that takes it, or the caller who takes it back.
//! So a call that was not begun when its time was over is never begun.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot, watch};
use wasmtime::component::Accessor;

use super::{Health, World};
use crate::capability::bindings::host::types as wire;
use crate::capability::meter::Queued;
use crate::capability::{Guest, Meter};
use crate::config::limits::{Limits, WhenFull};
use crate::engine::abandoned::Abandoned;
use crate::engine::answer::CallError;
use crate::error::Report;

/// A cheap way to call a component. Dropping the last one stops it.
pub(crate) struct Handle<W> {
    pub(super) name: Arc<str>,
    pub(super) calls: mpsc::Sender<Call<W>>,
    pub(super) health: watch::Receiver<Health>,
    pub(super) limits: Arc<Limits>,
    pub(super) meter: Arc<Meter>,
}

impl<W> Clone for Handle<W> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            calls: self.calls.clone(),
            health: self.health.clone(),
            limits: self.limits.clone(),
            meter: self.meter.clone(),
        }
    }
}

/// One call, ready to be made inside the store. It carries its own way back.
pub(super) type Call<W> =
    Box<dyn for<'a> FnOnce(&'a Accessor<Guest>, &'a W, &'a Abandoned) -> BoxFuture<'a, ()> + Send>;

/// Who has got hold of a call first: the instance that takes it, or the caller who takes it back.
#[derive(Debug, Default)]
struct Turn(AtomicU8);

impl Turn {
    const OPEN: u8 = 0;
    const TAKEN: u8 = 1;
    const TAKEN_BACK: u8 = 2;

    /// The instance begins it. False: nobody wants it any more.
    fn take(&self) -> bool {
        self.decide(Self::TAKEN)
    }

    /// The caller leaves. False: it has begun.
    fn take_back(&self) -> bool {
        self.decide(Self::TAKEN_BACK)
    }

    fn decide(&self, to: u8) -> bool {
        self.0
            .compare_exchange(Self::OPEN, to, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

impl<W: World> Handle<W> {
    /// Calls the guest, or says why there is no answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer. A call that waits for the instance is not made then; one that
    /// was made goes on to its end.
    pub(crate) async fn call<R, F>(&self, function: &'static str, make: F) -> Result<R, CallError>
    where
        R: Send + 'static,
        F: for<'a> FnOnce(
                &'a Accessor<Guest>,
                &'a W,
            ) -> BoxFuture<'a, wasmtime::Result<Result<R, wire::Error>>>
            + Send
            + 'static,
    {
        let before = self.health.borrow().clone();
        if let Health::Broken { why } = &before {
            return Err(CallError::Broken {
                component: self.name.to_string(),
                why: Box::new(why.clone()),
            });
        }
        let began = Instant::now();
        let deadline = tokio::time::Instant::from_std(began + self.limits.call);
        let queued = Queued::in_meter(&self.meter);
        let room = self.room(deadline).await?;
        let (reply, answer) = oneshot::channel();
        let turn = Arc::new(Turn::default());
        room.send(self.prepared(make, deadline, reply, (turn.clone(), queued)));
        let answer = tokio::time::timeout_at(deadline, answer).await;
        self.meter.called(began.elapsed());
        match answer {
            Ok(Ok(Ok(result))) => Ok(result),
            Ok(Ok(Err(error))) => Err(CallError::from_wire(&self.name, error)),
            Ok(Err(_)) => Err(CallError::Gone {
                component: self.name.to_string(),
                why: self.last_words(&before).await.map(Box::new),
            }),
            Err(_) if turn.take_back() => Err(self.busy()),
            Err(_) => {
                self.meter.timed_out.add(1);
                Err(CallError::TimedOut {
                    component: self.name.to_string(),
                    function,
                    after: self.limits.call,
                })
            }
        }
    }

    /// A place in the queue.
    async fn room(
        &self,
        deadline: tokio::time::Instant,
    ) -> Result<mpsc::Permit<'_, Call<W>>, CallError> {
        match self.limits.when_full {
            WhenFull::Reject => self.calls.try_reserve().map_err(|error| match error {
                mpsc::error::TrySendError::Full(()) => self.busy(),
                mpsc::error::TrySendError::Closed(()) => CallError::Stopping,
            }),
            WhenFull::Wait => tokio::time::timeout_at(deadline, self.calls.reserve())
                .await
                .map_err(|_| self.busy())?
                .map_err(|_| CallError::Stopping),
        }
    }

    fn busy(&self) -> CallError {
        self.meter.busy.add(1);
        CallError::Busy {
            component: self.name.to_string(),
            retry_ms: None,
        }
    }

    /// The call that `make` makes, with all that is counted and watched.
    fn prepared<R, F>(
        &self,
        make: F,
        deadline: tokio::time::Instant,
        reply: oneshot::Sender<Result<R, wire::Error>>,
        (turn, queued): (Arc<Turn>, Queued),
    ) -> Call<W>
    where
        R: Send + 'static,
        F: for<'a> FnOnce(
                &'a Accessor<Guest>,
                &'a W,
            ) -> BoxFuture<'a, wasmtime::Result<Result<R, wire::Error>>>
            + Send
            + 'static,
    {
        let meter = self.meter.clone();
        Box::new(move |accessor, world, abandoned| {
            Box::pin(async move {
                drop(queued);
                if reply.is_closed() || !turn.take() {
                    return;
                }
                meter.calls.add(1);
                let _in_flight = meter.in_flight.hold();
                let mut answering = make(accessor, world);
                let in_time = tokio::time::timeout_at(deadline, &mut answering).await;
                let answer = if let Ok(answer) = in_time {
                    answer
                } else {
                    let _mark = abandoned.add();
                    let _abandoned = meter.abandoned.hold();
                    answering.await
                };
                // A trap needs no answer: it ends the store, and with it every reply.
                if let Ok(answer) = answer {
                    // The caller may have left. That is its business.
                    _ = reply.send(answer);
                }
            })
        })
    }

    /// What ended the instance that was there `before`. The reply is dropped a moment before the actor
    /// knows it.
    async fn last_words(&self, before: &Health) -> Option<Report> {
        let mut health = self.health.clone();
        let ended = health.wait_for(|now| {
            now != before && matches!(now, Health::Starting { .. } | Health::Broken { .. })
        });
        let now = tokio::time::timeout(LAST_WORDS, ended).await.ok()?.ok()?;
        match &*now {
            Health::Starting { after, .. } => after.clone(),
            Health::Broken { why } => Some(why.clone()),
            Health::Ready { .. } | Health::Stopped => None,
        }
    }

    /// How the component is, now and from now on.
    pub(crate) fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    /// What the component may use.
    pub(crate) fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }
}

/// How long a caller waits to learn what ended the instance that it had called.
const LAST_WORDS: Duration = Duration::from_secs(1);
