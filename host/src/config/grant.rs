//! What the operator allows a component to reach.
//!
//! ```text
//! NAME:tcp=HOST:PORT      open connections to this endpoint
//! NAME:secret=SECRET      read this secret
//! ```
//!
//! **Empty means nothing.** There are no wildcards: an endpoint is a name and a port, compared after
//! lower-casing, and a loopback address is like any other because it has to be spelled out.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What one component may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Endpoints it may connect to.
    pub tcp: Vec<Endpoint>,
    /// Secrets it may read.
    pub secrets: BTreeSet<String>,
}

impl Grants {
    /// The granted endpoint with this authority.
    pub fn endpoint(&self, authority: &Authority) -> Option<&Endpoint> {
        self.tcp
            .iter()
            .find(|endpoint| &endpoint.authority == authority)
    }

    /// Adds one, unless there is one for the same authority already: what was spelled out wins over
    /// what was derived.
    pub fn add_endpoint(&mut self, endpoint: Endpoint) {
        if self.endpoint(&endpoint.authority).is_none() {
            self.tcp.push(endpoint);
        }
    }
}

/// One endpoint, and how its peer is verified where TLS is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// Where.
    pub authority: Authority,
    /// Which certificates are believed.
    pub trust: Trust,
}

/// Which certificates are believed for a TLS endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// Those the system trusts.
    #[default]
    System,
    /// Those signed by a certificate in this PEM file.
    File(PathBuf),
    /// Any. The operator said so; the traffic is encrypted and the peer is not known.
    Anything,
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Authority {
    /// Lower case; an IPv6 address without brackets.
    pub host: String,
    /// Never 0.
    pub port: u16,
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Serialize for Authority {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Authority {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// The text is not `host:port`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not HOST:PORT")]
pub struct NotAnAuthority(pub String);

impl FromStr for Authority {
    type Err = NotAnAuthority;

    fn from_str(text: &str) -> Result<Self, NotAnAuthority> {
        let wrong = || NotAnAuthority(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let host = match host.strip_prefix('[') {
            Some(inner) => inner.strip_suffix(']').ok_or_else(wrong)?,
            None if host.contains(':') => return Err(wrong()),
            None => host,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._:%".contains(c);
        if host.is_empty() || !host.chars().all(plain) {
            return Err(wrong());
        }
        match port.parse() {
            Ok(0) | Err(_) => Err(wrong()),
            Ok(port) => Ok(Self {
                host: host.to_ascii_lowercase(),
                port,
            }),
        }
    }
}

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
    /// A secret.
    Secret(String),
}

/// Why an `--allow` means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AllowError {
    /// It has another form.
    #[error("`{0}` is not NAME:WHAT=VALUE")]
    Form(String),
    /// There is no such thing to allow.
    #[error("`{0}` cannot be allowed; there are `tcp` and `secret`")]
    What(String),
    /// The value is not an endpoint.
    #[error(transparent)]
    Authority(#[from] NotAnAuthority),
}

impl FromStr for Allow {
    type Err = AllowError;

    fn from_str(text: &str) -> Result<Self, AllowError> {
        let form = || AllowError::Form(text.to_owned());
        let (component, rest) = text.split_once(':').ok_or_else(form)?;
        let (what, value) = rest.split_once('=').ok_or_else(form)?;
        if component.is_empty() || value.is_empty() {
            return Err(form());
        }
        Ok(Self {
            component: component.to_owned(),
            what: match what {
                "tcp" => Allowed::Tcp(value.parse()?),
                "secret" => Allowed::Secret(value.to_owned()),
                other => return Err(AllowError::What(other.to_owned())),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_compared_without_regard_to_case() {
        let mut grants = Grants::default();
        grants.add_endpoint(Endpoint {
            authority: "Redis.Internal:6379".parse().unwrap(),
            trust: Trust::System,
        });
        assert!(
            grants
                .endpoint(&"redis.internal:6379".parse().unwrap())
                .is_some()
        );
        assert!(
            grants
                .endpoint(&"redis.internal:6380".parse().unwrap())
                .is_none()
        );
    }

    #[test]
    fn forms_that_could_mean_more_than_one_endpoint_are_refused() {
        for text in [
            "",
            "localhost",
            ":1",
            "localhost:",
            "localhost:0",
            "localhost:65536",
            "*:6379",
            "::1:6379",
            "a b:1",
            "[::1:6",
        ] {
            assert!(text.parse::<Authority>().is_err(), "{text}");
        }
        assert_eq!(
            "[::1]:6379".parse::<Authority>().unwrap().to_string(),
            "[::1]:6379"
        );
    }

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
}
