//! A host for native tests: `cargo test`, and no component.
//!
//! Natively everything that a component asks of its host comes here: time that a test owns, storage,
//! secrets, the log, what is pushed, scripted servers. One thread has one host, so tests that run side
//! by side do not see each other; a second [`Host::new`] on a thread begins anew.
//!
//! ```
//! # #[cfg(feature = "backend")] {
//! use std::time::Duration;
//!
//! use taskhost_sdk::mock::Host;
//! use taskhost_sdk::{secrets, storage, time};
//!
//! let host = Host::new().secret("TOKEN", "s3cret");
//! let began = host.now_ms();
//! host.run(async {
//!     assert_eq!(secrets::get("TOKEN").as_deref(), Some("s3cret"));
//!     storage::set("count", &1).await.unwrap();
//!     time::sleep(Duration::from_secs(3600)).await; // an hour, at once
//! });
//! assert_eq!(host.now_ms() - began, 3_600_000);
//! # }
//! ```
//!
//! Time passes only when everybody waits for it. [`Host::run`] ends when its future does; what
//! [`spawn`](crate::spawn) began stays, and goes on in the next `run`, or by [`Host::advance`].
//!
//! **Panics** are meant here: a test that waits for what never comes, or asks for what was not
//! scripted, fails with words that say so.

#![allow(
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "for tests: to panic is to fail"
)]

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;

use crate::host::logging::Level;
use crate::{Observation, log};

#[cfg(feature = "backend")]
mod backend;
#[cfg(feature = "strategy")]
mod calls;
pub(crate) mod imports;
#[cfg(feature = "backend")]
mod peer;
#[cfg(feature = "http")]
mod requests;

#[cfg(feature = "strategy")]
pub use calls::{Asked, Course};
#[cfg(feature = "backend")]
pub use peer::Peer;
#[cfg(feature = "http")]
pub use requests::{Answer, Sent};

/// The time at which every host begins.
const BEGIN_MS: u64 = 1_700_000_000_000;

/// Who waits longer waits for what never comes.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// What a test looks at, and what it says beforehand.
#[derive(Debug)]
pub struct Host {
    /// Not to be sent to another thread.
    _here: std::marker::PhantomData<*const ()>,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How important.
    pub level: Level,
    /// The sentence.
    pub message: String,
    /// What goes with it.
    pub fields: Vec<(String, String)>,
}

/// What was pushed, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Pushed {
    /// A task stands so.
    Observed(String, Observation),
    /// A task has printed a line.
    Output(String, String),
    /// There are other tasks.
    CatalogChanged,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::new());
    /// Began since the executor looked last.
    static SPAWNED: RefCell<Vec<LocalBoxFuture<'static, ()>>> = const { RefCell::new(Vec::new()) };
    static BACKGROUND: RefCell<Option<FuturesUnordered<LocalBoxFuture<'static, ()>>>> =
        const { RefCell::new(None) };
    static RUNS: Cell<bool> = const { Cell::new(false) };
}

/// All that is behind the imports.
struct World {
    now_ms: u64,
    /// Who sleeps until when, and in which order they came.
    sleepers: BTreeMap<(u64, u64), Waker>,
    last: u64,
    lines: Vec<Line>,
    pushed: Vec<Pushed>,
    secrets: HashMap<String, String>,
    stored: BTreeMap<String, Vec<u8>>,
    #[cfg(feature = "backend")]
    servers: HashMap<String, peer::Server>,
    #[cfg(feature = "http")]
    requests: requests::Script,
    #[cfg(feature = "strategy")]
    calls: calls::Tasks,
}

impl World {
    fn new() -> Self {
        Self {
            now_ms: BEGIN_MS,
            sleepers: BTreeMap::new(),
            last: 0,
            lines: Vec::new(),
            pushed: Vec::new(),
            secrets: HashMap::new(),
            stored: BTreeMap::new(),
            #[cfg(feature = "backend")]
            servers: HashMap::new(),
            #[cfg(feature = "http")]
            requests: requests::Script::default(),
            #[cfg(feature = "strategy")]
            calls: calls::Tasks::default(),
        }
    }

    fn with<T>(act: impl FnOnce(&mut Self) -> T) -> T {
        WORLD.with_borrow_mut(act)
    }
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

impl Host {
    /// A host that has granted nothing, with empty storage.
    pub fn new() -> Self {
        log::install();
        // What the last test on this thread left behind may look at the world as it is dropped.
        drop(BACKGROUND.take());
        SPAWNED.take();
        // Dropped outside: what a test gave the last world may look at this one.
        drop(World::with(|world| std::mem::replace(world, World::new())));
        Self {
            _here: std::marker::PhantomData,
        }
    }

