//! Orchestrations of the tests, and what their activities do.

use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use taskhost_flow::{Backoff, Begin, Context, Failure, orchestration};

use crate::bindings::dispatch::Attempt;

/// How many there are of each thing.
#[derive(Deserialize, Serialize, JsonSchema)]
pub(crate) struct Size {
    size: u32,
}

pub(crate) const ALL: &[Begin] = &[
    Begin::of::<steps>(),
    Begin::of::<everything>(),
    Begin::of::<listener>(),
    Begin::of::<patient>(),
    Begin::of::<stubborn>(),
    Begin::of::<parent>(),
    Begin::of::<counter>(),
    Begin::of::<asks>(),
    Begin::of::<races>(),
    Begin::of::<hurried>(),
];

/// Code that has become other code: one more step comes first.
pub(crate) const OTHER: &[Begin] = &[Begin::of::<other::steps>(), Begin::of::<other::asks>()];

/// Doubles a number, and fails now and then.
pub(crate) fn double(attempt: &Attempt) -> Result<String, Failure> {
    let given: u32 = serde_json::from_str(&attempt.input).unwrap();
    match attempt.name.as_str() {
        "flaky" if !attempt.number.is_multiple_of(3) => {
            Err(Failure::new("busy", "not now").retryable())
        }
        "never" => Err(Failure::new("no-such-film", "there is none").with(&given)),
        _ => Ok((2 * given).to_string()),
    }
}

fn pauses() -> Backoff {
    Backoff::doubling(Duration::from_millis(100), Duration::from_secs(2))
}

/// One after the other.
#[orchestration]
pub(crate) async fn steps(ctx: Context, input: Size) -> Result<Vec<u32>, Failure> {
    let mut results = Vec::new();
    for step in 0..input.size {
        results.push(ctx.activity("double", &step).await?);
        ctx.progress(step + 1, input.size, "one by one");
    }
    Ok(results)
}

/// Timers that are due at once.
#[orchestration]
pub(crate) async fn hurried(ctx: Context, input: Size) -> Result<(), Failure> {
    for _ in 0..input.size {
        ctx.sleep(Duration::ZERO).await?;
    }
    Ok(())
}

/// Everything that a run can do.
#[orchestration]
pub(crate) async fn everything(ctx: Context, input: Size) -> Result<Vec<u32>, Failure> {
    let mut results = Vec::new();
    for step in 0..input.size {
        results.push(ctx.activity("flaky", &step).retry(1000, pauses()).await?);
        ctx.progress(step + 1, input.size, "one by one");
    }
    let all = (0..input.size).map(|step| ctx.activity("flaky", &step).retry(1000, pauses()));
    for result in join_all(all).await {
        results.push(result?);
    }
    ctx.sleep(Duration::from_mins(1)).await?;
    let race = select(
        ctx.activity::<u32>("flaky", &1000).retry(1000, pauses()),
        ctx.sleep(Duration::from_millis(50)),
    );
    match race.await {
        Either::Left((done, _)) => drop(done?),
        Either::Right((fired, _)) => fired?,
    }
    ctx.send_signal("listener", "heard", &results.len())?;
    let children = (1..3).map(|size| ctx.child::<Vec<u32>>("steps", &Size { size }));
    for child in join_all(children).await {
        results.extend(child?);
    }
    let approved: bool = ctx.ask("approve", "Is it good?").await?;
    let last: u32 = ctx.signal("last").await?;
    results.extend([u32::from(approved), last]);
    ctx.send_signal("listener", "heard", &results.len())?;
    Ok(results)
}

/// Hears signals, beginning anew after each.
#[derive(Deserialize, Serialize, JsonSchema)]
pub(crate) struct Heard {
    size: u32,
    #[serde(default)]
    heard: Vec<u32>,
}

/// Hears so many signals.
#[orchestration]
pub(crate) async fn listener(ctx: Context, mut input: Heard) -> Result<Vec<u32>, Failure> {
    if input.size == 0 {
        return Ok(input.heard);
    }
    input.heard.push(ctx.signal("heard").await?);
    input.size -= 1;
    ctx.begin_anew(&input)
}

/// Cleans up when it is told to stop.
#[orchestration]
pub(crate) async fn patient(ctx: Context, _: Size) -> Result<(), Failure> {
    let waiting = ctx.signal::<u32>("never").await;
    if ctx.is_cancelled() {
        let undone: u32 = ctx.shield(ctx.activity("double", &2)).await?;
        assert_eq!(undone, 4);
    }
    waiting.map(drop)
}

/// Does not stop when it is told to.
#[orchestration]
pub(crate) async fn stubborn(ctx: Context, _: Size) -> Result<(), Failure> {
    ctx.shield(ctx.sleep(Duration::from_hours(10))).await
}

/// Has children that clean up.
#[orchestration]
pub(crate) async fn parent(ctx: Context, input: Size) -> Result<(), Failure> {
    let children = (0..input.size).map(|size| ctx.child::<()>("patient", &Size { size }));
    for child in join_all(children).await {
        child?;
    }
    Ok(())
}

/// Does a step, and begins anew.
#[derive(Deserialize, Serialize, JsonSchema)]
pub(crate) struct Left {
    left: u32,
    #[serde(default)]
    done: u32,
}

/// Counts down, a history for each number.
#[orchestration]
pub(crate) async fn counter(ctx: Context, input: Left) -> Result<u32, Failure> {
    let two: u32 = ctx.activity("double", &1).await?;
    if input.left == 0 {
        return Ok(input.done);
    }
    let (left, done) = (input.left - 1, input.done + two);
    ctx.begin_anew(&Left { left, done })
}

/// Asks, and says what came of it.
#[orchestration]
pub(crate) async fn asks(ctx: Context, _: Size) -> Result<String, Failure> {
    match ctx.ask::<bool>("approve", "Is it good?").await {
        Ok(yes) => Ok(yes.to_string()),
        Err(failure) => Ok(failure.code),
    }
}

/// Tries what fails, and tells why.
#[orchestration]
pub(crate) async fn races(ctx: Context, _: Size) -> Result<u32, Failure> {
    let flaky = ctx.activity::<u32>("flaky", &4).retry(3, pauses()).await?;
    ctx.activity::<u32>("never", &flaky)
        .retry(3, pauses())
        .await
}

mod other {
    use super::{Context, Failure, Size, orchestration};

    /// One after the other.
    #[orchestration]
    pub(crate) async fn steps(ctx: Context, input: Size) -> Result<Vec<u32>, Failure> {
        ctx.activity::<u32>("prepare", &input.size).await?;
        Ok(Vec::new())
    }

    /// Asks for something else.
    #[orchestration]
    pub(crate) async fn asks(ctx: Context, _: Size) -> Result<String, Failure> {
        ctx.ask::<String>("name", "Who is it?").await
    }
}
