//! Noticing that a task is over and has left no result.
//!
//! A worker writes nothing for a task that raised `Ignore`, whose results are ignored, or that it
//! dropped: the task would wait or run for ever. Here it fails with `no-result`, if in two rounds,
//! one right after the other, all of this holds:
//!
//! - its state has been the same for three rounds, and is no wait for another attempt;
//! - every worker heard of lately answered, the one that began the task among them, if one said so;
//! - no queue that a worker consumes holds its message, none is unacknowledged, and no worker has
//!   the task, in this order, which is the order in which a message moves;
//! - no worker runs a task that was not sent from here. `Task.replace` ends one without a result,
//!   and what it is replaced with gives the result later, under the same id: nobody can tell of a
//!   running task what it came from;
//! - its result, read after all this, is still missing.
//!
//! Where nobody said which worker began it, a new connection is given the time that workers take to
//! come back as well: one that is not there may have the task.
//!
//! Cost: nothing while states change; otherwise one question for at most [`AT_ONCE`] tasks every
//! round, each asked for every third one, and for those that no worker has a look into the queues.
//!
//! A worker that has remote control disabled is not known here. Where it works beside others, and
//! without `task_track_started`, its tasks are taken for ended.

use std::collections::{BTreeMap, BTreeSet};

use redis::cmd;
use serde_json::json;
use taskhost_sdk::host::timers;
use taskhost_sdk::{events, tracing};

use crate::backend::Backend;
use crate::control::{self, Replies};
use crate::live::Open;
use crate::liveness::Liveness;
use crate::mark::{LIFETIME_S, Mark};
use crate::messages;
use crate::pidbox::{self, Answers};
use crate::results;
use crate::wire::Trouble;

/// Rounds without another state before anybody is asked.
const ROUNDS: u32 = 3;
/// Rounds in which the task has to be nowhere.
const ABSENCES: u32 = 2;
/// Tasks in one question.
const AT_ONCE: usize = 200;
/// A worker that was heard of in this time is waited for, and so are workers after a new connection.
const LATELY_MS: u64 = 90_000;

/// What is known of tasks that may be over, by id.
#[derive(Default)]
pub(crate) struct NoResult {
    watched: BTreeMap<String, Watched>,
    rounds: u64,
    connection: Option<u64>,
    connected_ms: u64,
}

#[derive(Default)]
struct Watched {
    changes: u64,
    /// Since the state changed, or the task was found.
    rounds: u32,
    /// In a row.
    absences: u32,
    /// The round in which it was looked for last.
    looked: u64,
}

impl NoResult {
    /// Ends what is over.
    pub(crate) async fn check(
        &mut self,
        backend: &Backend,
        replies: &Replies,
        liveness: &Liveness,
    ) {
        let now_ms = timers::now_ms();
        let number = backend.broker.number();
        if number != self.connection {
            *self = Self {
                connection: number,
                connected_ms: now_ms,
                ..Self::default()
            };
            return;
        }
        let then_ms = now_ms.saturating_sub(LATELY_MS);
        let workers = backend.roster.borrow().heard_since(then_ms);
        if workers.is_empty() || !all_answered(replies, &workers) {
            self.forget_absences();
            return;
        }
        let settled = self.connected_ms <= then_ms;
        let due = self.due(&backend.live.open(), |task| {
            !liveness.suspects(&task.id)
                && match &task.worker {
                    Some(worker) => workers.contains(worker),
                    None => settled || task.sent_on == number,
                }
        });
        if due.is_empty() {
            return;
        }
        match absent(backend, &due, &workers).await {
            Ok(Some(absent)) => {
                for task in self.over(&due, &absent) {
                    end(backend, &task, &workers).await;
                }
            }
            Ok(None) | Err(_) => self.forget_absences(),
        }
    }

    /// Those to look for in this round: first what was nowhere in the last one, then what has waited
    /// longest.
    fn due(&mut self, open: &[Open], may_be_over: impl Fn(&Open) -> bool) -> Vec<Open> {
        self.rounds += 1;
        let ids: BTreeSet<&String> = open.iter().map(|task| &task.id).collect();
        self.watched.retain(|id, _| ids.contains(id));
        let mut due = Vec::new();
        for task in open {
            let watched = self.watched.entry(task.id.clone()).or_default();
            if watched.changes != task.changes {
                *watched = Watched {
                    changes: task.changes,
                    looked: watched.looked,
                    ..Watched::default()
                };
            }
            watched.rounds = watched.rounds.saturating_add(1);
            if !may_be_over(task) {
                watched.absences = 0;
            } else if watched.rounds >= ROUNDS {
                due.push((watched.absences == 0, watched.looked, task));
            }
        }
        due.sort_by_key(|(present, looked, _)| (*present, *looked));
        due.truncate(AT_ONCE);
        due.into_iter().map(|(_, _, task)| task.clone()).collect()
    }

