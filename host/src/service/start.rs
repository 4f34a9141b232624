//! A wish to start a task, until there is a task.
//!
//! Nothing is stored before the arguments fit and there is room; nothing is promised before the record
//! is durable.

use std::sync::Arc;
use std::time::Duration;

use super::audit::{self, Act};
use super::catalog::Offer;
use super::live::Live;
use super::{Service, internal};
use crate::error::{Code, Report};
use crate::plugin::{Caller, Snapshot, Start, TaskError};
use crate::task::{Entry, Event, Origin, Outcome, Record, State, TaskId};

/// The longest idempotency key, in bytes.
const LONGEST_KEY: usize = 256;
/// The longest retention and timeout: a year. Longer ones are taken as a mistake in the unit.
const LONGEST_MS: u64 = 366 * 24 * 3600 * 1000;

impl Service {
    /// Starts a task for `caller`. Resolves when it is durable, and has been handed over or has waited
    /// [`super::Settings::hand_over`] for that.
    pub(super) async fn start_task(
        &self,
        caller: &Caller,
        start: Start,
    ) -> Result<Snapshot, TaskError> {
        let started = self.start_once(caller, start).await;
        audit::acted(Some(caller), Act::Start, None, &started);
        started
    }

    async fn start_once(&self, caller: &Caller, start: Start) -> Result<Snapshot, TaskError> {
        let offer = self.offer(&start.task)?;
        check(&start, &offer)?;
        let Some(key) = start.idempotency_key.clone() else {
            return self.accept(caller, start, &offer).await;
        };
        let lock = self.lock_key(caller, &key);
        let held = lock.lock().await;
        let result = match self.known(caller, &key, &start) {
            Ok(Some(snapshot)) => Ok(snapshot),
            Ok(None) => self.accept(caller, start, &offer).await,
            Err(error) => Err(error),
        };
        drop(held);
        self.unlock_key(caller, &key, &lock);
        result
    }

    fn offer(&self, task: &str) -> Result<Arc<Offer>, TaskError> {
        let catalog = self.0.catalog.borrow().clone();
        catalog.find(task).cloned().ok_or_else(|| {
            let report = Report::new(Code(711), format!("there is no task `{task}`"));
            TaskError::Unknown(match crate::error::nearest(task, catalog.names()) {
                Some(near) => report.help(format!("did you mean `{near}`?")),
                None => report,
            })
        })
    }

    /// The task that was started with this key before, if it is the same task.
    fn known(
        &self,
        caller: &Caller,
        key: &str,
        start: &Start,
    ) -> Result<Option<Snapshot>, TaskError> {
        let found = self
            .0
            .store
            .find_key(&caller.principal, key)
            .map_err(|error| internal(&error))?;
        let Some(id) = found else { return Ok(None) };
        let snapshot = self.find(Some(caller), &id.to_string())?.snapshot();
        let origin = &snapshot.record.origin;
        if origin.task == start.task && origin.arguments.value() == start.arguments.value() {
            return Ok(Some(snapshot));
        }
        // Whose start it was is not known where nothing tells callers apart: then a key that somebody has
        // guessed must not say what for.
        let another = if caller.principal.is_nobody() {
            format!("the idempotency key `{key}` stands for another start")
        } else {
            format!(
                "the idempotency key `{key}` stands for another start, of `{}`",
                origin.task
            )
        };
        Err(TaskError::Invalid(Report::new(Code(713), another).help(
            "choose a key that nobody else can hit upon, a random UUID for example",
        )))
    }

    async fn accept(
        &self,
        caller: &Caller,
        start: Start,
        offer: &Offer,
    ) -> Result<Snapshot, TaskError> {
        let origin = self.origin(caller, start, offer)?;
        let live = self.admit(origin)?;
        let record = live.record();
        let entry = Entry {
            revision: record.revision,
            at_ms: record.updated_ms,
            event: Event::Accepted,
        };
        if let Err(error) = self.0.store.create(&record, &entry).await {
            self.live().remove(&record.id());
            return Err(internal(&error));
        }
        self.spawn(self.clone().hand_over(live.clone()));
        live.wait(self.0.settings.hand_over, |record| {
            record.handle().is_some() || record.state.is_done()
        })
        .await;
        let snapshot = live.snapshot();
        match &snapshot.record.state {
            State::Done(Outcome::Failed(failure)) if failure.code == REJECTED => Err(
                TaskError::Invalid(Report::new(Code(712), failure.message.clone())),
            ),
            _ => Ok(snapshot),
        }
    }

