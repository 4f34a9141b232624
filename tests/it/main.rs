//! What the host promises, shown with the real binary, real Redis and Restate servers, and real workers.
//!
//! Each test brings its own of everything. Names are claims; a test waits for what it claims, and
//! never for a time.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "a panic is how a test fails; a row of a table gets its parameters to keep"
)]

mod authoring;
mod brokers;
mod capabilities;
mod cli;
mod client_config;
mod clients;
mod conformance;
mod crash;
mod crowd;
mod discovery;
mod documents;
mod durabletask;
mod examples;
mod faults;
mod flow_files;
mod flows;
mod golden;
mod harness;
mod hostile;
mod http;
mod messages;
mod native_crash;
mod outage;
mod owners;
mod patience;
mod polling;
mod reload;
mod restate;
mod restate_guard;
mod revoke;
mod sources;
mod states;
mod stdio;
mod strategies;
mod tidy;
mod tls;
mod trial;
mod versions;
