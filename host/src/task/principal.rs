//! On whose behalf a task exists.

use serde::{Deserialize, Serialize};

/// The owner of a task. Compared as a whole: there is no hierarchy.
///
/// Whoever can start the binary or reach its control socket is the local user. The bearer of a token has
/// the name that the operator gave it. Who comes over HTTP where nobody is asked is nobody in particular.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Principal(String);

const LOCAL: &str = "local";
const NOBODY: &str = "nobody";
/// The longest name, in characters: an address of mail fits, a mistake in quoting does not.
const LONGEST: usize = 64;

impl Principal {
    /// Who is at stdio.
    pub fn local() -> Self {
        Self(LOCAL.to_owned())
    }

    /// Who comes over HTTP where no authentication is configured: all of them together, since nothing
    /// tells them apart. What one of them may do follows from the ids that it holds.
    pub fn nobody() -> Self {
        Self(NOBODY.to_owned())
    }

    /// Whom the operator calls `name`. Never one of the other two.
    pub fn named(name: &str) -> Result<Self, NotAName> {
        check_name(name)?;
        if [LOCAL, NOBODY].contains(&name) {
            return Err(NotAName::Reserved);
        }
        Ok(Self(name.to_owned()))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Whether nothing tells it from others.
    pub fn is_nobody(&self) -> bool {
        self.0 == NOBODY
    }
}

/// Why a text names neither a principal nor a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAName {
    /// It is empty, too long, or has other characters.
    #[error(
        "a name has 1 to {LONGEST} letters, digits and `.`, `_`, `-`, `@`, and begins with a letter or digit"
    )]
    Form,
    /// The host uses it for somebody else.
    #[error("the host itself uses this name")]
    Reserved,
}

/// Whether `name` can be in the configuration, in a log and in a table without being mistaken.
pub fn check_name(name: &str) -> Result<(), NotAName> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
    match name.as_bytes() {
        [first, ..]
            if first.is_ascii_alphanumeric() && name.len() <= LONGEST && name.bytes().all(fits) =>
        {
            Ok(())
        }
        _ => Err(NotAName::Form),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_can_be_named_like_the_host_names_others() {
        for name in ["local", "nobody"] {
            assert_eq!(Principal::named(name), Err(NotAName::Reserved));
        }
        assert_ne!(Principal::local(), Principal::nobody());
    }

    #[test]
    fn a_name_is_one_word() {
        for name in ["alice", "ci-2", "a.b_c@example.com", "7"] {
            assert_eq!(Principal::named(name).unwrap().name(), name);
        }
        for name in [
            "",
            " alice",
            "alice ",
            "a b",
            "-a",
            "@a",
            "é",
            "a\nb",
            &"x".repeat(65),
        ] {
            assert_eq!(Principal::named(name), Err(NotAName::Form), "{name:?}");
        }
    }
}
