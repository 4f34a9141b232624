//! What a component may ask of the host, one file for each thing.
//!
//! **Deny by default:** a guest gets log lines, time and its own storage. Everything else it gets by a
//! grant, and a refusal names the grant that would allow it.
//!
//! A capability reaches the rest of the host only through the traits in [`Ports`], so that nothing
//! below the service knows the service.

pub mod address;
pub mod attempt;
pub mod bindings;
mod budget;
pub mod convert;
pub mod denials;
mod dial;
pub mod dispatch;
pub mod events;
pub mod guest;
mod http;
pub mod journal;
pub mod logging;
pub mod meter;
pub mod net;
pub mod secrets;
mod sockets;
pub mod storage;
pub mod tasks;
pub mod timers;
pub mod tls;
pub mod wasi;

pub use dispatch::Flows;
pub use events::EventSink;
pub use guest::{Guest, Ports};
pub use journal::RunLogs;
pub use meter::Meter;
pub use storage::ComponentMap;
pub use tasks::{CallPort, Caller, Tasks};
