//! Why Redis did not do what it was asked, for the person who can mend it.
//!
//! Everything here can be mended while tasks wait: a server that is down, a password, an ACL. So all
//! of it is `unavailable` to the host, which asks again; any other error would end the task.

use std::fmt;

use redis::RedisError;
use taskhost_sdk::Error;

/// Which server, for messages.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// `broker` or `result_backend`, the name of the setting.
    pub(crate) setting: &'static str,
    pub(crate) authority: String,
    pub(crate) database: i64,
    pub(crate) tls: bool,
}

/// One sentence or two, and whether only this command is the trouble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    text: String,
    forbidden: bool,
}

impl Trouble {
    pub(crate) fn unreachable(place: &Place, error: &Error) -> Self {
        let setting = place.setting;
        let text = match error {
            Error::Denied(text) => format!("{place} is not granted: {text}"),
            Error::Unavailable((text, _)) => {
                let tls = if place.tls {
                    ", and that it speaks TLS"
                } else {
                    ""
                };
                format!(
                    "{place} cannot be reached: {text}; check that Redis runs there{tls}, and \
                     `{setting}`"
                )
            }
            other => format!("{place} cannot be reached: {other:?}; check `{setting}`"),
        };
        Self::waiting(text)
    }

    pub(crate) fn closed(place: &Place) -> Self {
        Self::waiting(format!("{place} has closed the connection"))
    }

    /// Closed before anything was said.
    pub(crate) fn turned_away(place: &Place) -> Self {
        let setting = place.setting;
        let why = if place.tls {
            format!("check that it is Redis that `{setting}` names")
        } else {
            "if it wants TLS, write `rediss://`".into()
        };
        Self::waiting(format!("{place} has closed the connection at once; {why}"))
    }

    /// Nothing can be asked as long as this is not mended.
    pub(crate) fn of_greeting(place: &Place, error: &RedisError) -> Self {
        Self {
            forbidden: false,
            ..Self::of(place, error)
        }
    }

    pub(crate) fn silent(place: &Place, ms: u64) -> Self {
        Self::waiting(format!(
            "{place} has not answered within {} s; check that it is Redis, and not busy or stopped",
            ms / 1000
        ))
    }

    pub(crate) fn of(place: &Place, error: &RedisError) -> Self {
        if error.is_connection_dropped() || error.is_io_error() {
            return Self::closed(place);
        }
        let said = said(error);
        let setting = place.setting;
        let advice = if said.contains("WRONGPASS") || said.contains("authentication failed") {
            format!(
                "check the user and the password in `{setting}`, or the secret that is named for it"
            )
        } else if said.contains("NOAUTH") || said.contains("without any password") {
            format!(
                "check whether a password belongs into `{setting}`, or name the secret that holds \
                 it"
            )
        } else if said.contains("NOPERM") {
            "the Redis user needs this in its ACL; the documentation lists what is enough".into()
        } else if said.contains("DB index") || said.contains("switch database") {
            format!(
                "check the database number {} at the end of `{setting}`",
                place.database
            )
        } else if said.contains("LOADING") {
            "Redis is reading its data and will be there soon".into()
        } else if said.contains("READONLY") {
            format!("this is a replica: let `{setting}` name the master")
        } else if said.contains("OOM") {
            "Redis has no memory left: raise `maxmemory`, or empty queues".into()
        } else {
            format!("check the server behind `{setting}`")
        };
        Self {
            text: format!("{place} has refused: {said}; {advice}"),
            forbidden: said.contains("NOPERM"),
        }
    }

    /// An ACL forbids this command; others may be allowed.
    pub(crate) fn is_forbidden(&self) -> bool {
        self.forbidden
    }

    fn waiting(text: String) -> Self {
        Self {
            text,
            forbidden: false,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        Self::Unavailable((trouble.text, Some(1000)))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.setting {
            "broker" => "the Celery broker",
            _ => "the Celery result backend",
        };
        write!(out, "{name} at {}", self.authority)
    }
}

/// Code and text as the server sent them.
fn said(error: &RedisError) -> String {
    let detail = error.detail().map(|detail| detail.trim_end_matches('.'));
    match (error.code(), detail) {
        (Some("ERR"), Some(detail)) => detail.to_owned(),
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        (None, Some(detail)) => format!("{} ({detail})", error.category()),
        (Some(code), None) => code.to_owned(),
        (None, None) => error.category().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use redis::{ErrorKind, ServerErrorKind};

    use super::*;

    fn place() -> Place {
        Place {
            setting: "broker",
            authority: "redis.internal:6379".into(),
            database: 9,
            tls: false,
        }
    }

    #[test]
    fn messages_name_the_place_and_what_to_check() {
        let refused = |text: &'static str| {
            let error: RedisError = (ErrorKind::Client, "", text.to_owned()).into();
            Trouble::of(&place(), &error).to_string()
        };
        for (text, part) in [
            (
                "WRONGPASS invalid username-password pair",
                "check the user and the password in `broker`",
            ),
            ("NOAUTH HELLO must be called", "name the secret"),
            ("NOPERM this user has no permissions", "ACL"),
            ("DB index is out of range", "database number 9"),
            ("LOADING Redis is loading", "soon"),
            ("whatever", "`broker`"),
        ] {
            let message = refused(text);
            assert!(message.starts_with("the Celery broker at redis.internal:6379 has refused"));
            assert!(message.contains(part), "{message}");
        }
        let silent = Trouble::silent(&place(), 5000);
        assert!(silent.to_string().contains("within 5 s") && !silent.is_forbidden());
    }

    #[test]
    fn a_refused_connection_is_not_a_refusal_of_redis() {
        let error = Error::Unavailable(("connection refused".into(), None));
        let trouble = Trouble::unreachable(&place(), &error);
        assert!(!trouble.is_forbidden());
        assert!(
            trouble
                .to_string()
                .contains("connection refused; check that Redis runs there")
        );
        let error: RedisError = (
            ErrorKind::Server(ServerErrorKind::ReadOnly),
            "",
            "replica".to_owned(),
        )
            .into();
        assert!(Trouble::of(&place(), &error).to_string().contains("master"));
        assert!(matches!(
            Error::from(trouble),
            Error::Unavailable((_, Some(1000)))
        ));
    }
}
