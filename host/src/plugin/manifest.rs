//! What a component says of itself in its file, to be read without running it.
//!
//! A component carries its project's `plugin.toml` in a custom section named `taskhost:manifest`: put at
//! the level of the component by `taskhost build`, or inside a core module by the macro of the Rust kit. It
//! is covered by the digest of the file and its signature.
//!
//! ```text
//! component ─┬─ section at its own level          wins; of two, the last
//!            └─ core module ── section            counts where there is none further out
//! ```
//!
//! Reading it costs one pass over the headers of the file's sections.

mod section;
mod written;

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

pub use super::ask::{Ask, Place, What};
use crate::engine::component::Kind;
use crate::error::{Code, Explain};
use crate::task::Json;
pub use section::SECTION;

/// What a component says of itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Manifest {
    /// Letters, digits and `-`.
    pub name: String,
    /// Of the component, not of the interface.
    pub version: String,
    /// What it is.
    pub kind: Kind,
    /// For people, in a sentence.
    pub summary: String,
    /// What it asks for.
    pub asks: Vec<Ask>,
    /// JSON Schema of its configuration, where it is said here and not by `describe` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_schema: Option<Json>,
    /// For `taskhost test`.
    pub test: Trial,
    /// For `taskhost build`.
    pub build: Build,
}

/// `[test]`: what `taskhost test` may do with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Trial {
    /// What `init` is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
    /// Tasks that run to success, quickly.
    pub tasks: Vec<TrialTask>,
    /// One that is still running when it is cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow: Option<TrialTask>,
    /// Its work lives in the instance and ends with it: after a restart it answers `unknown`.
    pub volatile: bool,
}

/// One task, with arguments for it.
#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrialTask {
    /// Of its definition.
    pub name: String,
    /// An object.
    #[serde(default = "empty_object")]
    pub arguments: Value,
}

fn empty_object() -> Value {
    Value::Object(serde_json::Map::new())
}

/// `[build]`: how `taskhost build` makes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Build {
    /// What it is written in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
}

/// What components are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Rust.
    Rust,
    /// Python.
    Python,
    /// JavaScript.
    Js,
}

impl Manifest {
    /// Whether what it reaches over a network is reached by HTTP requests.
    pub fn asks_for_http(&self) -> bool {
        let mut asks = self.asks.iter();
        asks.any(|ask| matches!(ask.what, What::Http { .. }))
    }

    /// The manifest that the component in `bytes` carries. `None`: it carries none.
    pub fn of(bytes: &[u8]) -> Result<Option<Self>, ManifestError> {
        section::find(bytes)?.map(Self::read).transpose()
    }

    /// The manifest in the content of a section, or of `plugin.toml`.
    pub fn read(content: &[u8]) -> Result<Self, ManifestError> {
        if content.len() > LONGEST {
            return Err(ManifestError::TooLong(content.len()));
        }
        let text = std::str::from_utf8(content).map_err(|error| {
            let before = content.get(..error.valid_up_to()).unwrap_or_default();
            let lines = before.split(|byte| *byte == b'\n').count();
            ManifestError::wrong(lines, "it is not UTF-8".to_owned())
        })?;
        written::read(text)
    }

    /// The manifest that the component in `bytes` carries, which is known to be of kind `is`.
    pub fn of_kind(bytes: &[u8], is: Kind) -> Result<Option<Self>, ManifestError> {
        let manifest = Self::of(bytes)?;
        match &manifest {
            Some(Self { kind: says, .. }) if *says != is => {
                Err(ManifestError::Kind { says: *says, is })
            }
            _ => Ok(manifest),
        }
    }

    /// All secrets in its asks, read by itself or put in by the host.
    pub fn secrets(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        for ask in &self.asks {
            match &ask.what {
                What::Secret(name) => {
                    names.insert(name.as_str());
                }
                What::Http { secrets, .. } => names.extend(secrets.iter().map(String::as_str)),
                _ => {}
            }
        }
        names
    }
}

/// The longest manifest, in bytes: a schema of some length fits, and a mistake is found early.
const LONGEST: usize = 256 << 10;

/// Why a component's manifest cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The file ends too early, or is no Wasm.
    #[error("the component is damaged: {0}")]
    Damaged(String),
    /// No manifest is that long.
    #[error("its manifest has {0} bytes, at most {LONGEST} are allowed")]
    TooLong(usize),
    /// It says that the component is something else.
    #[error("its manifest says that it is a {says}, and it is a {is}")]
    Kind {
        /// What the manifest says.
        says: Kind,
        /// What the component exports.
        is: Kind,
    },
    /// It is no manifest.
    #[error("line {line} of its manifest is not in order: {why}")]
    Wrong {
        /// Counted from one.
        line: usize,
        /// Which key, and why.
        why: String,
    },
}

impl ManifestError {
    fn wrong(line: usize, why: String) -> Self {
        Self::Wrong { line, why }
    }
}

impl Explain for ManifestError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Damaged(_) => 303,
            Self::TooLong(_) => 341,
            Self::Wrong { .. } => 342,
            Self::Kind { .. } => 343,
        })
    }

    fn help(&self) -> Vec<String> {
        match self {
            Self::Damaged(_) => Vec::new(),
            Self::TooLong(_) | Self::Wrong { .. } | Self::Kind { .. } => {
                vec!["for the author: mend plugin.toml, and build the component again".to_owned()]
            }
        }
    }
}
