//! The orchestrations of `{{name}}`: one that greets everybody, one after the other.
//!
//! Each step is on disk before the next one is begun, so that a run goes on where it was, whatever ends the
//! host. What is done is not done again; an activity that a crash has ended is.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use taskhost_flow::{
    ActivityContext, Backoff, Context, Failure, activity, export_flows, orchestration,
};

/// Whom to greet.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Guests {
    /// Their names.
    #[schemars(length(min = 1, max = 1000))]
    names: Vec<String>,
    /// Milliseconds between two of them.
    #[serde(default = "second")]
    #[schemars(range(max = 60000))]
    pause_ms: u64,
}

fn second() -> u64 {
    1000
}

/// What was said.
#[derive(Serialize, JsonSchema)]
pub struct Greetings {
    /// To each of them, in order.
    said: Vec<String>,
}

/// Greets everybody, one after the other, with a pause after each. Goes on after a crash where it was.
#[orchestration]
pub async fn greet_all(ctx: Context, guests: Guests) -> Result<Greetings, Failure> {
    let of = u32::try_from(guests.names.len()).unwrap_or(u32::MAX);
    let pauses = Backoff::doubling(Duration::from_secs(1), Duration::from_mins(1));
    let mut said = Vec::new();
    for (number, name) in (1..).zip(&guests.names) {
        said.push(ctx.run::<greet>(name).retry(3, pauses).await?);
        ctx.progress(number, of, &format!("greeted {name}"));
        ctx.sleep(Duration::from_millis(guests.pause_ms)).await?;
    }
    Ok(Greetings { said })
}

/// Greets somebody. An activity is where the world is touched: by `taskhost_sdk`, with what is granted.
#[activity(at_once = 4)]
pub async fn greet(_: ActivityContext, name: String) -> Result<String, Failure> {
    if name.is_empty() {
        // Tried again, it would fail again. What may succeed another time is `.retryable()`.
        return Err(Failure::new("nobody", "there is nobody to greet"));
    }
    Ok(format!("Hello, {name}!"))
}

export_flows! {
    orchestrations: [greet_all],
    activities: [greet],
}
taskhost_sdk::manifest!();

#[cfg(test)]
mod tests;
