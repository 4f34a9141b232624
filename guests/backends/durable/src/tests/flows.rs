//! Orchestrations of the tests, and what their activities do.

use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use schemars::JsonSchema;
use serde::Deserialize;
use taskhost_flow::{Backoff, Begin, Context, Failure, orchestration};

use crate::bindings::dispatch::Attempt;

/// How many there are of each thing.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Size {
    size: u32,
}

pub(crate) const ALL: &[Begin] = &[Begin::of::<steps>()];

/// Doubles a number, and fails now and then.
pub(crate) fn double(attempt: &Attempt) -> Result<String, Failure> {
    let given: u32 = serde_json::from_str(&attempt.input).unwrap();
    if attempt.name == "flaky" && attempt.number % 3 == 1 {
        return Err(Failure::new("busy", "not now").retryable());
    }
    Ok((2 * given).to_string())
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
