//! The words in which grants are typed, printed and pasted.
//!
//! ```text
//! tcp=HOST:PORT                                     open connections to this endpoint
//! dns=NAME                                          look up this name
//! http=[METHOD,…@]https://HOST[:PORT][+SECRET,…]    send requests there, with these secrets put in
//! secret=SECRET                                     read this secret
//! env=NAME[=VALUE]                                  see this variable of the host, or this value
//! dir=HOSTPATH:GUESTPATH[:rw]                       read, or read and write, this directory
//! storage=SIZE                                      store so much
//! ```
//!
//! The same behind `--allow NAME:`, `taskhost grant NAME` and in the advice that a denial gives, so that a
//! line from a log can be pasted.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::authority::{Authority, NotAnAuthority, NotAnOrigin, host_in};
use super::grant::{DirGrant, HttpGrant, Trust};
use super::units::Size;

/// One `--allow`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// Configured name of the component.
    pub component: String,
    /// What it may reach.
    pub what: Allowed,
}

/// What one `--allow` allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// An endpoint.
    Tcp(Authority),
    /// A name.
    Dns(String),
    /// A server of HTTP.
    Http(HttpGrant),
    /// A secret.
    Secret(String),
    /// An environment variable.
    Env(String, Option<String>),
    /// A directory.
    Dir(DirGrant),
    /// Bytes of storage.
    Storage(u64),
}

/// What can be granted, as it is written before `=`.
pub const KINDS: [&str; 7] = ["tcp", "dns", "http", "secret", "env", "dir", "storage"];

/// Why an `--allow` means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AllowError {
    /// It has another form.
    #[error("`{0}` is not NAME:WHAT=VALUE")]
    Form(String),
    /// There is no such thing to allow.
    #[error("`{what}` cannot be granted; there are {kinds}", what = .0, kinds = KINDS.join(", "))]
    What(String),
    /// The value is not an endpoint.
    #[error(transparent)]
    Authority(#[from] NotAnAuthority),
    /// The value is not a server of HTTP.
    #[error(transparent)]
    Origin(#[from] NotAnOrigin),
    /// The value is something else.
    #[error("`{value}` is not {wanted}")]
    Value {
        /// What was typed.
        value: String,
        /// What it should be.
        wanted: &'static str,
    },
}

impl FromStr for Allow {
    type Err = AllowError;

    fn from_str(text: &str) -> Result<Self, AllowError> {
        let form = || AllowError::Form(text.to_owned());
        let (component, rest) = text.split_once(':').ok_or_else(form)?;
        if component.is_empty() || !rest.contains('=') {
            return Err(form());
        }
        Ok(Self {
            component: component.to_owned(),
            what: rest.parse()?,
        })
    }
}

impl FromStr for Allowed {
    type Err = AllowError;

    fn from_str(text: &str) -> Result<Self, AllowError> {
        let (what, value) = text
            .split_once('=')
            .filter(|(_, value)| !value.is_empty())
            .ok_or_else(|| AllowError::Form(text.to_owned()))?;
        let wrong = |wanted| AllowError::Value {
            value: value.to_owned(),
            wanted,
        };
        Ok(match what {
            "tcp" => Self::Tcp(value.parse()?),
            "dns" => Self::Dns(host_in(value).ok_or_else(|| wrong("a name"))?),
            "http" => Self::Http(http(value)?),
            "secret" => Self::Secret(name(value).ok_or_else(|| wrong(A_NAME))?),
            "env" => {
                let (key, set) = match value.split_once('=') {
                    Some((key, set)) => (key, Some(set.to_owned())),
                    None => (value, None),
                };
                Self::Env(name(key).ok_or_else(|| wrong(A_NAME))?, set)
            }
            "dir" => Self::Dir(dir(value).ok_or_else(|| {
                wrong("HOSTPATH:GUESTPATH[:rw], where GUESTPATH begins with `/` and has no `..`")
            })?),
            "storage" => Self::Storage(
                Size::parse(value)
                    .ok_or_else(|| wrong("a size such as 1MiB"))?
                    .0,
            ),
            other => return Err(AllowError::What(other.to_owned())),
        })
    }
}

const A_NAME: &str = "a name: letters, digits, `_`, `-` and `.`";

fn name(text: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    (!text.is_empty() && text.chars().all(plain)).then(|| text.to_owned())
}

/// A method as it is compared, or the sign for all of them.
pub fn method(text: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphabetic() || c == '-';
    let is_one = text == "*" || (!text.is_empty() && text.chars().all(plain));
    is_one.then(|| text.to_ascii_uppercase())
}

fn http(value: &str) -> Result<HttpGrant, AllowError> {
    let wrong = |wanted| AllowError::Value {
        value: value.to_owned(),
        wanted,
    };
    // A `@` behind the scheme would be a password in the address: that is no form of a server.
    let (methods, rest) = match value.split_once('@') {
        Some((methods, rest)) if !methods.contains("://") => (methods, rest),
        _ => (HttpGrant::DEFAULT_METHOD, value),
    };
    let (origin, secrets) = rest.split_once('+').unwrap_or((rest, ""));
    let methods: Option<BTreeSet<_>> = methods.split(',').map(method).collect();
    let secrets: Option<BTreeSet<_>> = secrets
        .split(',')
        .filter(|secret| !secret.is_empty())
        .map(name)
        .collect();
    Ok(HttpGrant {
        origin: origin.parse()?,
        methods: methods
            .ok_or_else(|| wrong("methods before `@`, such as GET,POST@https://HOST"))?,
        secrets: secrets
            .ok_or_else(|| wrong("names of secrets behind `+`, such as https://HOST+TOKEN"))?,
        trust: Trust::System,
    })
}

fn dir(value: &str) -> Option<DirGrant> {
    let (rest, writable) = match value.rsplit_once(':') {
        Some((rest, "rw")) => (rest, true),
        Some((rest, "ro")) => (rest, false),
        _ => (value, false),
    };
    let (host, guest) = rest.rsplit_once(':')?;
    let guest = guest_path(guest)?;
    (!host.is_empty()).then(|| DirGrant {
        host: host.into(),
        guest,
        writable,
    })
}

/// An absolute path of a guest, without an end that says nothing.
pub fn guest_path(text: &str) -> Option<String> {
    let inner = text.strip_prefix('/')?;
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    let plain = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(':');
    (inner.is_empty() || inner.split('/').all(plain)).then(|| format!("/{inner}"))
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(authority) => write!(f, "tcp={authority}"),
            Self::Dns(name) => write!(f, "dns={name}"),
            Self::Http(grant) => write!(f, "http={}", http_word(grant)),
            Self::Secret(name) => write!(f, "secret={name}"),
            Self::Env(name, None) => write!(f, "env={name}"),
            Self::Env(name, Some(value)) => write!(f, "env={name}={value}"),
            Self::Dir(grant) => write!(f, "dir={}", dir_word(grant)),
            Self::Storage(bytes) => write!(f, "storage={}", Size(*bytes)),
        }
    }
}

