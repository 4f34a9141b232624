//! Channels that something was published on, and nobody has looked at yet.
//!
//! A message is only a reason to read the key: whoever may subscribe may also publish, and a message
//! that is lost or comes twice must do no harm. So a channel is remembered once, however often it
//! was heard, and there are never more than are subscribed to.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// Shared with the redis client, which asks for `Send` even where there is one thread.
#[derive(Clone, Default)]
pub(crate) struct Wakeups {
    heard: Arc<Mutex<BTreeSet<String>>>,
    bell: Arc<Notify>,
}

impl Wakeups {
    pub(crate) fn add(&self, channel: String) {
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(channel);
        self.bell.notify_one();
    }

    /// All that were heard since the last time.
    pub(crate) fn take(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns when there is something to take.
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }
}
