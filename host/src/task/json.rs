//! A JSON document that has been checked once and is passed on as text.
//!
//! Schemas and payloads cross the component boundary, the store and the protocol without being
//! looked into, so parsing them into a tree each time would only cost. Cloning is a pointer.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// Valid JSON text.
#[derive(Clone)]
pub struct Json(Arc<RawValue>);

impl Json {
    /// Checks `text`. `serde_json` refuses what is nested deeper than 128.
    pub fn parse(text: impl Into<String>) -> Result<Self, serde_json::Error> {
        let text: String = text.into();
        // `RawValue` alone does not look at depth.
        serde_json::from_str::<serde_json::Value>(&text)?;
        Ok(Self(RawValue::from_string(text)?.into()))
    }

    /// The document `value` stands for.
    pub fn of(value: &serde_json::Value) -> Self {
        match serde_json::value::to_raw_value(value) {
            Ok(raw) => Self(raw.into()),
            Err(_) => Self::null(),
        }
    }

    /// `null`.
    pub fn null() -> Self {
        Self(RawValue::NULL.to_owned().into())
    }

    /// `{}`.
    pub fn empty_object() -> Self {
        Self::of(&serde_json::Value::Object(serde_json::Map::new()))
    }

    /// The text, as it was given.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// The tree.
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_str(self.text()).unwrap_or(serde_json::Value::Null)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// By text: `{"a":1}` and `{ "a": 1 }` differ.
impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Json {}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Box::<RawValue>::deserialize(deserializer)?.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nests_too_deep_is_refused() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        assert!(Json::parse(deep).is_err());
    }

    #[test]
    fn text_survives_a_round_trip_unchanged() {
        let json = Json::parse(r#"{"big": 12345678901234567890.10, "n": null}"#).unwrap();
        let stored = serde_json::to_string(&json).unwrap();
        assert_eq!(serde_json::from_str::<Json>(&stored).unwrap(), json);
    }
}
