//! What the operator may set.

use serde::Deserialize;
use serde_json::{Value, json};
use taskhost_strategy_kit::Settings;
use taskhost_strategy_kit::config::{self, DEFAULT_WAIT_SECONDS};
use taskhost_strategy_kit::interface::Error;
use taskhost_strategy_kit::naming::{Kind, Naming};

const DEFAULT_NAMING: &str = "{task}_{action}";

/// The configuration of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub(crate) naming: Naming,
    /// The longest that `status` waits for news. Zero: it never waits, and does not offer to.
    pub(crate) max_wait_seconds: u32,
    /// Whether each task has a tool for answers.
    pub(crate) answer: bool,
}

impl Config {
    /// The configuration that `text` describes, or what is wrong with it.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let typed: Typed = config::read("polling", text)?;
        Ok(Self {
            naming: Naming::parse(Kind::Both, "naming", &typed.naming)?,
            max_wait_seconds: config::check_wait(typed.max_wait_seconds)?,
            answer: typed.answer,
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
        (
            "naming",
            config::naming(DEFAULT_NAMING, "{task} and {action}, each"),
        ),
        ("max_wait_seconds", config::max_wait_seconds()),
        (
            "answer",
            json!({
                "type": "boolean",
                "default": true,
                "description": "Offer a tool that answers questions of the task. Nobody knows \
                                beforehand which tasks ask.",
            }),
        ),
    ])
}

/// What was typed, before anybody looked at what it means.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Typed {
    naming: String,
    max_wait_seconds: u32,
    answer: bool,
}

impl Default for Typed {
    fn default() -> Self {
        Self {
            naming: DEFAULT_NAMING.into(),
            max_wait_seconds: DEFAULT_WAIT_SECONDS,
            answer: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_set_is_the_default() {
        let config = Config::read("{}").unwrap();
        assert_eq!((config.max_wait_seconds, config.answer), (25, true));
    }

    #[test]
    fn a_wrong_key_and_a_wrong_value_are_named() {
        assert!(
            Config::read(r#"{"nameing":"x"}"#)
                .unwrap_err()
                .contains("nameing")
        );
        let naming = Config::read(r#"{"naming":"x"}"#).unwrap_err();
        assert!(naming.contains("`naming`"), "{naming}");
        let wait = Config::read(r#"{"max_wait_seconds":51}"#).unwrap_err();
        assert!(wait.contains("50 at most"), "{wait}");
    }
}
