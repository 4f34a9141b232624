//! Steps, each an activity, and an approval, as a component.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use taskhost_flow::{
    ActivityContext, Backoff, Context, Failure, activity, export_flows, orchestration,
};

/// What to do.
#[derive(Deserialize, JsonSchema)]
pub struct Input {
    /// How many steps.
    steps: u32,
}

/// What came of it.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// Of each step.
    results: Vec<u32>,
    /// Whether somebody wanted it.
    published: bool,
}

/// Works through data in steps, and asks before it publishes.
#[orchestration]
pub async fn process_data(ctx: Context, input: Input) -> Result<Output, Failure> {
    let mut results = Vec::new();
    let pauses = Backoff::doubling(Duration::from_secs(1), Duration::from_mins(1));
    for step in 0..input.steps {
        results.push(ctx.run::<do_step>(&step).retry(3, pauses).await?);
        ctx.progress(step + 1, input.steps, "step by step");
    }
    let published = ctx.ask("approve", "Publish the result?").await?;
    Ok(Output { results, published })
}

/// Squares a number, in a real component perhaps on another machine.
#[activity(at_once = 4)]
pub async fn do_step(ctx: ActivityContext, step: u32) -> Result<u32, Failure> {
    if ctx.heartbeat(&step) {
        return Err(Failure::cancelled(None));
    }
    Ok(step * step)
}

export_flows! {
    orchestrations: [process_data],
    activities: [do_step],
}
