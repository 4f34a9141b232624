//! Polling once, so that something can be begun and left alone.

use std::future::Future;
use std::task::{Context, Waker};

/// Begins `future` and forgets it: what it holds is held for ever.
pub fn begin_and_forget(future: impl Future + 'static) {
    let mut future = Box::pin(future);
    let mut context = Context::from_waker(Waker::noop());
    _ = future.as_mut().poll(&mut context);
    std::mem::forget(future);
}
