//! Signals: what others tell a run.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context as Polling, Poll};

use serde::de::DeserializeOwned;

use crate::Failure;
use crate::awaited::read;
use crate::state::{Shared, Wait};

/// The next signal of one name.
#[derive(Debug)]
pub struct Received<T> {
    state: Shared,
    name: String,
    wait: Option<Wait>,
    value: PhantomData<fn() -> T>,
}

impl<T> Received<T> {
    pub(crate) fn new(state: &Shared, name: &str) -> Self {
        Self {
            state: state.clone(),
            name: name.to_owned(),
            wait: None,
            value: PhantomData,
        }
    }
}

impl<T: DeserializeOwned> Future for Received<T> {
    type Output = Result<T, Failure>;

    fn poll(mut self: Pin<&mut Self>, polling: &mut Polling<'_>) -> Poll<Self::Output> {
        let state = self.state.clone();
        let mut state = state.borrow_mut();
        if let Some(failure) = state.stopped() {
            return Poll::Ready(Err(failure));
        }
        if let Some(data) = state.take_signal(&self.name) {
            return Poll::Ready(read(Ok(data)));
        }
        let wait = match self.wait.take() {
            Some(wait) => wait,
            None => state.waiter(&self.name),
        };
        state.wait(wait.clone(), polling.waker());
        self.wait = Some(wait);
        Poll::Pending
    }
}

impl<T> Drop for Received<T> {
    fn drop(&mut self) {
        if let Some(wait) = &self.wait {
            self.state.borrow_mut().leave(wait);
        }
    }
}
