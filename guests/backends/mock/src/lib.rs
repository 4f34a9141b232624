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

#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(
        dead_code,
        reason = "natively there are no exports, and the tests reach a part only"
    )
)]

mod catalogue;
mod course;
mod fault;
mod record;
mod script;
mod store;
mod watch;

#[allow(
    unsafe_code,
    missing_docs,
    clippy::all,
    clippy::pedantic,
    unreachable_pub,
    reason = "generated"
)]
mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit",
        world: "backend-plugin",
        generate_all,
        additional_derives: [PartialEq],
    });

    // The names of the exports are no names to a native linker.
    #[cfg(target_arch = "wasm32")]
    use super::Mock;
    #[cfg(target_arch = "wasm32")]
    export!(Mock);
}

use std::cell::Cell;

use bindings::exports::taskhost::plugin::backend::{
    CancelAnswer, Error, Guest, Handle, Observation, PluginInfo, Response, StartRequest,
    TaskDefinition, Work,
};
use bindings::taskhost::plugin::logging::{self, Level};
use bindings::taskhost::plugin::timers;
use record::{Record, Said};
use script::Script;
use serde::Deserialize;

struct Mock;

thread_local! {
    /// Whether the tasks that break the component are offered. Written by `init` alone.
    static FAULTS: Cell<bool> = const { Cell::new(false) };
}

impl Guest for Mock {
    fn describe() -> PluginInfo {
        PluginInfo {
            name: "mock".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: Some(env!("CARGO_PKG_DESCRIPTION").into()),
            config_schema: Some(catalogue::config_schema()),
            // Changes are pushed when they happen; this only repairs a push that a crash lost.
            observe_every_ms: Some(5000),
        }
    }

    async fn init(config: String) -> Result<(), Error> {
        let config: Config = serde_json::from_str(&config)
            .map_err(|error| Error::InvalidInput(format!("configuration of `mock`: {error}")))?;
        FAULTS.set(config.faults);
        wit_bindgen::spawn_local(store::sweep_for_ever());
        Ok(())
    }

    async fn list_tasks() -> Result<Vec<TaskDefinition>, Error> {
        Ok(catalogue::definitions(FAULTS.get()))
    }

    async fn start(request: StartRequest) -> Result<Handle, Error> {
        store::check_size(&request.arguments)?;
        let script = Script::read(&request.task, &request.arguments)?;
        if script.is_fault() && !FAULTS.get() {
            return Err(Error::UnknownTask(format!(
                "`{}` is offered with `faults = true` only",
                request.task
            )));
        }
        fault::strike(&script);
        let record = Record::new(timers::now_ms(), script.clone());
        let (record, is_new) = store::insert(&request.id, record).await?;
        watch::follow(&request.id, record);
        if is_new {
            fault::strike_later(&script);
        }
        Ok(format!("mock:{}", request.id))
    }

    async fn observe(works: Vec<Work>) -> Result<Vec<Observation>, Error> {
        let mut observations = Vec::with_capacity(works.len());
        for work in works {
            let observation = match store::load(&work.id).await? {
                Some(record) => {
                    let moment = course::at(&record, timers::now_ms());
                    watch::resume(&work.id, record);
                    moment.observation
                }
                None => Observation::Unknown,
            };
            observations.push(observation);
        }
        Ok(observations)
    }

    async fn cancel(work: Work, reason: Option<String>) -> Result<CancelAnswer, Error> {
        let (record, answer) = store::update(&work.id, |record| {
            course::cancel(record, timers::now_ms(), reason.clone())
        })
        .await?;
        if answer == CancelAnswer::Accepted {
            watch::follow(&work.id, record);
        }
        Ok(answer)
    }

    async fn answer(work: Work, key: String, response: Response) -> Result<(), Error> {
        let said = match response {
            Response::Accepted(json) => {
                let value = serde_json::from_str(&json).map_err(|error| {
                    Error::InvalidInput(format!("the answer is no JSON: {error}"))
                })?;
                Said::Response(value)
            }
            Response::Declined => Said::Declined {},
            Response::Dismissed => Said::Dismissed {},
        };
        let (record, taken) = store::update(&work.id, |record| {
            course::answer(record, timers::now_ms(), &key, said.clone())
        })
        .await?;
        if taken {
            watch::follow(&work.id, record);
        } else {
            logging::log(
                Level::Debug,
                "an answer to no open question is ignored",
                &[],
            );
        }
        Ok(())
    }

    async fn release(work: Work) -> Result<(), Error> {
        watch::forget(&work.id);
        store::remove(&work.id).await
    }
}

/// What the operator may set.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    faults: bool,
}
