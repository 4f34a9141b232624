//! The whole engine against a host that dies.

mod control;
mod flows;
mod limits;
mod relatives;
mod speed;
mod trouble;

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use taskhost_sdk::mock::Host;
use taskhost_sdk::{Backend as _, Error, Observation, Outcome, Response, StartRequest, Work, time};

use crate::backend::Durable;
use crate::entry::Entry;
use crate::input::Input;
use crate::memory::{Disk, Memory};

/// An engine that is brought back as often as it dies.
struct Trial {
    host: Host,
    config: Value,
    engine: Rc<Durable<Memory>>,
}

impl Trial {
    fn new(chance: u64, dies: usize) -> Self {
        Self::configured(chance, dies, json!({}))
    }

    fn configured(chance: u64, dies: usize, config: Value) -> Self {
        let host = Host::new();
        let mut disk = Disk::new(flows::ALL, chance);
        disk.dies = dies;
        disk.activity = Rc::new(flows::double);
        Disk::install(disk);
        let engine = host.backend(&config).unwrap();
        Self {
            host,
            config,
            engine,
        }
    }

    fn comes_back(&mut self) {
        self.host.restart();
        Disk::with(Disk::comes_back);
        self.host.advance(Duration::from_millis(500));
        self.engine = self.host.backend(&self.config).unwrap();
    }

    /// What `call` gives, or that the host has died meanwhile.
    fn call<T>(&mut self, call: impl AsyncFnOnce(Rc<Durable<Memory>>) -> T) -> Option<T> {
        let engine = self.engine.clone();
        let dies = async {
            while !Disk::with(|disk| disk.dead) {
                time::sleep(Duration::from_millis(3)).await;
            }
        };
        let call = std::pin::pin!(call(engine));
        let dies = std::pin::pin!(dies);
        let both = futures_util::future::select(call, dies);
        let value = match self.host.run(both) {
            futures_util::future::Either::Left((value, _)) => Some(value),
            futures_util::future::Either::Right(_) => None,
        };
        if Disk::with(|disk| disk.dead) {
            self.comes_back();
        }
        value
    }

    fn start(&mut self, id: &str, task: &str, input: &Value) {
        let request = StartRequest::sample(id, task, input);
        for _ in 0..1000 {
            let request = request.clone();
            match self.call(async |engine| engine.start(request).await) {
                Some(Ok(handle)) => return assert_eq!(handle, id),
                Some(Err(Error::Unavailable(_))) | None => {}
                Some(Err(error)) => panic!("{error:?}"),
            }
        }
        panic!("it cannot be started");
    }

    fn observe(&mut self, id: &str) -> Observation {
        let work = Work::sample(id, id);
        for _ in 0..1000 {
            let work = work.clone();
            match self.call(async |engine| engine.observe(&work).await) {
                Some(Ok(seen)) => return seen,
                Some(Err(Error::Unavailable(_))) | None => {}
                Some(Err(error)) => panic!("{error:?}"),
            }
        }
        panic!("it cannot be observed");
    }

    /// Until `id` stands so.
    fn until<T>(&mut self, id: &str, so: impl Fn(&Observation) -> Option<T>) -> T {
        for _ in 0..20_000 {
            let seen = self.observe(id);
            if let Some(value) = so(&seen) {
                return value;
            }
            self.call(async |_| time::sleep(Duration::from_millis(20)).await);
        }
        panic!(
            "{id} stands otherwise: {:?}: {:#?}",
            self.observe(id),
            log(id)
        );
    }

    fn outcome(&mut self, id: &str) -> Outcome {
        self.until(id, |seen| match seen {
            Observation::Finished(outcome) => Some(outcome.clone()),
            _ => None,
        })
    }

    fn answer(&mut self, id: &str, response: &Response) {
        let key = self.until(id, |seen| match seen {
            Observation::InputRequired(questions) => Some(questions[0].key.clone()),
            _ => None,
        });
        let work = Work::sample(id, id);
        for _ in 0..1000 {
            let (work, key, response) = (work.clone(), key.clone(), response.clone());
            let told = self.call(async |engine| engine.answer(&work, key, response).await);
            if let Some(Ok(())) = told {
                return;
            }
        }
    }
}

