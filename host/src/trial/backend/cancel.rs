//! Cancelling, and whether it is true what was answered.

use std::time::{Duration, Instant};

use super::super::clause;
use super::super::verdict::{Claim, failed};
use super::Bench;
use super::bench::{Instance, ended, words};
use crate::plugin::{CancelAnswer, Work};
use crate::task::{Observation, Phase};

pub(super) async fn at_once(bench: &Bench) -> Claim {
    let errand = bench.slow().or_else(|_| bench.quick())?;
    let instance = bench.instance();
    let work = bench.begin(&instance, errand).await?;
    told_to_stop(bench, &instance, &work).await
}

pub(super) async fn while_running(bench: &Bench) -> Claim {
    let errand = bench.slow()?;
    let instance = bench.instance();
    let work = bench.begin(&instance, errand).await?;
    until_running(bench, &instance, &work).await?;
    told_to_stop(bench, &instance, &work).await
}

pub(super) async fn after_the_end(bench: &Bench) -> Claim {
    let errand = bench.quick()?;
    let instance = bench.instance();
    let (work, outcome) = bench.run(&instance, errand).await?;
    let answer = instance.cancel(&work).await?;
    if !matches!(
        answer,
        CancelAnswer::AlreadyFinished | CancelAnswer::Unsupported
    ) {
        return failed(
            "`already-finished` for a task that is over",
            format!("`{answer:?}`"),
            clause::CANCEL,
        );
    }
    match instance.observe_one(&work).await? {
        Observation::Finished(after) if after == outcome => Ok(()),
        seen => failed(
            format!("the end that it had before: {}", ended(&outcome)),
            words(&seen),
            clause::FINAL,
        ),
    }
}

/// Returns when the work is at work, or has had time for that.
pub(super) async fn until_running(bench: &Bench, instance: &Instance, work: &Work) -> Claim {
    let until = Instant::now() + bench.patience / 5;
    loop {
        match instance.observe_one(work).await? {
            Observation::At(Phase::Pending) if Instant::now() < until => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Observation::At(_) => return Ok(()),
            seen => {
                return failed(
                    "a task that runs until it is cancelled",
                    words(&seen),
                    clause::WORK,
                );
            }
        }
    }
}

/// Cancels `work`, and holds the backend to its answer.
pub(super) async fn told_to_stop(bench: &Bench, instance: &Instance, work: &Work) -> Claim {
    let until = Instant::now() + bench.patience;
    loop {
        let answer = instance.cancel(work).await?;
        return match answer {
            CancelAnswer::NotDelivered if Instant::now() < until => {
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
            CancelAnswer::NotDelivered => failed(
                format!("somebody to hear it within {} s", bench.patience.as_secs()),
                "`not-delivered`, each time",
                clause::CANCEL_NOT_DELIVERED,
            ),
            CancelAnswer::Accepted => {
                // Repeating it must not hurt: the host does so after a crash.
                instance.cancel(work).await?;
                stops(bench, instance, work).await
            }
            CancelAnswer::AlreadyFinished => match instance.observe_one(work).await? {
                Observation::Finished(_) => Ok(()),
                seen => failed(
                    "work that is over, as the answer `already-finished` says",
                    format!("`observe` says {}", words(&seen)),
                    clause::CANCEL,
                ),
            },
            CancelAnswer::Unsupported => match instance.observe_one(work).await? {
                Observation::Unknown => failed(
                    "the work to go on, as the answer `unsupported` says",
                    "`observe` says `unknown`",
                    clause::CANCEL_UNSUPPORTED,
                ),
                _ => Ok(()),
            },
        };
    }
}

async fn stops(bench: &Bench, instance: &Instance, work: &Work) -> Claim {
    match instance.end_within(work, bench.patience).await? {
        Ok(_) => Ok(()),
        Err(seen) => failed(
            format!(
                "the work to stop within {} s of the answer `accepted`",
                bench.patience.as_secs()
            ),
            format!("`observe` still says {}", words(&seen)),
            clause::CANCEL_ACCEPTED,
        ),
    }
}
