//! What operators set: reading it, and the keys that several strategies have.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::interface::TaskSupport;

/// Shorter than any client we know of stands a call: the shortest give up after 30 seconds.
pub const DEFAULT_WAIT_SECONDS: u32 = 25;

/// Less than the minute after which the host ends a call, and the 55 seconds that it waits at most.
pub const MOST_WAIT_SECONDS: u32 = 50;

/// Clients that count silence stand at least this much of it.
pub const DEFAULT_HEARTBEAT_SECONDS: u32 = 10;

/// The configuration of `strategy` in `text`, typed and not yet looked at for its meaning.
pub fn read<T: DeserializeOwned>(strategy: &str, text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("configuration of `{strategy}`: {error}"))
}

/// The schema of a configuration with these keys.
pub fn schema(keys: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let properties: Map<String, Value> = keys
        .into_iter()
        .map(|(key, schema)| (key.to_owned(), schema))
        .collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// A time that an operator gave in seconds, within bounds that the schema says too.
pub fn milliseconds(key: &str, seconds: f64, most: u32) -> Result<u64, String> {
    if !(0.0..=f64::from(most)).contains(&seconds) {
        return Err(format!("`{key}` may be from 0 to {most}, and is {seconds}"));
    }
    let duration = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    Ok(u64::try_from(duration.as_millis()).unwrap_or_default())
}

/// How tools answer clients that speak tasks of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Native {
    /// Never with a task.
    Forbidden,
    /// With a task where the client takes one.
    #[default]
    Optional,
    /// With nothing else: clients that do not speak tasks cannot call.
    Required,
}

impl Native {
    /// The same, for the host.
    pub fn support(self) -> TaskSupport {
        match self {
            Self::Forbidden => TaskSupport::Forbidden,
            Self::Optional => TaskSupport::Optional,
            Self::Required => TaskSupport::Required,
        }
    }

    /// The key for it.
    pub fn schema() -> Value {
        json!({
            "type": "string",
            "enum": ["forbidden", "optional", "required"],
            "default": "optional",
            "description": "Whether clients that speak native MCP tasks get one: `optional` where \
                            they take it; `required` shuts out all clients that do not speak them; \
                            `forbidden` never.",
        })
    }
}

/// A key for a template of names.
pub fn naming(default: &str, must_contain: &str) -> Value {
    json!({
        "type": "string",
        "default": default,
        "description": format!("Names of the tools. Must contain {must_contain} once."),
    })
}

/// The key for the longest that a status tool waits for news.
pub fn max_wait_seconds() -> Value {
    json!({
        "type": "integer",
        "minimum": 0,
        "maximum": MOST_WAIT_SECONDS,
        "default": DEFAULT_WAIT_SECONDS,
        "description": "The longest that a status tool waits for news. Keep it below the time that \
                        clients stand a call; 0 turns waiting off.",
    })
}

/// The key for heartbeats.
pub fn heartbeat_seconds() -> Value {
    json!({
        "type": "number",
        "minimum": 1,
        "maximum": MOST_WAIT_SECONDS,
        "default": DEFAULT_HEARTBEAT_SECONDS,
        "description": "A client that listens for progress is told that the work goes on when \
                        there has been no news for this long.",
    })
}

/// What was set by [`max_wait_seconds`], if it may be.
pub fn check_wait(seconds: u32) -> Result<u32, String> {
    if seconds > MOST_WAIT_SECONDS {
        return Err(format!(
            "`max_wait_seconds` may be {MOST_WAIT_SECONDS} at most, and is {seconds}"
        ));
    }
    Ok(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_out_of_bounds_are_named() {
        assert_eq!(milliseconds("limit_seconds", 1.5, 50), Ok(1500));
        for wrong in [-1.0, 50.1, f64::NAN] {
            let why = milliseconds("limit_seconds", wrong, 50).unwrap_err();
            assert!(why.contains("`limit_seconds`"), "{why}");
        }
    }

    #[test]
    fn an_unknown_key_is_named() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        let why = read::<Nothing>("polling", r#"{"nameing":1}"#).unwrap_err();
        assert!(
            why.contains("`polling`") && why.contains("nameing"),
            "{why}"
        );
    }
}