    /// A secret that is granted and set.
    #[must_use]
    pub fn secret(self, name: &str, value: &str) -> Self {
        World::with(|world| world.secrets.insert(name.into(), value.into()));
        self
    }

    /// What is in storage from earlier.
    #[must_use]
    pub fn stored(self, key: &str, value: impl Into<Vec<u8>>) -> Self {
        World::with(|world| world.stored.insert(key.into(), value.into()));
        self
    }

    /// Runs `future` to its end, and whatever was spawned beside it. Where all wait for the clock, the
    /// clock goes on to the first of them.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let begin_ms = self.now_ms();
        drive(
            |context| future.as_mut().poll(context),
            || {
                let next = World::with(|world| world.sleepers.keys().next().map(|(ms, _)| *ms));
                let Some(next) = next else {
                    panic!(
                        "this waits for something that never comes: nobody sleeps, nobody is awake"
                    );
                };
                assert!(
                    u128::from(next.saturating_sub(begin_ms)) <= LONGEST.as_millis(),
                    "this waits for something that has not come within a year of the host's time"
                );
                next
            },
        )
    }

    /// Lets this much time pass for what was spawned.
    pub fn advance(&self, duration: Duration) {
        let end_ms = self.now_ms() + u64::try_from(duration.as_millis()).unwrap_or(u64::MAX / 2);
        drive(
            |_| {
                if World::with(|world| world.now_ms) >= end_ms {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            },
            || {
                let next = World::with(|world| world.sleepers.keys().next().map(|(ms, _)| *ms));
                next.map_or(end_ms, |next| next.min(end_ms))
            },
        );
    }

    /// Milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        World::with(|world| world.now_ms)
    }

    /// All lines so far.
    pub fn log(&self) -> Vec<Line> {
        World::with(|world| world.lines.clone())
    }

    /// All that was pushed so far.
    pub fn pushed(&self) -> Vec<Pushed> {
        World::with(|world| world.pushed.clone())
    }

    /// The newest observation of a task that was pushed.
    pub fn observed(&self, task: &str) -> Option<Observation> {
        let newest = |one: &Pushed| match one {
            Pushed::Observed(id, observation) if id == task => Some(observation.clone()),
            _ => None,
        };
        World::with(|world| world.pushed.iter().rev().find_map(newest))
    }

    /// What is in storage.
    pub fn storage(&self) -> BTreeMap<String, Vec<u8>> {
        World::with(|world| world.stored.clone())
    }

    /// As if the instance had ended, and another begun: what was spawned is gone, storage stays.
    pub fn restart(&self) {
        assert!(!RUNS.get(), "an instance cannot end itself");
        drop(BACKGROUND.take());
        SPAWNED.take();
        World::with(|world| world.sleepers.clear());
    }
}

/// Runs in the background of the host of this thread.
pub(crate) fn spawn(future: impl Future<Output = ()> + 'static) {
    SPAWNED.with_borrow_mut(|spawned| spawned.push(Box::pin(future)));
}

/// Somebody else wrote into storage.
#[cfg(all(test, feature = "backend"))]
pub(crate) fn storage_written(key: &str, value: &[u8]) {
    World::with(|world| world.stored.insert(key.into(), value.to_vec()));
}