    fn origin(&self, caller: &Caller, start: Start, offer: &Offer) -> Result<Origin, TaskError> {
        let id = self.0.mint.id().map_err(|error| {
            TaskError::Internal(Report::new(
                Code(699),
                format!("the system has no randomness: {error}"),
            ))
        })?;
        let created_ms = self.now_ms();
        let settings = &self.0.settings;
        let timeout_ms = start
            .timeout_ms
            .or(offer.definition.timeout_ms)
            .or(settings.timeout.map(milliseconds));
        Ok(Origin {
            id,
            backend: offer.backend.clone(),
            task: start.task,
            owner: caller.principal.clone(),
            arguments: start.arguments,
            options: start.options,
            cancellable: offer.definition.cancellable,
            idempotent: offer.definition.idempotent,
            idempotency_key: start.idempotency_key,
            created_ms,
            deadline_ms: timeout_ms.map(|timeout| created_ms.saturating_add(timeout)),
            retention_ms: start
                .retention_ms
                .unwrap_or(milliseconds(settings.retention)),
        })
    }

    /// Room is taken before anything is stored.
    fn admit(&self, origin: Origin) -> Result<Arc<Live>, TaskError> {
        let settings = &self.0.settings;
        let mut all = self.live();
        let refused = |report: Report| Err(TaskError::Busy(report, Some(1_000)));
        if all.len() >= settings.live {
            return refused(
                Report::new(
                    Code(408),
                    format!("{} tasks are alive, which is the limit", all.len()),
                )
                .help("wait for some to end, or raise [tasks] live"),
            );
        }
        // Counted only where there are enough of all to make it possible.
        let each = settings.live_per_principal;
        if all.len() >= each {
            let owner = |live: &Arc<Live>| live.record().origin.owner == origin.owner;
            if all.values().filter(|live| owner(live)).count() >= each {
                return refused(
                    Report::new(
                        Code(409),
                        format!(
                            "{each} of your tasks are alive, which is the limit for each caller"
                        ),
                    )
                    .help(
                        "wait for some of them to end, cancel what is no longer needed, or raise \
                         [tasks] live-per-principal",
                    ),
                );
            }
        }
        let id: TaskId = origin.id;
        let live = Arc::new(Live::new(Record::accepted(origin)));
        all.insert(id, live.clone());
        Ok(live)
    }

    fn lock_key(&self, caller: &Caller, key: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut starting = self
            .0
            .starting
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        starting
            .entry((caller.principal.clone(), key.to_owned()))
            .or_default()
            .clone()
    }

    fn unlock_key(&self, caller: &Caller, key: &str, lock: &Arc<tokio::sync::Mutex<()>>) {
        let mut starting = self
            .0
            .starting
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        // The map and this call: nobody else waits for the same key.
        if Arc::strong_count(lock) <= 2 {
            starting.remove(&(caller.principal.clone(), key.to_owned()));
        }
    }
}

/// The code of a task that its backend did not take.
pub(super) const REJECTED: &str = "rejected";

fn check(start: &Start, offer: &Offer) -> Result<(), TaskError> {
    let invalid = |code, message: String| Err(TaskError::Invalid(Report::new(Code(code), message)));
    if let Err(why) = offer.arguments.check(&start.arguments) {
        return invalid(
            712,
            format!("the arguments of `{}` do not fit: {why}", start.task),
        );
    }
    match &start.idempotency_key {
        Some(key) if key.is_empty() || key.len() > LONGEST_KEY => {
            return invalid(
                713,
                format!("an idempotency key has 1 to {LONGEST_KEY} bytes"),
            );
        }
        _ => {}
    }
    for (what, value) in [
        ("retention", start.retention_ms),
        ("timeout", start.timeout_ms),
    ] {
        if value.is_some_and(|value| value > LONGEST_MS) {
            return invalid(712, format!("a {what} is at most a year, {LONGEST_MS} ms"));
        }
    }
    if start.timeout_ms == Some(0) {
        return invalid(
            712,
            "a timeout of 0 ms would end the task before it begins".to_owned(),
        );
    }
    Ok(())
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
