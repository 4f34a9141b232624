//! Steps one after the other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use taskhost_flow::{ActivityContext, Context, Failure, activity, orchestration};

use crate::pretend::{number, tried, work};

/// What is to be processed.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Data {
    /// Names of the items, one step for each. Empty: as many as `steps` says.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    items: Vec<String>,
    /// How many items, where none are named.
    #[serde(default = "Data::default_steps")]
    #[schemars(range(max = 1000))]
    steps: u32,
    /// How long each step takes.
    #[serde(default = "Data::default_seconds")]
    #[schemars(range(min = 0, max = 3600))]
    seconds_per_step: f64,
    /// Each third step fails when it is tried first, to show that it is tried again.
    #[serde(default)]
    flaky: bool,
}

impl Data {
    fn default_steps() -> u32 {
        5
    }

    fn default_seconds() -> f64 {
        2.0
    }

    fn into_steps(self) -> Vec<Step> {
        let items = if self.items.is_empty() {
            (1..=self.steps)
                .map(|step| format!("item {step}"))
                .collect()
        } else {
            self.items
        };
        let step = |(place, item): (usize, String)| Step {
            item,
            seconds: self.seconds_per_step,
            fails_first: self.flaky && place % 3 == 2,
        };
        items.into_iter().enumerate().map(step).collect()
    }
}

/// What came of all steps.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Processed {
    /// In a sentence.
    summary: String,
    /// Of each step, in order.
    steps: Vec<StepDone>,
}

/// For whoever looks on.
#[derive(Serialize)]
struct Status<'a> {
    step: u32,
    of: u32,
    item: &'a str,
}

/// Processes data in steps, one after the other, each with retries. Survives crashes and restarts: a step that is
/// done is never done again.
#[orchestration]
pub async fn process_data(ctx: Context, data: Data) -> Result<Processed, Failure> {
    let steps = data.into_steps();
    let of = u32::try_from(steps.len()).unwrap_or(u32::MAX);
    let mut done: Vec<StepDone> = Vec::new();
    for (place, step) in (1..).zip(&steps) {
        ctx.status(&Status {
            step: place,
            of,
            item: &step.item,
        });
        let result = tried(ctx.run::<do_step>(step)).await?;
        done.push(result);
        ctx.progress(place, of, &format!("{} is done", step.item));
    }
    let records: u64 = done.iter().map(|step| step.records).sum();
    Ok(Processed {
        summary: format!("{of} items with {records} records"),
        steps: done,
    })
}

/// One step.
#[derive(Debug, Serialize, Deserialize)]
pub struct Step {
    item: String,
    seconds: f64,
    fails_first: bool,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct StepDone {
    /// Which one.
    item: String,
    /// How many records it had.
    records: u64,
    /// How often it was tried.
    attempts: u32,
}

/// Processes one item: pretended, it sleeps and makes up a number of records.
#[activity]
pub async fn do_step(ctx: ActivityContext, step: Step) -> Result<StepDone, Failure> {
    if step.fails_first && ctx.attempt() == 1 {
        let message = format!("{} is locked by somebody else", step.item);
        return Err(Failure::new("locked", message).retryable());
    }
    work(&ctx, step.seconds).await?;
    Ok(StepDone {
        records: 100 + number(&step.item) % 900,
        attempts: ctx.attempt(),
        item: step.item,
    })
}
