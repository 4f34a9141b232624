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
//!
//! **One owner for each run.** What comes while a turn is being written waits in the inbox of its actor, and is
//! taken up together in the next one. Many runs write at once.
//!
//! ```text
//! backend, controls, check   what the host calls          engine     all runs, by name
//! actor, drive               one run and its turns        load       from a log to the run, and to its code
//! run, input, work           the same without a host      ledger     what a log amounts to
//! attempts, relatives        what is done for runs        entry      one line of a log
//! alarm, ready, recover      time, memory, restarts       shown, summary, observe   what others see
//! world                      the journal and the dispatch: `imports` in a component, `memory` in tests
//! ```

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
