//! Scripted tasks with real timers: the backend for the demo, for tests, and for authors to read.
//!
//! A backend has to find its work again after a restart of its instance or of the host. Here that is
//! easy, and worth copying where it can be: the whole course of a task is a pure function of a small
//! stored record and the clock. `store` keeps the record, `course` computes the state from it,
//! and `watch` pushes each change at its time, so that the host need not ask.
//!
//! **Invariant:** an instance holds nothing that matters. Whatever is said of a task is written
//! first, and `watch` is armed again by the first `observe` after a restart.
//!
//! **Cost:** one read of storage for each work observed, one write for each start, cancellation and
//! answer; a sleeping task is one timer.

mod catalogue;
mod course;
mod fault;
mod record;
mod script;
mod store;
mod watch;

use std::rc::Rc;
use std::time::Duration;

use record::{Record, Said};
use schemars::JsonSchema;
use script::Script;
use serde::Deserialize;
use serde_json::Value;
use store::RECORDS;
use taskhost_sdk::{
    Backend, CancelAnswer, Error, Handle, Observation, Response, StartRequest, Task, Work,
    export_backend, manifest, spawn, time, tracing,
};

/// The backend.
pub struct Mock {
    config: Config,
}

/// What the operator may set.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Offer the tasks that break the component: trap, spin, hog, rubbish.
    faults: bool,
}

impl Backend for Mock {
    const NAME: &'static str = "mock";
    // Changes are pushed when they happen; this only repairs a push that a crash lost.
    const OBSERVE_EVERY: Option<Duration> = Some(Duration::from_secs(5));
    type Config = Config;

    fn new(config: Config) -> Result<Self, Error> {
        Ok(Self { config })
    }

    async fn init(self: Rc<Self>) -> Result<(), Error> {
        spawn(store::sweep_for_ever());
        Ok(())
    }

    async fn tasks(&self) -> Result<Vec<Task>, Error> {
        let definitions = catalogue::definitions(self.config.faults);
        Ok(definitions.into_iter().map(Task::from).collect())
    }

    async fn start(&self, request: StartRequest) -> Result<Handle, Error> {
        let script = Script::read(&request.task, &request.arguments)?;
        if script.is_fault() && !self.config.faults {
            return Err(Error::UnknownTask(format!(
                "`{}` is offered with `faults = true` only",
                request.task
            )));
        }
        fault::strike(&script);
        let record = Record::new(time::now_ms(), script.clone());
        let known = RECORDS.insert(&request.id, &record).await?;
        let is_new = known.is_none();
        watch::follow(&request.id, known.unwrap_or(record));
        if is_new {
            fault::strike_later(&script);
        }
        Ok(format!("mock:{}", request.id))
    }

    async fn observe(&self, work: &Work) -> Result<Observation, Error> {
        let Some(record) = RECORDS.get(&work.id).await? else {
            return Ok(Observation::Unknown);
        };
        let moment = course::at(&record, time::now_ms());
        watch::resume(&work.id, record);
        Ok(moment.observation)
    }

    async fn cancel(&self, work: &Work, reason: Option<String>) -> Result<CancelAnswer, Error> {
        let (record, answer) = store::update(&work.id, |record| {
            course::cancel(record, time::now_ms(), reason.clone())
        })
        .await?;
        if answer == CancelAnswer::Accepted {
            watch::follow(&work.id, record);
        }
        Ok(answer)
    }

    async fn answer(&self, work: &Work, key: String, response: Response) -> Result<(), Error> {
        if let Response::Accepted(text) = &response {
            script::check_size("answers", text)?;
        }
        let said = match response.accepted::<Value>()? {
            Some(value) => Said::Response(value),
            None if response == Response::Declined => Said::Declined {},
            None => Said::Dismissed {},
        };
        let (record, taken) = store::update(&work.id, |record| {
            course::answer(record, time::now_ms(), &key, said.clone())
        })
        .await?;
        if taken {
            watch::follow(&work.id, record);
        } else {
            tracing::debug!("an answer to no open question is ignored");
        }
        Ok(())
    }

