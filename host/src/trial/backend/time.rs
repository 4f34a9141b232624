//! A clock that is set.

use super::super::clause;
use super::super::verdict::{Claim, failed};
use super::Bench;
use crate::task::Observation;

/// A day, in milliseconds: past every timer of a task that is run here, short of any retention.
const DAY: i64 = 24 * 3600 * 1000;

pub(super) async fn jumps(bench: &Bench) -> Claim {
    let errand = bench.quick()?;
    let instance = bench.instance();
    let slow = match bench.slow() {
        Ok(slow) => Some(bench.begin(&instance, slow).await?),
        Err(_) => None,
    };
    let (ended, _) = bench.run(&instance, errand).await?;
    let mut instance = instance;
    // Forwards within an instance; backwards only between two, since the host holds its clock still.
    for (off, fresh) in [(DAY, false), (-DAY, true), (0, true)] {
        bench.time.set_off(off);
        if fresh {
            instance = bench.restart(instance).await;
        }
        let when = format!("when the clock was set {} h off", off / 3_600_000);
        // It may seem to run again where the time of its end has become the future: the host knows the
        // end by then. What nobody knows any longer is lost.
        let known = instance.observe_one(&ended).await?;
        if known == Observation::Unknown && !(bench.plan.volatile && fresh) {
            return failed(
                format!("the work that has ended to be known, {when}"),
                "`unknown`",
                clause::CLOCK,
            );
        }
        if let (Some(work), false) = (&slow, bench.plan.volatile)
            && instance.observe_one(work).await? == Observation::Unknown
        {
            return failed(
                format!("the work to be known, {when}"),
                "`unknown`",
                clause::CLOCK,
            );
        }
        bench.run(&instance, errand).await?;
    }
    if let Some(work) = slow {
        _ = instance.try_cancel(&work).await;
    }
    Ok(())
}
