//! Storage that does not answer.

use super::super::clause;
use super::super::verdict::{Claim, died, failed, said, skipped};
use super::Bench;
use crate::plugin::CallError;
use crate::task::Observation;

pub(super) async fn fails(bench: &Bench) -> Claim {
    let errand = bench.quick()?;
    let instance = bench.instance();
    let (work, outcome) = bench.run(&instance, errand).await?;
    if bench.map.used() == 0 {
        return skipped("it keeps nothing in the host's storage");
    }
    let id = bench.id()?;
    bench.map.break_down(true);
    lives("start", instance.start(id, errand).await)?;
    lives("observe", instance.look(std::slice::from_ref(&work)).await)?;
    lives("cancel", instance.try_cancel(&work).await)?;
    lives("list-tasks", instance.list_tasks_once().await)?;
    bench.map.break_down(false);
    match instance.observe_one(&work).await? {
        Observation::Finished(after) if after == outcome => {}
        seen => {
            return failed(
                "the end that it had before storage failed",
                super::bench::words(&seen),
                clause::STORAGE,
            );
        }
    }
    // The host repeats what it does not know the fate of.
    let handle = instance.hand_over(id, errand).await?;
    let work = crate::plugin::Work { id, handle };
    instance.end_of(&work).await.map(drop)
}

fn lives<T>(function: &str, answer: Result<T, CallError>) -> Claim {
    match answer {
        Err(error) if died(&error) || matches!(error, CallError::TimedOut { .. }) => failed(
            format!("`{function}` to answer, with an error where it needs storage"),
            said(&error),
            clause::STORAGE,
        ),
        _ => Ok(()),
    }
}
