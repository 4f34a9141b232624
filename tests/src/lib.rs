//! The harness: real Redis and Restate servers, real workers of Celery and Restate, the real host
//! binary, and clients that drive it.
//!
//! Whatever it starts ends with the value that stands for it, and shows its log when a test fails.
//! What a fresh machine lacks is installed under `target/` by whoever needs it first ([`setup`]).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::missing_panics_doc,
    reason = "a harness fails loudly: its panics are test failures"
)]

pub mod build;
mod client;
pub mod durable;
mod host;
mod lab;
mod process;
mod redis_server;
mod restate_server;
mod restate_worker;
pub mod setup;
mod wait;
mod worker;

pub use client::{Client, Era, Listening, NativeTask, RpcError, Task, ToolAnswer};
pub use host::{Finished, Host, HostBuilder, taskhost, taskhost_at_home, taskhost_at_length};
pub use lab::{Lab, runs};
pub use process::Process;
pub use redis_server::{RedisOptions, RedisServer};
pub use restate_server::RestateServer;
pub use restate_worker::RestateWorker;
pub use wait::{LONG, SHORT, wait_for, wait_until};
pub use worker::{Pool, Version, Worker, WorkerOptions};
