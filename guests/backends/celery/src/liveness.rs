//! Noticing that a worker is gone with what it ran.
//!
//! With Celery's defaults a task that is killed with its whole worker stays `STARTED` until its key
//! expires a day later. Here it fails with `worker-lost`, if all of this holds:
//!
//! - its worker was missing, or a process of its own name has replaced it, in three rounds in which
//!   nobody who listened was silent (a worker with one thread is silent while it works);
//! - where no worker is there at all, for 90 s: after a restart of Redis workers take that long to
//!   come back, and go on with their tasks meanwhile;
//! - no worker has the task, no queue holds its message, and none is unacknowledged: those are
//!   delivered again;
//! - its state is still what it was.
//!
//! Without `task_track_started` nobody knows which worker began a task, and none is ever held lost.

use std::collections::{BTreeMap, BTreeSet};

use redis::{cmd, pipe};
use taskhost_sdk::host::timers;
use taskhost_sdk::{events, tracing};

use crate::backend::Backend;
use crate::control::{self, Replies};
use crate::live::Begun;
use crate::mark::{LIFETIME_S, Mark};
use crate::messages;
use crate::pidbox::{self, Whereabouts, Worker};
use crate::results;
use crate::wire::Trouble;

const ROUNDS: u32 = 3;
const ALONE_MS: u64 = 90_000;
/// Messages looked at from each end of a queue; a redelivery is at an end.
const LOOK: isize = 1000;

/// What is held against tasks, by id.
#[derive(Default)]
pub(crate) struct Liveness {
    suspects: BTreeMap<String, Suspicion>,
    /// The process that each task was first seen with.
    processes: BTreeMap<String, u64>,
    connection: Option<u64>,
}

#[derive(Clone, Copy)]
struct Suspicion {
    rounds: u32,
    since_ms: u64,
}

impl Liveness {
    /// Whether the worker of a task is held to be gone.
    pub(crate) fn suspects(&self, id: &str) -> bool {
        self.suspects.contains_key(id)
    }

    /// Ends what is lost.
    pub(crate) async fn check(&mut self, backend: &Backend, replies: &Replies) {
        let number = backend.broker.number();
        if number != self.connection {
            // Redis was away, and so were workers.
            self.connection = number;
            self.suspects.clear();
            return;
        }
        if !replies.complete() {
            return;
        }
        let workers = pidbox::workers(&replies.answers);
        let begun = backend.live.begun();
        for lost in self.suspect(&begun, &workers, timers::now_ms()) {
            match is_lost(backend, &lost).await {
                Ok(true) => end(backend, &lost).await,
                Ok(false) => _ = self.suspects.remove(&lost.id),
                Err(_) => return,
            }
        }
    }

    /// Those that have been without their worker for long enough.
    fn suspect(
        &mut self,
        begun: &[Begun],
        workers: &BTreeMap<String, Worker>,
        now_ms: u64,
    ) -> Vec<Begun> {
        let ids: BTreeSet<&String> = begun.iter().map(|task| &task.id).collect();
        self.suspects.retain(|id, _| ids.contains(id));
        self.processes.retain(|id, _| ids.contains(id));
        let mut lost = Vec::new();
        for task in begun {
            if let Some(worker) = workers.get(&task.worker) {
                let first = *self
                    .processes
                    .entry(task.id.clone())
                    .or_insert(worker.process);
                if first == worker.process {
                    self.suspects.remove(&task.id);
                    continue;
                }
            }
            let suspicion = self.suspects.entry(task.id.clone()).or_insert(Suspicion {
                rounds: 0,
                since_ms: now_ms,
            });
            suspicion.rounds += 1;
            let alone = workers.is_empty() && now_ms.saturating_sub(suspicion.since_ms) < ALONE_MS;
            if suspicion.rounds >= ROUNDS && !alone {
                lost.push(task.clone());
            }
        }
        lost
    }
}

async fn is_lost(backend: &Backend, task: &Begun) -> Result<bool, Trouble> {
    let replies = control::ask(backend, "query_task", pidbox::query([task.id.as_str()])).await?;
    if !replies.complete()
        || pidbox::whereabouts(&replies.answers, &task.id) != Whereabouts::Nowhere
    {
        return Ok(false);
    }
    if is_queued(backend, task).await? || is_unacknowledged(backend, &task.id).await? {
        return Ok(false);
    }
    // It may have ended while all this was asked.
    let metas = results::read(backend, std::slice::from_ref(&task.id)).await?;
    let meta = metas.into_iter().next().flatten();
    let same = meta.is_none_or(|meta| {
        !meta.is_final() && meta.worker.is_none_or(|worker| worker == task.worker)
    });
    Ok(same && backend.live.worker(&task.id).as_ref() == Some(&task.worker))
}

