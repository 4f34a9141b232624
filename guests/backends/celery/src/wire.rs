//! Redis from inside a component.
//!
//! The redis crate does the talking; this makes it possible without sockets, threads or a runtime:
//! bytes are pumped between the crate and the host's `net` import, everything waits by futures of
//! this instance, and time-outs race the host's clock.
//!
//! ```text
//! callers ─ Link::ask ─► redis client ─► pipe ─► net::carry ─► net.connection  (one per database)
//! results::follow ◄─ Wakeups ◄─ pushes ◄──┘
//! ```

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use taskhost_sdk::time;

mod link;
mod resp2;
mod trouble;
mod wakeups;

pub(crate) use link::Link;
pub(crate) use trouble::{Place, Trouble};

/// What `work` gives, or nothing where it takes longer.
pub(crate) async fn within<T>(ms: u64, work: impl Future<Output = T>) -> Option<T> {
    time::timeout(Duration::from_millis(ms), work).await.ok()
}

/// Whatever ends first, for endings that mean the same.
pub(crate) async fn first<T>(one: impl Future<Output = T>, other: impl Future<Output = T>) -> T {
    match select(pin!(one), pin!(other)).await {
        Either::Left((value, _)) | Either::Right((value, _)) => value,
    }
}
