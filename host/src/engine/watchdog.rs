//! Whether an instance still lets the host run.
//!
//! Two things can go wrong, and each has its watch. Guest code that does not come back is found by the
//! epoch: every tick that meets it running is counted, and the host's pulse sets the count back. An
//! instance in a blocking wait runs no code at all, so nothing is counted; it is found by the pulse
//! standing still.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use wasmtime::{Store, UpdateDeadline};

use super::stderr::Stderr;
use super::trap::NoProgress;
use super::{Engine, TICK};
use crate::capability::guest::{BusyTicks, MemoryLimit};
use crate::capability::{Guest, Ports};

/// A store with all limits armed.
pub(super) fn store(
    engine: &Engine,
    name: Arc<str>,
    ports: Ports,
    stderr: &Stderr,
) -> Store<Guest> {
    let limits = ports.limits.clone();
    let memory = MemoryLimit::new(limits.memory);
    let guest = Guest::new(name, ports, memory, stderr.clone());
    let mut store = Store::new(engine.wasmtime(), guest);
    store.limiter(|guest| &mut guest.memory);
    store.set_hostcall_fuel(limits.handed_over);
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
}

impl Pulse {
    /// Beats now, and resolves when it is time for the next beat.
    pub(super) async fn next(&self) {
        self.busy.reset();
        self.beat.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(PULSE).await;
    }
}

/// A fifth of the shortest limit that it serves.
const PULSE: Duration = Duration::from_millis(100);

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
