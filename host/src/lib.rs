//! Durable, cancellable, observable tasks over MCP.
//!
//! ```text
//! cli ─┬─▶ mcp ───┬─▶ service ─┬─▶ store ─▶ task
//!      ├─▶ admin ─┤            └─▶ plugin ─▶ engine ─▶ capability ─▶ config, task
//!      └─▶ trial ─┘
//! cli ───▶ author ───────────────▶ plugin
//! ```
//!
//! Arrows point one way, and a test holds them to it. `ARCHITECTURE.md` has the map.

pub mod admin;
pub mod author;
pub mod capability;
pub mod cli;
pub mod clock;
pub mod config;
pub mod engine;
pub mod error;
pub mod mcp;
pub mod plugin;
pub mod schema;
pub mod service;
pub mod shutdown;
pub mod store;
pub mod task;
pub mod telemetry;
pub mod token;
pub mod trial;
