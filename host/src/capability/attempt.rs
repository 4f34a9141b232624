//! `attempt`: what an activity knows of its attempt, and its signs of life.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Guest;
use super::bindings::attempt;

/// One attempt, shared by its instance and by whoever watches over it.
#[derive(Clone)]
pub struct AttemptState(Arc<Shared>);

struct Shared {
    key: String,
    number: u32,
    before: Option<String>,
    last: Mutex<Option<String>>,
    beats: watch::Sender<Instant>,
    unwanted: CancellationToken,
}

impl AttemptState {
    /// It begins now. `before`: what the attempt before it said last.
    pub fn new(
        key: String,
        number: u32,
        before: Option<String>,
        unwanted: CancellationToken,
    ) -> Self {
        Self(Arc::new(Shared {
            key,
            number,
            last: Mutex::new(before.clone()),
            before,
            beats: watch::Sender::new(Instant::now()),
            unwanted,
        }))
    }

    /// When it was heard of last.
    pub fn beats(&self) -> watch::Receiver<Instant> {
        self.0.beats.subscribe()
    }

    /// What it said last, or the one before it.
    pub fn last(&self) -> Option<String> {
        let last = self.0.last.lock();
        last.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl attempt::Host for Guest {
    fn key(&mut self) -> String {
        let attempt = self.attempt.as_ref();
        attempt
            .map(|attempt| attempt.0.key.clone())
            .unwrap_or_default()
    }

    fn number(&mut self) -> u32 {
        self.attempt.as_ref().map_or(1, |attempt| attempt.0.number)
    }

    fn heartbeat(&mut self, detail: Option<String>) -> bool {
        let Some(AttemptState(attempt)) = &self.attempt else {
            return false;
        };
        if let Some(detail) = detail {
            let mut last = (attempt.last.lock()).unwrap_or_else(PoisonError::into_inner);
            *last = Some(detail);
        }
        attempt.beats.send_replace(Instant::now());
        attempt.unwanted.is_cancelled()
    }

    fn last_heartbeat(&mut self) -> Option<String> {
        self.attempt.as_ref()?.0.before.clone()
    }
}
