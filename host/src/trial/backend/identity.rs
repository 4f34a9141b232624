//! One id, one task.

use std::time::Duration;

use super::super::clause;
use super::super::verdict::{Claim, Stop, failed, said, skipped};
use super::Bench;
use super::bench::{Instance, ended, words};
use crate::plugin::{CallError, Work};
use crate::task::{Handle, Observation, TaskId};

pub(super) async fn same_handle(bench: &Bench) -> Claim {
    let errand = bench.quick()?;
    let instance = bench.instance();
    let (id, other) = (bench.id()?, bench.id()?);
    let first = instance.hand_over(id, errand).await?;
    let again = instance.hand_over(id, errand).await?;
    same(&first, &again, "a second time")?;
    // The host does not do this, and a crash of it can look like this.
    let (left, right) = tokio::join!(
        instance.hand_over(other, errand),
        instance.hand_over(other, errand)
    );
    same(&left?, &right?, "twice at a time")?;
    let fresh = bench.restart(instance).await;
    if let Some(later) = again_after_restart(bench, &fresh, id).await? {
        same(&first, &later, "after a restart")?;
    }
    Ok(())
}

async fn again_after_restart(
    bench: &Bench,
    fresh: &Instance,
    id: TaskId,
) -> Result<Option<Handle>, Stop> {
    if bench.plan.volatile {
        return Ok(None);
    }
    let errand = bench.quick()?;
    fresh.hand_over(id, errand).await.map(Some)
}

fn same(first: &Handle, again: &Handle, when: &str) -> Claim {
    if first == again {
        return Ok(());
    }
    failed(
        format!("the handle `{}` again", first.0),
        format!("`{}`, when the id was started {when}", again.0),
        clause::START_AGAIN,
    )
}

/// How long a second run is given to show.
const SHOW: Duration = Duration::from_millis(500);

pub(super) async fn runs_once(bench: &Bench) -> Claim {
    let errand = bench.quick()?;
    let instance = bench.instance();
    let (work, outcome) = bench.run(&instance, errand).await?;
    let lines = instance.pushes.lines(work.id);
    instance.hand_over(work.id, errand).await?;
    tokio::time::sleep(SHOW).await;
    let after = instance.observe_one(&work).await?;
    match &after {
        Observation::Finished(again) if *again == outcome => {}
        Observation::Finished(again) => {
            return failed(
                format!(
                    "the end that it had before the second start: {}",
                    ended(&outcome)
                ),
                ended(again),
                clause::START_AGAIN,
            );
        }
        _ => {
            return failed(
                "work that is over to stay over when its id is started again",
                format!("`observe` says {}", words(&after)),
                clause::START_AGAIN,
            );
        }
    }
    let pushed = instance.pushes.of(work.id);
    if let Some(begun) = since_the_end(&pushed) {
        return failed(
            "nothing to begin again after the end",
            format!("a second start pushed {}", words(begun)),
            clause::START_AGAIN,
        );
    }
    let printed = instance.pushes.lines(work.id);
    if printed > lines {
        return failed(
            format!("the {lines} lines that the work had printed"),
            format!("{printed} after a second start"),
            clause::START_AGAIN,
        );
    }
    Ok(())
}

/// What was pushed after the end and is not the end.
pub(super) fn since_the_end(pushed: &[Observation]) -> Option<&Observation> {
    let is_end = |one: &&Observation| matches!(one, Observation::Finished(_));
    let (_, after) = pushed.split_at_checked(pushed.iter().position(|one| is_end(&one))?)?;
    after.iter().find(|one| !is_end(one))
}

pub(super) async fn independent(bench: &Bench) -> Claim {
    let instance = bench.instance();
    let quick = bench.quick().cloned();
    let slow = bench.slow().cloned();
    if quick.is_err() && slow.is_err() {
        return quick.map(drop);
    }
    if let Ok(errand) = quick {
        let (one, _) = bench.run(&instance, &errand).await?;
        let (other, outcome) = bench.run(&instance, &errand).await?;
        let released = instance.release(&one).await;
        settled(released)?;
        let after = instance.observe_one(&other).await?;
        if after != Observation::Finished(outcome.clone()) {
            return failed(
                format!("{} when another task was released", ended(&outcome)),
                words(&after),
                clause::WORK,
            );
        }
    }
    if let Ok(errand) = slow {
        let one = bench.begin(&instance, &errand).await?;
        let other = bench.begin(&instance, &errand).await?;
        untouched(bench, &instance, &one, &other).await?;
        _ = instance.try_cancel(&other).await;
    }
    Ok(())
}

/// Cancels `one`, and looks at `other`.
async fn untouched(bench: &Bench, instance: &Instance, one: &Work, other: &Work) -> Claim {
    instance.cancel(one).await?;
    let pause = bench.patience / 20;
    tokio::time::sleep(pause.min(SHOW)).await;
    match instance.observe_one(other).await? {
        Observation::At(_) => Ok(()),
        seen => failed(
            "the work to go on when another one is cancelled",
            words(&seen),
            clause::WORK,
        ),
    }
}

/// An error is for the host to read; a death is not.
fn settled(answer: Result<(), CallError>) -> Claim {
    match answer {
        Ok(()) => Ok(()),
        Err(error @ (CallError::Unavailable { .. } | CallError::Busy { .. })) => {
            skipped(format!("`release` was answered with {}", said(&error)))
        }
        Err(error) => failed("`release` to be carried out", said(&error), clause::RELEASE),
    }
}
