//! The engine of orchestrations.
//!
//! ```text
//! inputs ─▶ turn ─▶ entries ─append, flush─▶ work: activities, timers, children
//!            │  ▲
//!            ▼  └ decisions
//!          the code of the run (`taskhost-flow`), which sees events
//! ```
//!
//! **One log for each run, and nothing else.** What is open, what was tried how often and what is asked are a
//! fold over its entries ([`ledger`]), so that there is no second record that could say otherwise.
//!
//! **A turn is one write.** What happened and what the code decided because of it are appended together, and
//! nothing is done before they are safe. If the host dies before that, the turn was never; if it dies after,
//! what was to be done is done again, under the same key.

#![allow(
    missing_docs,
    reason = "the fields are those of the interface, `wit/durable/orchestrator.wit`, and are documented there"
)]

mod actor;
mod alarm;
mod attempts;
pub mod backend;
pub mod bindings;
mod check;
pub mod config;
mod controls;
mod drive;
mod engine;
pub mod entry;
#[cfg(target_family = "wasm")]
mod imports;
pub mod input;
pub mod ledger;
mod load;
mod observe;
mod ready;
mod recover;
mod relatives;
pub mod run;
mod shown;
pub mod summary;
pub mod work;
pub mod world;

#[cfg(test)]
mod memory;
#[cfg(test)]
mod tests;

taskhost_sdk::export_backend!(backend::Durable<imports::Host>);
taskhost_sdk::manifest!();
