//! The host's clock, and waiting that lets other calls go on.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::Error;
use crate::host::timers;

/// Milliseconds since the Unix epoch. Never goes back within one instance.
pub fn now_ms() -> u64 {
    timers::now_ms()
}

/// Returns after this time at the earliest. A restart of the instance ends it.
pub async fn sleep(duration: Duration) {
    // What is longer than half a billion years may end then.
    timers::sleep(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)).await;
}

/// Returns at this time at the earliest; at once where it has passed.
pub async fn sleep_until(ms: u64) {
    timers::sleep(ms.saturating_sub(now_ms())).await;
}

/// What `work` gives, or that it takes longer: then it is dropped where it is.
pub async fn timeout<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, Elapsed> {
    match select(pin!(work), pin!(sleep(limit))).await {
        Either::Left((value, _)) => Ok(value),
        Either::Right(_) => Err(Elapsed(limit)),
    }
}

/// It took longer than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(pub Duration);

impl std::fmt::Display for Elapsed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "no answer within {:?}", self.0)
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for Error {
    fn from(elapsed: Elapsed) -> Self {
        Self::unavailable(elapsed.to_string())
    }
}
