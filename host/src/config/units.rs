//! Durations and sizes as people write them: `7d`, `90s`, `64MiB`.

use std::fmt;
use std::time::Duration;

use bytesize::ByteSize;
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

/// A duration, written as `90s`, `5m` or `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text).map(Self).map_err(|error| {
            D::Error::custom(format!(
                "`{text}` is no duration such as \"90s\" or \"7d\": {error}"
            ))
        })
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A number of bytes, written as `64MiB` or `512kB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl Size {
    /// What `text` means.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<ByteSize>()
            .ok()
            .map(|size| Self(size.as_u64()))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 != 0 && self.0.is_multiple_of(1 << 20) {
            write!(f, "{}MiB", self.0 >> 20)
        } else if self.0 != 0 && self.0.is_multiple_of(1 << 10) {
            write!(f, "{}KiB", self.0 >> 10)
        } else {
            write!(f, "{}B", self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom(format!("`{text}` is no size such as \"64MiB\"")))
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_written_as_people_do() {
        let span: Span = serde_json::from_str("\"7d\"").unwrap();
        assert_eq!(
            (span.0.as_secs(), span.to_string()),
            (604_800, "7days".to_owned())
        );
        let again: Span = serde_json::from_str("\"7days\"").unwrap();
        assert_eq!(again, span);
        let size: Size = serde_json::from_str("\"64MiB\"").unwrap();
        assert_eq!((size.0, size.to_string()), (64 << 20, "64MiB".to_owned()));
        assert!(serde_json::from_str::<Span>("\"7\"").is_err());
        assert!(serde_json::from_str::<Size>("\"lots\"").is_err());
    }
}
