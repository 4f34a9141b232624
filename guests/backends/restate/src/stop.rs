//! Cancelling, and what remains to be done when the outcome is stored.
//!
//! Restate's cancellation is a signal that the handler sees at its next step, so that it can undo what it
//! has done. A handler that does not react, or has no worker, is killed when the time of grace is over;
//! whoever observes next does it (`observe.rs`), so that a restart changes nothing.

use taskhost_sdk::{CancelAnswer, Error, Work, time, tracing};

use crate::Backend;
use crate::mark;
use crate::outcome::{self, Said};
use crate::row::{self, Status, invocation};
use crate::server::Heard;

pub(crate) async fn cancel(
    backend: &Backend,
    work: &Work,
    reason: Option<String>,
) -> Result<CancelAnswer, Error> {
    match try_cancel(backend, work, reason).await {
        // The host keeps the wish, and asks again.
        Err(Error::Unavailable((why, _))) => {
            tracing::debug!(why, "a cancellation was not delivered");
            Ok(CancelAnswer::NotDelivered)
        }
        answer => answer,
    }
}

async fn try_cancel(
    backend: &Backend,
    work: &Work,
    reason: Option<String>,
) -> Result<CancelAnswer, Error> {
    let unknown = || Error::unknown(format!("Restate knows no invocation `{}`", work.handle));
    let id = invocation(work).ok_or_else(unknown)?;
    let rows = row::rows(&backend.server, &[id]).await?;
    let Some(row) = rows.first() else {
        let mark = mark::get(&work.id).await?;
        if mark.as_ref().is_some_and(|mark| mark.not_begun) {
            return Ok(CancelAnswer::AlreadyFinished);
        }
        return match outcome::ask(&backend.server, id, mark.as_ref()).await? {
            Said::Over(_) => Ok(CancelAnswer::AlreadyFinished),
            Said::NotOver => Ok(CancelAnswer::NotDelivered),
            Said::Missing => Err(unknown()),
        };
    };
    if row.status == Status::Completed {
        return Ok(CancelAnswer::AlreadyFinished);
    }
    let not_begun = matches!(
        row.status,
        Status::Scheduled | Status::Pending | Status::Ready
    );
    let now = time::now_ms();
    // Before it is told: what had not begun is gone afterwards, and nobody else could say why.
    mark::change(&work.id, |mark| {
        mark.cancel_ms = mark.cancel_ms.or(Some(now));
        mark.reason = mark.reason.take().or_else(|| reason.clone());
        mark.not_begun |= not_begun;
    })
    .await?;
    let what = if backend.config.grace_ms() == 0 {
        "kill"
    } else {
        "cancel"
    };
    Ok(match backend.server.tell(id, what).await? {
        Heard::Yes => CancelAnswer::Accepted,
        Heard::Conflict => CancelAnswer::AlreadyFinished,
        Heard::Missing if not_begun => CancelAnswer::Accepted,
        Heard::Missing => return Err(unknown()),
    })
}

/// Forgets the invocation, and what is known of it here.
pub(crate) async fn release(backend: &Backend, work: &Work) -> Result<(), Error> {
    let Some(id) = invocation(work) else {
        return Ok(());
    };
    backend.asked.borrow_mut().forget(id);
    let purged = if backend.config.purge {
        backend.server.tell(id, "purge").await?
    } else {
        Heard::Conflict
    };
    let mark = mark::get(&work.id).await?;
    if purged == Heard::Conflict && mark.is_some() {
        // Somebody wanted it to stop, and the host will not look at it any more.
        if backend.server.tell(id, "kill").await? == Heard::Yes && backend.config.purge {
            backend.server.tell(id, "purge").await?;
        }
    }
    mark::remove(&work.id).await
}
