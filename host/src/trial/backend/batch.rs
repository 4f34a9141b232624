//! Many works in one observation.

use super::super::clause;
use super::super::verdict::{Claim, failed, said};
use super::Bench;
use super::bench::{Instance, words};
use crate::config::limits::OBSERVE_BATCH;
use crate::plugin::Work;
use crate::task::Observation;

/// Works among the others that were really started, and where they stand. Not in the middle, and not in
/// a pattern: an order that is turned round, sorted or shifted by one shows.
const REAL: [usize; 5] = [0, 7, 64, 128, 254];

pub(super) async fn many(bench: &Bench) -> Claim {
    let instance = bench.instance();
    let mut works = Vec::with_capacity(OBSERVE_BATCH);
    let real = match bench.quick() {
        Ok(errand) => {
            let mut real = Vec::new();
            for _ in REAL {
                real.push(bench.run(&instance, errand).await?.0);
            }
            real
        }
        Err(_) => Vec::new(),
    };
    let mut real = real.into_iter();
    let mut known = Vec::new();
    for place in 0..OBSERVE_BATCH {
        let started = REAL.contains(&place).then(|| real.next()).flatten();
        known.push(started.is_some());
        works.push(match started {
            Some(work) => work,
            None => Work {
                id: bench.id()?,
                handle: works.first().map_or_else(
                    || crate::task::Handle("none".to_owned()),
                    |work: &Work| work.handle.clone(),
                ),
            },
        });
    }
    in_order(&instance, &works, &known).await?;
    works.reverse();
    known.reverse();
    in_order(&instance, &works, &known).await
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