    /// Those of `due` that are over, now that `absent` were nowhere.
    fn over(&mut self, due: &[Open], absent: &BTreeSet<String>) -> Vec<Open> {
        let mut over = Vec::new();
        for task in due {
            let Some(watched) = self.watched.get_mut(&task.id) else {
                continue;
            };
            watched.looked = self.rounds;
            if !absent.contains(&task.id) {
                watched.absences = 0;
                watched.rounds = 0;
                continue;
            }
            watched.absences += 1;
            if watched.absences >= ABSENCES {
                over.push(task.clone());
            }
        }
        over
    }

    /// A round that says nothing breaks the row.
    fn forget_absences(&mut self) {
        for watched in self.watched.values_mut() {
            watched.absences = 0;
        }
    }
}

fn all_answered(replies: &Replies, workers: &BTreeSet<String>) -> bool {
    replies.complete()
        && workers
            .iter()
            .all(|worker| replies.answers.contains_key(worker))
}

/// Those of `due` that are nowhere and have no result. Nothing where nobody can say.
async fn absent(
    backend: &Backend,
    due: &[Open],
    workers: &BTreeSet<String>,
) -> Result<Option<BTreeSet<String>>, Trouble> {
    let none = Ok(Some(BTreeSet::new()));
    let mut ids: BTreeSet<String> = due.iter().map(|task| task.id.clone()).collect();
    // Most are ruled out by this.
    let Some(known) = ask(
        backend,
        "query_task",
        pidbox::query(ids.iter().map(String::as_str)),
        workers,
    )
    .await?
    else {
        return Ok(None);
    };
    ids.retain(|id| !pidbox::has(&known, id));
    if ids.is_empty() {
        return none;
    }
    let Some(queues) = ask(backend, "active_queues", json!({}), workers).await? else {
        return Ok(None);
    };
    let mut lists: BTreeSet<String> = due.iter().map(|task| task.list.clone()).collect();
    for queue in pidbox::queues(&queues) {
        lists.extend(backend.broker_keys.queues(&queue));
    }
    let Some(waiting) = messages::queued(backend, &lists, &ids).await? else {
        return none;
    };
    ids.retain(|id| !waiting.contains(id));
    let Some(held) = messages::unacknowledged(backend, &ids).await? else {
        return none;
    };
    ids.retain(|id| !held.contains(id));
    if ids.is_empty() {
        return none;
    }
    let arguments = json!({ "safe": true });
    // A worker that has lost its connection runs on with what `query_task` no longer finds.
    let Some(running) = ask(backend, "active", arguments, workers).await? else {
        return Ok(None);
    };
    let running = pidbox::active(&running);
    ids.retain(|id| !running.contains(id));
    let running: Vec<String> = running.into_iter().collect();
    let marks = results::marks(backend, &running).await?;
    if marks.iter().any(Option::is_none) {
        return none;
    }
    let ids: Vec<String> = ids.into_iter().collect();
    let metas = results::read(backend, &ids).await?;
    let same = |id: &String, meta: Option<&crate::meta::Meta>| {
        let last = backend.live.last(id);
        meta.is_none_or(|meta| !meta.is_final() && last.as_ref() == Some(&meta.observation))
    };
    let absent = ids.into_iter().zip(&metas);
    let absent = absent.filter(|(id, meta)| same(id, meta.as_ref()));
    Ok(Some(absent.map(|(id, _)| id).collect()))
}

/// The answers, where every one of `workers` gave one.
async fn ask(
    backend: &Backend,
    method: &'static str,
    arguments: serde_json::Value,
    workers: &BTreeSet<String>,
) -> Result<Option<Answers>, Trouble> {
    let replies = control::ask(backend, method, arguments).await?;
    let good = all_answered(&replies, workers) && !pidbox::failed(&replies.answers);
    Ok(good.then_some(replies.answers))
}

