//! The tasks that are not over, as far as this instance knows.
//!
//! Nothing here matters: a new instance starts empty, and learns of each task again when the host
//! asks for it. It holds what makes answers better: which worker began a task, why somebody wanted
//! it cancelled, what was told last.

use std::cell::RefCell;
use std::collections::BTreeMap;

use taskhost_sdk::{Observation, Outcome};

use crate::handle::Handle;
use crate::meta::Meta;

/// More than this are not watched, only asked for.
const MOST: usize = 100_000;

#[derive(Default)]
pub(crate) struct Live {
    tasks: RefCell<BTreeMap<String, Task>>,
}

#[derive(Clone, Debug, Default)]
struct Task {
    handle: Handle,
    /// The worker that has begun it.
    worker: Option<String>,
    /// Somebody wants it cancelled.
    wish: Option<Wish>,
    /// The last state, for when its key has expired under a task that still runs.
    last: Option<Observation>,
    /// How often the state was another one.
    changes: u64,
    /// The connection that its message was sent on, where that was by this instance.
    sent_on: Option<u64>,
    /// When the mark of having been sent was last prolonged.
    marked_ms: u64,
}

/// The reason, where one was given.
#[derive(Clone, Debug)]
struct Wish(Option<String>);

/// A task that some worker has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Begun {
    pub(crate) id: String,
    pub(crate) worker: String,
    /// The list that its message went to.
    pub(crate) list: String,
}

/// A task that waits or runs, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) id: String,
    /// The worker that has begun it, where it said so.
    pub(crate) worker: Option<String>,
    /// The list that its message went to.
    pub(crate) list: String,
    /// Another number: another state.
    pub(crate) changes: u64,
    /// The connection that its message was sent on.
    pub(crate) sent_on: Option<u64>,
}

impl Live {
    /// True where it was not known, and is now.
    pub(crate) fn add(&self, id: &str, handle: &Handle, now_ms: u64) -> bool {
        let mut tasks = self.tasks.borrow_mut();
        if tasks.len() >= MOST || tasks.contains_key(id) {
            return false;
        }
        let task = Task {
            handle: handle.clone(),
            marked_ms: now_ms,
            ..Task::default()
        };
        tasks.insert(id.to_owned(), task).is_none()
    }

    /// Its message was sent just now, on this connection.
    pub(crate) fn sent(&self, id: &str, connection: Option<u64>) {
        if let Some(task) = self.tasks.borrow_mut().get_mut(id) {
            task.sent_on = connection;
        }
    }

    /// True where it was known.
    pub(crate) fn remove(&self, id: &str) -> bool {
        self.tasks.borrow_mut().remove(id).is_some()
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.tasks.borrow().keys().cloned().collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.borrow().is_empty()
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        self.tasks.borrow().contains_key(id)
    }

    pub(crate) fn worker(&self, id: &str) -> Option<String> {
        self.tasks.borrow().get(id)?.worker.clone()
    }

    pub(crate) fn last(&self, id: &str) -> Option<Observation> {
        self.tasks.borrow().get(id)?.last.clone()
    }

    /// Somebody wants it cancelled, for this reason.
    pub(crate) fn wish(&self, id: &str, reason: Option<String>) {
        if let Some(task) = self.tasks.borrow_mut().get_mut(id) {
            task.wish = Some(Wish(reason));
        }
    }

    /// Those that somebody wants cancelled.
    pub(crate) fn wished(&self) -> Vec<(String, Handle)> {
        let tasks = self.tasks.borrow();
        let wished = tasks.iter().filter(|(_, task)| task.wish.is_some());
        wished
            .map(|(id, task)| (id.clone(), task.handle.clone()))
            .collect()
    }

    /// Takes note of a state. True where it is news.
    pub(crate) fn note(&self, id: &str, meta: &Meta) -> bool {
        let mut tasks = self.tasks.borrow_mut();
        let Some(task) = tasks.get_mut(id) else {
            return true;
        };
        if let Some(worker) = &meta.worker {
            task.worker = Some(worker.clone());
        }
        if matches!(meta.observation, Observation::Retrying(_)) {
            // Whoever takes the next attempt says so.
            task.worker = None;
        }
        let news = task.last.as_ref() != Some(&meta.observation);
        if news {
            task.changes += 1;
            task.last = Some(meta.observation.clone());
        }
        news
    }

