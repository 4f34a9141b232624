//! One component at work: its instance, owned by one tokio task, and replaced when it dies.
//!
//! A Wasm store cannot be shared, so nobody else ever holds it: callers hold a [`Handle`] and send
//! calls down a bounded channel. A full channel is an answer ([`CallError::Busy`]), not a wait, because
//! the caller is often a client's request and the client can repeat it; unless the operator wants them to
//! wait (`when-full`). The actor runs on a thread of its own ([`super::alone`]).
//!
//! ```text
//! Starting ─init─▶ Ready(generation) ─trap, loop, silence─▶ back-off ─▶ Starting
//!                                         └─ restart budget used up ─▶ Broken ─rest─▶ Starting
//! ```
//!
//! A trap ends every call in flight ([`CallError::Gone`]); who made them decides what to repeat. Two
//! watchdogs look from outside: guest code that does not come back is interrupted by the epoch, and an
//! instance that is silent in a blocking wait is dropped. A third looks at calls that nobody waits for any
//! more ([`super::abandoned`]).

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wasmtime::Store;
use wasmtime::component::{Accessor, Component, Linker};

use super::abandoned::{Abandoned, TooMany};
use super::alone::alone;
use super::answer::CallError;
use super::component::Kind;
use super::stderr::Stderr;
use super::watchdog::{self, Pulse, silent};
use super::{Engine, trap};
use crate::capability::bindings::host::types as wire;
use crate::capability::meter::Queued;
use crate::capability::{Guest, Meter, Ports};
use crate::config::limits::{Limits, WhenFull};
use crate::error::{Code, Report};

/// The world of one kind of component, as the actor needs it.
pub trait World: Sized + Send + Sync + 'static {
    /// Linked, and ready to be instantiated.
    type Linked: Clone + Send + Sync + 'static;

    /// What a component of this world is.
    const KIND: Kind;

    /// Adds what this world imports to `linker`, and links `code`.
    fn link(linker: Linker<Guest>, code: &Component) -> wasmtime::Result<Self::Linked>;

    /// A fresh instance in `store`.
    fn instantiate(
        linked: &Self::Linked,
        store: &mut Store<Guest>,
    ) -> impl Future<Output = wasmtime::Result<Self>> + Send;

    /// Who it says it is.
    fn describe<'a>(
        &'a self,
        accessor: &'a Accessor<Guest>,
    ) -> BoxFuture<'a, wasmtime::Result<wire::PluginInfo>>;

    /// Its first call.
    fn init<'a>(
        &'a self,
        accessor: &'a Accessor<Guest>,
        config: &'a str,
    ) -> BoxFuture<'a, wasmtime::Result<Result<(), wire::Error>>>;
}

/// How a component is.
#[derive(Clone, Debug, PartialEq)]
pub enum Health {
    /// Being instantiated.
    Starting {
        /// How many instances have ended.
        ended: u64,
        /// What ended the last of them.
        after: Option<Report>,
    },
    /// At work. The generation rises with each instance.
    Ready {
        /// Which instance this is, counted from 1.
        generation: u64,
    },
    /// It refused its configuration, or used up its restarts. It is tried again after a rest.
    Broken {
        /// What ended it last.
        why: Report,
    },
    /// The host is going down.
    Stopped,
}