async fn is_queued(backend: &Backend, task: &Begun) -> Result<bool, Trouble> {
    let mut ends = pipe();
    ends.cmd("LRANGE").arg(&task.list).arg(0).arg(LOOK - 1);
    ends.cmd("LRANGE").arg(&task.list).arg(-LOOK).arg(-1);
    let ends: Vec<Vec<Vec<u8>>> = backend.broker.ask_all(&ends).await?;
    Ok(ends
        .iter()
        .flatten()
        .any(|message| messages::names(message, &task.id)))
}

async fn is_unacknowledged(backend: &Backend, id: &str) -> Result<bool, Trouble> {
    let found = messages::unacknowledged(backend, &BTreeSet::from([id.to_owned()])).await?;
    // Too many to say: better a task that stays than one that is said to be lost and is not.
    Ok(found.is_none_or(|found| !found.is_empty()))
}

async fn end(backend: &Backend, task: &Begun) {
    let mark = Mark::Lost(task.worker.clone());
    let mut set = cmd("SET");
    set.arg(backend.broker_keys.sent(&task.id))
        .arg(mark.text())
        .arg("XX")
        .arg("EX")
        .arg(LIFETIME_S);
    // Readable first, then told.
    if backend.broker.ask::<Option<String>>(&set).await.is_err() {
        return;
    }
    if let Some(end) = mark.end() {
        tracing::warn!(
            "worker {} is gone with a task that it had begun",
            task.worker
        );
        events::observed(&task.id, &end);
        results::unwatch(backend, &task.id).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task() -> Begun {
        Begun {
            id: "a".into(),
            worker: "w1".into(),
            list: "celery".into(),
        }
    }

    fn workers(list: &[(&str, u64)]) -> BTreeMap<String, Worker> {
        let worker = |process| Worker {
            process,
            can_terminate: true,
        };
        list.iter()
            .map(|(name, process)| ((*name).to_owned(), worker(*process)))
            .collect()
    }

    #[test]
    fn three_rounds_without_the_worker() {
        let mut liveness = Liveness::default();
        let other = workers(&[("w2", 7)]);
        assert!(liveness.suspect(&[task()], &other, 0).is_empty());
        assert!(liveness.suspect(&[task()], &other, 1).is_empty());
        assert_eq!(liveness.suspect(&[task()], &other, 2), [task()]);
    }

    #[test]
    fn a_worker_that_comes_back_clears_the_suspicion() {
        let mut liveness = Liveness::default();
        for now_ms in 0..2 {
            assert!(
                liveness
                    .suspect(&[task()], &workers(&[("w2", 7)]), now_ms)
                    .is_empty()
            );
        }
        assert!(
            liveness
                .suspect(&[task()], &workers(&[("w1", 5)]), 2)
                .is_empty()
        );
        assert!(
            liveness
                .suspect(&[task()], &workers(&[("w2", 7)]), 3)
                .is_empty()
        );
    }

    #[test]
    fn a_process_of_the_same_name_is_another_worker() {
        let mut liveness = Liveness::default();
        assert!(
            liveness
                .suspect(&[task()], &workers(&[("w1", 5)]), 0)
                .is_empty()
        );
        for now_ms in 1..3 {
            assert!(
                liveness
                    .suspect(&[task()], &workers(&[("w1", 6)]), now_ms)
                    .is_empty()
            );
        }
        assert_eq!(
            liveness.suspect(&[task()], &workers(&[("w1", 6)]), 3),
            [task()]
        );
    }

    #[test]
    fn without_any_worker_it_takes_longer() {
        let mut liveness = Liveness::default();
        for round in 0..9 {
            assert!(
                liveness
                    .suspect(&[task()], &workers(&[]), round * 10_000)
                    .is_empty()
            );
        }
        assert_eq!(
            liveness.suspect(&[task()], &workers(&[]), ALONE_MS),
            [task()]
        );
        assert!(liveness.suspect(&[], &workers(&[]), ALONE_MS).is_empty());
        assert!(liveness.suspects.is_empty(), "what is over is forgotten");
    }
}
