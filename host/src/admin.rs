//! The operator's door: a socket in the data directory, for `taskhost tasks …`, `backends …` and
//! `strategies …` while a host runs.
//!
//! It shows everybody's tasks, which MCP never does, so it is a file that only this user can open.

pub mod client;
pub mod component;
pub mod protocol;
pub mod socket;
pub mod view;
