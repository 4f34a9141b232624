//! Random sequences of what can happen to tasks, against the service, a world that runs them, and a model.
//!
//! ```text
//! client    starts, with keys and without, cancels, answers        ┐
//! backend   refuses for a while, says what has become of work      ├─ one step ─▶ the service agrees with the world
//! host      dies, also in the middle of a start, and comes back    │              within two minutes
//! time      passes                                                 ┘
//! ```
//!
//! What must hold at every moment: a task whose id a client has is there; what has ended never changes; revisions
//! only rise; a journal begins with `Accepted`, says nothing after the end, and folds to the record; a list has
//! what there is; one key is one task. Time is virtual: a case takes milliseconds.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::task::Poll;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseError};

use super::*;
use crate::store::Filter;
use crate::task::{Event, Failure, Progress, Question, Record, State};

#[derive(Clone, Debug)]
enum Step {
    Start {
        key: Option<u8>,
    },
    /// The host dies when the start has been polled so often: the client never learns of it.
    StartAndDie {
        key: Option<u8>,
        polls: u8,
    },
    Says {
        task: Index,
        what: Said,
        pushed: bool,
    },
    /// `dies`: the host, as soon as it has acknowledged the wish.
    Cancel {
        task: Index,
        dies: bool,
    },
    Answer {
        task: Index,
    },
    /// The next so many are not taken.
    Refuses {
        starts: u8,
        cancels: u8,
    },
    Dies,
    Passes {
        seconds: u16,
    },
}

#[derive(Clone, Copy, Debug)]
enum Said {
    Runs(u8),
    Retries,
    Asks,
    Completes,
    Fails,
    Stops,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || proptest::option::of(0..3_u8);
    let task = any::<Index>;
    let said = prop_oneof![
        any::<u8>().prop_map(Said::Runs),
        Just(Said::Retries),
        Just(Said::Asks),
        Just(Said::Completes),
        Just(Said::Fails),
        Just(Said::Stops),
    ];
    let step = prop_oneof![
        4 => key().prop_map(|key| Step::Start { key }),
        2 => (key(), 0..40_u8).prop_map(|(key, polls)| Step::StartAndDie { key, polls }),
        6 => (task(), said, any::<bool>()).prop_map(|(task, what, pushed)| Step::Says { task, what, pushed }),
        2 => (task(), any::<bool>()).prop_map(|(task, dies)| Step::Cancel { task, dies }),
        2 => task().prop_map(|task| Step::Answer { task }),
        1 => (0..4_u8, 0..4_u8).prop_map(|(starts, cancels)| Step::Refuses { starts, cancels }),
        1 => Just(Step::Dies),
        1 => (0..600_u16).prop_map(|seconds| Step::Passes { seconds }),
    ];
    proptest::collection::vec(step, 1..40)
}

#[test]
fn whatever_happens_no_task_is_lost_and_what_has_ended_stays_as_it_is() {
    let config = Config {
        // There is nothing to be learnt from a file of seeds that a new model would not show.
        failure_persistence: None,
        // 256 cases, or as many as `PROPTEST_CASES` says.
        ..Config::default()
    };
    proptest!(config, |(steps in steps())| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(Case::run(steps)).map_err(TestCaseError::fail)?;
    });
}

/// One sequence.
struct Case {
    bench: Bench,
    clock: Instant,
    tasks: Vec<Known>,
    keys: BTreeMap<u8, TaskId>,
}

/// A task that there is, as it was seen last.
struct Known {
    last: Record,
    /// A wish to stop it was acknowledged.
    cancelled: bool,
}

