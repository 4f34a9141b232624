//! What the operator may set.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use taskhost_strategy_kit::Settings;
use taskhost_strategy_kit::companion::{self, Companions};
use taskhost_strategy_kit::config::{
    self, DEFAULT_HEARTBEAT_SECONDS, DEFAULT_WAIT_SECONDS, MOST_WAIT_SECONDS, Native,
};
use taskhost_strategy_kit::interface::Error;
use taskhost_strategy_kit::limits::{Limits, TypedTask};
use taskhost_strategy_kit::naming::{Kind, Naming};

const DEFAULT_NAMING: &str = "{task}";

/// The configuration of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub(crate) naming: Naming,
    pub(crate) companions: Companions,
    pub(crate) limits: Limits,
    pub(crate) heartbeat_ms: u64,
    pub(crate) native: Native,
    pub(crate) cancel_when_abandoned: bool,
}

impl Config {
    /// The configuration that `text` describes, or what is wrong with it.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let typed: Typed = config::read("adaptive", text)?;
        let companion_naming =
            Naming::parse(Kind::Action, "companion_naming", &typed.companion_naming)?;
        Ok(Self {
            naming: Naming::parse(Kind::Task, "naming", &typed.naming)?,
            companions: Companions {
                naming: companion_naming,
                max_wait_seconds: config::check_wait(typed.max_wait_seconds)?,
                with_result_tool: true,
            },
            limits: Limits::read(typed.limit_seconds, &typed.tasks, MOST_WAIT_SECONDS)?,
            heartbeat_ms: config::milliseconds(
                "heartbeat_seconds",
                typed.heartbeat_seconds,
                MOST_WAIT_SECONDS,
            )?,
            native: typed.task_support,
            cancel_when_abandoned: typed.cancel_when_abandoned,
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
        DEFAULT_WAIT_SECONDS,
        MOST_WAIT_SECONDS,
        "How long a call waits for the work before it hands over a token. Keep it below the time \
         that clients stand a call; 0 hands over at once.",
    );
    config::schema([
        limit,
        tasks,
        ("heartbeat_seconds", config::heartbeat_seconds()),
        ("max_wait_seconds", config::max_wait_seconds()),
        ("task_support", Native::schema()),
        (
            "cancel_when_abandoned",
            json!({
                "type": "boolean",
                "default": false,
                "description": "Cancel the work when the client takes back the call before it is \
                                answered. Otherwise it goes on, and nobody has its token.",
            }),
        ),
        ("naming", config::naming(DEFAULT_NAMING, "{task}")),
        (
            "companion_naming",
            config::naming(companion::DEFAULT_NAMING, "{action}"),
        ),
    ])
}

/// What was typed, before anybody looked at what it means.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Typed {
    limit_seconds: f64,
    tasks: BTreeMap<String, TypedTask>,
    heartbeat_seconds: f64,
    max_wait_seconds: u32,
    task_support: Native,
    cancel_when_abandoned: bool,
    naming: String,
    companion_naming: String,
}

impl Default for Typed {
    fn default() -> Self {
        Self {
            limit_seconds: f64::from(DEFAULT_WAIT_SECONDS),
            tasks: BTreeMap::new(),
            heartbeat_seconds: f64::from(DEFAULT_HEARTBEAT_SECONDS),
            max_wait_seconds: DEFAULT_WAIT_SECONDS,
            task_support: Native::default(),
            cancel_when_abandoned: false,
            naming: DEFAULT_NAMING.into(),
            companion_naming: companion::DEFAULT_NAMING.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_set_is_the_default_and_the_schema_knows_every_key() {
        let config = Config::read("{}").unwrap();
        assert_eq!(config.limits.of("any"), 25_000);
        assert_eq!(config.heartbeat_ms, 10_000);
        let schema = schema();
        let defaults: Value = schema["properties"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, property)| (key.clone(), property["default"].clone()))
            .collect();
        assert_eq!(Config::read(&defaults.to_string()), Ok(config));
    }

    #[test]
    fn what_may_not_be_is_named() {
        for (text, named) in [
            (r#"{"limit":1}"#, "limit"),
            (r#"{"limit_seconds":51}"#, "`limit_seconds`"),
            (r#"{"task_support":"maybe"}"#, "maybe"),
            (r#"{"naming":"tool"}"#, "`naming`"),
            (r#"{"companion_naming":"{task}"}"#, "`companion_naming`"),
        ] {
            let why = Config::read(text).unwrap_err();
            assert!(why.contains(named), "{why}");
        }
    }
}
