//! Finding out which workers there are, and which tasks they know.
//!
//! A round asks all workers who they are. Tasks are asked for only when a worker is new or was
//! started anew, since the answer grows with the catalogue, and now and then besides. What was found
//! is kept in the host's storage, so that tools do not vanish while workers restart.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::json;
use taskhost_sdk::host::timers;
use taskhost_sdk::{events, tracing};

use crate::backend::Backend;
use crate::cancel;
use crate::catalogue::Discovered;
use crate::control::{self, Replies};
use crate::liveness::Liveness;
use crate::no_result::NoResult;
use crate::pidbox::{self, Worker};
use crate::wire::{Trouble, first};

mod found;

pub(crate) use found::Found;

/// Rounds between two full questions without a reason.
const FULL_EVERY: u64 = 30;
/// Where the operator does not want tasks discovered, workers are still asked for live tasks.
const ROUND_MS: u64 = 10_000;
/// A roster that is older is asked for again before work is killed by it.
const FRESH_MS: u64 = 30_000;
/// A worker that was not heard of for this long is forgotten.
const FORGET_MS: u64 = 3_600_000;

/// Whether a task that is not in the catalogue is known not to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Survey {
    /// The first round is not over.
    Begun,
    /// No worker has said yet which tasks it knows: there is none, or all are busy, or the broker is
    /// away.
    Unanswered,
    /// A worker has said it, or the operator wants none asked.
    Answered,
}

/// Workers by name, also those that are too busy to answer now.
#[derive(Default)]
pub(crate) struct Roster {
    workers: BTreeMap<String, (Worker, u64)>,
    asked_ms: u64,
}

impl Roster {
    fn note(&mut self, answered: &BTreeMap<String, Worker>, now_ms: u64) {
        self.asked_ms = now_ms;
        self.workers
            .retain(|_, (_, heard_ms)| now_ms.saturating_sub(*heard_ms) < FORGET_MS);
        for (name, worker) in answered {
            self.workers.insert(name.clone(), (worker.clone(), now_ms));
        }
    }

    /// The names of those that were heard of lately.
    pub(crate) fn heard_since(&self, then_ms: u64) -> BTreeSet<String> {
        let lately = self
            .workers
            .iter()
            .filter(|(_, (_, heard_ms))| *heard_ms >= then_ms);
        lately.map(|(name, _)| name.clone()).collect()
    }

    fn all(&self) -> BTreeMap<String, Worker> {
        let worker =
            |(name, (worker, _)): (&String, &(Worker, u64))| (name.clone(), worker.clone());
        self.workers.iter().map(worker).collect()
    }
}

/// Asks workers for as long as the component lives.
pub(crate) async fn run(backend: Rc<Backend>) {
    let every_ms = backend.config.discover_every_ms;
    let mut known = BTreeSet::new();
    let mut liveness = Liveness::default();
    let mut no_result = NoResult::default();
    let mut rounds: u64 = 0;
    loop {
        let number = backend.broker.number();
        if every_ms.is_some() || !backend.live.is_empty() {
            let full = rounds.is_multiple_of(FULL_EVERY);
            // A broker that cannot be reached has been told of; the next round tries again.
            if let Ok(replies) = round(&backend, &mut known, full && every_ms.is_some()).await {
                rounds += 1;
                liveness.check(&backend, &replies).await;
                no_result.check(&backend, &replies, &liveness).await;
                _ = cancel::repeat(&backend).await;
            }
        }
        backend.survey.send_if_modified(|survey| {
            let first = *survey == Survey::Begun;
            if first {
                *survey = Survey::Unanswered;
            }
            first
        });
        // A broker that comes back is asked at once.
        let seen = backend.broker.number().or(number);
        first(
            timers::sleep(every_ms.unwrap_or(ROUND_MS)),
            backend.broker.changed(seen),
        )
        .await;
    }
}

/// All workers known, asked for now where the last answer is old.
pub(crate) async fn workers(backend: &Backend) -> Result<BTreeMap<String, Worker>, Trouble> {
    let age_ms = timers::now_ms().saturating_sub(backend.roster.borrow().asked_ms);
    if age_ms > FRESH_MS || backend.roster.borrow().workers.is_empty() {
        call_the_roll(backend).await?;
    }
    Ok(backend.roster.borrow().all())
}

async fn round(
    backend: &Backend,
    known: &mut BTreeSet<(String, u64)>,
    full: bool,
) -> Result<Replies, Trouble> {
    let replies = call_the_roll(backend).await?;
    let here: BTreeSet<(String, u64)> = pidbox::workers(&replies.answers)
        .into_iter()
        .map(|(name, worker)| (name, worker.process))
        .collect();
    let news = here.iter().any(|worker| !known.contains(worker));
    if backend.config.discover_every_ms.is_some() && !here.is_empty() && (news || full) {
        let said = ask_for_tasks(backend).await?;
        // Who was too busy to say it is asked again in the next round.
        *known = here;
        known.retain(|(name, _)| said.contains(name));
    }
    Ok(replies)
}

async fn call_the_roll(backend: &Backend) -> Result<Replies, Trouble> {
    let replies = control::ask(backend, "stats", json!({})).await?;
    let answered = pidbox::workers(&replies.answers);
    backend
        .roster
        .borrow_mut()
        .note(&answered, timers::now_ms());
    Ok(replies)
}

/// Returns the names of the workers that answered.
async fn ask_for_tasks(backend: &Backend) -> Result<BTreeSet<String>, Trouble> {
    let items = |attribute: &str| json!({ "taskinfoitems": [attribute] });
    let replies = control::ask(backend, "registered", items("mcp")).await?;
    let mut answered: BTreeSet<String> = replies.answers.keys().cloned().collect();
    let mut said = pidbox::registered(&replies.answers);
    if replies.answers.values().any(|answer| !answer.is_array()) {
        tracing::warn!(
            "a worker could not say the `mcp` attribute of its tasks; they are offered without a \
             schema: look into the worker's log",
        );
        // An attribute that no task has: without one, Celery adds some of its own.
        let replies = control::ask(backend, "registered", items("taskhost_none")).await?;
        answered.extend(replies.answers.keys().cloned());
        if let Some(names) = pidbox::registered(&replies.answers) {
            let tasks = said.get_or_insert_default();
            for name in names.into_keys() {
                tasks.entry(name).or_insert(None);
            }
        }
    }
    if let Some(tasks) = said {
        if !tasks.is_empty() {
            note(backend, &tasks).await;
        }
        backend.survey.send_replace(Survey::Answered);
    }
    Ok(answered)
}

async fn note(backend: &Backend, tasks: &Discovered) {
    let changed = backend.found.borrow_mut().note(tasks, timers::now_ms());
    if changed {
        let found = backend.found.borrow().clone();
        found.save().await;
    }
    if backend.renew_catalogue() {
        events::catalog_changed();
    }
}
