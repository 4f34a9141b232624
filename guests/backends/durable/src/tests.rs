//! The whole engine against a host that dies.

mod flows;

use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use taskhost_flow::Failure;
use taskhost_sdk::mock::Host;
use taskhost_sdk::{Backend as _, Error, Observation, Outcome, Response, StartRequest, Work, time};

use crate::backend::Durable;
use crate::entry::Entry;
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
