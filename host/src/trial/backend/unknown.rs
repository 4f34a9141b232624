//! Work that is not there, and what is said of it.

use super::super::clause;
use super::super::verdict::{Claim, died, failed, said};
use super::Bench;
use super::bench::{Instance, ended, words};
use crate::plugin::{CallError, Work};
use crate::task::{Observation, Outcome, Response};

pub(super) async fn work(bench: &Bench) -> Claim {
    let instance = bench.instance();
    // Where some work can be run, its handle is of a form that this backend has given out.
    let (handle, outcome) = match bench.quick() {
        Ok(errand) => {
            let (work, outcome) = bench.run(&instance, errand).await?;
            (work.handle, Some(outcome))
        }
        Err(_) => (crate::task::Handle("no-such-handle".to_owned()), None),
    };
    let never = Work {
        id: bench.id()?,
        handle,
    };
    match instance.observe_one(&never).await? {
        Observation::Unknown => {}
        // A handle that says all there is to know says it to whoever brings it.
        Observation::Finished(end) if Some(&end) == outcome.as_ref() => {}
        seen => {
            return failed(
                "`unknown` for an id that was never started",
                words(&seen),
                clause::UNKNOWN,
            );
        }
    }
    lives("cancel", instance.try_cancel(&never).await)?;
    lives("release", instance.release(&never).await)?;
    strange_handles(bench, &instance).await
}

/// Handles that this backend has not given out: another version of it may have.
async fn strange_handles(bench: &Bench, instance: &Instance) -> Claim {
    for text in ["", "no-such-handle", "{\"a\":[\u{0}]}", &"é".repeat(512)] {
        let strange = Work {
            id: bench.id()?,
            handle: crate::task::Handle(text.to_owned()),
        };
        let seen = lives(
            "observe",
            instance.look(std::slice::from_ref(&strange)).await,
        )?;
        let seen = seen.and_then(|seen| seen.into_iter().next());
        if let Some(Ok(seen @ (Observation::At(_) | Observation::Finished(_)))) = seen {
            return failed(
                "`unknown` for a handle that was never given out",
                words(&seen),
                clause::UNKNOWN,
            );
        }
        lives("cancel", instance.try_cancel(&strange).await)?;
        lives("release", instance.release(&strange).await)?;
    }
    Ok(())
}

/// Any answer will do, and any error; the end of the instance will not.
fn lives<T>(
    function: &str,
    answer: Result<T, CallError>,
) -> Result<Option<T>, super::super::verdict::Stop> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if died(&error) => failed(
            format!("`{function}` of work that was never started to be answered"),
            said(&error),
            clause::TRAP,
        ),
        Err(_) => Ok(None),
    }
}

pub(super) async fn released(bench: &Bench) -> Claim {
    let errand = bench.quick()?;
    let instance = bench.instance();
    let (work, outcome) = bench.run(&instance, errand).await?;
    if let Err(error) = instance.release(&work).await {
        return failed("`release` to be carried out", said(&error), clause::RELEASE);
    }
    forgotten(&instance, &work, &outcome).await?;
    // A crash of the host between the call and its answer.
    lives("release", instance.release(&work).await)?;
    forgotten(&instance, &work, &outcome).await
}

async fn forgotten(instance: &Instance, work: &Work, outcome: &Outcome) -> Claim {
    match instance.observe_one(work).await? {
        Observation::Unknown => Ok(()),
        Observation::Finished(after) if after == *outcome => Ok(()),
        seen => failed(
            format!("`unknown`, or the end that it had: {}", ended(outcome)),
            words(&seen),
            clause::RELEASE,
        ),
    }
}

pub(super) async fn stray_answer(bench: &Bench) -> Claim {
    let errand = bench.quick()?;
    let instance = bench.instance();
    let (work, outcome) = bench.run(&instance, errand).await?;
    for response in [
        Response::Accepted(crate::task::Json::empty_object()),
        Response::Declined,
        Response::Dismissed,
    ] {
        match instance.answer(&work, "no-such-question", &response).await {
            Err(error) if died(&error) => {
                return failed(
                    "an answer to nothing to be ignored",
                    said(&error),
                    clause::ANSWER,
                );
            }
            Ok(()) | Err(_) => {}
        }
    }
    match instance.observe_one(&work).await? {
        Observation::Finished(after) if after == outcome => Ok(()),
        seen => failed(
            format!("the end that it had before: {}", ended(&outcome)),
            words(&seen),
            clause::ANSWER,
        ),
    }
}
