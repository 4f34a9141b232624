//! The name of a task.
//!
//! ```text
//! 48 bits  milliseconds since the Unix epoch   so that ids sort by age in the store
//! 16 bits  counter within the millisecond      so that they sort within it too
//! 128 bits random                              so that an id cannot be guessed
//! ```
//!
//! The text form is `t` and 39 characters of base32hex: it sorts like the bytes, needs no escaping in
//! a URL, a header or a shell, and can be told from any other token at a glance.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32HEX_NOPAD;
use serde::{Deserialize, Serialize};

/// Names one task for ever. Clients hold it as their token.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TaskId([u8; TaskId::BYTES]);

impl TaskId {
    /// Length in the store.
    pub const BYTES: usize = 24;
    /// Length as text.
    pub const CHARS: usize = 40;

    /// Puts an id together. `service::mint` is where time and chance come from.
    pub fn new(created_ms: u64, counter: u16, random: [u8; 16]) -> Self {
        let mut bytes = [0; Self::BYTES];
        let (time, rest) = bytes.split_at_mut(6);
        for (to, from) in time
            .iter_mut()
            .zip(created_ms.to_be_bytes().into_iter().skip(2))
        {
            *to = from;
        }
        let (count, chance) = rest.split_at_mut(2);
        count.copy_from_slice(&counter.to_be_bytes());
        chance.copy_from_slice(&random);
        Self(bytes)
    }

    /// The id with these bytes.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The part of the text that was hardly left to chance: which task it is, for whoever can list tasks
    /// anyway, and not enough to ask for it. For logs, which more people read than may hold ids.
    pub fn stem(&self) -> String {
        let mut text = self.to_string();
        // Thirteen digits have 65 bits, of which one is left to chance, and 127 remain.
        text.truncate(1 + 13);
        text
    }

    /// The bytes, which sort by age.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "t{}",
            BASE32HEX_NOPAD.encode(&self.0).to_ascii_lowercase()
        )
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<TaskId> for String {
    fn from(id: TaskId) -> Self {
        id.to_string()
    }
}

/// The text is not the name of any task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a task id")]
pub struct NotAnId;

impl FromStr for TaskId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let digits = text.strip_prefix('t').ok_or(NotAnId)?;
        // One spelling only: an id is compared as text by clients.
        if digits.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(NotAnId);
        }
        let bytes = BASE32HEX_NOPAD
            .decode(digits.to_ascii_uppercase().as_bytes())
            .map_err(|_| NotAnId)?;
        Ok(Self(bytes.try_into().map_err(|_| NotAnId)?))
    }
}

impl TryFrom<String> for TaskId {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_sort_alike() {
        let early = TaskId::new(1_000, 7, [255; 16]);
        let late = TaskId::new(1_001, 0, [0; 16]);
        assert!(early < late);
        assert!(early.to_string() < late.to_string());
    }

    #[test]
    fn text_round_trips_and_has_one_spelling() {
        let id = TaskId::new(1_763_700_000_000, 3, [9; 16]);
        let text = id.to_string();
        assert_eq!(text.len(), TaskId::CHARS);
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(text.to_uppercase().parse::<TaskId>(), Err(NotAnId));
    }

    #[test]
    fn the_stem_begins_the_text_and_says_next_to_nothing_of_the_chance_in_it() {
        let one = TaskId::new(1_763_700_000_000, 48, [0; 16]);
        let other = TaskId::new(1_763_700_000_000, 48, [127; 16]);
        assert_eq!(one.stem(), other.stem());
        assert!(one.to_string().starts_with(&one.stem()));
        let next = TaskId::new(1_763_700_000_000, 49, [0; 16]);
        assert_ne!(one.stem(), next.stem());
    }

    #[test]
    fn anything_else_is_no_id() {
        for text in [
            "",
            "t",
            "../../x y",
            "00000000-0000-4000-8000-000000000000",
            "tzzz",
        ] {
            assert_eq!(text.parse::<TaskId>(), Err(NotAnId), "{text}");
        }
    }
}
