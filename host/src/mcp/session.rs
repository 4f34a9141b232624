//! What one connection keeps between its requests.
//!
//! rmcp drops it with the session, and everything that was done on behalf of the session ends then.
//! Requests of 2026-07-28 have one each, for the time of the request.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::{CancellationToken, DropGuard};

/// One connection.
pub(super) struct Session {
    /// The least severe log messages that it wants, by `logging/setLevel`.
    level: Mutex<Option<usize>>,
    /// Documents it follows, by `resources/subscribe`.
    subscriptions: Mutex<HashMap<String, DropGuard>>,
    ends: CancellationToken,
    _end: DropGuard,
}

/// Documents that one session may follow. A client shows a handful.
const SUBSCRIPTIONS: usize = 1_000;

impl Default for Session {
    fn default() -> Self {
        let ends = CancellationToken::new();
        Self {
            level: Mutex::default(),
            subscriptions: Mutex::default(),
            _end: ends.clone().drop_guard(),
            ends,
        }
    }
}

impl Session {
    /// See the field.
    pub(super) fn level(&self) -> Option<usize> {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// See the field.
    pub(super) fn set_level(&self, level: usize) {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner) = Some(level);
    }

    /// Cancelled when the session ends.
    pub(super) fn ends(&self) -> CancellationToken {
        self.ends.child_token()
    }

    /// A token that lives until the session or this subscription ends; `None` where there are too many.
    /// A second subscription to one document takes the place of the first.
    pub(super) fn subscribe(&self, uri: &str) -> Option<CancellationToken> {
        let mut subscriptions = self.subscriptions();
        if subscriptions.len() >= SUBSCRIPTIONS && !subscriptions.contains_key(uri) {
            return None;
        }
        let token = self.ends.child_token();
        subscriptions.insert(uri.to_owned(), token.clone().drop_guard());
        Some(token)
    }

    /// Ends a subscription. One that never was is no error.
    pub(super) fn unsubscribe(&self, uri: &str) {
        self.subscriptions().remove(uri);
    }

    fn subscriptions(&self) -> MutexGuard<'_, HashMap<String, DropGuard>> {
        self.subscriptions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