/// A cheap way to call a component. Dropping the last one stops it.
pub(crate) struct Handle<W> {
    name: Arc<str>,
    calls: mpsc::Sender<Call<W>>,
    health: watch::Receiver<Health>,
    limits: Arc<Limits>,
    meter: Arc<Meter>,
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
type Call<W> =
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

/// What an actor needs to make instances.
pub(crate) struct Blueprint<W: World> {
    /// Configured name of the component.
    pub(crate) name: Arc<str>,
    /// The engine, whose epoch must tick as long as the actor lives.
    pub(crate) engine: Engine,
    /// Linked component.
    pub(crate) linked: W::Linked,
    /// Its ways out.
    pub(crate) ports: Ports,
    /// What `init` is given.
    pub(crate) config: String,
    /// How many instances there have been of whatever has this name: those of other blueprints count.
    pub(crate) generations: Arc<AtomicU64>,
}

/// Starts the actor. The caller owns and joins it; `stop` ends it.
pub(crate) fn spawn<W: World>(
    blueprint: Blueprint<W>,
    stop: CancellationToken,
) -> (Handle<W>, JoinHandle<()>) {
    let (calls, inbox) = mpsc::channel(blueprint.ports.limits.queue);
    let (health, watcher) = watch::channel(Health::Starting {
        ended: 0,
        after: None,
    });
    let handle = Handle {
        name: blueprint.name.clone(),
        calls,
        health: watcher,
        limits: Arc::new(blueprint.ports.limits.clone()),
        meter: blueprint.ports.meter.clone(),
    };
    let actor = Actor {
        blueprint,
        inbox,
        health,
        generation: 0,
        restarts: VecDeque::new(),
    };
    let ended = actor.health.clone();
    let thread = alone(&handle.name, async move {
        stop.run_until_cancelled_owned(actor.run()).await;
    });
    let task = tokio::spawn(async move {
        _ = thread.await;
        ended.send_replace(Health::Stopped);
    });
    (handle, task)
}

struct Actor<W: World> {
    blueprint: Blueprint<W>,
    inbox: mpsc::Receiver<Call<W>>,
    health: watch::Sender<Health>,
    generation: u64,
    /// When the latest instances died.
    restarts: VecDeque<Instant>,
}

/// How an instance ended.
enum End {
    /// Nobody holds a handle any more.
    Unused,
    /// It died, or never lived.
    Died(Report),
    /// It lives and wants another configuration: starting it again would change nothing.
    Refused(Report),
}

impl<W: World> Actor<W> {
    async fn run(mut self) {
        while !self.is_unused() {
            let report = match self.live().await {
                End::Unused => return,
                End::Died(report) => report,
                End::Refused(report) => {
                    self.blueprint.ports.meter.ended(report.code);
                    tracing::error!(component = %self.blueprint.name, code = %report.code, "{report}");
                    self.rest(report).await;
                    continue;
                }
            };
            self.blueprint.ports.meter.ended(report.code);
            tracing::error!(component = %self.blueprint.name, code = %report.code, "{report}");
            match self.back_off() {
                Some(pause) => {
                    self.starting(report);
                    tokio::time::sleep(pause).await;
                }
                None => self.rest(report).await,
            }
        }
    }

    /// One instance, from its first breath to its last.
    async fn live(&mut self) -> End {
        self.generation = self.blueprint.generations.fetch_add(1, Ordering::Relaxed) + 1;
        let generation = self.generation;
        let stderr = Stderr::default();
        let mut store = new_store(&self.blueprint, &stderr);
        let name = self.blueprint.name.clone();
        let limits = &self.blueprint.ports.limits;
        let meter = &self.blueprint.ports.meter;
        let instantiated = W::instantiate(&self.blueprint.linked, &mut store);
        let world = match tokio::time::timeout(limits.silence, instantiated).await {
            Ok(Ok(world)) => world,
            Ok(Err(error)) => return End::Died(trap::explain(&name, &error, &stderr)),
            Err(_) => return End::Died(blocked(&name, limits.silence)),
        };
        let beat = Arc::new(AtomicU64::new(0));
        let inbox = &mut self.inbox;
        let health = &self.health;
        let config = &self.blueprint.config;
        let pulse = Pulse {
            beat: beat.clone(),
            busy: store.data().busy.clone(),
            meter: meter.clone(),
        };
        let running = store.run_concurrent(async |accessor| -> wasmtime::Result<Served> {
            let mut started = world.init(accessor, config);
            let mut late = pin!(tokio::time::sleep(limits.call));
            let answer = loop {
                tokio::select! {
                    biased;
                    answer = &mut started => break answer?,
                    () = pulse.next() => {}
                    () = &mut late => return Ok(Served::NeverBegan),
                }
            };
            drop(started);
            if let Err(error) = answer {
                return Ok(Served::Refused(error));
            }
            health.send_replace(Health::Ready { generation });
            Ok(serve(accessor, &world, inbox, &pulse, limits).await)
        });
        let end = tokio::select! {
            end = watchdog::timed(running, &beat, meter) => end,
            () = silent(&beat, limits.silence) => return End::Died(blocked(&name, limits.silence)),
        };
        match end.and_then(|served| served) {
            Ok(Served::Unused) => End::Unused,
            Ok(Served::Refused(error)) => {
                let said = CallError::from_wire(&name, error);
                End::Refused(Report::new(
                    Code(308),
                    format!("`{name}` refused its configuration: {said}"),
                ))
            }
            Ok(Served::NeverBegan) => {
                let after = limits.call.as_secs_f32();
                let message = format!(
                    "`{name}` did not return from `init` within {after:.1} s; its instance was ended"
                );
                let help = "a component must not wait for a network in `init`";
                End::Died(Report::new(Code(411), message).help(help))
            }
            Ok(Served::GaveUp(too_many)) => End::Died(too_many.report(&name, limits)),
            Err(error) => End::Died(trap::explain(&name, &error, &stderr)),
        }
    }

