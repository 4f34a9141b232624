//! Waiting for a task, with reports to a client that listens.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use crate::interface::{Call, Caller, Error, Snapshot, timers};
use crate::pulse::Pulse;

/// The longest that the host waits at a time.
const MOST_MS: u64 = 55_000;

/// Waits until `is_enough` of what is known of the task, or until `until_ms`. Answers with the
/// newest that is known.
pub async fn follow(
    call: &Call,
    caller: &Caller,
    mut snapshot: Snapshot,
    until_ms: u64,
    pulse: &mut Pulse,
    is_enough: impl Fn(&Snapshot) -> bool,
) -> Result<Snapshot, Error> {
    loop {
        let now_ms = timers::now_ms();
        if let Some(news) = pulse.news(now_ms, &snapshot) {
            call.report(&news);
        }
        let left_ms = until_ms.saturating_sub(now_ms);
        if left_ms == 0 || is_enough(&snapshot) {
            return Ok(snapshot);
        }
        if let Some(beat) = pulse.beat(now_ms, &snapshot) {
            call.report(&beat);
        }
        let mut patience_ms = left_ms.min(MOST_MS);
        if caller.wants_progress {
            patience_ms = patience_ms.min(pulse.rest_ms(now_ms).max(1));
        }
        snapshot = call
            .wait(
                snapshot.id,
                snapshot.revision,
                u32::try_from(patience_ms).unwrap_or(u32::MAX),
            )
            .await?;
    }
}

/// What `work` gives, if it does within `ms`.
pub async fn within<T>(ms: u64, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut end = pin!(timers::sleep(ms));
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => end.as_mut().poll(context).map(|()| None),
    })
    .await
}
