//! Whether a build still makes the decisions that stored histories have.
//!
//! The engine does it, told to check and nothing else (`check` in its configuration): it shows each log to a fresh
//! instance of the orchestration and compares. It works on a copy of the logs, in memory, so that a host that runs
//! is not disturbed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::Subject;
use crate::clock::SystemClock;
use crate::error::{Code, Report};
use crate::plugin::load::Linked;
use crate::plugin::{Health, Ports, Work};
use crate::service::storage::{StoredLogs, StoredMaps};
use crate::store::memory::MemoryStore;
use crate::store::{Store as _, Turn};
use crate::task::{Handle, Json, Observation, Outcome, Run};

/// One stored history.
#[derive(Clone, Debug)]
pub struct History {
    /// Whose.
    pub run: Run,
    /// It is over: then nothing goes on with it.
    pub over: bool,
    /// Its entries.
    pub entries: Vec<String>,
}

/// What came of one.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// Whose history.
    pub run: Run,
    /// It is over.
    pub over: bool,
    /// How many entries it has.
    pub entries: usize,
    /// Reading it, and showing it to a fresh instance.
    pub took: Duration,
    /// Why it does not fit. `None`: it does.
    pub difference: Option<String>,
}

/// Replays `histories` on the orchestrations of `subject`.
pub async fn replay(subject: &Subject, histories: Vec<History>) -> Result<Vec<Replayed>, Report> {
    let Linked::Backend(linked) = &subject.loaded.linked else {
        return Err(no_orchestrations(&subject.name));
    };
    if linked.flows().is_none() {
        return Err(no_orchestrations(&subject.name));
    }
    let store = Arc::new(MemoryStore::new());
    for history in &histories {
        let turn = Turn {
            run: history.run.clone(),
            expected: 0,
            entries: history.entries.clone(),
            summary: "{}".to_owned(),
            over: history.over,
            anew: false,
        };
        let written = store.run_append(&subject.name, turn).await;
        written.map_err(|error| Report::from(&error))?;
    }
    let ports = Ports {
        clock: Arc::new(SystemClock::default()),
        storage: Arc::new(StoredMaps(store.clone())),
        events: None,
        journal: Some(Arc::new(StoredLogs(store))),
        flows: None,
        secrets: Arc::default(),
        // Nothing of it has anything done.
        grants: Arc::default(),
        denials: Arc::default(),
        limits: subject.limits.clone(),
        meter: Arc::default(),
        rehearsal: false,
    };
    let stop = CancellationToken::new();
    let config = checking(&subject.loaded.config);
    let (engine, task) = linked.run(&subject.name, ports, &config, stop.clone());
    let mut health = engine.health();
    let ready = health
        .wait_for(|health| !matches!(health, Health::Starting { after: None, .. }))
        .await
        .map(|health| health.clone());
    let mut replayed = Vec::new();
    if let Ok(Health::Ready { .. }) = ready {
        for history in &histories {
            let began = Instant::now();
            let observed = engine.observe(&[work(history)]).await;
            let observed = observed.map_err(|error| Report::from(&error))?;
            let took = began.elapsed();
            for observed in observed {
                let observed = observed.map_err(|error| Report::from(&error))?;
                replayed.push(verdict(history, observed, took));
            }
        }
    }
    stop.cancel();
    _ = task.await;
    match ready {
        Ok(Health::Ready { .. }) => Ok(replayed),
        Ok(
            Health::Broken { why }
            | Health::Starting {
                after: Some(why), ..
            },
        ) => Err(why),
        _ => Err(Report::new(
            Code(399),
            "the engine of orchestrations did not start",
        )),
    }
}

/// An engine calls work by the name of its run.
fn work(history: &History) -> Work {
    Work {
        id: history.run.task(),
        handle: Handle(history.run.to_string()),
    }
}

fn verdict(history: &History, observed: Observation, took: Duration) -> Replayed {
    let difference = match observed {
        Observation::Finished(Outcome::Completed(_)) => None,
        Observation::Finished(Outcome::Failed(failure)) => Some(failure.message),
        other => Some(format!("the engine did not check it: {other:?}")),
    };
    Replayed {
        run: history.run.clone(),
        over: history.over,
        entries: history.entries.len(),
        took,
        difference,
    }
}

fn checking(config: &Json) -> Json {
    let mut config = config.value();
    if let Value::Object(settings) = &mut config {
        settings.insert("check".to_owned(), Value::Bool(true));
    }
    Json::of(&config)
}

fn no_orchestrations(name: &str) -> Report {
    Report::new(
        Code(823),
        format!("`{name}` has no orchestrations, so there is nothing to replay"),
    )
    .help("name a component of orchestrations: taskhost test flows.wasm --replay")
}
