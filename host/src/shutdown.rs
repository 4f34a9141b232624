//! How a host ends.
//!
//! ```text
//! first Ctrl-C, SIGTERM, end of input   stop taking calls, answer those in flight, close the store
//! second Ctrl-C                         exit now: recovery does the rest
//! ```
//!
//! Recovery is always correct, so an orderly end only makes the next start quicker.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Cancels `stop` at the first signal, and ends the process at the second.
///
/// The returned task is detached on purpose by its only caller: it owns nothing and ends with the
/// process.
pub async fn on_signal(stop: CancellationToken) {
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        tracing::warn!(
            "signals cannot be caught: a signal ends the host at once, which loses nothing"
        );
        return;
    };
    tokio::select! {
        _ = interrupt.recv() => tracing::info!("interrupted: shutting down; once more to exit now"),
        _ = terminate.recv() => tracing::info!("terminated: shutting down"),
    }
    stop.cancel();
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    #[expect(clippy::exit, reason = "the second signal means now")]
    std::process::exit(130);
}
