//! What backends say of their tasks, pushed or asked for.
//!
//! One follower for each backend, so that what one does not answer is waited for by nobody else. Pushes wait in
//! a [`Mailbox`] that keeps the newest observation of each task and is bounded in bytes; observations are
//! applied side by side, and those of one task in their order.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::live::{ApplyError, Live};
use super::{Attached, Service};
use crate::config::limits::{OBSERVATIONS_WAITING, OBSERVE_BATCH};
use crate::error::Explain as _;
use crate::plugin::{EventSink, Health, Work};
use crate::task::{Event, Failure, Json, Observation, Outcome, Phase, Record, Refused, TaskId};

/// How often in a row a backend must not know a task before it counts as lost: once could be a replica
/// that lags behind.
const UNKNOWN: u32 = 2;
/// How many observations are written at a time: the store commits them together.
const WRITES: usize = 512;

/// Where the pushes of one backend arrive.
#[derive(Default)]
pub struct Mailbox {
    inner: Mutex<Post>,
    arrived: Notify,
}

#[derive(Default)]
struct Post {
    observations: HashMap<TaskId, Observation>,
    /// Bytes of them.
    weight: usize,
    look_at: HashSet<TaskId>,
    output: Vec<(TaskId, String)>,
    catalog_changed: bool,
}

/// Lines of output that wait to be written. More are dropped: the newest say more than the oldest.
const OUTPUT_WAITING: usize = 10_000;
/// What an observation takes besides its texts, in bytes: so those that wait are four hundred thousand at
/// most, if nothing is in them.
const OBSERVATION: usize = 160;

impl Post {
    /// Keeps `observation` in place of an older one of the same task. Where there is no room for it, the
    /// host learns the same by asking.
    fn put(&mut self, id: TaskId, observation: Observation) {
        let before = self.observations.get(&id);
        if matches!(before, Some(Observation::Finished(_))) {
            return;
        }
        let weight = self.weight - before.map_or(0, weight) + weight(&observation);
        if weight <= OBSERVATIONS_WAITING {
            self.weight = weight;
            self.observations.insert(id, observation);
        }
    }
}

/// Bytes that an observation takes.
fn weight(observation: &Observation) -> usize {
    let json = |json: &Option<Json>| json.as_ref().map_or(0, |json| json.text().len());
    let failure =
        |failure: &Failure| failure.code.len() + failure.message.len() + json(&failure.detail);
    OBSERVATION
        + match observation {
            Observation::At(Phase::Pending | Phase::Running(None)) | Observation::Unknown => 0,
            Observation::At(Phase::Running(Some(progress))) => {
                progress.message.as_ref().map_or(0, String::len) + json(&progress.detail)
            }
            Observation::At(Phase::Retrying(why)) | Observation::Finished(Outcome::Failed(why)) => {
                failure(why)
            }
            Observation::At(Phase::AwaitingInput(questions)) => (questions.iter())
                .map(|question| {
                    question.key.len() + question.message.len() + question.schema.text().len()
                })
                .sum(),
            Observation::Finished(Outcome::Completed(result)) => result.text().len(),
            Observation::Finished(Outcome::Cancelled(reason)) => {
                reason.as_ref().map_or(0, String::len)
            }
        }
}

impl Mailbox {
    fn post(&self) -> MutexGuard<'_, Post> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the backend answered when it was asked.
    ///
    /// A push that waits here came while the backend was being asked, so the answer may be older than it;
    /// only an end is true whenever it was said.
    fn answered(&self, id: TaskId, observation: Observation) {
        let pushed = self.post().observations.contains_key(&id);
        if !pushed || matches!(observation, Observation::Finished(_)) {
            self.observed(id, observation);
        }
    }

    /// Observe this one soon.
    pub(super) fn look_at(&self, id: TaskId) {
        self.post().look_at.insert(id);
        self.arrived.notify_one();
    }
}

impl EventSink for Mailbox {
    fn observed(&self, id: TaskId, observation: Observation) {
        self.post().put(id, observation);
        self.arrived.notify_one();
    }

    fn output(&self, id: TaskId, line: String) {
        let mut post = self.post();
        if post.output.len() < OUTPUT_WAITING {
            post.output.push((id, line));
        }
        drop(post);
        self.arrived.notify_one();
    }

    fn catalog_changed(&self) {
        self.post().catalog_changed = true;
        self.arrived.notify_one();
    }
}

