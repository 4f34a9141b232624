//! Storage, time and pushes as a component sees them, with faults on demand.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;

use crate::clock::{Clock, SystemClock};
use crate::plugin::{ComponentMap, EventSink};
use crate::task::{Observation, TaskId};

/// Storage that outlives instances, and is slow or broken when it is told to be.
#[derive(Default)]
pub(super) struct Map {
    kept: Mutex<BTreeMap<String, Vec<u8>>>,
    broken: AtomicBool,
    /// How long each write takes, in milliseconds.
    slow_ms: AtomicU64,
    used: AtomicU64,
}

impl Map {
    /// From now on nothing can be read or written, or everything again.
    pub(super) fn break_down(&self, broken: bool) {
        self.broken.store(broken, Ordering::Relaxed);
    }

    /// From now on each write takes so long.
    pub(super) fn slow_down(&self, pause: Duration) {
        let ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        self.slow_ms.store(ms, Ordering::Relaxed);
    }

    /// How often it was read and written.
    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn kept(&self) -> Result<MutexGuard<'_, BTreeMap<String, Vec<u8>>>, String> {
        self.used.fetch_add(1, Ordering::Relaxed);
        if self.broken.load(Ordering::Relaxed) {
            return Err("the disk does not answer: a trial has it so".to_owned());
        }
        Ok(self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// `done`, when the disk has it.
    fn durable<T: Send + 'static>(
        &self,
        done: Result<T, String>,
    ) -> BoxFuture<'static, Result<T, String>> {
        let pause = Duration::from_millis(self.slow_ms.load(Ordering::Relaxed));
        Box::pin(async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            done
        })
    }
}

fn put(map: &mut BTreeMap<String, Vec<u8>>, key: &str, value: Option<Vec<u8>>) {
    match value {
        Some(value) => map.insert(key.to_owned(), value),
        None => map.remove(key),
    };
}

impl ComponentMap for Map {
    fn get(&self, _: &str, key: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(self.kept()?.get(key).cloned())
    }

    fn size(&self, _: &str) -> Result<u64, String> {
        let kept = self.kept()?;
        let sizes = kept.iter().map(|(key, value)| key.len() + value.len());
        Ok(sizes.sum::<usize>() as u64)
    }

    fn set(
        &self,
        _: &str,
        key: &str,
        value: Option<Vec<u8>>,
    ) -> BoxFuture<'static, Result<(), String>> {
        let done = self.kept().map(|mut kept| put(&mut kept, key, value));
        self.durable(done)
    }

    fn swap(
        &self,
        _: &str,
        key: &str,
        expected: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
    ) -> BoxFuture<'static, Result<bool, String>> {
        let done = self.kept().map(|mut kept| {
            let fits = kept.get(key) == expected.as_ref();
            if fits {
                put(&mut kept, key, value);
            }
            fits
        });
        self.durable(done)
    }

    fn keys(&self, _: &str, prefix: &str, limit: usize) -> Result<Vec<String>, String> {
        let kept = self.kept()?;
        let keys = kept.range(prefix.to_owned()..).map(|(key, _)| key);
        let keys = keys.take_while(|key| key.starts_with(prefix));
        Ok(keys.take(limit).cloned().collect())
    }
}

/// The system's clock, some way off.
#[derive(Default)]
pub(super) struct Time {
    system: SystemClock,
    off_ms: AtomicI64,
}

impl Time {
    /// So many milliseconds after the system's clock, or before it.
    pub(super) fn set_off(&self, milliseconds: i64) {
        self.off_ms.store(milliseconds, Ordering::Relaxed);
    }
}

impl Clock for Time {
    fn now_ms(&self) -> u64 {
        let off = self.off_ms.load(Ordering::Relaxed);
        self.system.now_ms().saturating_add_signed(off)
    }
}

/// What a backend has pushed, oldest first.
#[derive(Default)]
pub(super) struct Pushes(Mutex<Pushed>);

#[derive(Default)]
struct Pushed {
    observations: HashMap<TaskId, Vec<Observation>>,
    lines: HashMap<TaskId, u64>,
    catalogs: u64,
}

/// Observations of one task that are kept. A task that pushes more is a talkative one, and what it says
/// first and last is what is looked at.
const KEPT: usize = 1_000;

impl Pushes {
    /// All that was said of a task.
    pub(super) fn of(&self, id: TaskId) -> Vec<Observation> {
        self.lock()
            .observations
            .get(&id)
            .cloned()
            .unwrap_or_default()
    }

    /// How many lines a task has printed.
    pub(super) fn lines(&self, id: TaskId) -> u64 {
        self.lock().lines.get(&id).copied().unwrap_or_default()
    }

    /// How often it was said that the catalogue is another one.
    pub(super) fn catalogs(&self) -> u64 {
        self.lock().catalogs
    }

    fn lock(&self) -> MutexGuard<'_, Pushed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventSink for Pushes {
    fn observed(&self, id: TaskId, observation: Observation) {
        let mut pushed = self.lock();
        let said = pushed.observations.entry(id).or_default();
        if said.len() == KEPT {
            said.pop();
        }
        said.push(observation);
    }

    fn output(&self, id: TaskId, _: String) {
        *self.lock().lines.entry(id).or_default() += 1;
    }

    fn catalog_changed(&self) {
        self.lock().catalogs += 1;
    }
}
