//! Many works in one observation.

use super::super::clause;
use super::super::verdict::{Claim, Stop, died, failed, said, skipped};
use super::Bench;
use super::bench::{Instance, words};
use crate::config::limits::OBSERVE_BATCH;
use crate::plugin::{CallError, Work};
use crate::task::{Handle, Observation};

/// Works among the others that were really started, and where they stand. Not in the middle, and not in
/// a pattern: an order that is turned round, sorted or shifted by one shows.
const REAL: [usize; 5] = [0, 7, 64, 128, 254];

pub(super) async fn many(bench: &Bench) -> Claim {
    let instance = bench.instance();
    let mut real = Vec::new();
    if let Ok(errand) = bench.quick() {
        for _ in REAL {
            real.push(bench.run(&instance, errand).await?.0);
        }
    }
    let handle = unknown_handle(bench, &instance, real.first()).await?;
    let mut real = real.into_iter();
    let mut works = Vec::with_capacity(OBSERVE_BATCH);
    let mut known = Vec::with_capacity(OBSERVE_BATCH);
    for place in 0..OBSERVE_BATCH {
        let started = REAL.contains(&place).then(|| real.next()).flatten();
        known.push(started.is_some());
        works.push(match started {
            Some(work) => work,
            None => Work {
                id: bench.id()?,
                handle: handle.clone(),
            },
        });
    }
    in_order(&instance, &works, &known).await?;
    works.reverse();
    known.reverse();
    in_order(&instance, &works, &known).await
}

/// A handle with which an id that was never started is unknown: one that was given out, or one that was not
/// where what was given out says how its own work stands.
async fn unknown_handle(
    bench: &Bench,
    instance: &Instance,
    real: Option<&Work>,
) -> Result<Handle, Stop> {
    let given_out = real.map(|work| work.handle.clone());
    for handle in given_out.into_iter().chain([Handle("none".to_owned())]) {
        let work = Work {
            id: bench.id()?,
            handle,
        };
        let seen = instance.look(std::slice::from_ref(&work)).await;
        match seen {
            Ok(seen) if matches!(seen.first(), Some(Ok(Observation::Unknown))) => {
                return Ok(work.handle);
            }
            Err(error) if died(&error) || matches!(error, CallError::Rubbish { .. }) => {
                return failed("an observation of one work", said(&error), clause::OBSERVE);
            }
            Ok(_) | Err(_) => {}
        }
    }
    skipped("no work can be made up that it does not know")
}

async fn in_order(instance: &Instance, works: &[Work], known: &[bool]) -> Claim {
    let seen = instance.observe(works).await?;
    for (place, (seen, known)) in seen.iter().zip(known).enumerate() {
        let right = match seen {
            Observation::Unknown => !known,
            Observation::Finished(_) => *known,
            Observation::At(_) => false,
        };
        if !right {
            let expected = if *known { "`finished`" } else { "`unknown`" };
            return failed(
                format!(
                    "{expected} at place {place} of {}, where that work stands",
                    works.len()
                ),
                words(seen),
                clause::OBSERVE,
            );
        }
    }
    Ok(())
}

pub(super) async fn nothing(bench: &Bench) -> Claim {
    match bench.instance().look(&[]).await {
        Ok(_) => Ok(()),
        Err(error) => failed("an empty list", said(&error), clause::OBSERVE),
    }
}
