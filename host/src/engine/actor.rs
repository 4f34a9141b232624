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

mod call;

use std::collections::VecDeque;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::{mpsc, watch};
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
use crate::capability::{Guest, Ports};
use crate::config::limits::Limits;
use crate::error::{Code, Report};
use call::Call;
pub(crate) use call::Handle;

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
            let name = self.blueprint.name.clone();
            let report = match contained(&name, self.live()).await {
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

/// What an instance ends with. A defect of the host that shows itself as a panic costs that instance, like a trap:
/// the thread goes on, and so do those who call the component.
async fn contained(name: &str, live: impl Future<Output = End>) -> End {
    // What it has borrowed is dropped with it, but for the inbox, which has no state in between.
    AssertUnwindSafe(live)
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| {
            let words = (panic.downcast_ref::<String>().map(String::as_str))
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("without a word");
            let message = format!("the host has panicked in a call of `{name}`, which is a defect of the host: {words}");
            End::Died(Report::new(Code(418), message).help("report it, with the log of the host"))
        })
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_of_the_host_ends_an_instance_and_not_its_actor() {
        let live = async {
            assert!(std::hint::black_box(false), "boom");
            End::Unused
        };
        let End::Died(report) = contained("mine", live).await else {
            panic!("it lives");
        };
        assert!(report.to_string().contains("boom"), "{report}");
    }
}
