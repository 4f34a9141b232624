//! One backend on a bench: instances of it, and the calls that scenarios make.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::super::fault::{Map, Pushes, Time};
use super::super::plan::{Errand, Plan};
use super::super::room::Room;
use super::super::usage::Usage;
use super::super::verdict::{Stop, failed, said, skipped};
use super::super::{Subject, clause};
use crate::clock::Clock as _;
use crate::config::grant::Grants;
use crate::plugin::{
    Backend, CallError, CancelAnswer, Health, LinkedBackend, Ports, StartWork, Work,
};
use crate::service::storage::StoredLogs;
use crate::store::memory::MemoryStore;
use crate::task::{Definition, Handle, Json, Observation, Outcome, Response, TaskId};

/// Where one scenario runs.
pub(in crate::trial) struct Bench {
    pub(super) subject: Arc<Subject>,
    pub(super) linked: LinkedBackend,
    pub(super) plan: Arc<Plan>,
    /// How long a single thing is waited for.
    pub(super) patience: Duration,
    /// Outlives its instances.
    pub(super) map: Arc<Map>,
    logs: Arc<StoredLogs>,
    /// The only clock that its instances see.
    pub(super) time: Arc<Time>,
    pub(super) room: Room,
    ids: AtomicU16,
}

/// One instance, as the host would hold it.
pub(super) struct Instance {
    backend: Box<dyn Backend>,
    /// What it has pushed.
    pub(super) pushes: Arc<Pushes>,
    usage: Arc<Usage>,
    health: watch::Receiver<Health>,
    stop: CancellationToken,
    patience: Duration,
}

/// What an instance is given.
pub(super) struct Given {
    pub(super) grants: Grants,
    pub(super) config: Json,
}

/// How often a task is looked at that does not push.
const LOOK: Duration = Duration::from_millis(50);

impl Bench {
    pub(in crate::trial) fn new(
        subject: &Arc<Subject>,
        linked: &LinkedBackend,
        plan: &Arc<Plan>,
        timeout: Duration,
    ) -> Self {
        Self {
            subject: subject.clone(),
            linked: linked.clone(),
            plan: plan.clone(),
            // What is waited for in vain is to be named, before the whole scenario is out of time.
            patience: timeout / 3,
            map: Arc::default(),
            logs: Arc::new(StoredLogs(Arc::new(MemoryStore::new()))),
            time: Arc::default(),
            room: Room::default(),
            ids: AtomicU16::new(0),
        }
    }

    pub(in crate::trial) fn subject(&self) -> &Subject {
        &self.subject
    }

    /// A fresh instance over the bench's storage, configured and granted as the operator did it.
    pub(super) fn instance(&self) -> Instance {
        let loaded = &self.subject.loaded;
        self.instance_with(Given {
            grants: loaded.reach.grants.clone(),
            config: loaded.config.clone(),
        })
    }

    /// The same, with something else given to it.
    pub(super) fn instance_with(&self, given: Given) -> Instance {
        let Given { grants, config } = given;
        let pushes = Arc::new(Pushes::default());
        let mut limits = self.subject.limits.clone();
        limits.call = limits.call.min(self.patience);
        let ports = Ports {
            clock: self.time.clone(),
            storage: self.map.clone(),
            events: Some(pushes.clone()),
            journal: Some(self.logs.clone()),
            flows: None,
            secrets: Arc::new(self.subject.loaded.secrets.clone()),
            grants: Arc::new(grants),
            denials: Arc::default(),
            limits,
            meter: self.room.meter.clone(),
            rehearsal: false,
        };
        let stop = CancellationToken::new();
        let (backend, actor) = self
            .linked
            .run(&self.subject.name, ports, &config, stop.clone());
        let health = backend.health();
        self.room.take(stop.clone(), actor, health.clone());
        Instance {
            backend: Box::new(backend),
            pushes,
            usage: self.room.usage.clone(),
            health,
            stop,
            patience: self.patience,
        }
    }

    /// Drops the instance in the middle of whatever it does, and starts a fresh one.
    pub(super) async fn restart(&self, instance: Instance) -> Instance {
        instance.kill().await;
        self.instance()
    }

    /// An id that was never used.
    pub(super) fn id(&self) -> Result<TaskId, Stop> {
        let mut random = [0; 16];
        if let Err(error) = getrandom::fill(&mut random) {
            return skipped(format!("the system has no randomness: {error}"));
        }
        let counter = self.ids.fetch_add(1, Ordering::Relaxed);
        Ok(TaskId::new(self.time.now_ms(), counter, random))
    }