impl Service {
    /// Follows the tasks of one backend until the service ends.
    pub(super) async fn follow(self, attached: Attached) {
        let mut health = attached.backend.health();
        let mut tick = tokio::time::interval(attached.observe_every);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut writing: FuturesUnordered<_> = FuturesUnordered::new();
        let mut busy: HashSet<TaskId> = HashSet::new();
        let mut generation = 0;
        let mut catalog = Asking::default();
        loop {
            tokio::select! {
                Some(id) = writing.next(), if !writing.is_empty() => {
                    busy.remove(&id);
                }
                () = attached.mailbox.arrived.notified(), if writing.len() < WRITES => {}
                _ = tick.tick() => {
                    if generation > 0 {
                        self.observe(&attached, self.confirmed(attached.backend.name(), |_| true)).await;
                    }
                }
                changed = health.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = tokio::time::sleep_until(catalog.not_before), if catalog.due && generation > 0 => {}
            }
            let ready = match &*health.borrow_and_update() {
                Health::Ready { generation } => *generation,
                Health::Starting { .. } | Health::Broken { .. } | Health::Stopped => 0,
            };
            if ready != generation {
                generation = ready;
                if generation > 0 {
                    // Whatever was pushed to nobody while there was no instance.
                    catalog.due = true;
                    self.observe(&attached, self.confirmed(attached.backend.name(), |_| true))
                        .await;
                }
            }
            let post = attached.mailbox.take(&busy);
            catalog.due |= post.catalog_changed;
            for (id, line) in post.output {
                let live = self.live().get(&id).cloned();
                if let Some(live) = live {
                    self.0.store.append_output(id, vec![line]);
                    live.has_printed();
                }
            }
            if !post.look_at.is_empty() && generation > 0 {
                let works = self.confirmed(attached.backend.name(), |record| {
                    post.look_at.contains(&record.id())
                });
                self.observe(&attached, works).await;
            }
            for (id, observation) in post.observations {
                let Some(live) = self.live().get(&id).cloned() else {
                    continue;
                };
                busy.insert(id);
                let service = self.clone();
                // A write that has begun is made known even when the service ends meanwhile.
                let written = self.0.work.spawn(async move {
                    service.learn(&live, observation).await;
                });
                writing.push(async move {
                    _ = written.await;
                    id
                });
            }
            if catalog.due && generation > 0 && catalog.not_before <= Instant::now() {
                match self.refresh_catalog(&*attached.backend).await {
                    Ok(changed) => catalog.asked(changed),
                    Err(error) => {
                        tracing::warn!(backend = attached.backend.name(), code = %error.code(), "no catalogue: {error}");
                        catalog.asked(false);
                        catalog.due = error.is_transient();
                    }
                }
            }
        }
    }

    /// Live tasks that this backend is known to have, and that `which` wants.
    fn confirmed(&self, backend: &str, which: impl Fn(&Record) -> bool) -> Vec<Work> {
        self.live()
            .values()
            .map(|live| live.record())
            .filter(|record| record.origin.backend == backend && which(record))
            .filter_map(|record| {
                Some(Work {
                    id: record.id(),
                    handle: record.handle()?.clone(),
                })
            })
            .collect()
    }

    /// Asks what has become of `works`, and puts the answers where pushes are.
    async fn observe(&self, attached: &Attached, works: Vec<Work>) {
        for batch in works.chunks(OBSERVE_BATCH) {
            let observations = match attached.backend.observe(batch).await {
                Ok(observations) => observations,
                Err(error) => {
                    tracing::warn!(
                        backend = attached.backend.name(),
                        code = %error.code(),
                        "cannot observe {} tasks: {error}",
                        batch.len()
                    );
                    return;
                }
            };
            for (work, observation) in batch.iter().zip(observations) {
                match observation {
                    Ok(observation) => attached.mailbox.answered(work.id, observation),
                    Err(rubbish) => {
                        tracing::error!(task_id = work.id.stem(), code = %rubbish.code(), "{rubbish}");
                        let outcome = Outcome::Failed(Failure {
                            code: "backend-defect".to_owned(),
                            message: format!("{rubbish} [{}]", rubbish.code()),
                            retryable: false,
                            system: true,
                            detail: None,
                        });
                        attached
                            .mailbox
                            .observed(work.id, Observation::Finished(outcome));
                    }
                }
            }
        }
    }

    /// Applies one observation.
    async fn learn(&self, live: &Arc<Live>, observation: Observation) {
        let event = match observation {
            Observation::At(phase) => {
                live.unknown.store(0, Ordering::Relaxed);
                Event::Observed(phase)
            }
            Observation::Finished(outcome) => Event::Finished(outcome),
            Observation::Unknown => {
                let confirmed = live.record().handle().is_some();
                if !confirmed || live.unknown.fetch_add(1, Ordering::Relaxed) + 1 < UNKNOWN {
                    return;
                }
                Event::Finished(Outcome::Failed(lost(&live.record())))
            }
        };
        self.record(live, event).await;
    }

    /// Writes one event of a live task, and does what its end asks for.
    pub(super) async fn record(&self, live: &Arc<Live>, event: Event) {
        let name = event.name();
        match live.apply(&*self.0.store, event, self.now_ms()).await {
            Ok(record) if record.state.is_done() => self.ended(&record, live),
            Ok(_) | Err(ApplyError::Refused(Refused::Unchanged | Refused::AlreadyDone)) => {}
            Err(ApplyError::Refused(refused @ Refused::OutOfOrder)) => {
                tracing::warn!(
                    task_id = live.record().id().stem(),
                    event = name,
                    "not applied: {refused}"
                );
            }
            Err(ApplyError::Store(error)) => {
                tracing::error!(task_id = live.record().id().stem(), event = name, code = %error.code(), "not written: {error}");
            }
        }
    }