/// Polls `main` and the background until `main` is done. Where nothing moves, `next` says at what time
/// to go on.
fn drive<T>(mut main: impl FnMut(&mut Context<'_>) -> Poll<T>, next: impl Fn() -> u64) -> T {
    let _running = Running::begin();
    let mut background = Background(BACKGROUND.take().unwrap_or_default());
    let bell = Arc::new(Bell(AtomicBool::new(true)));
    let waker = Waker::from(bell.clone());
    let mut context = Context::from_waker(&waker);
    loop {
        while bell.0.swap(false, Ordering::Relaxed) {
            let done = main(&mut context);
            background.poll(&mut context);
            if let Poll::Ready(value) = done {
                return value;
            }
        }
        let now_ms = next();
        let awake = World::with(|world| {
            world.now_ms = world.now_ms.max(now_ms);
            let later = world.sleepers.split_off(&(world.now_ms + 1, 0));
            std::mem::replace(&mut world.sleepers, later)
        });
        bell.0.store(true, Ordering::Relaxed);
        awake.into_values().for_each(Waker::wake);
    }
}

/// Held while the executor runs: one inside of another would wait for ever.
struct Running;

impl Running {
    fn begin() -> Self {
        assert!(!RUNS.replace(true), "`run` within `run`: await it instead");
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNS.set(false);
    }
}

/// Goes back where the next run finds it, whatever becomes of this one.
struct Background(FuturesUnordered<LocalBoxFuture<'static, ()>>);

impl Background {
    fn poll(&mut self, context: &mut Context<'_>) {
        loop {
            let new = SPAWNED.take();
            let none = new.is_empty();
            self.0.extend(new);
            match self.0.poll_next_unpin(context) {
                Poll::Ready(Some(())) => {}
                _ if none => return,
                _ => {}
            }
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let background = std::mem::take(&mut self.0);
        if !std::thread::panicking() {
            BACKGROUND.set(Some(background));
        }
    }
}

struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Until a time of the host.
struct Sleep {
    until_ms: u64,
    place: Option<(u64, u64)>,
}

impl Sleep {
    fn new(ms: u64) -> Self {
        World::with(|world| Self {
            until_ms: world.now_ms.saturating_add(ms),
            place: None,
        })
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let until_ms = self.until_ms;
        let place = self.place;
        let (poll, place) = World::with(|world| {
            if let Some(place) = place {
                world.sleepers.remove(&place);
            }
            if world.now_ms >= until_ms {
                return (Poll::Ready(()), None);
            }
            world.last += 1;
            let place = (until_ms, world.last);
            world.sleepers.insert(place, context.waker().clone());
            (Poll::Pending, Some(place))
        });
        self.place = place;
        poll
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            // At the end of the thread the world may be gone already.
            _ = WORLD.try_with(|world| {
                if let Ok(mut world) = world.try_borrow_mut() {
                    world.sleepers.remove(&place);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::time::{self, Elapsed, now_ms, sleep, timeout};

    #[test]
    fn time_passes_only_when_everybody_waits_for_it() {
        let host = Host::new();
        let said = Rc::new(RefCell::new(Vec::new()));
        for (name, ms) in [("slow", 300), ("quick", 100)] {
            let said = said.clone();
            spawn(async move {
                sleep(Duration::from_millis(ms)).await;
                said.borrow_mut().push((name, now_ms() - BEGIN_MS));
            });
        }
        let result = host.run(timeout(
            Duration::from_millis(200),
            std::future::pending::<()>(),
        ));
        assert_eq!(result, Err(Elapsed(Duration::from_millis(200))));
        assert_eq!(*said.borrow(), [("quick", 100)]);
        host.advance(Duration::from_secs(1));
        assert_eq!(*said.borrow(), [("quick", 100), ("slow", 300)]);
        assert_eq!(host.now_ms(), BEGIN_MS + 1200);
    }

    #[test]
    fn what_is_given_up_does_not_hold_the_clock() {
        let host = Host::new();
        host.run(async {
            let long = sleep(Duration::from_mins(1));
            assert!(timeout(Duration::from_secs(1), long).await.is_err());
            time::sleep_until(0).await;
        });
        assert_eq!(host.now_ms(), BEGIN_MS + 1000);
        assert!(World::with(|world| world.sleepers.is_empty()));
    }

    #[test]
    #[should_panic(expected = "never comes")]
    fn who_waits_for_nothing_is_told() {
        Host::new().run(std::future::pending::<()>());
    }

    #[test]
    fn a_restart_ends_what_was_spawned_and_keeps_what_was_stored() {
        let host = Host::new().stored("k", "v");
        let ended = Rc::new(Cell::new(false));
        let flag = ended.clone();
        spawn(async move {
            sleep(Duration::from_secs(1)).await;
            flag.set(true);
        });
        host.run(async {});
        host.restart();
        host.advance(Duration::from_secs(2));
        assert!(!ended.get());
        assert_eq!(host.storage()["k"], b"v");
    }

    #[test]
    fn a_new_host_knows_nothing_of_the_last_one() {
        let host = Host::new().secret("a", "b").stored("k", "v");
        spawn(async { sleep(Duration::from_secs(1)).await });
        host.run(async { tracing::info!("hello") });
        assert_eq!(host.log().len(), 1);
        let host = Host::new();
        assert!(host.log().is_empty() && host.storage().is_empty());
        assert!(World::with(
            |world| world.secrets.is_empty() && world.sleepers.is_empty()
        ));
    }
}
