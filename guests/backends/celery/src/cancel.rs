//! Cancelling, so that it is true when it is said.
//!
//! 1. A message that no worker has yet is taken out of its queue: certain, and needs no worker.
//! 2. Otherwise workers are asked where the task is. One that runs is killed where its pool can kill,
//!    and left alone where it cannot: a worker that is told to revoke a task that runs elsewhere
//!    would write `REVOKED` over it.
//! 3. One that does not run yet is revoked by everybody who hears it. Nobody hears it: not delivered.
//!
//! An id that was not sent from here is never revoked: a worker writes `REVOKED` for any id.

use redis::cmd;
use taskhost_sdk::{CancelAnswer, Error, Observation, Outcome, Work, events};

use crate::backend::Backend;
use crate::control;
use crate::discovery;
use crate::handle::Handle;
use crate::mark::{LIFETIME_S, Mark, TAKE_BACK};
use crate::pidbox::{self, Request, Whereabouts};
use crate::results;
use crate::wire::Trouble;

/// What became of the attempt to take a message back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// Now, or by an earlier call.
    Back,
    /// A worker has it.
    TooLate,
    /// No mark: not sent from here, or long ago.
    NotOurs,
}

pub(crate) async fn cancel(
    backend: &Backend,
    work: &Work,
    reason: Option<String>,
) -> Result<CancelAnswer, Error> {
    let id = &work.id;
    let handle = Handle::read(&work.handle)?;
    let metas = results::read(backend, std::slice::from_ref(id)).await?;
    let meta = metas.into_iter().next().flatten();
    if meta.as_ref().is_some_and(crate::meta::Meta::is_final) {
        return Ok(CancelAnswer::AlreadyFinished);
    }
    match take_back(backend, id, &handle, reason.clone()).await? {
        Taken::Back => {
            let outcome = Outcome::Cancelled(reason);
            events::observed(id, &Observation::Finished(outcome));
            results::unwatch(backend, id).await;
            Ok(CancelAnswer::Accepted)
        }
        // A state without a mark is of a task that somebody else has sent, or that outlived its
        // mark; neither may be revoked. Without either there is nothing to stop.
        Taken::NotOurs if meta.is_some() => Ok(CancelAnswer::Unsupported),
        Taken::NotOurs => Ok(CancelAnswer::AlreadyFinished),
        Taken::TooLate => {
            results::watch(backend, &[(id.clone(), handle.clone())]).await?;
            if let Some(meta) = &meta {
                backend.live.note(id, meta);
            }
            let answer = revoke(backend, id, &handle).await?;
            // Also where nobody was there: the next worker is told as soon as it is seen.
            if answer != CancelAnswer::Unsupported {
                backend.live.wish(id, reason);
            }
            Ok(answer)
        }
    }
}

/// Says again what has not come true: a worker forgets revoked tasks when it is started anew, and its
/// messages go back into the queue.
pub(crate) async fn repeat(backend: &Backend) -> Result<(), Trouble> {
    for (id, handle) in backend.live.wished() {
        match take_back(backend, &id, &handle, None).await? {
            Taken::TooLate => _ = revoke(backend, &id, &handle).await?,
            Taken::NotOurs => {}
            Taken::Back => {
                let end = Observation::Finished(Outcome::Cancelled(None));
                events::observed(&id, &backend.live.reasoned(&id, end));
                results::unwatch(backend, &id).await;
            }
        }
    }
    Ok(())
}

async fn take_back(
    backend: &Backend,
    id: &str,
    handle: &Handle,
    reason: Option<String>,
) -> Result<Taken, Trouble> {
    let mut take = cmd("EVAL");
    take.arg(TAKE_BACK)
        .arg(2)
        .arg(backend.broker_keys.sent(id))
        .arg(&handle.list);
    take.arg(Mark::Cancelled(reason).text()).arg(LIFETIME_S);
    let taken: i64 = backend.broker.ask(&take).await?;
    Ok(match taken {
        1 | 2 => Taken::Back,
        0 => Taken::TooLate,
        _ => Taken::NotOurs,
    })
}

async fn revoke(backend: &Backend, id: &str, handle: &Handle) -> Result<CancelAnswer, Trouble> {
    let replies = control::ask(backend, "query_task", pidbox::query([id])).await?;
    if replies.heard == 0 {
        return Ok(CancelAnswer::NotDelivered);
    }
    let workers = discovery::workers(backend).await?;
    let kills = |worker: &str| {
        workers
            .get(worker)
            .is_some_and(|worker| worker.can_terminate)
    };
    let may_kill = handle.terminate.unwrap_or(backend.config.terminate);
    let signal = may_kill.then_some(backend.config.signal.as_str());
    let running = match pidbox::whereabouts(&replies.answers, id) {
        Whereabouts::Active(worker) => Some(worker),
        Whereabouts::Waiting(_) => None,
        // The worker that began it may be too busy to answer; it is then one that cannot kill.
        Whereabouts::Nowhere => backend.live.worker(id),
    };
    let killers: Vec<String>;
    let heard = if let Some(worker) = running {
        if !may_kill || !kills(&worker) {
            return Ok(CancelAnswer::Unsupported);
        }
        killers = vec![worker];
        0
    } else {
        killers = workers
            .keys()
            .filter(|worker| kills(worker))
            .cloned()
            .collect();
        control::tell(backend, &Request::revoke(id, None)).await?
    };
    // It may have begun since it was asked for.
    let killed = if signal.is_some() && !killers.is_empty() {
        let destination = Some(killers.as_slice());
        let request = Request {
            destination,
            ..Request::revoke(id, signal)
        };
        control::tell(backend, &request).await?
    } else {
        0
    };
    Ok(if heard.max(killed) == 0 {
        CancelAnswer::NotDelivered
    } else {
        CancelAnswer::Accepted
    })
}
