//! Many calls at a time, and slow ones among them.

use std::time::{Duration, Instant};

use futures::future::join_all;

use super::super::clause;
use super::super::verdict::{Claim, Stop, failed, said};
use super::Bench;
use super::bench::Instance;
use crate::plugin::Work;

/// How many starts are made at once: more than a busy host makes within a second, and well within the
/// queue of an instance.
const AT_ONCE: usize = 100;

/// How long a write takes while the host is slow: a disk that is also used by others.
const SLOW_WRITE: Duration = Duration::from_millis(50);

/// How long others may be held up, over what the machine itself holds them up: the limit on code that
/// does not yield.
const HELD_UP: Duration = Duration::from_millis(500);

pub(super) async fn many_at_once(bench: &Bench) -> Claim {
    let instance = bench.instance();
    all_end(bench, &instance, AT_ONCE).await
}

pub(super) async fn slow_host(bench: &Bench) -> Claim {
    bench.map.slow_down(SLOW_WRITE);
    let instance = bench.instance();
    all_end(bench, &instance, AT_ONCE / 5).await
}

async fn all_end(bench: &Bench, instance: &Instance, count: usize) -> Claim {
    let errand = bench.quick()?;
    let works = join_all((0..count).map(|_| bench.begin(instance, errand))).await;
    let works: Vec<Work> = works.into_iter().collect::<Result<_, Stop>>()?;
    // Those that come last have waited for all others.
    for work in works.iter().rev() {
        instance.end_of(work).await?;
    }
    Ok(())
}

pub(super) async fn others_are_served(bench: &Bench) -> Claim {
    let errand = bench.quick()?;
    // Beside the one that works stands one that does nothing: what holds up both is the machine.
    let (busy, idle) = (bench.instance(), bench.instance());
    beat(&busy).await?;
    beat(&idle).await?;
    let work = async {
        let works = join_all((0..4).map(|_| bench.begin(&busy, errand))).await;
        let works: Vec<Work> = works.into_iter().collect::<Result<_, Stop>>()?;
        for work in &works {
            busy.end_of(work).await?;
        }
        Ok::<_, Stop>(())
    };
    let (ended, longest) = measured_beside(&busy, &idle, work).await;
    let (held_up, machine) = longest?;
    if held_up > machine * 2 + HELD_UP {
        return failed(
            "an `observe` of nothing to be answered while tasks are started",
            format!(
                "it took {} ms, and {} ms at an instance beside it that had nothing to do",
                held_up.as_millis(),
                machine.as_millis()
            ),
            clause::BLOCKING,
        );
    }
    ended
}

async fn beat(instance: &Instance) -> Result<Duration, Stop> {
    let began = Instant::now();
    match instance.look(&[]).await {
        Ok(_) => Ok(began.elapsed()),
        Err(error) => failed(
            "an `observe` of nothing to be answered while tasks are started",
            said(&error),
            clause::BLOCKING,
        ),
    }
}

/// What came of `work`, and the longest answer of either instance meanwhile.
async fn measured_beside(
    busy: &Instance,
    idle: &Instance,
    work: impl Future<Output = Claim>,
) -> (Claim, Result<(Duration, Duration), Stop>) {
    let mut longest = (Duration::ZERO, Duration::ZERO);
    let mut over = None;
    tokio::pin!(work);
    while over.is_none() {
        let both = async { tokio::join!(beat(busy), beat(idle)) };
        tokio::pin!(both);
        let beats = tokio::select! {
            ended = &mut work => {
                over = Some(ended);
                both.await
            }
            beats = &mut both => beats,
        };
        match beats {
            (Ok(here), Ok(there)) => longest = (longest.0.max(here), longest.1.max(there)),
            (Err(stop), _) | (_, Err(stop)) => return (Ok(()), Err(stop)),
        }
        if over.is_none() {
            tokio::select! {
                ended = &mut work => over = Some(ended),
                () = tokio::time::sleep(BETWEEN) => {}
            }
        }
    }
    (over.unwrap_or(Ok(())), Ok(longest))
}

/// From one answer to the next question.
const BETWEEN: Duration = Duration::from_millis(10);
