//! What goes on when a run is asked to stop.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as Polling, Poll};

use crate::state::Shared;

/// Goes on when the run is asked to stop: for what cleans up.
#[derive(Debug)]
pub struct Shielded<F> {
    state: Shared,
    inner: Pin<Box<F>>,
}

impl<F> Shielded<F> {
    pub(crate) fn new(state: &Shared, inner: F) -> Self {
        Self {
            state: state.clone(),
            inner: Box::pin(inner),
        }
    }
}

impl<F: Future> Future for Shielded<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, polling: &mut Polling<'_>) -> Poll<F::Output> {
        self.state.borrow_mut().shields += 1;
        let polled = self.inner.as_mut().poll(polling);
        self.state.borrow_mut().shields -= 1;
        polled
    }
}
