//! Components as backends and strategies: where they come from, and what the service sees of them.
//!
//! The service holds [`Backend`] and [`Strategy`] objects and never a component, so its tests run with
//! plain Rust types and no Wasm at all.

pub mod admission;
pub mod ask;
pub mod backend;
pub mod embedded;
pub mod flows;
pub mod load;
pub mod lock;
pub mod manifest;
pub mod placed;
pub mod reach;
pub mod reload;
mod settings;
pub mod signature;
pub mod source;
pub mod strategy;
pub mod watch;

pub use crate::capability::Ports;
pub use crate::capability::events::EventSink;
pub use crate::capability::journal::{self, RunLogs};
pub use crate::capability::meter::{Gauge, Longest, Meter, Rate, Usage};
pub use crate::capability::storage::ComponentMap;
pub use crate::capability::tasks::{
    Bound, CallPort, Caller, Client, Snapshot, Start, TaskError, Tasks, Wishes,
};
pub use crate::engine::actor::Health;
pub use crate::engine::answer::{CallError, Refusal};
pub use crate::engine::backend::{CancelAnswer, LinkedBackend, StartWork, Work};
pub use crate::engine::component::Kind;
pub use crate::engine::load::LoadError;
pub use crate::engine::scratch::Info;
pub use crate::engine::strategy::LinkedStrategy;
pub use crate::engine::strategy::words::{
    Document, DocumentBody, Prompt, PromptArgument, Reference, Reply, Shown, TaskSupport, Tool,
    ToolCaller,
};
pub use backend::Backend;
pub use strategy::Strategy;