    /// Nobody can call it any more, and nobody waits: another instance would be for nothing.
    fn is_unused(&self) -> bool {
        self.inbox.is_closed() && self.inbox.is_empty()
    }

    fn starting(&self, after: Report) {
        self.health.send_replace(Health::Starting {
            ended: self.generation,
            after: Some(after),
        });
    }

    /// How long to wait before the next instance; `None` when the restart budget is used up.
    fn back_off(&mut self) -> Option<Duration> {
        let limits = &self.blueprint.ports.limits;
        let now = Instant::now();
        while self
            .restarts
            .front()
            .is_some_and(|died| now.duration_since(*died) > limits.restart_window)
        {
            self.restarts.pop_front();
        }
        self.restarts.push_back(now);
        let recent = self.restarts.len();
        if recent > limits.restarts {
            return None;
        }
        let doublings = u32::try_from(recent - 1).unwrap_or(u32::MAX);
        Some(FIRST_PAUSE * 2_u32.saturating_pow(doublings.min(8)))
    }

    /// Broken for a while: calls are refused with the reason, and then one more instance is tried.
    async fn rest(&mut self, why: Report) {
        let broken = Report {
            code: Code(407),
            ..why
        };
        self.health.send_replace(Health::Broken {
            why: broken.clone(),
        });
        let rest = tokio::time::sleep(self.blueprint.ports.limits.rest);
        tokio::pin!(rest);
        loop {
            tokio::select! {
                () = &mut rest => {
                    self.starting(broken);
                    return;
                }
                // Whoever sent a call just before it broke learns it by the dropped reply.
                call = self.inbox.recv() => if call.is_none() { return },
            }
        }
    }
}

/// How long a caller waits to learn what ended the instance that it had called.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The first pause after a trap; each further one within the window is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

enum Served {
    /// Nobody holds a handle any more.
    Unused,
    /// Its `init` said no.
    Refused(wire::Error),
    /// Its `init` said nothing.
    NeverBegan,
    /// It does not come to an end with what nobody waits for.
    GaveUp(TooMany),
}

/// Makes calls until nobody holds a handle any more, and those that are made then to their ends; or until it
/// is better to begin anew.
async fn serve<W: World>(
    accessor: &Accessor<Guest>,
    world: &W,
    inbox: &mut mpsc::Receiver<Call<W>>,
    pulse: &Pulse,
    limits: &Limits,
) -> Served {
    let abandoned = Abandoned::default();
    let mut calls = FuturesUnordered::new();
    let mut look = tokio::time::interval(watchdog::PULSE);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut open = true;
    while open || !calls.is_empty() {
        tokio::select! {
            biased;
            () = pulse.next() => {}
            _ = look.tick() => {
                pulse.look_at(accessor);
                if let Some(too_many) = abandoned.are_too_many(limits) {
                    return Served::GaveUp(too_many);
                }
            }
            Some(()) = calls.next(), if !calls.is_empty() => {}
            call = inbox.recv(), if open && calls.len() < limits.in_flight => match call {
                Some(call) => calls.push(call(accessor, world, &abandoned)),
                None => open = false,
            },
        }
    }
    Served::Unused
}

fn blocked(name: &str, after: Duration) -> Report {
    let seconds = after.as_secs_f32();
    Report::new(
        Code(404),
        format!("`{name}` was stuck in a blocking wait for {seconds:.1} s; its instance was ended"),
    )
    .help("a component must wait with async imports only")
}

fn new_store<W: World>(blueprint: &Blueprint<W>, stderr: &Stderr) -> Store<Guest> {
    watchdog::store(
        &blueprint.engine,
        blueprint.name.clone(),
        blueprint.ports.clone(),
        stderr,
    )
}
