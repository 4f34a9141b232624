//! The tasks that the MCP conformance suite asks for: slow ones, failing ones, and ones that ask.
//!
//! A task is a pure function of its record and the clock, as in the `mock` backend, which says more
//! about why. It is for tests, and not part of the binary: records that a lost `release` leaves
//! behind go with the test's data directory.
//!
//! ```text
//! catalogue   definitions, in words and schemas      course   record and time → observation
//! job         what one task was told to do           store    records in the host's storage
//! ```

#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(
        dead_code,
        reason = "natively there are no exports, and the tests reach a part only"
    )
)]

mod catalogue;
mod course;
mod job;
mod store;

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
    use super::Conformance;
    #[cfg(target_arch = "wasm32")]
    export!(Conformance);
}

use bindings::exports::taskhost::plugin::backend::{
    CancelAnswer, Error, Guest, Handle, Observation, PluginInfo, Response, StartRequest,
    TaskDefinition, Work,
};
use bindings::taskhost::plugin::{events, timers};
use course::Record;
use job::Job;

struct Conformance;

impl Guest for Conformance {
    fn describe() -> PluginInfo {
        PluginInfo {
            name: "conformance".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: Some(env!("CARGO_PKG_DESCRIPTION").into()),
            config_schema: None,
            // Changes are pushed when they happen; after a restart, this finds them.
            observe_every_ms: Some(1000),
        }
    }

    async fn init(_config: String) -> Result<(), Error> {
        Ok(())
    }

    async fn list_tasks() -> Result<Vec<TaskDefinition>, Error> {
        Ok(catalogue::definitions())
    }

    async fn start(request: StartRequest) -> Result<Handle, Error> {
        let job = Job::read(&request.task, &request.arguments)?;
        let record = store::insert(&request.id, Record::new(timers::now_ms(), job)).await?;
        tell(&request.id, &record);
        wit_bindgen::spawn_local(tell_at_the_end(request.id.clone(), record));
        Ok(format!("conformance:{}", request.id))
    }

    async fn observe(works: Vec<Work>) -> Result<Vec<Observation>, Error> {
        let mut observations = Vec::with_capacity(works.len());
        for work in works {
            let observation = match store::load(&work.id).await? {
                Some(record) => course::at(&record, timers::now_ms()),
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
        tell(&work.id, &record);
        Ok(answer)
    }

    async fn answer(work: Work, key: String, response: Response) -> Result<(), Error> {
        let accepted = match response {
            Response::Accepted(json) => Some(json),
            Response::Declined | Response::Dismissed => None,
        };
        let (record, ()) = store::update(&work.id, |record| {
            course::answer(record, &key, accepted.as_deref());
        })
        .await?;
        tell(&work.id, &record);
        Ok(())
    }

    async fn release(work: Work) -> Result<(), Error> {
        store::remove(&work.id).await
    }
}

fn tell(id: &str, record: &Record) {
    events::observed(id, &course::at(record, timers::now_ms()));
}

/// For jobs that end by themselves. What is cancelled meanwhile has told so, and is over for the
/// host.
async fn tell_at_the_end(id: String, record: Record) {
    if let Some(end_ms) = course::end_ms(&record) {
        timers::sleep(end_ms.saturating_sub(timers::now_ms())).await;
        tell(&id, &record);
    }
}