async fn end(backend: &Backend, task: &Open, workers: &BTreeSet<String>) {
    let workers = match &task.worker {
        Some(worker) => vec![worker.clone()],
        None => workers.iter().cloned().collect(),
    };
    let mark = Mark::NoResult(workers);
    let mut set = cmd("SET");
    set.arg(backend.broker_keys.sent(&task.id))
        .arg(mark.text())
        .arg("XX")
        .arg("EX")
        .arg(LIFETIME_S);
    // Readable first, then told. Without a mark it was not sent from here, and is left alone.
    let Ok(Some(_)) = backend.broker.ask::<Option<String>>(&set).await else {
        return;
    };
    if let Some(end) = mark.end()
        && backend.live.has(&task.id)
    {
        tracing::warn!("a task ended without a result");
        events::observed(&task.id, &end);
        results::unwatch(backend, &task.id).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: &str, changes: u64) -> Open {
        Open {
            id: id.into(),
            worker: Some("w1".into()),
            list: "celery".into(),
            changes,
            sent_on: None,
        }
    }

    fn set(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    /// What is over after a round in which everything that is looked for is nowhere.
    fn round(no_result: &mut NoResult, open: &[Open]) -> Vec<Open> {
        let due = no_result.due(open, |_| true);
        let absent = due.iter().map(|task| task.id.clone()).collect();
        no_result.over(&due, &absent)
    }

    #[test]
    fn three_rounds_without_a_change_and_nowhere_in_two() {
        let mut no_result = NoResult::default();
        for _ in 0..3 {
            assert!(round(&mut no_result, &[task("a", 1)]).is_empty());
        }
        assert_eq!(round(&mut no_result, &[task("a", 1)]), [task("a", 1)]);
    }

    #[test]
    fn another_state_begins_anew() {
        let mut no_result = NoResult::default();
        for _ in 0..3 {
            assert!(round(&mut no_result, &[task("a", 1)]).is_empty());
        }
        for _ in 0..3 {
            assert!(round(&mut no_result, &[task("a", 2)]).is_empty());
        }
        assert_eq!(round(&mut no_result, &[task("a", 2)]), [task("a", 2)]);
        assert!(round(&mut no_result, &[]).is_empty());
        assert!(no_result.watched.is_empty(), "what is over is forgotten");
    }

    #[test]
    fn what_is_found_is_looked_for_again_three_rounds_later() {
        let mut no_result = NoResult::default();
        let open = [task("a", 1)];
        for _ in 0..3 {
            round(&mut no_result, &open);
        }
        let due = no_result.due(&open, |_| true);
        assert!(no_result.over(&due, &set(&[])).is_empty());
        assert!(no_result.due(&open, |_| true).is_empty());
        assert!(no_result.due(&open, |_| true).is_empty());
        for over in [false, true] {
            let due = no_result.due(&open, |_| true);
            assert_eq!(no_result.over(&due, &set(&["a"])).len(), usize::from(over));
        }
    }

    #[test]
    fn two_absences_count_only_in_a_row() {
        let open = [task("a", 1)];
        for breaks in [NoResult::forget_absences, |no_result: &mut NoResult| {
            no_result.due(&[task("a", 1)], |_| false);
        }] {
            let mut no_result = NoResult::default();
            for _ in 0..3 {
                assert!(round(&mut no_result, &open).is_empty());
            }
            breaks(&mut no_result);
            assert!(round(&mut no_result, &open).is_empty());
            assert_eq!(round(&mut no_result, &open).len(), 1);
        }
    }

    #[test]
    fn many_take_turns_and_what_was_absent_comes_first() {
        let mut no_result = NoResult::default();
        let open: Vec<Open> = (0..=AT_ONCE * 2)
            .map(|number| task(&format!("{number:04}"), 1))
            .collect();
        for _ in 1..ROUNDS {
            assert!(no_result.due(&open, |_| true).is_empty());
        }
        let first = no_result.due(&open, |_| true);
        assert_eq!((first.len(), &*first[0].id), (AT_ONCE, "0000"));
        no_result.over(&first, &set(&["0007"]));
        let second = no_result.due(&open, |_| true);
        assert_eq!((&*second[0].id, &*second[1].id), ("0007", "0200"));
        assert_eq!(no_result.over(&second, &set(&["0007"])).len(), 1);
    }

    #[test]
    fn a_worker_that_is_silent_or_missing_has_not_answered() {
        let replies = |heard: u64, names: &[&str]| Replies {
            heard,
            answers: names
                .iter()
                .map(|name| ((*name).to_owned(), json!({})))
                .collect(),
        };
        assert!(all_answered(&replies(1, &["w1"]), &set(&["w1"])));
        assert!(!all_answered(&replies(2, &["w1"]), &set(&["w1"])));
        assert!(!all_answered(&replies(1, &["w1"]), &set(&["w1", "w2"])));
    }
}
