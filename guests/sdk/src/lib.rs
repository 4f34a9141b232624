//! For those who write components of taskhost: backends, which run tasks, and strategies, which show
//! them over MCP.
//!
//! ```text
//! backend    what a backend implements, and its export     settings   what the operator sets, typed
//! strategy   the same of a strategy                        task       kinds of tasks, typed arguments
//! value      results, failures, progress, questions        schema     JSON Schemas of Rust types
//! time       clock, waiting, time-outs                     net        TCP, and TLS over it
//! storage    what survives: records by key                 http       requests to other servers
//! secrets    named values, and their placeholders          log        `tracing` → the host's log
//! events     changes, pushed                               manifest   what the component asks for
//! mock       a host for native tests                       host       the imports as they are
//! ```
//!
//! **One instance serves all calls, concurrently.** Everything here waits without stopping the other
//! calls of the instance; the standard library's `sleep`, `TcpStream` and the like stop them all, and
//! after half a second the host ends the instance. Never hold a `RefCell` borrowed across an `await`.
//!
//! **An instance holds nothing that matters.** It may end at any moment. Keep what matters in what
//! runs the work, or in [`storage`].
//!
//! A complete backend, but for its manifest:
//!
//! ```
//! # #[cfg(feature = "backend")] mod example {
//! use std::time::Duration;
//!
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use taskhost_sdk::storage::Table;
//! use taskhost_sdk::{
//!     Backend, Error, Handle, Observation, StartRequest, Task, Work, export_backend, time,
//! };
//!
//! /// Sleeps.
//! struct Sleeper {
//!     config: Config,
//! }
//!
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(default, deny_unknown_fields)]
//! struct Config {
//!     /// The longest that a task may sleep, in seconds.
//!     most_seconds: u64,
//! }
//!
//! impl Default for Config {
//!     fn default() -> Self {
//!         Self { most_seconds: 60 }
//!     }
//! }
//!
//! /// Does nothing for a while.
//! #[derive(Deserialize, JsonSchema)]
//! struct Sleep {
//!     /// How long, in seconds.
//!     seconds: u64,
//! }
//!
//! /// What is kept of a task: enough to know how it stands at any time.
//! #[derive(Clone, PartialEq, Serialize, Deserialize)]
//! struct Record {
//!     ends_ms: u64,
//! }
//!
//! const RECORDS: Table<Record> = Table::new("task/");
//!
//! impl Backend for Sleeper {
//!     const NAME: &'static str = "sleeper";
//!     type Config = Config;
//!
//!     fn new(config: Config) -> Result<Self, Error> {
//!         Ok(Self { config })
//!     }
//!
//!     async fn tasks(&self) -> Result<Vec<Task>, Error> {
//!         Ok(vec![
//!             Task::new::<Sleep>("sleep")
//!                 .title("Sleep")
//!                 .idempotent()
//!                 .estimate(Duration::from_secs(5)),
//!         ])
//!     }
//!
//!     async fn start(&self, request: StartRequest) -> Result<Handle, Error> {
//!         let Sleep { seconds } = request.arguments()?;
//!         if seconds > self.config.most_seconds {
//!             return Err(Error::invalid("that is too long"));
//!         }
//!         let ends_ms = time::now_ms() + seconds * 1000;
//!         // A known id keeps the record that it has, so nothing runs twice.
//!         RECORDS.insert(&request.id, &Record { ends_ms }).await?;
//!         Ok(request.id)
//!     }
//!
//!     async fn observe(&self, work: &Work) -> Result<Observation, Error> {
//!         Ok(match RECORDS.get(&work.id).await? {
//!             Some(record) if time::now_ms() < record.ends_ms => Observation::running(),
//!             Some(_) => Observation::completed(&"rested"),
//!             None => Observation::Unknown,
//!         })
//!     }
//!
//!     async fn release(&self, work: &Work) -> Result<(), Error> {
//!         RECORDS.remove(&work.id).await
//!     }
//! }
//!
//! export_backend!(Sleeper);
//! // And beside a file `plugin.toml`: taskhost_sdk::manifest!();
//! # }
//! ```
//!
//! # In a project of its own
//!
//! The crate is a folder to copy: `PROJECT/sdk`, with `PROJECT/sdk/wit` in it. In the repository of
//! taskhost, `wit/deps/taskhost` is a symbolic link to the one place where the interface is written;
//! a copy has the files themselves. Nothing in its `Cargo.toml` refers to a workspace.

pub mod bindings;
pub mod host;
pub mod log;
mod manifest;
#[cfg(not(target_family = "wasm"))]
pub mod mock;
pub mod schema;
pub mod settings;
mod spawn;
pub mod task;
pub mod time;
pub mod value;

#[cfg(feature = "backend")]
pub mod backend;
#[cfg(feature = "backend")]
pub mod events;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "backend")]
pub mod net;
#[cfg(feature = "backend")]
pub mod secrets;
#[cfg(feature = "backend")]
pub mod storage;
#[cfg(feature = "strategy")]
pub mod strategy;

pub use bindings::host::taskhost::plugin::types::{
    Error, Failure, Handle, Observation, Outcome, PluginInfo, Progress, Question, Response,
    TaskDefinition, TaskId, Work,
};
pub use settings::{NoSettings, Settings};
pub use spawn::spawn;
pub use task::{NoArguments, Task};

#[cfg(feature = "backend")]
pub use backend::{Backend, CancelAnswer, StartRequest};
#[cfg(feature = "strategy")]
pub use strategy::{
    Call, Caller, Document, DocumentBody, InputRequired, Prompt, PromptArgument, Reference, Reply,
    RpcError, Snapshot, StartOptions, Strategy, TaskSupport, Tool,
};

pub use {schemars, serde, serde_json, tracing};