/// The server with what may be sent there, as one word.
pub fn http_word(grant: &HttpGrant) -> String {
    let list = |names: &BTreeSet<String>| {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        names.join(",")
    };
    let mut word = String::new();
    if grant.methods.len() != 1 || !grant.methods.contains(HttpGrant::DEFAULT_METHOD) {
        word = format!("{}@", list(&grant.methods));
    }
    word.push_str(&grant.origin.to_string());
    if !grant.secrets.is_empty() {
        word.push('+');
        word.push_str(&list(&grant.secrets));
    }
    word
}

/// The directory, its name for the guest, and how it may be used, as one word.
pub fn dir_word(grant: &DirGrant) -> String {
    let mode = if grant.writable { ":rw" } else { "" };
    format!("{}:{}{mode}", grant.host.display(), grant.guest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allow_names_the_component_and_the_thing() {
        assert_eq!(
            "celery:tcp=localhost:6379".parse::<Allow>().unwrap(),
            Allow {
                component: "celery".into(),
                what: Allowed::Tcp("localhost:6379".parse().unwrap()),
            }
        );
        assert!(matches!(
            "celery:file=/etc".parse::<Allow>(),
            Err(AllowError::What(_))
        ));
    }

    #[test]
    fn every_kind_is_printed_as_it_was_typed() {
        for word in [
            "tcp=[::1]:6379",
            "dns=redis.internal",
            "http=https://hooks.example",
            "http=GET,POST@http://hooks.example:8080+A,B",
            "http=*@https://hooks.example",
            "secret=TOKEN",
            "env=TZ",
            "env=MODE=a=b",
            "dir=./in:/in",
            "dir=C:\\spool:/spool:rw",
            "storage=1MiB",
        ] {
            assert_eq!(word.parse::<Allowed>().unwrap().to_string(), word);
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for word in [
            "tcp=",
            "tcp=*:1",
            "dns=*",
            "dns=a:1",
            "http=https://me:pw@hooks.example",
            "http=https://*.example",
            "http=GET POST@https://hooks.example",
            "http=https://hooks.example+A B",
            "http=@https://hooks.example",
            "secret=a b",
            "env==x",
            "dir=/spool",
            "dir=:/spool",
            "dir=/a:spool",
            "dir=/a:/b/../c",
            "dir=/a:/b:rx",
            "storage=lots",
            "nonsense",
        ] {
            assert!(word.parse::<Allowed>().is_err(), "{word}");
        }
    }
}
