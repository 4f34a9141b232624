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
//! **Rules for authors.** Wait for nothing but what [`Context`] gives, in any combination: [`all`], [`first`],
//! [`both`] and [`race`] are here, and those of `futures` that have an order are as good. Time is
//! [`Context::now`], chance is [`Context::random`]. Everything that touches the world is an activity.
//!
//! Activities stand beside the orchestrations, in one crate and one component:
//!
//! ```
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use taskhost_flow::{
//!     ActivityContext, Backoff, Context, Failure, activity, all, export_flows, orchestration,
//! };
//!
//! /// What to thumbnail.
//! #[derive(Deserialize, JsonSchema)]
//! pub struct Album {
//!     pictures: Vec<String>,
//! }
//!
//! /// Makes a small picture of each one, all at once.
//! #[orchestration]
//! pub async fn thumbnails(ctx: Context, album: Album) -> Result<Vec<String>, Failure> {
//!     let small = album.pictures.iter().map(|name| ctx.run::<shrink>(name).retry(3, Backoff::NONE));
//!     all(small).await.into_iter().collect()
//! }
//!
//! /// Makes one small picture.
//! #[activity(at_once = 4)]
//! pub async fn shrink(ctx: ActivityContext, name: String) -> Result<String, Failure> {
//!     // An attempt that was ended by a crash has left the same file: it is written over.
//!     Ok(format!("small/{name}"))
//! }
//!
//! export_flows! {
//!     orchestrations: [thumbnails],
//!     activities: [shrink],
//! }
//! # fn main() {}
//! ```

mod activity;
mod awaited;
pub mod bindings;
mod calls;
mod context;
mod export;
mod failure;
mod gather;
mod orchestration;
pub mod panics;
mod random;
mod received;
pub mod replay;
mod shield;
mod state;

#[cfg(not(target_family = "wasm"))]
pub use activity::Attempt;
pub use activity::{ActivityContext, ActivityKind, Perform, perform};
pub use awaited::Awaited;
pub use bindings::taskhost::durable::types::{
    ActivityCall, Answer, ChildCall, Command, Continuation, Decision, Ending, Event, Failure,
    Progress, Question, Retry, Signal, SignalCall, Start, Timer,
};
pub use calls::{Activity, Asked, Backoff, Child, Sleep};
pub use context::Context;
pub use gather::{Either, all, both, first, race};
pub use orchestration::{Begin, Orchestration, definition};
pub use received::Received;
pub use shield::Shielded;
pub use taskhost_flow_macros::{activity, orchestration};
