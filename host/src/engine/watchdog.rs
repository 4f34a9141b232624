//! Whether an instance still lets the host run.
//!
//! Two things can go wrong, and each has its watch. Guest code that does not come back is found by the
//! epoch: every tick that meets it running is counted, and the host's pulse sets the count back. An
//! instance in a blocking wait runs no code at all, so nothing is counted; it is found by the pulse
//! standing still.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use wasmtime::component::Accessor;
use wasmtime::{Store, UpdateDeadline};

use super::stderr::Stderr;
use super::trap::NoProgress;
use super::{Engine, TICK};
use crate::capability::guest::BusyTicks;
use crate::capability::{Guest, Meter, Ports};

/// A store with all limits armed.
pub(super) fn store(
    engine: &Engine,
    name: Arc<str>,
    ports: Ports,
    stderr: &Stderr,
) -> Store<Guest> {
    let limits = ports.limits.clone();
    ports.meter.begins(&limits);
    let guest = Guest::new(name, ports, stderr.clone());
    let mut store = Store::new(engine.wasmtime(), guest);
    store.limiter(|guest| &mut guest.memory);
    store.set_hostcall_fuel(limits.handed_over);
    store.set_max_component_handles(limits.handles);
    if let Some(table) = store.concurrent_resource_table() {
        // What the engine itself keeps of calls, streams and futures: a few entries for each handle.
        table.set_max_capacity(limits.handles.saturating_mul(4));
    }
    store.set_epoch_deadline(1);
    let most =
        u32::try_from(limits.without_yield.as_millis() / TICK.as_millis()).unwrap_or(u32::MAX);
    store.epoch_deadline_callback(move |store| {
        if store.data().busy.add() > most {
            return Err(wasmtime::Error::from(NoProgress {
                milliseconds: limits.without_yield.as_millis(),
            }));
        }
        Ok(UpdateDeadline::Yield(1))
    });
    store
}

/// The sign of life that the watchdogs look for: it stops when the guest does not let the host run.
pub(super) struct Pulse {
    pub(super) beat: Arc<AtomicU64>,
    pub(super) busy: Arc<BusyTicks>,
    pub(super) meter: Arc<Meter>,
}

impl Pulse {
    /// Beats now, and resolves when it is time for the next beat.
    pub(super) async fn next(&self) {
        self.busy.reset();
        self.beat.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(PULSE).await;
    }

    /// Counts what only counting tells.
    pub(super) fn look_at(&self, accessor: &Accessor<Guest>) {
        let handles = accessor.with(|mut access| access.get().table.iter_mut().count());
        self.meter.handles.set(handles);
    }
}

/// Runs `instance`, and writes down for how long it kept its thread.
pub(super) async fn timed<T>(
    instance: impl Future<Output = T>,
    beat: &AtomicU64,
    meter: &Meter,
) -> T {
    let mut instance = pin!(instance);
    let mut without_yield = Duration::ZERO;
    poll_fn(|context| {
        let before = beat.load(Ordering::Relaxed);
        let began = Instant::now();
        let polled = instance.as_mut().poll(context);
        let time = began.elapsed();
        if beat.load(Ordering::Relaxed) != before {
            // The host got to run meanwhile: at most this once is counted too much.
            without_yield = Duration::ZERO;
        }
        without_yield += time;
        meter.ran(time, without_yield);
        polled
    })
    .await
}

/// A fifth of the shortest limit that it serves.
pub(super) const PULSE: Duration = Duration::from_millis(100);

/// Resolves when the pulse has not changed for `limit`.
pub(super) async fn silent(beat: &AtomicU64, limit: Duration) {
    let mut last = beat.load(Ordering::Relaxed);
    let mut since = Instant::now();
    loop {
        tokio::time::sleep(limit / 10).await;
        let now = beat.load(Ordering::Relaxed);
        if now != last {
            last = now;
            since = Instant::now();
        } else if since.elapsed() >= limit {
            return;
        }
    }
}
