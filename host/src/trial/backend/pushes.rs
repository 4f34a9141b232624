//! What is pushed when there is nothing left to say.

use std::time::Duration;

use super::super::clause;
use super::super::verdict::{Claim, failed};
use super::Bench;
use super::bench::words;
use super::identity::since_the_end;
use crate::task::Observation;

/// How long a straggler is waited for.
const QUIET: Duration = Duration::from_secs(1);

pub(super) async fn quiet_after_the_end(bench: &Bench) -> Claim {
    let errand = bench.quick()?;
    let instance = bench.instance();
    let (work, outcome) = bench.run(&instance, errand).await?;
    let before = instance.pushes.of(work.id).len();
    tokio::time::sleep(QUIET).await;
    let pushed = instance.pushes.of(work.id);
    let late = match pushed.split_at_checked(before) {
        // It was seen by `observe` that it was over: its own push of that may come late.
        Some((_, late)) => late
            .iter()
            .find(|one| **one != Observation::Finished(outcome.clone())),
        None => None,
    };
    match since_the_end(&pushed).or(late) {
        None => Ok(()),
        Some(late) => failed(
            "nothing to be pushed for a task that is over",
            format!("a push of {}", words(late)),
            clause::PUSH,
        ),
    }
}
