//! What a slot promises, shown with builds that are plain Rust.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wasmtime::Store;
use wasmtime::component::{Accessor, AccessorTask, Component, Linker};

use super::Slot;
use crate::capability::Guest;
use crate::capability::bindings::host::types as wire;
use crate::config::limits::Limits;
use crate::engine::actor::{Blueprint, Health, World};
use crate::engine::answer::CallError;
use crate::engine::component::Kind;
use crate::engine::{Engine, scratch};
use crate::error::Code;

#[tokio::test]
async fn new_calls_go_to_the_new_build_and_those_under_way_end_on_the_old() {
    let bench = Bench::start().await;
    let (finish, under_way) = bench.hold().await;
    assert_eq!(bench.replace(Plan::of("new")).await, Ok(2));
    assert_eq!(bench.who().await.unwrap(), "new");
    finish.send(()).unwrap();
    assert_eq!(under_way.await.unwrap().unwrap(), "old");
    bench.until_alive(1).await;
}

#[tokio::test]
async fn a_build_that_is_not_ready_changes_nothing() {
    let bench = Bench::start().await;
    for (course, code) in [
        (Course::NoInstance, 402),
        (Course::Refuses, 407),
        (Course::TrapsInInit, 402),
        (Course::NeverReady, 411),
    ] {
        let plan = Plan {
            name: "bad",
            course,
        };
        let report = bench.replace(plan).await.unwrap_err();
        assert_eq!(report.code, Code(code), "{course:?}: {report}");
        assert_eq!(bench.who().await.unwrap(), "old");
        assert_eq!(
            *bench.slot.health().borrow(),
            Health::Ready { generation: 1 }
        );
        bench.until_alive(1).await;
    }
}

#[tokio::test]
async fn generations_rise_over_swaps_and_restarts() {
    let bench = Bench::start().await;
    let mut watcher = bench.slot.health();
    assert_eq!(bench.replace(Plan::of("new")).await, Ok(2));
    assert_eq!(
        *watcher.borrow_and_update(),
        Health::Ready { generation: 2 },
        "who watched the old build sees the new one"
    );
    let gone = bench.trap().await;
    assert!(matches!(gone, CallError::Gone { .. }), "{gone}");
    let again = watcher.wait_for(|health| matches!(health, Health::Ready { generation: 3 }));
    again.await.unwrap();
    assert_eq!(bench.replace(Plan::of("newer")).await, Ok(4));
    assert_eq!(bench.who().await.unwrap(), "newer");
}

#[tokio::test]
async fn a_trap_in_a_build_that_drains_is_not_counted_against_the_new_one() {
    let bench = Bench::start().await;
    let (finish, under_way) = bench.hold().await;
    let strike = Arc::new(Notify::new());
    let trap = bench.trap_when(strike.clone()).await;
    bench.replace(Plan::of("new")).await.unwrap();
    let mut watcher = bench.slot.health();
    watcher.mark_unchanged();
    strike.notify_one();
    for lost in [under_way, trap] {
        let error = lost.await.unwrap().unwrap_err();
        assert!(matches!(error, CallError::Gone { .. }), "{error}");
    }
    drop(finish);
    bench.until_alive(1).await;
    assert!(!watcher.has_changed().unwrap(), "{:?}", *watcher.borrow());
    assert_eq!(bench.who().await.unwrap(), "new");
}

#[tokio::test]
async fn a_call_without_end_keeps_the_old_build_as_long_as_a_call_may_take() {
    let bench = Bench::start().await;
    let (finish, under_way) = bench.hold().await;
    bench.replace(Plan::of("new")).await.unwrap();
    let error = under_way.await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }), "{error}");
    bench.until_alive(1).await;
    drop(finish);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_is_lost_while_builds_are_swapped() {
    let bench = Arc::new(Bench::start().await);
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let bench = bench.clone();
            tokio::spawn(async move {
                for _ in 0..500 {
                    bench.who().await.unwrap();
                }
            })
        })
        .collect();
    let mut swaps = 0;
    while callers.iter().any(|caller| !caller.is_finished()) {
        bench.replace(Plan::of("another")).await.unwrap();
        swaps += 1;
    }
    for caller in callers {
        caller.await.unwrap();
    }
    assert!(swaps > 1, "{swaps} swaps");
    bench.until_alive(1).await;
}

#[tokio::test]
async fn all_that_ever_ran_is_joined() {
    let bench = Bench::start().await;
    let (_finish, under_way) = bench.hold().await;
    bench.replace(Plan::of("new")).await.unwrap();
    bench.stop.cancel();
    bench.ended.await.unwrap();
    assert_eq!(bench.alive.load(Ordering::Relaxed), 0);
    assert_eq!(*bench.slot.health().borrow(), Health::Stopped);
    assert!(under_way.await.unwrap().is_err());
}

#[tokio::test]
async fn a_slot_that_nobody_holds_ends() {
    let bench = Bench::start().await;
    drop(bench.slot);
    bench.ended.await.unwrap();
    assert_eq!(bench.alive.load(Ordering::Relaxed), 0);
}

/// A slot whose first build is called `old`.
struct Bench {
    slot: Slot<Build>,
    engine: Engine,
    ended: JoinHandle<()>,
    stop: CancellationToken,
    /// Instances.
    alive: Arc<AtomicUsize>,
}

