//! From the start of a task to its end.

use super::super::clause;
use super::super::plan::Errand;
use super::super::verdict::{Claim, failed};
use super::Bench;
use super::bench::{Instance, ended, shortened, words};
use crate::task::{Observation, Outcome};

pub(super) async fn start_to_end(bench: &Bench) -> Claim {
    bench.quick()?;
    let instance = bench.instance();
    for errand in &bench.plan.quick {
        one(bench, &instance, errand).await?;
    }
    Ok(())
}

async fn one(bench: &Bench, instance: &Instance, errand: &Errand) -> Claim {
    let (work, outcome) = bench.run(instance, errand).await?;
    if bench.plan.succeeds && !matches!(outcome, Outcome::Completed(_)) {
        return failed(
            format!(
                "`{}` of {} to succeed",
                errand.task,
                shortened(&errand.arguments)
            ),
            ended(&outcome),
            clause::FINAL,
        );
    }
    // Whoever has missed a push learns the same by asking, as often as they like.
    for _ in 0..2 {
        let again = instance.observe_one(&work).await?;
        if again != Observation::Finished(outcome.clone()) {
            return failed(
                format!("`observe` to say how it ended: {}", ended(&outcome)),
                words(&again),
                clause::FINAL,
            );
        }
    }
    Ok(())
}
