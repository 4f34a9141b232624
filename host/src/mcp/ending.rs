//! How serving ends: nobody who has asked is left without an answer, and nobody can hold up the end.
//!
//! ```text
//! stop, or no more input ─▶ closing: subscriptions end, calls go on ─▶ overdue: calls are told to ask
//! again later ─▶ over: answers that nobody takes are dropped
//! ```

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How far the end has come. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Ending {
    /// There is no more input: a client that has asked and closed its end still reads the answers.
    pub(super) no_input: CancellationToken,
    /// Nothing new begins.
    pub(super) closing: CancellationToken,
    /// Calls that have no answer yet get one that says so.
    pub(super) overdue: CancellationToken,
    /// What has not been taken by now is dropped.
    pub(super) over: CancellationToken,
}

/// How long calls go on after the input has ended. `taskhost < requests` is worth waiting for; a wait
/// of a strategy is below this.
const AFTER_INPUT: Duration = Duration::from_secs(30);
/// How long calls go on after the host was told to stop.
const AFTER_STOP: Duration = Duration::from_millis(1_500);
/// How long the last answers may take to be written.
pub(super) const LAST_WORDS: Duration = Duration::from_millis(500);

impl Ending {
    /// Goes through the stages, from the moment that `stop` is cancelled or the input ends.
    ///
    /// # Cancel safety
    ///
    /// Dropping it leaves the stage as it is.
    pub(super) async fn conduct(&self, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.no_input.cancelled() => {}
        }
        self.closing.cancel();
        tokio::select! {
            () = sleep(AFTER_INPUT) => {}
            () = async {
                stop.cancelled().await;
                sleep(AFTER_STOP).await;
            } => {}
        }
        self.overdue.cancel();
        sleep(LAST_WORDS).await;
        self.over.cancel();
    }
}
