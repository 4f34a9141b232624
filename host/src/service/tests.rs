//! What the service promises, against a backend that does as it is told.

mod model;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::Instant;

use super::follow::Mailbox;
use super::{Attached, Service};
use crate::clock::Clock;
use crate::config::settings::Settings;
use crate::error::{Code, Report};
use crate::plugin::{
    Backend, CallError, Caller, CancelAnswer, EventSink as _, Health, Meter, Refusal, Snapshot,
    Start, StartWork, TaskError, Tasks as _, Work,
};
use crate::store::Store;
use crate::store::memory::MemoryStore;
use crate::task::{
    Definition, Handle, Json, Observation, Outcome, Phase, Principal, Response, Share, Sharing,
    Status, TaskId,
};

#[tokio::test(start_paused = true)]
async fn a_task_is_handed_over_again_until_the_backend_answers() {
    let bench = Bench::new();
    bench
        .backend
        .starts([unavailable(), unavailable(), Ok(handle())]);
    let snapshot = bench.start().await.unwrap();
    bench
        .until(&snapshot, |record| record.handle().is_some())
        .await;
    assert_eq!(bench.backend.started().len(), 3);
    assert!(
        bench
            .backend
            .started()
            .iter()
            .all(|id| *id == snapshot.record.id())
    );
}

#[tokio::test(start_paused = true)]
async fn a_start_that_cannot_be_handed_over_is_pending_and_says_why() {
    let bench = Bench::new();
    bench
        .backend
        .starts(std::iter::repeat_with(unavailable).take(50));
    let snapshot = bench.start().await.unwrap();
    assert_eq!(snapshot.record.status(), Status::Pending);
    assert!(snapshot.note.unwrap().contains("nobody is there"));
}

#[tokio::test(start_paused = true)]
async fn what_the_backend_refuses_is_refused() {
    let bench = Bench::new();
    bench.backend.starts([Err(CallError::Refused {
        kind: Refusal::InvalidInput,
        message: "a delay of 3 h is beyond the visibility timeout".into(),
    })]);
    let Err(TaskError::Invalid(report)) = bench.start().await else {
        panic!("refused")
    };
    assert!(report.message.contains("visibility timeout"));
}