    /// The task that is run to its end, if there is one.
    pub(super) fn quick(&self) -> Result<&Errand, Stop> {
        match self.plan.quick.first() {
            Some(errand) => Ok(errand),
            None => skipped(self.plan.lacks.clone()),
        }
    }

    /// The task that runs until it is cancelled, if there is one.
    pub(super) fn slow(&self) -> Result<&Errand, Stop> {
        match &self.plan.slow {
            Some(errand) => Ok(errand),
            None => skipped(
                "no task is known that goes on for a while: name one with `[test] slow` or --slow",
            ),
        }
    }

    /// A new task, handed over.
    pub(super) async fn begin(&self, instance: &Instance, errand: &Errand) -> Result<Work, Stop> {
        let id = self.id()?;
        let handle = instance.hand_over(id, errand).await?;
        Ok(Work { id, handle })
    }

    /// A task that has ended, and how.
    pub(super) async fn run(
        &self,
        instance: &Instance,
        errand: &Errand,
    ) -> Result<(Work, Outcome), Stop> {
        let work = self.begin(instance, errand).await?;
        let outcome = instance.end_of(&work).await?;
        Ok((work, outcome))
    }
}

impl Instance {
    /// Ends it at once, and returns when it is gone.
    pub(super) async fn kill(self) {
        self.stop.cancel();
        let mut health = self.health.clone();
        // The sender goes with the actor: then it has ended as well.
        _ = health.wait_for(|now| *now == Health::Stopped).await;
    }

    pub(super) async fn list_tasks(&self) -> Result<Vec<Definition>, Stop> {
        let until = Instant::now() + self.patience;
        loop {
            match self.list_tasks_once().await {
                Ok(definitions) => return Ok(definitions),
                Err(error) if is_passing(&error) && Instant::now() < until => pause(&error).await,
                Err(error) => return failed("a list of tasks", said(&error), clause::LIST_TASKS),
            }
        }
    }

    /// One `list-tasks`, whatever comes of it.
    pub(super) async fn list_tasks_once(&self) -> Result<Vec<Definition>, CallError> {
        self.timed("list-tasks", self.backend.list_tasks()).await
    }

    /// One `start`, whatever comes of it.
    pub(super) async fn start(&self, id: TaskId, errand: &Errand) -> Result<Handle, CallError> {
        let start = StartWork {
            id,
            task: errand.task.clone(),
            arguments: errand.arguments.clone(),
            deadline_ms: None,
            options: Json::empty_object(),
        };
        self.timed("start", self.backend.start(start)).await
    }

    /// `start`, as often as it takes to be answered.
    pub(super) async fn hand_over(&self, id: TaskId, errand: &Errand) -> Result<Handle, Stop> {
        let until = Instant::now() + self.patience;
        loop {
            match self.start(id, errand).await {
                Ok(handle) => return Ok(handle),
                Err(error) if is_passing(&error) && Instant::now() < until => pause(&error).await,
                Err(error) => {
                    return failed(
                        format!(
                            "a handle for `{}` of {}",
                            errand.task,
                            shortened(&errand.arguments)
                        ),
                        said(&error),
                        clause::START,
                    );
                }
            }
        }
    }

    /// One `observe`, whatever comes of it.
    pub(super) async fn look(
        &self,
        works: &[Work],
    ) -> Result<Vec<Result<Observation, CallError>>, CallError> {
        self.timed("observe", self.backend.observe(works)).await
    }

    /// One `observe` that must be answered, with what the interface allows.
    pub(super) async fn observe(&self, works: &[Work]) -> Result<Vec<Observation>, Stop> {
        let until = Instant::now() + self.patience;
        let seen = loop {
            match self.look(works).await {
                Ok(seen) => break seen,
                Err(error) if is_passing(&error) && Instant::now() < until => pause(&error).await,
                Err(error) => {
                    let expected =
                        format!("as many observations as works, which are {}", works.len());
                    return failed(expected, said(&error), clause::OBSERVE);
                }
            }
        };
        let seen = seen.into_iter().map(|one| {
            one.or_else(|error| {
                failed(
                    "an observation that can be read",
                    said(&error),
                    clause::JSON,
                )
            })
        });
        seen.collect()
    }