impl Trial {
    /// Has a control task do something.
    fn control(&mut self, id: &str, task: &str, arguments: &Value) {
        let request = StartRequest::sample(id, task, arguments);
        for _ in 0..1000 {
            let request = request.clone();
            match self.call(async |engine| engine.start(request).await) {
                Some(Ok(_)) => return,
                Some(Err(Error::Unavailable(_))) | None => {}
                Some(Err(error)) => panic!("{error:?}"),
            }
        }
        panic!("it cannot be done");
    }

    fn cancel(&mut self, id: &str, reason: &str) {
        for _ in 0..1000 {
            let (work, reason) = (Work::sample(id, id), Some(reason.to_owned()));
            match self.call(async |engine| engine.cancel(&work, reason).await) {
                Some(Ok(_)) => return,
                Some(Err(Error::Unavailable(_))) | None => {}
                Some(Err(error)) => panic!("{error:?}"),
            }
        }
        panic!(
            "it cannot be cancelled: {:#?} {:?}",
            log(id),
            Disk::with(|disk| disk.deaths)
        );
    }

    /// Time passes, and the host lives on.
    fn waits(&mut self, time: Duration) {
        self.call(async |_| time::sleep(time).await);
    }

    /// What its progress says.
    fn message(&mut self, id: &str) -> String {
        match self.observe(id) {
            Observation::Running(progress) => {
                progress.and_then(|one| one.message).unwrap_or_default()
            }
            other => panic!("{other:?}"),
        }
    }

    /// The code of all runs makes the decisions that are written down, and no others.
    fn all_logs_fit_their_code(&mut self) {
        Disk::with(|disk| disk.dies = 0);
        let config = json!({ "check": true });
        let checks: Rc<Durable<Memory>> = self.host.backend(&config).unwrap();
        let runs: Vec<_> = Disk::with(|disk| disk.logs.keys().cloned().collect());
        for run in runs {
            let seen = self
                .host
                .run(checks.observe(&Work::sample(&run, &run)))
                .unwrap();
            let events = log(&run).len();
            assert_eq!(
                seen,
                Observation::completed(&json!({ "events": events })),
                "{run}"
            );
        }
    }
}

fn log(run: &str) -> Vec<Entry> {
    Disk::with(|disk| disk.entries(run))
}

fn completed(value: &Value) -> Outcome {
    Outcome::Completed(value.to_string())
}

#[test]
fn a_run_comes_to_its_result() {
    let mut trial = Trial::new(1, 0);
    trial.start("t1", "steps", &json!({ "size": 3 }));
    assert_eq!(trial.outcome("t1"), completed(&json!([0, 2, 4])));
    assert_eq!(trial.host.observed("t1"), Some(trial.observe("t1")));
}

#[test]
fn what_was_never_started_is_unknown() {
    let mut trial = Trial::new(1, 0);
    assert_eq!(trial.observe("t1"), Observation::Unknown);
}

#[test]
fn a_run_comes_to_its_result_whenever_the_host_dies() {
    let mut deaths = 0;
    for chance in 0..100 {
        let mut trial = Trial::new(chance, 4 + usize::try_from(chance % 30).unwrap());
        trial.start("t1", "steps", &json!({ "size": 5 }));
        assert_eq!(
            trial.outcome("t1"),
            completed(&json!([0, 2, 4, 6, 8])),
            "{chance}"
        );
        deaths += Disk::with(|disk| disk.deaths);
    }
    assert!(deaths > 100, "{deaths}");
}

#[test]
fn a_known_id_gets_the_same_handle_and_nothing_runs_twice() {
    let mut trial = Trial::new(1, 0);
    for _ in 0..3 {
        trial.start("t1", "steps", &json!({ "size": 2 }));
    }
    trial.outcome("t1");
    trial.start("t1", "steps", &json!({ "size": 2 }));
    trial.comes_back();
    trial.start("t1", "steps", &json!({ "size": 2 }));
    assert_eq!(trial.outcome("t1"), completed(&json!([0, 2])));
    assert_eq!(Disk::with(|disk| disk.executed.len()), 2);
}

