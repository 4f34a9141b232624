//! What a value looks like, in the tree and in files beside it.
//!
//! ```text
//! format u8 | flags u8 | crc32c u32 | body
//! ```
//!
//! **Invariant:** nothing is used whose checksum does not match. The checksum covers the key as well:
//! a value that comes back under another key, as after a torn page, does not match either.

use std::path::Path;

use super::key;
use crate::store::StoreError;

/// The newest format this program writes and reads.
pub(super) const FORMAT: u8 = 1;

/// The largest value in the tree. Above 8 KiB sled may write blob files of its own, which it never
/// removes (measured: none at 8 KiB, 6 left behind of 2,000 at 16 KiB).
pub(super) const INLINE: usize = 8 * 1024;

/// The largest body of a value in the tree.
pub(super) const BODY: usize = INLINE - HEAD;

const HEAD: usize = 6;

/// Why a value cannot be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// What was written is not what came back: which key, and how it shows.
    Damaged(String),
    /// The system refuses to read now.
    Unreadable(String),
}

impl Fault {
    /// Damage under `key`.
    pub(super) fn at(key: &[u8], how: &str) -> Self {
        Self::Damaged(format!("{}: {how}", key::describe(key)))
    }

    /// What sled's panics stand for.
    pub(super) fn page() -> Self {
        Self::Damaged("a page of the log is damaged".to_owned())
    }

    /// The same to those who ask the store at `path`.
    pub(super) fn at_store(self, path: &Path) -> StoreError {
        match self {
            Self::Damaged(what) => StoreError::Damaged {
                path: path.to_owned(),
                what,
            },
            Self::Unreadable(reason) => StoreError::Read(reason),
        }
    }
}

impl From<sled::Error> for Fault {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Corruption { .. } | sled::Error::ReportableBug(_) => {
                Self::Damaged(error.to_string())
            }
            other => Self::Unreadable(other.to_string()),
        }
    }
}

/// What was in a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opened<'a> {
    pub(super) flags: u8,
    pub(super) body: &'a [u8],
}

/// The value for `body` under `key`.
pub(super) fn seal(key: &[u8], flags: u8, body: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(HEAD + body.len());
    value.extend_from_slice(&[FORMAT, flags]);
    value.extend_from_slice(&checksum(key, FORMAT, flags, body).to_be_bytes());
    value.extend_from_slice(body);
    value
}

/// What is in the value under `key`.
pub(super) fn unseal<'a>(key: &[u8], value: &'a [u8]) -> Result<Opened<'a>, Fault> {
    let [format, flags, a, b, c, d, body @ ..] = value else {
        return Err(Fault::at(key, "too short"));
    };
    if checksum(key, *format, *flags, body) != u32::from_be_bytes([*a, *b, *c, *d]) {
        return Err(Fault::at(key, "wrong checksum"));
    }
    if *format > FORMAT {
        return Err(Fault::at(key, "written by a newer taskhost"));
    }
    Ok(Opened {
        flags: *flags,
        body,
    })
}

fn checksum(key: &[u8], format: u8, flags: u8, body: &[u8]) -> u32 {
    let head = crc32c::crc32c_append(crc32c::crc32c(key), &[format, flags]);
    crc32c::crc32c_append(head, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_found() {
        let value = seal(b"Mkey", 3, b"body");
        for byte in 0..value.len() {
            for bit in 0..8 {
                let mut flipped = value.clone();
                flipped[byte] ^= 1 << bit;
                assert!(unseal(b"Mkey", &flipped).is_err(), "byte {byte} bit {bit}");
            }
        }
    }

    #[test]
    fn a_value_under_another_key_is_found() {
        let value = seal(b"Mone", 0, b"body");
        assert!(unseal(b"Mone", &value).is_ok());
        assert!(unseal(b"Mtwo", &value).is_err());
    }

    #[test]
    fn every_shortened_value_is_found() {
        let value = seal(b"Mkey", 0, b"body");
        for length in 0..value.len() {
            assert!(unseal(b"Mkey", &value[..length]).is_err());
        }
    }
}
