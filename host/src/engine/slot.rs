//! The place of one configured component, in which one build of it follows another.
//!
//! ```text
//! replace ─▶ the new one is started beside the old ─▶ ready ─▶ swap ─▶ the old one drains ─▶ joined
//!                                                  └─▶ not ready in time, broken: it goes, nothing has changed
//! ```
//!
//! **A call belongs to the generation that it was made to.** Each call takes a handle of its own and keeps it
//! until there is an answer, and an actor ends only when there is no handle left: so no call ever finds the
//! door closed, and a swap fails none. What still runs when the time of a call is over has nobody waiting
//! for it, and is ended.
//!
//! **Watchers see one component.** Its health goes on over swaps, told by the incumbent alone: how a
//! generation fares that drains concerns nobody. A swap looks like a restart: `Ready`, with a generation that
//! is higher.
//!
//! **Cost:** two instances while a build is replaced, each with its thread, and a task for each.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use wasmtime::component::Accessor;

use super::actor::{self, Blueprint, Handle, Health, World};
use super::answer::CallError;
use super::load::LoadError;
use crate::capability::bindings::host::types as wire;
use crate::capability::{Guest, Meter};
use crate::config::limits::Limits;
use crate::error::Report;

/// Where a component is called, whichever build of it is there. Cheap to clone; dropping the last one stops
/// it.
pub(crate) struct Slot<W: World>(Arc<Place<W>>);

impl<W: World> Clone for Slot<W> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Place<W: World> {
    name: Arc<str>,
    incumbent: Mutex<Incumbent<W>>,
    /// Held while the incumbent is replaced: by one at a time.
    turn: tokio::sync::Mutex<()>,
    told: Arc<Told>,
    generations: Arc<AtomicU64>,
    meter: Arc<Meter>,
    /// Whoever accompanies a generation to its end.
    keepers: TaskTracker,
    stop: CancellationToken,
    _gone: DropGuard,
}

/// The build that new calls go to.
struct Incumbent<W: World> {
    handle: Handle<W>,
    /// Dropped with it: it is one no more.
    _retired: DropGuard,
}

/// What watchers see.
struct Told {
    health: watch::Sender<Health>,
    /// Who may tell it. Changed and read under the lock of `health`, so that no word of an old incumbent comes
    /// after the first of the new one.
    teller: AtomicU64,
}

impl<W: World> Slot<W> {
    /// Starts the first build. The caller joins the task, which ends when all that ever ran here has: after
    /// `stop`, or when nobody holds the slot any more.
    pub(super) fn start(
        blueprint: Blueprint<W>,
        stop: CancellationToken,
    ) -> (Self, JoinHandle<()>) {
        let gone = CancellationToken::new();
        let keepers = TaskTracker::new();
        let name = blueprint.name.clone();
        let generations = blueprint.generations.clone();
        let meter = blueprint.ports.meter.clone();
        let told = Arc::new(Told {
            health: watch::Sender::new(Health::Starting {
                ended: 0,
                after: None,
            }),
            teller: AtomicU64::new(FIRST),
        });
        let fresh = Fresh::start(blueprint, &stop);
        let (incumbent, retired) = fresh.incumbent();
        keepers.spawn(fresh.keep(told.clone(), FIRST, retired));
        let slot = Self(Arc::new(Place {
            name,
            incumbent: Mutex::new(incumbent),
            turn: tokio::sync::Mutex::default(),
            told,
            generations,
            meter,
            keepers: keepers.clone(),
            stop: stop.clone(),
            _gone: gone.clone().drop_guard(),
        }));
        let ended = tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = gone.cancelled() => {}
            }
            keepers.close();
            keepers.wait().await;
        });
        (slot, ended)
    }

    /// Calls whoever is there now. See [`Handle::call`].
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
        // A handle of its own: whatever becomes of the slot meanwhile, this call is answered.
        let handle = self.incumbent().handle.clone();
        handle.call(function, make).await
    }

    /// Configured name of the component.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.0.name
    }

    /// How the component is, now and from now on.
    pub(crate) fn health(&self) -> watch::Receiver<Health> {
        self.0.told.health.subscribe()
    }

    /// What it may use now.
    pub(crate) fn limits(&self) -> Arc<Limits> {
        self.incumbent().handle.limits().clone()
    }

    /// What it has used, over all builds.
    pub(crate) fn meter(&self) -> &Arc<Meter> {
        &self.0.meter
    }

    /// Counts the instances of this place, for the blueprint of a build that is to be put here.
    pub(super) fn generations(&self) -> Arc<AtomicU64> {
        self.0.generations.clone()
    }

    /// Starts `blueprint`, and gives it the place when it is ready; the one that was there drains. Returns its
    /// generation, or why it was not ready: then all is as it was.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the end, the place keeps whom it has, and the new build goes by itself.
    pub(super) async fn replace(&self, blueprint: Blueprint<W>) -> Result<u64, Report> {
        let _turn = self.0.turn.lock().await;
        let fresh = Fresh::start(blueprint, &self.0.stop);
        let generation = match fresh.proven().await {
            Ok(generation) => generation,
            Err(report) => {
                fresh.end().await;
                return Err(report);
            }
        };
        let (incumbent, retired) = fresh.incumbent();
        let old = std::mem::replace(&mut *self.incumbent(), incumbent);
        // After the swap: whoever hears of the new one finds it in place.
        let told = &self.0.told;
        let teller = told.hand_over(Health::Ready { generation });
        (self.0.keepers).spawn(fresh.keep(told.clone(), teller, retired));
        drop(old);
        Ok(generation)
    }

    fn incumbent(&self) -> std::sync::MutexGuard<'_, Incumbent<W>> {
        (self.0.incumbent.lock()).unwrap_or_else(PoisonError::into_inner)
    }
}

