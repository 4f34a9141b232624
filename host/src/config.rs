//! From what was typed to what it means.
//!
//! ```text
//! file ──▶ FileConfig ─┐
//! flags ───────────────┴▶ Config          a flag wins over the file, the file over the default
//! ```
//!
//! The file says nothing that flags cannot say, and `--print-config` prints the file that the flags
//! amount to.

pub mod allow;
pub mod auth;
pub mod authority;
pub mod component;
pub mod env;
pub mod file;
pub mod grant;
pub mod grant_table;
pub mod limits;
pub mod mistake;
pub mod resolve;
pub mod secret;
pub mod settings;
pub mod units;

pub use component::ComponentConfig;
pub use mistake::ConfigError;
pub use resolve::{Config, Flags, Transport};
