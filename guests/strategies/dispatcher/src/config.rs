//! What the operator may set.

use serde::Deserialize;
use serde_json::{Value, json};
use taskhost_strategy_kit::Settings;
use taskhost_strategy_kit::config::{self, DEFAULT_WAIT_SECONDS};
use taskhost_strategy_kit::interface::Error;

/// What a prefix may weigh: names of tools end at 128 characters.
const MOST_PREFIX: usize = 64;

/// The configuration of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    prefix: String,
    /// The longest that the status tool waits for news. Zero: it never waits, and does not offer to.
    pub(crate) max_wait_seconds: u32,
}

impl Config {
    /// The configuration that `text` describes, or what is wrong with it.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let typed: Typed = config::read("dispatcher", text)?;
        let is_allowed = |character: char| {
            character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.')
        };
        if typed.prefix.len() > MOST_PREFIX || !typed.prefix.chars().all(is_allowed) {
            return Err(format!(
                "`prefix` may have {MOST_PREFIX} letters, digits, `_`, `-` and `.`, and is `{}`",
                typed.prefix
            ));
        }
        Ok(Self {
            prefix: typed.prefix,
            max_wait_seconds: config::check_wait(typed.max_wait_seconds)?,
        })
    }

    /// What a tool is called.
    pub(crate) fn tool(&self, route: &str) -> String {
        format!("{}{route}", self.prefix)
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
            "prefix",
            json!({
                "type": "string",
                "default": "",
                "maxLength": MOST_PREFIX,
                "pattern": "^[A-Za-z0-9_.-]*$",
                "description": "What the names of the tools begin with, where several hosts or \
                                strategies offer them.",
            }),
        ),
        ("max_wait_seconds", config::max_wait_seconds()),
    ])
}

/// What was typed, before anybody looked at what it means.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Typed {
    prefix: String,
    max_wait_seconds: u32,
}

impl Default for Typed {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            max_wait_seconds: DEFAULT_WAIT_SECONDS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_that_no_tool_may_have_is_named() {
        let why = Config::read(r#"{"prefix":"a b"}"#).unwrap_err();
        assert!(why.contains("`a b`"), "{why}");
        let config = Config::read(r#"{"prefix":"x-"}"#).unwrap();
        assert_eq!(config.tool("cancel_task"), "x-cancel_task");
    }
}