/// Everything, on a host that dies: with somebody who answers, and who tells what is waited for.
fn everything(chance: u64, dies: usize, config: Value) -> Trial {
    let mut trial = Trial::configured(chance, dies, config);
    trial.start("listener", "listener", &json!({ "size": 2 }));
    trial.start("t1", "everything", &json!({ "size": 4 }));
    if chance % 3 == 1 {
        trial.control("c1", "suspend_orchestration", &json!({ "task": "t1" }));
        trial.call(async |_| time::sleep(Duration::from_secs(2)).await);
        trial.control("c2", "resume_orchestration", &json!({ "task": "t1" }));
    }
    let told = json!({ "task": "t1", "name": "last", "data": 3 });
    trial.control("c3", "signal_orchestration", &told);
    trial.answer("t1", &Response::Accepted("true".to_owned()));
    trial
}

#[test]
fn everything_comes_to_its_result_whenever_the_host_dies() {
    let result = json!([0, 2, 4, 6, 0, 2, 4, 6, 0, 0, 2, 1, 3]);
    let mut deaths = 0;
    for chance in 0..60 {
        let dies = match chance {
            0 => 0,
            _ => 10 + usize::try_from(chance % 50).unwrap(),
        };
        let sessions = 1 + chance % 3;
        let config = json!({ "controls": true, "sessions": sessions });
        let mut trial = everything(chance, dies, config);
        assert_eq!(trial.outcome("t1"), completed(&result), "{chance}");
        assert_eq!(
            trial.outcome("listener"),
            completed(&json!([8, 13])),
            "{chance}"
        );
        deaths += Disk::with(|disk| disk.deaths);
        each_was_done_once();
        trial.all_logs_fit_their_code();
    }
    assert!(deaths > 100, "{deaths}");
}

#[test]
fn runs_whose_code_is_not_kept_go_on_as_if_it_were() {
    let mut trial = Trial::configured(1, 0, json!({ "sessions": 1 }));
    for run in 0..10 {
        trial.start(&format!("t{run}"), "everything", &json!({ "size": 2 }));
    }
    for run in 0..10 {
        trial.answer(&format!("t{run}"), &Response::Accepted("false".to_owned()));
    }
    assert!(Disk::with(|disk| disk.open) <= 1);
    for run in 0..10 {
        let data = Input::Signal {
            name: "last".into(),
            data: run.to_string(),
            from: None,
        };
        let id = format!("t{run}");
        trial.call(async |engine| engine.0.tell(&id, data).await);
        let result = json!([0, 2, 0, 2, 0, 0, 2, 0, run]);
        assert_eq!(trial.outcome(&id), completed(&result));
    }
    assert!(Disk::with(|disk| disk.opened) > 20);
}

#[test]
fn an_entry_reads_as_what_it_says() {
    let ended = |attempt| Entry::ActivityEnded {
        seq: 3,
        attempt,
        outcome: crate::entry::Outcome::Done("42".to_owned()),
    };
    for (entry, line) in [
        (
            ended(Some(2)),
            r#"{"what":"activity-ended","seq":3,"attempt":2,"outcome":{"done":"42"}}"#,
        ),
        // Logs that are older have none.
        (
            ended(None),
            r#"{"what":"activity-ended","seq":3,"outcome":{"done":"42"}}"#,
        ),
    ] {
        assert_eq!(serde_json::to_string(&entry).unwrap(), line);
        assert_eq!(serde_json::from_str::<Entry>(line).unwrap(), entry);
    }
}

/// An activity has one outcome, and each attempt is executed once.
fn each_was_done_once() {
    Disk::with(|disk| {
        for (run, log) in &disk.logs {
            let mut ended = BTreeSet::new();
            for entry in log.entries() {
                if let Entry::ActivityEnded { seq, .. } = entry {
                    assert!(ended.insert(seq), "{run}: {seq} has ended twice");
                }
            }
        }
        let attempts: BTreeSet<_> = disk.executed.iter().collect();
        assert_eq!(attempts.len(), disk.executed.len(), "{:?}", disk.executed);
    });
}