    /// The outcome is durable: nobody has to hold the task any more.
    fn ended(&self, record: &Arc<Record>, live: &Arc<Live>) {
        let id = record.id();
        self.live().remove(&id);
        tracing::info!(
            task_id = id.stem(),
            task = record.origin.task,
            status = record.status().name(),
            "task ended"
        );
        let Some(attached) = self.0.backends.get(&record.origin.backend).cloned() else {
            return;
        };
        let Some(handle) = live.last_handle() else {
            return;
        };
        self.spawn(async move {
            // Losing this costs the backend some memory until it forgets by itself.
            if let Err(error) = attached.backend.release(&Work { id, handle }).await {
                tracing::debug!(task_id = id.stem(), "not released: {error}");
            }
        });
    }
}

impl Mailbox {
    /// Everything but what concerns tasks that are being written.
    fn take(&self, busy: &HashSet<TaskId>) -> Post {
        let mut post = self.post();
        let mut taken = std::mem::take(&mut *post);
        let kept: Vec<_> = taken
            .observations
            .keys()
            .filter(|id| busy.contains(id))
            .copied()
            .collect();
        for id in kept {
            if let Some(observation) = taken.observations.remove(&id) {
                post.put(id, observation);
            }
        }
        taken
    }
}

fn lost(record: &Record) -> Failure {
    Failure {
        code: "lost".to_owned(),
        message: format!(
            "backend `{}` no longer knows this task: whether it ran is not known",
            record.origin.backend
        ),
        retryable: record.origin.idempotent,
        system: true,
        detail: None,
    }
}

/// When a backend is asked again what it can run.
///
/// A changed catalogue costs everybody: strategies are asked, schemas compiled, clients told. So there is a
/// pause after each time, and one that changes each time is asked less and less.
struct Asking {
    due: bool,
    not_before: Instant,
    pause: Duration,
}

/// The least pause: what changes in a row within it is one change.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// The pause for a catalogue that never settles.
const ASK_SELDOM: Duration = Duration::from_secs(30);

impl Default for Asking {
    fn default() -> Self {
        Self {
            due: false,
            not_before: Instant::now(),
            pause: ASK_AGAIN,
        }
    }
}

impl Asking {
    fn asked(&mut self, changed: bool) {
        let now = Instant::now();
        // It had settled: nobody was in a hurry to ask.
        if !changed || now.duration_since(self.not_before) > self.pause {
            self.pause = ASK_AGAIN;
        } else {
            self.pause = (self.pause * 2).min(ASK_SELDOM);
        }
        self.due = false;
        self.not_before = now + self.pause;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_large_observations_is_bounded_and_the_newest_counts() {
        let mailbox = Mailbox::default();
        let large = || {
            let text = format!("\"{}\"", "x".repeat(15 << 20));
            Observation::Finished(Outcome::Completed(Json::parse(text).unwrap()))
        };
        for number in 0..10 {
            mailbox.observed(TaskId::new(1, number, [7; 16]), large());
        }
        let post = mailbox.take(&HashSet::new());
        assert_eq!(post.observations.len(), 4, "64 MiB of them");
        mailbox.observed(TaskId::new(1, 9, [7; 16]), large());
        assert_eq!(
            mailbox.take(&HashSet::new()).observations.len(),
            1,
            "there is room again"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_catalogue_that_never_settles_is_asked_less_and_less() {
        let mut asking = Asking::default();
        let mut pauses = Vec::new();
        for _ in 0..8 {
            tokio::time::sleep_until(asking.not_before).await;
            asking.asked(true);
            pauses.push(asking.pause.as_secs());
        }
        assert_eq!(pauses, [2, 4, 8, 16, 30, 30, 30, 30]);
        tokio::time::advance(Duration::from_mins(2)).await;
        asking.asked(true);
        assert_eq!(asking.pause, ASK_AGAIN, "it had settled");
    }

    #[test]
    fn an_answer_that_is_older_than_a_push_does_not_hide_it() {
        let mailbox = Mailbox::default();
        let id = TaskId::new(1, 0, [7; 16]);
        let pushed = Observation::At(Phase::Running(None));
        mailbox.observed(id, pushed.clone());
        mailbox.answered(id, Observation::At(Phase::Pending));
        let post = mailbox.take(&HashSet::new());
        assert_eq!(post.observations.get(&id), Some(&pushed));

        mailbox.observed(id, pushed);
        let end = Observation::Finished(Outcome::Cancelled(None));
        mailbox.answered(id, end.clone());
        let post = mailbox.take(&HashSet::new());
        assert_eq!(post.observations.get(&id), Some(&end));
    }
}