/// How a build behaves.
#[derive(Clone, Copy)]
struct Plan {
    name: &'static str,
    course: Course,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Course {
    Works,
    NoInstance,
    Refuses,
    TrapsInInit,
    NeverReady,
}

/// An instance without a guest.
struct Build {
    plan: Plan,
    alive: Arc<AtomicUsize>,
}

impl Plan {
    fn of(name: &'static str) -> Self {
        Self {
            name,
            course: Course::Works,
        }
    }
}

type Answer = Result<&'static str, CallError>;

impl Bench {
    async fn start() -> Self {
        let engine = Engine::start().unwrap();
        let alive = Arc::new(AtomicUsize::new(0));
        let stop = CancellationToken::new();
        let blueprint = blueprint(&engine, &alive, Plan::of("old"), Arc::default());
        let (slot, ended) = Slot::start(blueprint, stop.clone());
        let mut health = slot.health();
        let ready = health.wait_for(|health| matches!(health, Health::Ready { .. }));
        ready.await.unwrap();
        Self {
            slot,
            engine,
            ended,
            stop,
            alive,
        }
    }

    async fn replace(&self, plan: Plan) -> Result<u64, crate::error::Report> {
        let generations = self.slot.generations();
        let blueprint = blueprint(&self.engine, &self.alive, plan, generations);
        self.slot.replace(blueprint).await
    }

    async fn who(&self) -> Answer {
        let call = self.slot.call("who", |_, build| {
            let name = build.plan.name;
            Box::pin(async move { Ok(Ok(name)) })
        });
        call.await
    }

    /// A call that is under way until it is told to end.
    async fn hold(&self) -> (oneshot::Sender<()>, JoinHandle<Answer>) {
        let (finish, finished) = oneshot::channel::<()>();
        let call = self.begin(move |_| async move {
            if finished.await.is_err() {
                std::future::pending::<()>().await;
            }
        });
        (finish, call.await)
    }

    async fn trap(&self) -> CallError {
        let strike = Arc::new(Notify::new());
        strike.notify_one();
        let call = self.trap_when(strike).await;
        call.await.unwrap().unwrap_err()
    }

    /// A call that ends its instance when it is told to.
    async fn trap_when(&self, strike: Arc<Notify>) -> JoinHandle<Answer> {
        self.begin(move |accessor: &Accessor<Guest>| {
            accessor.spawn(Trap(strike)).unwrap();
            std::future::pending::<()>()
        })
        .await
    }

    /// Makes a call that does `what`, and returns when the instance is at it.
    async fn begin<F, W>(&self, what: F) -> JoinHandle<Answer>
    where
        F: FnOnce(&Accessor<Guest>) -> W + Send + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let (begun, has_begun) = oneshot::channel();
        let slot = self.slot.clone();
        let call = tokio::spawn(async move {
            let call = slot.call("hold", |accessor, build| {
                let name = build.plan.name;
                let work = what(accessor);
                begun.send(()).unwrap();
                Box::pin(async move {
                    work.await;
                    Ok(Ok(name))
                })
            });
            call.await
        });
        has_begun.await.unwrap();
        call
    }

    async fn until_alive(&self, so_many: usize) {
        let waiting = async {
            while self.alive.load(Ordering::Relaxed) != so_many {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), waiting).await;
        assert!(
            waited.is_ok(),
            "{} instances",
            self.alive.load(Ordering::Relaxed)
        );
    }
}

fn blueprint(
    engine: &Engine,
    alive: &Arc<AtomicUsize>,
    plan: Plan,
    generations: Arc<std::sync::atomic::AtomicU64>,
) -> Blueprint<Build> {
    Blueprint {
        name: "build".into(),
        engine: engine.clone(),
        linked: (plan, alive.clone()),
        ports: scratch::nothing(&Limits {
            call: Duration::from_secs(1),
            ..Limits::default()
        }),
        config: "{}".to_owned(),
        generations,
    }
}

impl World for Build {
    type Linked = (Plan, Arc<AtomicUsize>);

    const KIND: Kind = Kind::Backend;

    fn link(_: Linker<Guest>, _: &Component) -> wasmtime::Result<Self::Linked> {
        Err(wasmtime::Error::msg("there is nothing to link"))
    }

    async fn instantiate(
        (plan, alive): &Self::Linked,
        _: &mut Store<Guest>,
    ) -> wasmtime::Result<Self> {
        if plan.course == Course::NoInstance {
            return Err(wasmtime::Error::msg("no instance"));
        }
        alive.fetch_add(1, Ordering::Relaxed);
        Ok(Self {
            plan: *plan,
            alive: alive.clone(),
        })
    }

    fn describe<'a>(
        &'a self,
        _: &'a Accessor<Guest>,
    ) -> BoxFuture<'a, wasmtime::Result<wire::PluginInfo>> {
        Box::pin(async { Err(wasmtime::Error::msg("nobody asks")) })
    }

    fn init<'a>(
        &'a self,
        _: &'a Accessor<Guest>,
        _: &'a str,
    ) -> BoxFuture<'a, wasmtime::Result<Result<(), wire::Error>>> {
        let course = self.plan.course;
        Box::pin(async move {
            match course {
                Course::Refuses => Ok(Err(wire::Error::InvalidInput("not this".to_owned()))),
                Course::TrapsInInit => Err(wasmtime::Error::msg("trapped")),
                Course::NeverReady => std::future::pending().await,
                Course::Works | Course::NoInstance => Ok(Ok(())),
            }
        })
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Ends the instance as a trap does.
struct Trap(Arc<Notify>);

impl AccessorTask<Guest> for Trap {
    async fn run(self, _: &Accessor<Guest>) -> wasmtime::Result<()> {
        self.0.notified().await;
        Err(wasmtime::Error::msg("struck"))
    }
}
