//! Runs tasks on Celery workers over Redis, without Python.
//!
//! ```text
//! list-tasks ─► catalogue ◄─ discovery ─► control ─► pidbox          workers are asked
//! start ──────► dispatch ──► envelope, mark                          one script pushes once
//! observe ────► results ◄── meta ◄── typed_json                      keys, told of by pub/sub
//! cancel ─────► cancel ────► mark, control                           taken back, else revoked
//!                  └─ all of them: wire ─► redis client ─► net       one connection a database
//! ```
//!
//! Nothing that matters is held in memory: a task is found again by its id, the list in its handle,
//! and two keys in Redis, its result ([`meta`]) and the mark of having been sent ([`mark`]).
//!
//! Redis 6 and later push changes on the connection that is used for everything else. Older servers
//! push on a second one ([`wire`]). Where an ACL forbids listening, results are polled.

mod backend;
mod cancel;
mod catalogue;
mod config;
mod control;
mod discovery;
mod dispatch;
mod endpoint;
mod envelope;
mod fields;
mod handle;
mod instant;
mod keys;
mod live;
mod liveness;
mod log;
mod mark;
mod messages;
mod meta;
mod no_result;
mod options;
mod pidbox;
mod repr;
mod results;
mod typed_json;
mod wire;

use redis::cmd;

use crate::backend::Backend;
use crate::bindings::{
    CancelAnswer, Error, Guest, Observation, PluginInfo, Response, StartRequest, TaskDefinition,
    Work,
};
use crate::handle::Handle;

/// Changes are pushed; this finds what a crash of the host or of Redis has lost.
const OBSERVE_EVERY_MS: u32 = 15_000;
/// How long the first list of tasks waits for workers to answer.
const FIRST_LIST_MS: u64 = 1500;

/// The component.
pub struct Celery;

impl Guest for Celery {
    fn describe() -> PluginInfo {
        PluginInfo {
            name: "celery".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: Some(env!("CARGO_PKG_DESCRIPTION").into()),
            config_schema: Some(config::schema()),
            observe_every_ms: Some(OBSERVE_EVERY_MS),
        }
    }

    async fn init(config: String) -> Result<(), Error> {
        Backend::init(&config).await
    }

    async fn list_tasks() -> Result<Vec<TaskDefinition>, Error> {
        let backend = Backend::get()?;
        if backend.config.discover_every_ms.is_some() && backend.found.borrow().is_empty() {
            // Clients list tools once, right at the beginning.
            let mut asked = backend.asked.subscribe();
            _ = wire::within(FIRST_LIST_MS, asked.wait_for(|asked| *asked)).await;
        }
        let definitions = backend.catalogue.borrow().definitions();
        Ok(definitions)
    }

    async fn start(request: StartRequest) -> Result<String, Error> {
        dispatch::start(&*Backend::get()?, &request).await
    }

    async fn observe(works: Vec<Work>) -> Result<Vec<Observation>, Error> {
        results::observe(&*Backend::get()?, &works).await
    }

    async fn cancel(work: Work, reason: Option<String>) -> Result<CancelAnswer, Error> {
        cancel::cancel(&*Backend::get()?, &work, reason).await
    }

    /// Celery tasks ask nothing, so every key is an unknown one.
    async fn answer(_work: Work, _key: String, _response: Response) -> Result<(), Error> {
        Ok(())
    }

    async fn release(work: Work) -> Result<(), Error> {
        let backend = Backend::get()?;
        Handle::read(&work.handle)?;
        results::unwatch(&backend, &work.id).await;
        let mut forget = cmd("DEL");
        forget.arg(backend.broker_keys.sent(&work.id));
        Ok(backend.broker.ask::<()>(&forget).await?)
    }
}

#[allow(
    unsafe_code,
    missing_docs,
    clippy::all,
    clippy::pedantic,
    unreachable_pub,
    reason = "generated"
)]
mod generated {
    wit_bindgen::generate!({
        path: "../../../wit",
        world: "backend-plugin",
        generate_all,
        additional_derives: [PartialEq],
        pub_export_macro: true,
    });

    // Elsewhere the names of the exports are no symbols that a linker takes.
    #[cfg(target_arch = "wasm32")]
    export!(Celery with_types_in self);
    #[cfg(target_arch = "wasm32")]
    use super::Celery;
}

/// The interface, by the names it is used by here.
mod bindings {
    pub(crate) use crate::generated::exports::taskhost::plugin::backend::{
        CancelAnswer, Guest, StartRequest,
    };
    pub(crate) use crate::generated::taskhost::plugin::types::{
        Error, Failure, Observation, Outcome, PluginInfo, Progress, Response, TaskDefinition, Work,
    };
    pub(crate) use crate::generated::taskhost::plugin::{
        events, logging, net, secrets, storage, timers,
    };
}
