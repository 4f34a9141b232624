//! What the operator sets of a component.
//!
//! A type that can be read by serde and described by schemars is [`Settings`] already. The schema goes
//! to the host with `describe`; the host checks the operator's table against it, and a wrong key is
//! an error with a name and a place before anything runs.
//!
//! ```
//! use schemars::JsonSchema;
//! use serde::Deserialize;
//! use taskhost_sdk::Settings;
//!
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct Config {
//!     /// URL of the server.
//!     #[schemars(extend("x-taskhost-endpoint" = 6379))]
//!     broker: String,
//!     /// How often it is asked, in seconds.
//!     #[serde(default = "ten")]
//!     #[schemars(range(min = 1, max = 3600))]
//!     every_seconds: u32,
//! }
//!
//! fn ten() -> u32 {
//!     10
//! }
//!
//! let config = Config::read(r#"{"broker": "redis://r:6379"}"#).unwrap();
//! assert_eq!(config.every_seconds, 10);
//! let schema = Config::schema().unwrap();
//! assert_eq!(schema["properties"]["every_seconds"]["default"], 10);
//! assert_eq!(schema["additionalProperties"], false);
//! ```

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, schema};

/// The configuration of a component.
pub trait Settings: Sized {
    /// JSON Schema of the object. Absent: anything may be set.
    fn schema() -> Option<Value>;

    /// The settings that `text` describes, a JSON object, or what is wrong with them.
    fn read(text: &str) -> Result<Self, Error>;
}

impl<T: DeserializeOwned + JsonSchema> Settings for T {
    fn schema() -> Option<Value> {
        Some(schema::of::<T>())
    }

    fn read(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text)
            .map_err(|error| Error::invalid(format!("configuration: {error}")))
    }
}

/// Nothing can be set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_an_error_with_its_name_where_nothing_can_be_set() {
        assert_eq!(NoSettings::read("{}"), Ok(NoSettings {}));
        let Err(Error::InvalidInput(why)) = NoSettings::read(r#"{"colour":1}"#) else {
            panic!("it was taken");
        };
        assert!(why.contains("`colour`"), "{why}");
        let schema = NoSettings::schema().unwrap();
        assert_eq!(schema["type"], "object");
        assert_eq!(schema["additionalProperties"], false);
    }
}