    async fn release(&self, work: &Work) -> Result<(), Error> {
        watch::forget(&work.id);
        RECORDS.remove(&work.id).await
    }
}

export_backend!(Mock);
manifest!();

#[cfg(test)]
mod tests {
    use serde_json::json;
    use taskhost_sdk::mock::{Host, Pushed};

    use super::*;

    #[test]
    fn a_task_is_pushed_to_its_end_and_released_without_a_trace() {
        let (host, mock) = host();
        let work = start(
            &host,
            &mock,
            "count",
            &json!({ "steps": 2, "step_ms": 100 }),
        );
        host.advance(Duration::from_millis(200));
        let over = Observation::completed(&json!({ "counted": 2 }));
        assert_eq!(host.observed("t1"), Some(over.clone()));
        assert_eq!(host.run(mock.observe(&work)), Ok(over));
        let printed = Pushed::Output("t1".into(), "step 2 of 2".into());
        assert!(host.pushed().contains(&printed));
        host.run(mock.release(&work)).unwrap();
        assert!(host.storage().is_empty());
        assert_eq!(host.run(mock.observe(&work)), Ok(Observation::Unknown));
    }

    #[test]
    fn a_known_id_starts_nothing() {
        let (host, mock) = host();
        let work = start(&host, &mock, "sleep", &json!({ "ms": 100 }));
        host.advance(Duration::from_millis(100));
        let again = start(&host, &mock, "sleep", &json!({ "ms": 100 }));
        assert_eq!(again, work);
        assert!(host.run(mock.observe(&work)).unwrap().is_over());
    }

    #[test]
    fn after_a_restart_the_first_look_makes_it_push_again() {
        let (host, mock) = host();
        let work = start(&host, &mock, "sleep", &json!({ "ms": 1000 }));
        host.restart();
        drop(mock);
        // As would be all that the instance held.
        watch::forget(&work.id);
        let mock: Rc<Mock> = host.backend(&json!({})).unwrap();
        assert_eq!(host.run(mock.observe(&work)), Ok(Observation::running()));
        host.advance(Duration::from_secs(1));
        assert!(host.observed("t1").unwrap().is_over());
    }

    #[test]
    fn an_answer_is_what_comes_of_a_question() {
        let (host, mock) = host();
        let work = start(&host, &mock, "ask", &json!({}));
        let answer = |key: &str, response: Response| {
            host.run(mock.answer(&work, key.to_owned(), response))
                .unwrap();
            host.run(mock.observe(&work)).unwrap()
        };
        assert!(!answer("other", Response::Declined).is_over());
        let said = answer(course::QUESTION, Response::Accepted("7".into()));
        assert_eq!(said, Observation::completed(&7));
    }

    #[test]
    fn a_cancelled_task_has_stopped_and_one_that_is_over_has_not() {
        let (host, mock) = host();
        let work = start(&host, &mock, "sleep", &json!({ "ms": 1000 }));
        let cancel = || host.run(mock.cancel(&work, Some("enough".into())));
        assert_eq!(cancel(), Ok(CancelAnswer::Accepted));
        assert_eq!(cancel(), Ok(CancelAnswer::AlreadyFinished));
        let stopped = Observation::cancelled(Some("enough".into()));
        assert_eq!(host.observed("t1"), Some(stopped));
    }

    fn host() -> (Host, Rc<Mock>) {
        let host = Host::new();
        let mock = host.backend(&json!({})).unwrap();
        (host, mock)
    }

    fn start(host: &Host, mock: &Rc<Mock>, task: &str, arguments: &Value) -> Work {
        let request = StartRequest::sample("t1", task, arguments);
        let handle = host.run(mock.start(request)).unwrap();
        Work::sample("t1", &handle)
    }
}
