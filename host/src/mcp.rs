//! The MCP server: the tools of a [`Service`] for clients on stdio and over HTTP.
//!
//! The only user of rmcp, which parses, negotiates the protocol revision and dispatches. What it leaves
//! open is closed here, each in its own file:
//!
//! ```text
//! stdin ─▶ lines ────────┐   ┌── reroute ─▶ rmcp ─▶ server ─┬─▶ legacy         tasks of 2025-11-25
//!                        ├───┘                              ├─▶ subscriptions  streams of 2026-07-28
//! /mcp ─▶ http/envelope ─┘                                  ├─▶ documents      of tasks and strategies
//!                                                           └─▶ convert        answers and errors
//!
//! projection   a record as a task of either protocol    question     what a task asks, as a form
//! counterpart  the client of one call                   progress     what it hears before the answer
//! session      what a connection keeps                  audience     who hears that lists have changed
//! seal         state that clients keep for strategies   page         lists, page by page
//! speaker      on whose behalf                          ending       nobody is left without an answer
//! ```
//!
//! **Invariant:** stdout carries protocol and nothing else; everything that is to be logged goes through
//! `tracing`.
//!
//! **Invariant:** the end of a connection ends waiting, never a task.

mod audience;
mod convert;
mod counterpart;
mod documents;
mod ending;
#[cfg(test)]
mod fixture;
pub mod http;
mod legacy;
mod lines;
mod page;
mod progress;
mod projection;
mod question;
mod reroute;
mod seal;
mod server;
mod session;
mod speaker;
pub mod stdio;
mod subscriptions;

/// The longest message, in bytes. The largest arguments that a strategy passes on are smaller, and
/// parsing this much takes half a second on a slow machine.
const LONGEST_MESSAGE: usize = 4 << 20;

/// What a serving host logs by default: what the protocol library says below `warn` is for those who
/// debug it.
pub const DEFAULT_LOG: &str = "info,rmcp=warn";
