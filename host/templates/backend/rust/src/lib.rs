//! The backend `{{name}}`: one task that is over at once, and one that takes its time.
//!
//! An instance may end at any moment, and the next one goes on in its place. So nothing that matters is
//! kept in the instance: a run is a record in storage, written before `start` returns, and how far it is
//! follows from that record and the time.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use taskhost_sdk::storage::Table;
use taskhost_sdk::{
    Backend, CancelAnswer, Error, Handle, Observation, Progress, StartRequest, Task, Work, time,
};

/// The backend.
pub struct Plugin {
    config: Config,
}

/// What the operator may set.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Said before the name.
    greeting: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            greeting: "Hello".into(),
        }
    }
}

/// Greets somebody.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Hello {
    #[schemars(length(max = 200))]
    who: String,
}

/// Counts aloud.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Count {
    #[schemars(range(min = 1, max = 1000))]
    to: u32,
    /// Milliseconds for each number.
    #[serde(default = "second")]
    #[schemars(range(min = 10, max = 60000))]
    every_ms: u64,
}

fn second() -> u64 {
    1000
}

/// What is kept of a run.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Run {
    at_ms: u64,
    what: What,
    cancelled: bool,
    reason: Option<String>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
enum What {
    Said(String),
    Counts(Count),
}

const RUNS: Table<Run> = Table::new("run/");

impl Backend for Plugin {
    const NAME: &'static str = "{{name}}";
    const OBSERVE_EVERY: Option<Duration> = Some(Duration::from_millis(500));
    type Config = Config;

    fn new(config: Config) -> Result<Self, Error> {
        Ok(Self { config })
    }

    async fn tasks(&self) -> Result<Vec<Task>, Error> {
        Ok(vec![
            Task::new::<Hello>("hello")
                .idempotent()
                .estimate(Duration::from_millis(1)),
            Task::new::<Count>("count")
                .idempotent()
                .estimate(Duration::from_secs(10)),
        ])
    }

    async fn start(&self, request: StartRequest) -> Result<Handle, Error> {
        let what = match request.task.as_str() {
            "hello" => {
                let Hello { who } = request.arguments()?;
                What::Said(format!("{}, {who}!", self.config.greeting))
            }
            "count" => What::Counts(request.arguments()?),
            other => return Err(Error::unknown(other)),
        };
        let run = Run {
            at_ms: time::now_ms(),
            what,
            cancelled: false,
            reason: None,
        };
        // The same id may come twice: the run that is there already stays as it is.
        RUNS.insert(&request.id, &run).await?;
        Ok(request.id)
    }

    async fn observe(&self, work: &Work) -> Result<Observation, Error> {
        let run = RUNS.get(&work.handle).await?;
        Ok(run.map_or(Observation::Unknown, |run| state(&run, time::now_ms())))
    }

    async fn cancel(&self, work: &Work, reason: Option<String>) -> Result<CancelAnswer, Error> {
        let now = time::now_ms();
        let changed = RUNS.update(&work.handle, |run| {
            if state(run, now).is_over() {
                return CancelAnswer::AlreadyFinished;
            }
            run.cancelled = true;
            run.reason.clone_from(&reason);
            CancelAnswer::Accepted
        });
        match changed.await? {
            Some((_, answer)) => Ok(answer),
            None => Err(Error::unknown(&work.handle)),
        }
    }

    async fn release(&self, work: &Work) -> Result<(), Error> {
        RUNS.remove(&work.handle).await
    }
}

/// What has become of a run.
fn state(run: &Run, now_ms: u64) -> Observation {
    if run.cancelled {
        return Observation::cancelled(run.reason.clone());
    }
    match &run.what {
        What::Said(words) => Observation::completed(words),
        What::Counts(Count { to, every_ms }) => {
            let counted = now_ms.saturating_sub(run.at_ms) / (*every_ms).max(1);
            match u32::try_from(counted) {
                Ok(counted) if counted < *to => Progress::of(counted.into(), (*to).into())
                    .saying(format!("counted to {counted}"))
                    .into(),
                _ => Observation::completed(&serde_json::json!({ "counted": to })),
            }
        }
    }
}

taskhost_sdk::export_backend!(Plugin);
taskhost_sdk::manifest!();

#[cfg(test)]
mod tests;
