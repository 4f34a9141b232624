//! The only place that asks the time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// Time since the Unix epoch. Waiting is tokio's affair, which tests can pause.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch. Never goes back within one clock.
    fn now_ms(&self) -> u64;
}

/// The system's clock, held where it is while somebody sets it back.
#[derive(Debug, Default)]
pub struct SystemClock {
    last: AtomicU64,
}

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the clock that everybody else asks"
        )]
        let now = SystemTime::now();
        let now = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |elapsed| {
                u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
            });
        self.last.fetch_max(now, Ordering::AcqRel).max(now)
    }
}