    /// The observation of one work.
    pub(super) async fn observe_one(&self, work: &Work) -> Result<Observation, Stop> {
        let seen = self.observe(std::slice::from_ref(work)).await?;
        // As many as works: `observe` has seen to that.
        Ok(seen.into_iter().next().unwrap_or(Observation::Unknown))
    }

    /// How the work ends, by a push or by `observe`, whichever is first.
    pub(super) async fn end_of(&self, work: &Work) -> Result<Outcome, Stop> {
        self.end_within(work, self.patience).await?.map_or_else(
            |seen| {
                failed(
                    format!("an end of the task within {} s", self.patience.as_secs()),
                    format!("`observe` still says {}", words(&seen)),
                    clause::FINAL,
                )
            },
            Ok,
        )
    }

    /// The same, or how it stands when the time is over.
    pub(super) async fn end_within(
        &self,
        work: &Work,
        limit: Duration,
    ) -> Result<Result<Outcome, Observation>, Stop> {
        let until = Instant::now() + limit;
        loop {
            let pushed = self.pushes.of(work.id);
            let pushed = pushed
                .into_iter()
                .find_map(|observation| match observation {
                    Observation::Finished(outcome) => Some(outcome),
                    _ => None,
                });
            if let Some(outcome) = pushed {
                return Ok(Ok(outcome));
            }
            match self.observe_one(work).await? {
                Observation::Finished(outcome) => return Ok(Ok(outcome)),
                Observation::Unknown => {
                    return failed(
                        "the work to be known until it is released",
                        "`observe` says `unknown`",
                        clause::WORK,
                    );
                }
                seen if Instant::now() >= until => return Ok(Err(seen)),
                Observation::At(_) => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// One `cancel`, whatever comes of it.
    pub(super) async fn try_cancel(&self, work: &Work) -> Result<CancelAnswer, CallError> {
        let reason = Some("a trial".to_owned());
        self.timed("cancel", self.backend.cancel(work, reason))
            .await
    }

    /// One `cancel` that must be answered.
    pub(super) async fn cancel(&self, work: &Work) -> Result<CancelAnswer, Stop> {
        let until = Instant::now() + self.patience;
        loop {
            match self.try_cancel(work).await {
                Ok(answer) => return Ok(answer),
                Err(error) if is_passing(&error) && Instant::now() < until => pause(&error).await,
                Err(error) => {
                    return failed("an answer to `cancel`", said(&error), clause::CANCEL);
                }
            }
        }
    }

    pub(super) async fn answer(
        &self,
        work: &Work,
        key: &str,
        response: &Response,
    ) -> Result<(), CallError> {
        let call = self.backend.answer(work, key.to_owned(), response);
        self.timed("answer", call).await
    }

    pub(super) async fn release(&self, work: &Work) -> Result<(), CallError> {
        self.timed("release", self.backend.release(work)).await
    }

    async fn timed<T>(
        &self,
        function: &'static str,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let began = Instant::now();
        let answer = call.await;
        self.usage.called(function, began.elapsed());
        answer
    }
}

/// The component itself asks for the call to be repeated.
pub(super) fn is_passing(error: &CallError) -> bool {
    matches!(
        error,
        CallError::Unavailable { .. } | CallError::Busy { .. }
    )
}

async fn pause(error: &CallError) {
    let ms = error.retry_ms().unwrap_or(100).clamp(10, 1_000);
    tokio::time::sleep(Duration::from_millis(u64::from(ms))).await;
}

/// An observation in one word of the interface.
pub(super) fn words(observation: &Observation) -> String {
    use crate::task::Phase;
    match observation {
        Observation::At(Phase::Pending) => "`pending`".to_owned(),
        Observation::At(Phase::Running(_)) => "`running`".to_owned(),
        Observation::At(Phase::Retrying(_)) => "`retrying`".to_owned(),
        Observation::At(Phase::AwaitingInput(_)) => "`input-required`".to_owned(),
        Observation::Finished(outcome) => ended(outcome),
        Observation::Unknown => "`unknown`".to_owned(),
    }
}

/// An outcome in a few words.
pub(super) fn ended(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Completed(result) => {
            format!("`finished(completed)` with {}", shortened(result))
        }
        Outcome::Failed(failure) => {
            format!(
                "`finished(failed)` with {}: {}",
                failure.code, failure.message
            )
        }
        Outcome::Cancelled(_) => "`finished(cancelled)`".to_owned(),
    }
}

/// The beginning of a document.
pub(super) fn shortened(json: &Json) -> String {
    super::super::text::shortened(json.text())
}
