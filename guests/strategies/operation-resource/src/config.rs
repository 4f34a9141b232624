//! What the operator may set.

use serde::Deserialize;
use serde_json::{Value, json};
use taskhost_strategy_kit::Settings;
use taskhost_strategy_kit::companion::{self, Companions};
use taskhost_strategy_kit::config::{self, DEFAULT_WAIT_SECONDS, Native};
use taskhost_strategy_kit::interface::Error;
use taskhost_strategy_kit::naming::{Kind, Naming};

const DEFAULT_NAMING: &str = "{task}";

/// The configuration of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub(crate) naming: Naming,
    pub(crate) companions: Option<Companions>,
    pub(crate) native: Native,
}

impl Config {
    /// The configuration that `text` describes, or what is wrong with it.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let typed: Typed = config::read("operation-resource", text)?;
        let companions = Companions {
            naming: Naming::parse(Kind::Action, "companion_naming", &typed.companion_naming)?,
            max_wait_seconds: config::check_wait(typed.max_wait_seconds)?,
            with_result_tool: false,
        };
        Ok(Self {
            naming: Naming::parse(Kind::Task, "naming", &typed.naming)?,
            companions: typed.companions.then_some(companions),
            native: typed.task_support,
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
        ("task_support", Native::schema()),
        (
            "companions",
            json!({
                "type": "boolean",
                "default": true,
                "description": "Offer tools that look at a task, answer it and cancel it, for \
                                clients whose models read no resources.",
            }),
        ),
        ("max_wait_seconds", config::max_wait_seconds()),
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
    task_support: Native,
    companions: bool,
    max_wait_seconds: u32,
    naming: String,
    companion_naming: String,
}

impl Default for Typed {
    fn default() -> Self {
        Self {
            task_support: Native::default(),
            companions: true,
            max_wait_seconds: DEFAULT_WAIT_SECONDS,
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