impl Case {
    async fn run(steps: Vec<Step>) -> Result<(), String> {
        let mut case = Self {
            bench: Bench::new(),
            clock: Instant::now(),
            tasks: Vec::new(),
            keys: BTreeMap::new(),
        };
        for step in steps {
            case.step(&step).await;
            (case.agrees().await).map_err(|why| format!("after {step:?}: {why}"))?;
        }
        for known in &case.tasks {
            case.says(known.last.id(), Said::Completes, true);
        }
        case.agrees().await?;
        let is_open = |known: &Known| !known.last.state.is_done();
        match case.tasks.iter().find(|known| is_open(known)) {
            Some(known) => Err(format!("never ended: {:?}", known.last)),
            None => Ok(()),
        }
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Start { key } => {
                let snapshot = self.bench.start_for(&caller(), wish_of(*key)).await;
                // Nothing but what the world refuses for good is refused, and it refuses nothing for good.
                self.acknowledged(*key, &snapshot.unwrap().record);
            }
            Step::StartAndDie { key, polls } => {
                self.bench.ready().await;
                let service = self.bench.service.clone();
                let caller = caller();
                let mut start = Box::pin(service.start(&caller, wish_of(*key)));
                let mut left = *polls;
                let started = poll_fn(|context| match start.as_mut().poll(context) {
                    Poll::Ready(started) => Poll::Ready(Some(started)),
                    Poll::Pending if left == 0 => Poll::Ready(None),
                    Poll::Pending => {
                        left -= 1;
                        context.waker().wake_by_ref();
                        Poll::Pending
                    }
                });
                let started = started.await;
                drop(start);
                if let Some(snapshot) = started {
                    self.acknowledged(*key, &snapshot.unwrap().record);
                }
                self.dies().await;
            }
            Step::Says { task, what, pushed } => {
                if let Some(id) = self.chosen(*task) {
                    self.says(id, *what, *pushed);
                }
            }
            Step::Cancel { task, dies } => {
                if let Some(id) = self.chosen(*task) {
                    let service = &self.bench.service;
                    let told = service.cancel(&caller(), &id.to_string(), None).await;
                    told.unwrap();
                    self.known(id).cancelled = true;
                    if *dies {
                        self.dies().await;
                    }
                }
            }
            Step::Answer { task } => {
                if let Some(id) = self.chosen(*task)
                    && let Some(key) = asked(&self.bench.service.look(id).unwrap().record)
                {
                    let response = Response::Accepted(Json::null());
                    let service = &self.bench.service;
                    let told = service.answer(&caller(), &id.to_string(), key, response);
                    told.await.unwrap();
                    // What it waited for is there.
                    self.says(id, Said::Runs(0), false);
                }
            }
            Step::Refuses { starts, cancels } => {
                let backend = &self.bench.backend;
                backend.starts((0..*starts).map(|_| unavailable()));
                backend.cancels((0..*cancels).map(|_| CancelAnswer::NotDelivered));
            }
            Step::Dies => self.dies().await,
            Step::Passes { seconds } => {
                tokio::time::sleep(Duration::from_secs(u64::from(*seconds))).await;
            }
        }
    }

    /// A client has this id.
    fn acknowledged(&mut self, key: Option<u8>, record: &Record) {
        if let Some(key) = key {
            let first = *self.keys.entry(key).or_insert(record.id());
            assert_eq!(first, record.id(), "one key is one task");
        }
        if !self
            .tasks
            .iter()
            .any(|known| known.last.id() == record.id())
        {
            self.tasks.push(Known {
                last: record.clone(),
                cancelled: false,
            });
        }
    }

    /// Another host on what was written, with the same world.
    async fn dies(&mut self) {
        let inner = &self.bench.service.0;
        inner.stop.cancel();
        inner.work.close();
        inner.work.wait().await;
        let (store, backend) = (self.bench.store.clone(), self.bench.backend.clone());
        self.bench = Bench::with_world(store, Settings::default(), backend, self.clock);
        // What nobody was told of may be there, and is a task like any other then.
        for record in self.bench.store.list(&Filter::default()).unwrap() {
            let key = record.origin.idempotency_key.clone();
            let key = key.and_then(|key| key.parse().ok());
            self.acknowledged(key, &record);
        }
    }

    fn chosen(&self, task: Index) -> Option<TaskId> {
        (!self.tasks.is_empty()).then(|| task.get(&self.tasks).last.id())
    }

    fn known(&mut self, id: TaskId) -> &mut Known {
        let known = self.tasks.iter_mut().find(|known| known.last.id() == id);
        known.unwrap()
    }

    /// The world says this of a task that it has; of one that is over, too.
    fn says(&self, id: TaskId, what: Said, pushed: bool) {
        let snapshot = self.bench.service.look(id).unwrap();
        let has_it = snapshot.record.state.is_done() || snapshot.record.handle().is_some();
        if !has_it {
            return;
        }
        let observation = what.of(self.bench.store.list(&Filter::default()).unwrap().len());
        self.bench.backend.see(&snapshot, observation.clone());
        if pushed {
            self.bench.push(&snapshot, observation);
        }
    }

    /// The service shows what the world says, or does so soon; and meanwhile nothing that must not be.
    async fn agrees(&mut self) -> Result<(), String> {
        let began = Instant::now();
        loop {
            self.is_possible()?;
            let Some(why) = self.difference() else {
                return Ok(());
            };
            if began.elapsed() > Duration::from_mins(2) {
                return Err(why);
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// What must hold at every moment. Takes up what is seen.
    fn is_possible(&mut self) -> Result<(), String> {
        for known in &mut self.tasks {
            let id = known.last.id();
            let seen = (self.bench.service.look(id))
                .map_err(|error| format!("{id} is lost: {}", error.report()))?;
            let seen = (*seen.record).clone();
            let last = &known.last;
            if seen.revision < last.revision || (last.state.is_done() && seen != *last) {
                return Err(format!("{last:?} became {seen:?}"));
            }
            let by_client = self.bench.service.get(&caller(), &id.to_string());
            if *by_client.unwrap().record != seen {
                return Err(format!("{id} is another one to its owner"));
            }
            let journal = self.bench.store.journal(id, 0).unwrap();
            let rises = (journal.windows(2))
                .all(|pair| matches!(pair, [one, next] if one.revision < next.revision));
            let mut events = journal.iter().map(|entry| &entry.event);
            let begins = events.next() == Some(&Event::Accepted);
            let folded = events.try_fold(State::accepted(), |state, event| state.apply(event));
            match folded {
                Ok(state) if begins && rises && same(&state, &seen.state) => {}
                other => {
                    return Err(format!(
                        "{id}: {seen:?}, and its journal {journal:?}: {other:?}"
                    ));
                }
            }
            known.last = seen;
        }
        let listed = self.bench.store.list(&Filter::default()).unwrap();
        let mut listed: Vec<TaskId> = listed.iter().map(Record::id).collect();
        let mut known: Vec<TaskId> = self.tasks.iter().map(|known| known.last.id()).collect();
        listed.sort_unstable();
        known.sort_unstable();
        if listed == known {
            Ok(())
        } else {
            Err(format!("listed are {listed:?}, there are {known:?}"))
        }
    }

    /// Where the service does not show what the world says.
    fn difference(&self) -> Option<String> {
        let said = self.bench.backend.seen.lock().unwrap();
        self.tasks.iter().find_map(|known| {
            let record = &known.last;
            let is_as_said = match said.get(&record.id()) {
                // The first end is the only one.
                _ if record.state.is_done() => true,
                _ if known.cancelled => false,
                Some(Observation::Finished(_) | Observation::Unknown) => false,
                Some(Observation::At(phase)) => {
                    record.open().is_some_and(|open| open.phase == *phase)
                }
                None => record.handle().is_some() && record.status() == Status::Pending,
            };
            (!is_as_said).then(|| format!("{record:?} is not {:?}", said.get(&record.id())))
        })
    }
}

impl Said {
    /// `place`: to tell questions apart.
    fn of(self, place: usize) -> Observation {
        let failure = Failure {
            code: "broken".into(),
            message: "it broke".into(),
            retryable: true,
            system: false,
            detail: None,
        };
        Observation::At(match self {
            Self::Runs(current) => Phase::Running(Some(Progress {
                current: f64::from(current),
                total: None,
                message: None,
                detail: None,
            })),
            Self::Retries => Phase::Retrying(failure),
            Self::Asks => Phase::AwaitingInput(vec![Question {
                key: format!("q{place}"),
                message: "go on?".into(),
                schema: Json::empty_object(),
            }]),
            Self::Completes => return done(),
            Self::Fails => return Observation::Finished(Outcome::Failed(failure)),
            Self::Stops => return Observation::Finished(Outcome::Cancelled(None)),
        })
    }
}

fn wish_of(key: Option<u8>) -> Start {
    Start {
        idempotency_key: key.map(|key| key.to_string()),
        ..wish()
    }
}

fn asked(record: &Record) -> Option<String> {
    match &record.open()?.phase {
        Phase::AwaitingInput(questions) => Some(questions.first()?.key.clone()),
        _ => None,
    }
}

/// But for steps of progress, which have no line in the journal.
fn same(folded: &State, seen: &State) -> bool {
    match (folded, seen) {
        (State::Open(folded), State::Open(seen)) => {
            folded.phase == seen.phase || folded.phase.is_progress_to(&seen.phase)
        }
        (folded, seen) => folded == seen,
    }
}
