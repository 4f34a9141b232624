//! What the operator may set.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use taskhost_strategy_kit::Settings;
use taskhost_strategy_kit::config::{self, DEFAULT_HEARTBEAT_SECONDS, MOST_WAIT_SECONDS};
use taskhost_strategy_kit::interface::Error;
use taskhost_strategy_kit::limits::{Limits, TypedTask};
use taskhost_strategy_kit::naming::{Kind, Naming};

const DEFAULT_NAMING: &str = "{task}";

/// The host ends a call after a minute, and cancelling takes a moment.
const DEFAULT_LIMIT_SECONDS: u32 = 50;

/// The configuration of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub(crate) naming: Naming,
    pub(crate) limits: Limits,
    pub(crate) heartbeat_ms: u64,
}

impl Config {
    /// The configuration that `text` describes, or what is wrong with it.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let typed: Typed = config::read("blocking", text)?;
        Ok(Self {
            naming: Naming::parse(Kind::Task, "naming", &typed.naming)?,
            limits: Limits::read(typed.limit_seconds, &typed.tasks, MOST_WAIT_SECONDS)?,
            heartbeat_ms: config::milliseconds(
                "heartbeat_seconds",
                typed.heartbeat_seconds,
                MOST_WAIT_SECONDS,
            )?,
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
    let [limit, tasks] = Limits::schema(
        DEFAULT_LIMIT_SECONDS,
        MOST_WAIT_SECONDS,
        "How long a call waits for the work before it is cancelled. Keep it below the time that \
         clients stand a call.",
    );
    config::schema([
        limit,
        tasks,
        ("heartbeat_seconds", config::heartbeat_seconds()),
        ("naming", config::naming(DEFAULT_NAMING, "{task}")),
    ])
}

/// What was typed, before anybody looked at what it means.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Typed {
    limit_seconds: f64,
    tasks: BTreeMap<String, TypedTask>,
    heartbeat_seconds: f64,
    naming: String,
}

impl Default for Typed {
    fn default() -> Self {
        Self {
            limit_seconds: f64::from(DEFAULT_LIMIT_SECONDS),
            tasks: BTreeMap::new(),
            heartbeat_seconds: f64::from(DEFAULT_HEARTBEAT_SECONDS),
            naming: DEFAULT_NAMING.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_set_is_the_default_and_the_schema_knows_every_key() {
        let config = Config::read("{}").unwrap();
        assert_eq!(config.limits.of("any"), 50_000);
        let schema = schema();
        let defaults: Value = schema["properties"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, property)| (key.clone(), property["default"].clone()))
            .collect();
        assert_eq!(Config::read(&defaults.to_string()), Ok(config));
    }
}
