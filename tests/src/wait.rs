//! Waiting for conditions, never for durations.

use std::thread;
use std::time::{Duration, Instant};

/// For what is a matter of milliseconds on an idle machine.
pub const SHORT: Duration = Duration::from_secs(20);
/// For what involves the start of a worker, a reconnect or somebody's timer.
pub const LONG: Duration = Duration::from_secs(90);

const INTERVAL: Duration = Duration::from_millis(20);

/// Polls `condition` until it holds.
///
/// # Panics
/// With `what` when it does not hold within `deadline`.
#[track_caller]
pub fn wait_until(deadline: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(deadline, what, || condition().then_some(()));
}

/// Polls `value` until there is one.
///
/// # Panics
/// With `what` when there is none within `deadline`.
#[track_caller]
pub fn wait_for<T>(deadline: Duration, what: &str, mut value: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + deadline;
    loop {
        if let Some(value) = value() {
            return value;
        }
        assert!(Instant::now() < end, "within {deadline:?}: {what}");
        thread::sleep(INTERVAL);
    }
}
