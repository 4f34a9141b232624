//! A task as a value: its name, what can happen to it, and what has become of it.
//!
//! **Invariant:** nothing here reads a clock, draws a random number, touches the store or awaits.
//! The same events give the same record on every machine, which is what makes recovery a fold.

pub mod definition;
pub mod event;
pub mod id;
pub mod json;
pub mod observation;
pub mod principal;
pub mod record;
pub mod run;
pub mod sharing;
pub mod state;

pub use definition::Definition;
pub use event::{Entry, Event};
pub use id::TaskId;
pub use json::Json;
pub use observation::{Failure, Observation, Outcome, Phase, Progress, Question, Response};
pub use principal::Principal;
pub use record::{Origin, Record, Status};
pub use run::Run;
pub use sharing::{Share, Sharing};
pub use state::{Cancel, Dispatch, Handle, Open, Refused, State};
