//! What went wrong with a call, for the person who can mend it.
//!
//! A server that is down, a token that has expired, a task hub of another name: all of that can be mended
//! while tasks wait, so it is `unavailable` to the host, which asks again. Only what the server says of
//! the call itself is final.

use std::time::Duration;

use taskhost_sdk::Error;

/// When the host should try again.
const AGAIN: Duration = Duration::from_secs(1);

/// The codes of gRPC that are told apart here, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Unimplemented = 12,
    Unauthenticated = 16,
    Other = 2,
}

impl From<u16> for Code {
    fn from(number: u16) -> Self {
        match number {
            3 | 11 => Self::InvalidArgument,
            4 => Self::DeadlineExceeded,
            5 => Self::NotFound,
            6 => Self::AlreadyExists,
            7 => Self::PermissionDenied,
            8 => Self::ResourceExhausted,
            9 => Self::FailedPrecondition,
            12 => Self::Unimplemented,
            16 => Self::Unauthenticated,
            _ => Self::Other,
        }
    }
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The server has answered, with an error: its code, and all that is known in words.
    Said(Code, String),
    /// It cannot be reached, or has stopped to answer.
    Away(String),
    /// A grant is missing.
    Denied(String),
}

impl Trouble {
    pub(crate) fn code(&self) -> Option<Code> {
        match self {
            Self::Said(code, _) => Some(*code),
            Self::Away(_) | Self::Denied(_) => None,
        }
    }

    /// What the server said, with what can be done about it.
    pub(super) fn said(place: &str, code: Code, words: &str) -> Self {
        let advice = match code {
            Code::Unauthenticated | Code::PermissionDenied => {
                "; check the token that `token_secret` names, and what it may do in this task hub"
            }
            Code::NotFound if is_about_a_hub(words) => "; check `taskhub`",
            Code::Unimplemented => {
                "; check that a server of `TaskHubSidecarService` is what `endpoint` names"
            }
            _ => "",
        };
        Self::Said(code, format!("{place} says: {words}{advice}"))
    }
}

/// A task hub is missing, and not an instance in it.
pub(crate) fn is_about_a_hub(words: &str) -> bool {
    let words = words.to_ascii_lowercase();
    words.contains("task hub") || words.contains("taskhub")
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Said(_, words) | Self::Away(words) | Self::Denied(words)) = self;
        out.write_str(words)
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Said(Code::InvalidArgument, words) => Self::invalid(words),
            // One that is full comes round; a message that is too large stays too large.
            Trouble::Said(Code::ResourceExhausted, words) if words.contains("larger than") => {
                Self::invalid(words)
            }
            Trouble::Said(Code::ResourceExhausted, _) => Self::Busy(None).again_in(AGAIN),
            Trouble::Said(_, words) | Trouble::Away(words) | Trouble::Denied(words) => {
                Self::unavailable(words).again_in(AGAIN)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_mended_is_unavailable_and_says_how() {
        for (code, part) in [
            (16, "token_secret"),
            (7, "token_secret"),
            (12, "endpoint"),
            (14, "no such luck"),
        ] {
            let trouble = Trouble::said("the server", code.into(), "no such luck");
            let Error::Unavailable((words, Some(1000))) = trouble.into() else {
                panic!("{code} is final");
            };
            assert!(words.contains(part), "{words}");
        }
    }

    #[test]
    fn only_a_missing_task_hub_is_a_matter_of_the_configuration() {
        let said = |words| Trouble::said("s", Code::NotFound, words).to_string();
        assert!(said("Task hub `a` does not exist").contains("check `taskhub`"));
        assert!(!said("no instance `x`").contains("check"));
    }

    #[test]
    fn what_is_too_large_is_refused_and_what_is_full_is_busy() {
        let error = |words| Error::from(Trouble::said("s", 8.into(), words));
        assert!(matches!(
            error("Received message larger than max (9 vs. 4)"),
            Error::InvalidInput(_)
        ));
        assert_eq!(error("slow down"), Error::Busy(Some(1000)));
    }
}
