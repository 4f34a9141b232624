//! For authors: from nothing to a project, and from a project to a component.
//!
//! ```text
//! new    name, kind, language ─▶ templates ─▶ a folder that builds and passes its own test
//! build  plugin.toml ─▶ the language's own tool ─▶ describe ─▶ manifest appended ─▶ target/NAME.wasm
//! ```
//!
//! What the languages' tools are, and where they come from, is in [`tools`]; each is fetched once for all
//! projects. Nothing here prints: who calls says what is heard while it goes on.

pub mod build;
mod javascript;
pub mod language;
pub mod new;
mod python;
mod rust;
mod section;
mod templates;
pub mod tools;
