//! An instance that has attempts of activities, one after another, and those that wait for the next one.
//!
//! An instance costs more than most attempts do, so one that has brought an attempt to its result has the next
//! one too, of whichever activity. What the code keeps in its memory it finds there again; what the host can
//! see of it is as in a fresh one, or it is dropped:
//!
//! - An attempt that failed, trapped, was too long or not wanted any more is the last of its instance.
//! - So is one that has left something behind: work that goes on, more handles than the first one left (which
//!   may have opened what all of them need), or more memory than [`MEMORY`].
//!
//! **Cost:** 60 to 120 µs for an instance, and up to [`MEMORY`] for each of [`MOST`] that wait.

use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::{Store, UpdateDeadline};

use super::Inner;
use crate::capability::Guest;
use crate::capability::attempt::AttemptState;
use crate::capability::bindings::activity::{Activity, ActivityPre};
use crate::capability::bindings::engine::types::Failure;
use crate::engine::stderr::Stderr;

/// Instances that wait. Attempts that only compute are no more at a time than there are threads; those that
/// wait for something end in bursts.
const MOST: usize = 16;

/// Attempts that one instance has, at most: what leaks in a way that nobody sees, leaks so often.
const ATTEMPTS: u32 = 1_000;

/// Components of ours begin with 1.1 MiB: one that has come to this keeps more than a connection.
const MEMORY: usize = 4 << 20;

/// Those that wait for the next attempt, the last one first: it is in the processor's caches.
#[derive(Default)]
pub(super) struct Idle(Mutex<Vec<Instance>>);

impl Idle {
    pub(super) fn take(&self) -> Option<Instance> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// It has brought an attempt to its result.
    pub(super) fn put(&self, mut instance: Instance) {
        if !instance.is_as_before() {
            return;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MOST {
            all.push(instance);
        }
    }
}

/// See the head of this file.
pub(super) struct Instance {
    store: Store<Guest>,
    world: Activity,
    /// What it says before it ends itself.
    pub(super) stderr: Stderr,
    attempts: u32,
    /// Calls and what they wait for, before it had any attempt.
    calls: usize,
    /// Streams, connections and directories that it held when its first attempt was over.
    handles: Option<usize>,
}

impl Instance {
    /// A fresh one. It may compute, and wait in any way: it has one attempt at a time, and lets others run with
    /// every tick.
    pub(super) async fn new(
        flows: &Inner,
        activities: &ActivityPre<Guest>,
        stderr: Stderr,
    ) -> wasmtime::Result<Self> {
        let mut ports = flows.activities.clone();
        ports.meter = Arc::default();
        let mut store = flows.linked.store(&flows.name, &ports, &stderr);
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Yield(1)));
        let world = activities.instantiate_async(&mut store).await?;
        Ok(Self {
            calls: calls(&mut store),
            store,
            world,
            stderr,
            attempts: 0,
            handles: None,
        })
    }

    /// One attempt. Dropped before its end, it ends the instance.
    pub(super) async fn run(
        &mut self,
        state: &AttemptState,
        name: String,
        input: String,
    ) -> wasmtime::Result<Result<String, Failure>> {
        self.attempts += 1;
        self.store.data_mut().attempt = Some(state.clone());
        let world = &self.world;
        (self.store.run_concurrent(async |accessor| {
            let exported = world.taskhost_durable_activities();
            exported.call_run(accessor, name, input).await
        }))
        .await?
    }

    /// Whether it can have the next attempt as if it were a fresh one.
    fn is_as_before(&mut self) -> bool {
        self.store.data_mut().attempt = None;
        let handles = self.store.data_mut().table.iter_mut().count();
        handles <= *self.handles.get_or_insert(handles)
            && calls(&mut self.store) <= self.calls
            && self.attempts < ATTEMPTS
            && self.store.data().memory.total() <= MEMORY
    }
}

/// How much goes on in it.
fn calls(store: &mut Store<Guest>) -> usize {
    let all = store.concurrent_resource_table();
    all.map_or(0, |all| all.iter_mut().count())
}