    /// `observation` with the reason that came with the wish.
    pub(crate) fn reasoned(&self, id: &str, observation: Observation) -> Observation {
        let tasks = self.tasks.borrow();
        match (
            observation,
            tasks.get(id).and_then(|task| task.wish.clone()),
        ) {
            (Observation::Finished(Outcome::Cancelled(known)), Some(Wish(reason))) => {
                Observation::Finished(Outcome::Cancelled(reason.or(known)))
            }
            (observation, _) => observation,
        }
    }

    pub(crate) fn begun(&self) -> Vec<Begun> {
        let tasks = self.tasks.borrow();
        let begun = tasks.iter().filter_map(|(id, task)| {
            let worker = task.worker.clone()?;
            Some(Begun {
                id: id.clone(),
                worker,
                list: task.handle.list.clone(),
            })
        });
        begun.collect()
    }

    /// Those that wait for their first attempt, or run. What waits for another attempt is not among
    /// them: its message may be in a queue that nobody here knows.
    pub(crate) fn open(&self) -> Vec<Open> {
        let tasks = self.tasks.borrow();
        let open = tasks
            .iter()
            .filter(|(_, task)| !matches!(task.last, Some(Observation::Retrying(_))));
        open.map(|(id, task)| Open {
            id: id.clone(),
            worker: task.worker.clone(),
            list: task.handle.list.clone(),
            changes: task.changes,
            sent_on: task.sent_on,
        })
        .collect()
    }

    /// Those of `ids` whose mark has not been prolonged for `age_ms`, which are now held to be.
    pub(crate) fn take_stale(&self, ids: &[String], now_ms: u64, age_ms: u64) -> Vec<String> {
        let mut tasks = self.tasks.borrow_mut();
        let mut stale = Vec::new();
        for id in ids {
            if let Some(task) = tasks.get_mut(id)
                && now_ms.saturating_sub(task.marked_ms) >= age_ms
            {
                task.marked_ms = now_ms;
                stale.push(id.clone());
            }
        }
        stale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(worker: &str) -> Meta {
        let meta =
            format!(r#"{{"status": "STARTED", "result": {{"hostname": "{worker}", "pid": 1}}}}"#);
        Meta::read(meta.as_bytes())
    }

    #[test]
    fn the_worker_is_known_until_a_retry() {
        let live = Live::default();
        assert!(live.add("a", &Handle::default(), 0) && !live.add("a", &Handle::default(), 0));
        assert!(live.note("a", &started("w1")) && !live.note("a", &started("w1")));
        assert!(live.note(
            "a",
            &Meta::read(br#"{"status": "PROGRESS", "result": {"progress": 0.5}}"#)
        ));
        assert_eq!(live.worker("a").as_deref(), Some("w1"));
        assert_eq!(live.begun().len(), 1);
        assert_eq!(live.open()[0].changes, 2);
        live.note("a", &Meta::read(br#"{"status": "RETRY", "result": null}"#));
        assert_eq!(live.worker("a"), None);
        assert!(live.open().is_empty(), "it waits for another attempt");
        assert!(live.remove("a") && !live.remove("a"));
    }

    #[test]
    fn a_cancelled_end_carries_the_reason_of_the_wish() {
        let live = Live::default();
        let cancelled = |reason: Option<&str>| {
            Observation::Finished(Outcome::Cancelled(reason.map(str::to_owned)))
        };
        live.add("a", &Handle::default(), 0);
        assert_eq!(
            live.reasoned("a", cancelled(Some("terminated"))),
            cancelled(Some("terminated"))
        );
        live.wish("a", Some("enough".into()));
        assert_eq!(
            live.reasoned("a", cancelled(Some("terminated"))),
            cancelled(Some("enough"))
        );
        assert_eq!(
            live.reasoned("a", Observation::Pending),
            Observation::Pending
        );
        assert_eq!(live.wished().len(), 1);
    }

    #[test]
    fn marks_are_prolonged_once_in_a_while() {
        let live = Live::default();
        live.add("a", &Handle::default(), 0);
        let ids = ["a".to_owned(), "unknown".to_owned()];
        assert!(live.take_stale(&ids, 9, 10).is_empty());
        assert_eq!(live.take_stale(&ids, 10, 10), ["a"]);
        assert!(live.take_stale(&ids, 11, 10).is_empty());
    }
}