#[tokio::test(start_paused = true)]
async fn arguments_that_do_not_fit_leave_no_trace() {
    let bench = Bench::new();
    bench.ready().await;
    let start = Start {
        arguments: Json::parse(r#"{"x": "one"}"#).unwrap(),
        ..wish()
    };
    assert!(matches!(
        bench.service.start(&caller(), start).await,
        Err(TaskError::Invalid(_))
    ));
    assert_eq!(
        bench
            .store
            .list(&crate::store::Filter::default())
            .unwrap()
            .len(),
        0
    );
    assert_eq!(bench.backend.started().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_before_start_has_returned_has_ended() {
    let bench = Bench::new();
    bench
        .backend
        .starts(std::iter::repeat_with(unavailable).take(50));
    let snapshot = bench.start().await.unwrap();
    bench.push(&snapshot, done());
    bench
        .until(&snapshot, |record| record.state.is_done())
        .await;
    assert_eq!(bench.look(&snapshot).record.status(), Status::Completed);
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_the_end_changes_nothing() {
    let bench = Bench::new();
    let snapshot = bench.start().await.unwrap();
    bench.push(&snapshot, done());
    bench
        .until(&snapshot, |record| record.state.is_done())
        .await;
    let ended = bench.look(&snapshot);
    bench.push(&snapshot, Observation::At(Phase::Running(None)));
    bench.push(&snapshot, Observation::Finished(Outcome::Cancelled(None)));
    let after = bench
        .service
        .cancel(&caller(), &snapshot.record.id().to_string(), None)
        .await
        .unwrap();
    assert_eq!(after.record, ended.record);
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_is_told_again_until_somebody_hears_it() {
    let bench = Bench::new();
    bench.backend.cancels([
        CancelAnswer::NotDelivered,
        CancelAnswer::NotDelivered,
        CancelAnswer::NotDelivered,
    ]);
    let snapshot = bench.start().await.unwrap();
    let id = snapshot.record.id().to_string();
    let asked = bench
        .service
        .cancel(&caller(), &id, Some("no need".into()))
        .await
        .unwrap();
    assert!(asked.record.cancel_requested());
    assert_ne!(asked.record.status(), Status::Cancelled);
    assert!(asked.note.unwrap().contains("nobody has heard"));
    bench
        .until(&snapshot, |record| record.status() == Status::Cancelled)
        .await;
    assert_eq!(bench.backend.cancelled(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_the_backend_does_not_know_is_lost_and_never_pending() {
    let bench = Bench::new();
    let snapshot = bench.start().await.unwrap();
    bench.backend.see(&snapshot, Observation::Unknown);
    bench
        .until(&snapshot, |record| record.state.is_done())
        .await;
    let Some(Outcome::Failed(failure)) = bench.look(&snapshot).record.outcome().cloned() else {
        panic!("failed")
    };
    assert_eq!(failure.code, "lost");
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_does_not_answer_holds_up_no_deadline() {
    let bench = Bench::new();
    bench.backend.hangs.store(true, Ordering::Relaxed);
    let mut tasks = Vec::new();
    for _ in 0..20 {
        let start = Start {
            timeout_ms: Some(5_000),
            ..wish()
        };
        tasks.push(bench.start_for(&caller(), start).await.unwrap());
    }
    let began = Instant::now();
    for task in &tasks {
        bench.until(task, |record| record.state.is_done()).await;
    }
    let took = began.elapsed();
    assert!(
        took < Duration::from_secs(12),
        "one after the other it would be {took:?}"
    );
    assert_eq!(bench.backend.cancelled(), 20, "it was told all the same");
}

#[tokio::test(start_paused = true)]
async fn a_task_is_ended_at_its_deadline_and_its_backend_is_told() {
    let bench = Bench::new();
    bench.ready().await;
    let start = Start {
        timeout_ms: Some(5_000),
        ..wish()
    };
    let snapshot = bench.service.start(&caller(), start).await.unwrap();
    bench
        .until(&snapshot, |record| record.state.is_done())
        .await;
    let Some(Outcome::Failed(failure)) = bench.look(&snapshot).record.outcome().cloned() else {
        panic!("failed")
    };
    assert_eq!(failure.code, "timeout");
    assert_eq!(bench.backend.cancelled(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_finished_task_goes_when_its_retention_is_over_and_a_running_one_stays() {
    let bench = Bench::new();
    bench.ready().await;
    let start = || Start {
        retention_ms: Some(60_000),
        ..wish()
    };
    let finished = bench.service.start(&caller(), start()).await.unwrap();
    let running = bench.service.start(&caller(), start()).await.unwrap();
    bench.push(&finished, done());
    bench
        .until(&finished, |record| record.state.is_done())
        .await;
    tokio::time::sleep(Duration::from_secs(200)).await;
    let get = |snapshot: &Snapshot| {
        bench
            .service
            .get(&caller(), &snapshot.record.id().to_string())
    };
    assert!(matches!(get(&finished), Err(TaskError::Unknown(_))));
    assert!(get(&running).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_task_of_someone_else_looks_like_one_that_never_was() {
    let bench = Bench::new();
    let alive = bench.start().await.unwrap();
    let over = bench.start().await.unwrap();
    bench.push(&over, done());
    bench.until(&over, |record| record.state.is_done()).await;
    let never = TaskId::new(1, 1, [1; 16]).to_string();
    for stranger in [named("stranger"), nobody()] {
        let expected = bench.attempts(&stranger, &never).await;
        assert_eq!(expected.len(), 7);
        for theirs in [&alive, &over] {
            let id = theirs.record.id().to_string();
            assert_eq!(bench.attempts(&stranger, &id).await, expected);
        }
    }
    assert_eq!(bench.look(&alive).record.status(), Status::Pending);
}

#[tokio::test(start_paused = true)]
async fn what_is_shared_is_shared_with_those_it_is_shared_with() {
    let groups = [("alice", "ops"), ("bob", "ops"), ("carol", "dev")]
        .map(|(name, group)| (Principal::named(name).unwrap(), [group.to_owned()].into()));
    let all = ["alice", "bob", "carol"];
    for (share, who) in [
        (Share::Owner, &all[..1]),
        (Share::Group, &all[..2]),
        (Share::Id, &all[..]),
    ] {
        let sharing = Sharing::new(share, groups.clone().into());
        let bench = Bench::with(Settings {
            sharing,
            ..Settings::default()
        });
        let task = bench.start_for(&named("alice"), wish()).await.unwrap();
        let id = task.record.id().to_string();
        for name in all {
            let got = bench.service.get(&named(name), &id).is_ok();
            assert_eq!(got, who.contains(&name), "{share:?}: {name}");
            let listed = bench.service.list_active(&named(name), None, 10).unwrap();
            assert_eq!(
                listed.len(),
                usize::from(name == "alice"),
                "{share:?}: {name}"
            );
        }
        let last = named(who.last().unwrap());
        let cancelled = bench.service.cancel(&last, &id, None).await.unwrap();
        assert!(cancelled.record.state.is_done() || cancelled.record.cancel_requested());
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_has_no_list_and_gets_on_with_ids() {
    let bench = Bench::new();
    let task = bench.start_for(&nobody(), wish()).await.unwrap();
    let id = task.record.id().to_string();
    let Err(TaskError::Unsupported(report)) = bench.service.list_active(&nobody(), None, 10) else {
        panic!("a list")
    };
    assert!(
        report
            .help
            .iter()
            .any(|help| help.contains("taskhost token"))
    );
    for caller in [nobody(), caller(), named("alice")] {
        assert!(bench.service.get(&caller, &id).is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_is_good_for_one_principal_and_says_nothing_to_strangers() {
    let bench = Bench::new();
    let with_key = |x: u8| Start {
        idempotency_key: Some("order-17".into()),
        arguments: Json::parse(format!(r#"{{"x": {x}}}"#)).unwrap(),
        ..wish()
    };
    let mut ids = Vec::new();
    for caller in [named("alice"), named("bob"), nobody(), caller()] {
        let task = bench.start_for(&caller, with_key(1)).await.unwrap();
        ids.push(task.record.id());
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4, "each has a task of its own");
    let conflict = async |caller: Caller| {
        let started = bench.start_for(&caller, with_key(2)).await;
        let Err(TaskError::Invalid(report)) = started else {
            panic!("two tasks for one key");
        };
        report.message
    };
    assert!(conflict(named("alice")).await.contains("`add`"));
    let message = conflict(nobody()).await;
    assert!(!message.contains("add"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn one_principal_leaves_room_for_the_others() {
    let bench = Bench::with(Settings {
        live_per_principal: 2,
        ..Settings::default()
    });
    for _ in 0..2 {
        bench.start_for(&named("alice"), wish()).await.unwrap();
    }
    let Err(TaskError::Busy(report, Some(_))) = bench.start_for(&named("alice"), wish()).await
    else {
        panic!("no limit");
    };
    assert_eq!(report.code, Code(409));
    assert!(report.help[0].contains("live-per-principal"));
    let other = bench.start_for(&named("bob"), wish()).await.unwrap();
    bench.service.stop(other.record.id(), None).await.unwrap();
    bench.start_for(&named("bob"), wish()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_idempotency_key_is_one_task() {
    let bench = Bench::new();
    bench.ready().await;
    let start = || Start {
        idempotency_key: Some("order-17".into()),
        ..wish()
    };
    let caller = caller();
    let (first, second) = tokio::join!(
        bench.service.start(&caller, start()),
        bench.service.start(&caller, start())
    );
    assert_eq!(first.unwrap().record.id(), second.unwrap().record.id());
    let other = Start {
        arguments: Json::parse(r#"{"x": 2}"#).unwrap(),
        ..start()
    };
    assert!(matches!(
        bench.service.start(&caller, other).await,
        Err(TaskError::Invalid(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_new_host_takes_up_what_the_last_one_left() {
    let first = Bench::new();
    let handed_over = first.start().await.unwrap();
    first
        .backend
        .starts(std::iter::repeat_with(unavailable).take(500));
    let accepted = first.start().await.unwrap();
    assert!(accepted.record.handle().is_none());
    // A kill: nobody says goodbye to anybody.
    let second = Bench::on(first.store.clone());
    second.backend.see(&handed_over, done());
    second
        .until(&handed_over, |record| record.state.is_done())
        .await;
    second
        .until(&accepted, |record| record.handle().is_some())
        .await;
    assert_eq!(second.backend.started(), vec![accepted.record.id()]);
}

#[tokio::test(start_paused = true)]
async fn a_new_host_goes_on_telling_of_a_cancellation() {
    let first = Bench::new();
    let snapshot = first.start().await.unwrap();
    first
        .backend
        .cancels(std::iter::repeat_n(CancelAnswer::NotDelivered, 100));
    let id = snapshot.record.id().to_string();
    first.service.cancel(&caller(), &id, None).await.unwrap();
    let second = Bench::on(first.store.clone());
    second
        .until(&snapshot, |record| record.status() == Status::Cancelled)
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_start_that_ends_the_backend_again_and_again_fails_and_the_others_go_on() {
    let bench = Bench::new();
    bench.backend.starts([gone(), gone(), gone()]);
    let guilty = bench.start().await.unwrap();
    bench.until(&guilty, |record| record.state.is_done()).await;
    let Some(Outcome::Failed(failure)) = bench.look(&guilty).record.outcome().cloned() else {
        panic!("failed")
    };
    assert_eq!(failure.code, "backend-crashed");
    let innocent = bench.start().await.unwrap();
    assert!(innocent.record.handle().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_wait_returns_at_a_change_and_not_before() {
    let bench = Bench::new();
    let snapshot = bench.start().await.unwrap();
    let id = snapshot.record.id().to_string();
    let long = Duration::from_secs(20);
    let before = Instant::now();
    let wait = bench
        .service
        .wait(&caller(), &id, snapshot.record.revision, long);
    assert_eq!(
        wait.await.unwrap().record.revision,
        snapshot.record.revision
    );
    assert!(before.elapsed() >= long);
    let wait = bench
        .service
        .wait(&caller(), &id, snapshot.record.revision, long);
    bench.push(&snapshot, Observation::At(Phase::Running(None)));
    let before = Instant::now();
    assert!(wait.await.unwrap().record.revision > snapshot.record.revision);
    assert!(before.elapsed() < long);
}

/// A service on a scripted backend.
struct Bench {
    service: Service,
    backend: Arc<Scripted>,
    mailbox: Arc<Mailbox>,
    store: Arc<MemoryStore>,
}

impl Bench {
    fn new() -> Self {
        Self::on(Arc::new(MemoryStore::new()))
    }

    fn with(settings: Settings) -> Self {
        Self::of(Arc::new(MemoryStore::new()), settings)
    }

    fn on(store: Arc<MemoryStore>) -> Self {
        Self::of(store, Settings::default())
    }

    fn of(store: Arc<MemoryStore>, settings: Settings) -> Self {
        Self::with_world(store, settings, Arc::new(Scripted::new()), Instant::now())
    }

    /// On a backend that has done something before. `began`: when time began.
    fn with_world(
        store: Arc<MemoryStore>,
        settings: Settings,
        backend: Arc<Scripted>,
        began: Instant,
    ) -> Self {
        let mailbox = Arc::new(Mailbox::default());
        let attached = Attached::new(backend.clone(), mailbox.clone(), Duration::from_secs(1));
        let service = Service::new(
            store.clone(),
            Arc::new(PausedClock(began)),
            settings,
            vec![attached],
            Vec::new(),
        );
        service.begin().unwrap();
        Self {
            service,
            backend,
            mailbox,
            store,
        }
    }

    async fn ready(&self) {
        let mut catalog = self.service.catalog();
        catalog
            .wait_for(|catalog| catalog.find("add").is_some())
            .await
            .unwrap();
    }

    async fn start(&self) -> Result<Snapshot, TaskError> {
        self.start_for(&caller(), wish()).await
    }

    async fn start_for(&self, caller: &Caller, start: Start) -> Result<Snapshot, TaskError> {
        self.ready().await;
        self.service.start(caller, start).await
    }

    /// What `caller` is told, by each way to ask for a task.
    async fn attempts(&self, caller: &Caller, id: &str) -> Vec<Report> {
        let service = &self.service;
        let second = Duration::from_secs(1);
        let response = Response::Accepted(Json::null());
        let errors = [
            service.get(caller, id).unwrap_err(),
            service.wait(caller, id, 0, second).await.unwrap_err(),
            service.cancel(caller, id, None).await.unwrap_err(),
            service
                .answer(caller, id, "key".to_owned(), response)
                .await
                .unwrap_err(),
            service.output(caller, id, 0, 10).unwrap_err(),
            service.result(caller, id).unwrap_err(),
            service.watch(caller, id).err().unwrap(),
        ];
        let reports = errors.into_iter().map(|error| {
            assert!(matches!(error, TaskError::Unknown(_)));
            error.report().clone()
        });
        reports.collect()
    }

    fn push(&self, snapshot: &Snapshot, observation: Observation) {
        self.mailbox.observed(snapshot.record.id(), observation);
    }

    fn look(&self, snapshot: &Snapshot) -> Snapshot {
        self.service.look(snapshot.record.id()).unwrap()
    }

    async fn until(&self, snapshot: &Snapshot, enough: impl Fn(&crate::task::Record) -> bool) {
        tokio::time::timeout(Duration::from_mins(10), async {
            while !enough(&self.look(snapshot).record) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .expect("the task never got there");
    }
}

/// Does as it is told; by default it takes everything, says nothing, and cancels at once.
struct Scripted {
    health: watch::Sender<Health>,
    starts: Mutex<VecDeque<Result<Handle, CallError>>>,
    cancels: Mutex<VecDeque<CancelAnswer>>,
    seen: Mutex<HashMap<TaskId, Observation>>,
    started: Mutex<Vec<TaskId>>,
    cancelled: Mutex<usize>,
    /// `cancel` never answers.
    hangs: AtomicBool,
}

impl Scripted {
    fn new() -> Self {
        Self {
            health: watch::Sender::new(Health::Ready { generation: 1 }),
            starts: Mutex::default(),
            cancels: Mutex::default(),
            seen: Mutex::default(),
            started: Mutex::default(),
            cancelled: Mutex::default(),
            hangs: AtomicBool::default(),
        }
    }

    fn starts(&self, answers: impl IntoIterator<Item = Result<Handle, CallError>>) {
        self.starts.lock().unwrap().extend(answers);
    }

    fn cancels(&self, answers: impl IntoIterator<Item = CancelAnswer>) {
        self.cancels.lock().unwrap().extend(answers);
    }

    fn see(&self, snapshot: &Snapshot, observation: Observation) {
        self.seen
            .lock()
            .unwrap()
            .insert(snapshot.record.id(), observation);
    }

    fn started(&self) -> Vec<TaskId> {
        self.started.lock().unwrap().clone()
    }

    fn cancelled(&self) -> usize {
        *self.cancelled.lock().unwrap()
    }
}

impl Backend for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    fn meter(&self) -> Arc<Meter> {
        Arc::default()
    }

    fn list_tasks(&self) -> BoxFuture<'_, Result<Vec<Definition>, CallError>> {
        Box::pin(async {
            Ok(vec![Definition {
                name: "add".into(),
                title: None,
                description: None,
                input_schema: Json::parse(
                    r#"{"type":"object","properties":{"x":{"type":"integer"}},"required":["x"]}"#,
                )
                .unwrap(),
                output_schema: None,
                cancellable: true,
                idempotent: false,
                estimate_ms: None,
                timeout_ms: None,
                strategy: None,
            }])
        })
    }

    fn start(&self, start: StartWork) -> BoxFuture<'_, Result<Handle, CallError>> {
        self.started.lock().unwrap().push(start.id);
        let answer = self
            .starts
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or_else(|| Ok(handle()));
        Box::pin(async { answer })
    }

    fn observe<'a>(
        &'a self,
        works: &'a [Work],
    ) -> BoxFuture<'a, Result<Vec<Result<Observation, CallError>>, CallError>> {
        let seen = self.seen.lock().unwrap();
        let observations = works
            .iter()
            .map(|work| {
                Ok(seen
                    .get(&work.id)
                    .cloned()
                    .unwrap_or(Observation::At(Phase::Pending)))
            })
            .collect();
        Box::pin(async { Ok(observations) })
    }

    fn cancel<'a>(
        &'a self,
        work: &'a Work,
        reason: Option<String>,
    ) -> BoxFuture<'a, Result<CancelAnswer, CallError>> {
        *self.cancelled.lock().unwrap() += 1;
        if self.hangs.load(Ordering::Relaxed) {
            return Box::pin(std::future::pending());
        }
        let answer = self
            .cancels
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or(CancelAnswer::Accepted);
        let mut seen = self.seen.lock().unwrap();
        if matches!(seen.get(&work.id), Some(Observation::Finished(_))) {
            return Box::pin(async { Ok(CancelAnswer::AlreadyFinished) });
        }
        if answer == CancelAnswer::Accepted {
            let cancelled = Observation::Finished(Outcome::Cancelled(reason));
            seen.insert(work.id, cancelled);
        }
        Box::pin(async move { Ok(answer) })
    }

    fn answer<'a>(
        &'a self,
        _work: &'a Work,
        _key: String,
        _response: &'a Response,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async { Ok(()) })
    }

    fn release<'a>(&'a self, _work: &'a Work) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async { Ok(()) })
    }
}

/// Moves with tokio's paused time.
struct PausedClock(Instant);

impl Clock for PausedClock {
    fn now_ms(&self) -> u64 {
        1_800_000_000_000 + u64::try_from(self.0.elapsed().as_millis()).unwrap()
    }
}

fn caller() -> Caller {
    Caller::absent(Principal::local())
}

fn nobody() -> Caller {
    Caller::absent(Principal::nobody())
}

fn named(name: &str) -> Caller {
    Caller::absent(Principal::named(name).unwrap())
}

fn wish() -> Start {
    Start {
        task: "add".into(),
        arguments: Json::parse(r#"{"x": 1}"#).unwrap(),
        idempotency_key: None,
        retention_ms: None,
        timeout_ms: None,
        options: Json::empty_object(),
    }
}

fn handle() -> Handle {
    Handle("scripted:1".into())
}

fn done() -> Observation {
    Observation::Finished(Outcome::Completed(Json::null()))
}

fn unavailable() -> Result<Handle, CallError> {
    Err(CallError::Unavailable {
        message: "nobody is there".into(),
        retry_ms: None,
    })
}

fn gone() -> Result<Handle, CallError> {
    Err(CallError::Gone {
        component: "scripted".into(),
        why: None,
    })
}