/// A build that has been started, and that nobody calls yet.
struct Fresh<W: World> {
    handle: Handle<W>,
    task: JoinHandle<()>,
    stop: CancellationToken,
    /// How long a call may take, and so how long it may drain.
    call: Duration,
}

impl<W: World> Fresh<W> {
    fn start(blueprint: Blueprint<W>, stop: &CancellationToken) -> Self {
        let stop = stop.child_token();
        let call = blueprint.ports.limits.call;
        let (handle, task) = actor::spawn(blueprint, stop.clone());
        Self {
            handle,
            task,
            stop,
            call,
        }
    }

    /// Its generation once it is ready, or why its first instance was not.
    async fn proven(&self) -> Result<u64, Report> {
        let mut health = self.handle.health();
        loop {
            match &*health.borrow_and_update() {
                Health::Ready { generation } => return Ok(*generation),
                Health::Starting { after: None, .. } => {}
                Health::Starting {
                    after: Some(why), ..
                }
                | Health::Broken { why } => return Err(why.clone()),
                Health::Stopped => return Err(self.not_run()),
            }
            if health.changed().await.is_err() {
                return Err(self.not_run());
            }
        }
    }

    /// Why it has stopped before it was ready.
    fn not_run(&self) -> Report {
        if self.stop.is_cancelled() {
            Report::from(&CallError::Stopping)
        } else {
            Report::from(&LoadError::no_thread("init"))
        }
    }

    async fn end(self) {
        self.stop.cancel();
        _ = self.task.await;
    }

    /// What calls it from now on, and what tells that nothing does any more.
    fn incumbent(&self) -> (Incumbent<W>, CancellationToken) {
        let retired = CancellationToken::new();
        let incumbent = Incumbent {
            handle: self.handle.clone(),
            _retired: retired.clone().drop_guard(),
        };
        (incumbent, retired)
    }

    /// Accompanies it to its end, and tells its health until it is `retired`.
    async fn keep(self, told: Arc<Told>, teller: u64, retired: CancellationToken) {
        let health = self.handle.health();
        // Its own: what holds it open are the handles of callers.
        drop(self.handle);
        told.follow(teller, health, &retired).await;
        drain(self.task, &self.stop, self.call).await;
    }
}

/// The name of the first build among those that tell.
const FIRST: u64 = 0;

impl Told {
    /// From now on it is somebody else who tells, and this is its first word. Returns its name.
    fn hand_over(&self, first: Health) -> u64 {
        let mut teller = FIRST;
        self.health.send_modify(|health| {
            teller = self.teller.fetch_add(1, Ordering::Relaxed) + 1;
            *health = first;
        });
        teller
    }

    /// Tells what `from` says until its sender is gone, or `until`.
    async fn follow(
        &self,
        teller: u64,
        mut from: watch::Receiver<Health>,
        until: &CancellationToken,
    ) {
        loop {
            let said = from.borrow_and_update().clone();
            self.health.send_if_modified(|health| {
                let is_news = self.teller.load(Ordering::Relaxed) == teller && *health != said;
                if is_news {
                    *health = said;
                }
                is_news
            });
            tokio::select! {
                biased;
                () = until.cancelled() => return,
                changed = from.changed() => if changed.is_err() { return },
            }
        }
    }
}

/// Joins an actor whose last callers have left, or are about to.
async fn drain(mut task: JoinHandle<()>, stop: &CancellationToken, longest: Duration) {
    if tokio::time::timeout(longest, &mut task).await.is_err() {
        tracing::debug!("calls that nobody waits for have ended with their instance");
        stop.cancel();
        _ = task.await;
    }
}
