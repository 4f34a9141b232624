//! What the operator may set.

use serde::Deserialize;
use serde_json::Value;
use taskhost_strategy_kit::Settings;
use taskhost_strategy_kit::config::{self, DEFAULT_WAIT_SECONDS};
use taskhost_strategy_kit::interface::Error;
use taskhost_strategy_kit::naming::{Kind, Naming};

const DEFAULT_NAMING: &str = "{task}";

/// The configuration of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub(crate) naming: Naming,
    /// The longest that `check` waits for news. Zero: it never waits, and does not offer to.
    pub(crate) max_wait_seconds: u32,
}

impl Config {
    /// The configuration that `text` describes, or what is wrong with it.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let typed: Typed = config::read("single-tool", text)?;
        Ok(Self {
            naming: Naming::parse(Kind::Task, "naming", &typed.naming)?,
            max_wait_seconds: config::check_wait(typed.max_wait_seconds)?,
        })
    }
}

impl Settings for Config {
    fn schema() -> Option<Value> {
        Some(schema())
    }

    fn read(text: &str) -> Result<Self, Error> {
        Self::read(text).map_err(Error::InvalidInput)
    }
}

/// Schema of the object that `init` takes.
pub(crate) fn schema() -> Value {
    config::schema([
        ("naming", config::naming(DEFAULT_NAMING, "{task}")),
        ("max_wait_seconds", config::max_wait_seconds()),
    ])
}

/// What was typed, before anybody looked at what it means.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Typed {
    naming: String,
    max_wait_seconds: u32,
}

impl Default for Typed {
    fn default() -> Self {
        Self {
            naming: DEFAULT_NAMING.into(),
            max_wait_seconds: DEFAULT_WAIT_SECONDS,
        }
    }
}
