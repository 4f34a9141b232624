//! Instances come and go; work does not.
//!
//! A backend whose work runs inside the instance may say so (`[test] volatile = true`): it then has to
//! answer `unknown` after a restart, which the host turns into the end of the task. Anything else
//! would keep a task alive that nobody works on.

use super::super::clause;
use super::super::verdict::{Claim, failed};
use super::Bench;
use super::bench::{ended, words};
use super::cancel::{told_to_stop, until_running};
use crate::task::Observation;

pub(super) async fn while_running(bench: &Bench) -> Claim {
    let errand = bench.slow()?;
    let instance = bench.instance();
    let work = bench.begin(&instance, errand).await?;
    until_running(bench, &instance, &work).await?;
    let fresh = bench.restart(instance).await;
    match (fresh.observe_one(&work).await?, bench.plan.volatile) {
        (Observation::Unknown, true) => Ok(()),
        (Observation::Unknown, false) => failed(
            "a fresh instance to know the work",
            "`observe` says `unknown`",
            clause::NOTHING_HELD,
        ),
        (Observation::At(_) | Observation::Finished(_), false) => {
            told_to_stop(bench, &fresh, &work).await
        }
        (seen, true) => failed(
            "`unknown` after a restart, as `[test] volatile` says",
            format!("`observe` says {}", words(&seen)),
            clause::OBSERVE_AFTER_RESTART,
        ),
    }
}

pub(super) async fn after_the_end(bench: &Bench) -> Claim {
    let errand = bench.quick()?;
    let instance = bench.instance();
    let (work, outcome) = bench.run(&instance, errand).await?;
    let fresh = bench.restart(instance).await;
    match fresh.observe_one(&work).await? {
        Observation::Finished(after) if after == outcome => Ok(()),
        Observation::Unknown if bench.plan.volatile => Ok(()),
        seen => failed(
            format!("a fresh instance to know how it ended: {}", ended(&outcome)),
            format!("`observe` says {}", words(&seen)),
            clause::NOTHING_HELD,
        ),
    }
}
