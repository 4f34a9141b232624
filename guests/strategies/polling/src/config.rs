//! What the operator may set.

use serde::Deserialize;
use serde_json::json;

use crate::naming::Naming;

/// Shorter than any client we know of stands a call: the shortest give up after 30 seconds.
const DEFAULT_WAIT_SECONDS: u32 = 25;

/// Less than the minute after which the host ends a call, and the 55 seconds that it waits at most.
const MOST_WAIT_SECONDS: u32 = 50;

/// The configuration of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) naming: Naming,
    /// The longest that `status` waits for news. Zero: it never waits, and does not offer to.
    pub(crate) max_wait_seconds: u32,
}

impl Config {
    /// The configuration that `text` describes, or what is wrong with it.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let typed: Typed = serde_json::from_str(text)
            .map_err(|error| format!("configuration of `polling`: {error}"))?;
        if typed.max_wait_seconds > MOST_WAIT_SECONDS {
            return Err(format!(
                "`max_wait_seconds` may be {MOST_WAIT_SECONDS} at most, and is {}",
                typed.max_wait_seconds
            ));
        }
        Ok(Self {
            naming: Naming::parse(&typed.naming)?,
            max_wait_seconds: typed.max_wait_seconds,
        })
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            naming: Naming::default(),
            max_wait_seconds: DEFAULT_WAIT_SECONDS,
        }
    }
}

/// Schema of the object that `init` takes.
pub(crate) fn schema() -> String {
    json!({
        "type": "object",
        "properties": {
            "naming": {
                "type": "string",
                "default": Naming::DEFAULT,
                "description": "Names of the tools. Must contain {task} and {action}, once each.",
            },
            "max_wait_seconds": {
                "type": "integer",
                "minimum": 0,
                "maximum": MOST_WAIT_SECONDS,
                "default": DEFAULT_WAIT_SECONDS,
                "description": "The longest that a status tool waits for news. Keep it below the \
                                time that clients stand a call; 0 turns waiting off.",
            },
        },
        "additionalProperties": false,
    })
    .to_string()
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
            naming: Naming::DEFAULT.into(),
            max_wait_seconds: DEFAULT_WAIT_SECONDS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_set_is_the_default() {
        assert_eq!(Config::read("{}"), Ok(Config::default()));
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
