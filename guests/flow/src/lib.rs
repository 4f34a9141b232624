//! Orchestrations: steps in plain async Rust that survive anything.
//!
//! ```text
//! history ─▶ Run::step ─▶ the code is polled, once for each event that it may wait for ─▶ commands
//! ```
//!
//! The code of an orchestration is a function of its history. What it decides (an activity, a timer, a
//! question) is a *command*, which the engine writes down before anything is done; what comes of it is an
//! *event*, which the engine writes down before the code sees it. After a crash the same events lead a fresh
//! instance to the same place: what is decided on the way is compared with what was decided then
//! ([`replay`]), so that code that has become other code is found, and never goes astray.
//!
//! **Rules for authors.** Wait for nothing but what [`Context`] gives, in any combination: `futures` joins and
//! selects that have an order are fine. Time is [`Context::now`], chance is [`Context::random`]. Everything
//! that touches the world is an activity.

mod awaited;
mod calls;
mod context;
mod failure;
mod orchestration;
mod random;
mod received;
pub mod replay;
mod shield;
mod state;

/// The generated half of the interface.
#[allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    reason = "generated"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/durable",
        world: "orchestrations",
        generate_all,
        additional_derives: [PartialEq],
        pub_export_macro: true,
        default_bindings_module: "taskhost_flow::bindings",
    });
}

pub use awaited::Awaited;
pub use bindings::taskhost::durable::types::{
    ActivityCall, Answer, ChildCall, Command, Continuation, Decision, Ending, Event, Failure,
    Progress, Question, Retry, Signal, SignalCall, Start, Timer,
};
pub use calls::{Activity, Asked, Backoff, Child, Sleep};
pub use context::Context;
pub use orchestration::{Begin, Orchestration, definition};
pub use received::Received;
pub use shield::Shielded;
pub use taskhost_flow_macros::orchestration;
