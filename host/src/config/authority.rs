//! Where something is on the network: `host:port`, and `https://host:port`.
//!
//! One spelling for each place: lower case, no brackets inside, the port always there. So two of them are
//! compared by being equal.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

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
        let host = host_in(host).ok_or_else(wrong)?;
        match port.parse() {
            Ok(0) | Err(_) => Err(wrong()),
            Ok(port) => Ok(Self { host, port }),
        }
    }
}

/// A name or an address as it is compared: lower case, an IPv6 address without its brackets.
pub fn host_in(text: &str) -> Option<String> {
    let host = match text.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?,
        None if text.contains(':') => return None,
        None => text,
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:%".contains(c);
    (!host.is_empty() && host.chars().all(plain)).then(|| host.to_ascii_lowercase())
}

/// How HTTP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// In clear.
    Http,
    /// Inside TLS.
    Https,
}

impl Scheme {
    /// The port where none is written.
    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

/// A server of HTTP: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// How.
    pub scheme: Scheme,
    /// Where.
    pub authority: Authority,
}

impl Origin {
    /// The server with this name, which may come without a port.
    pub fn new(scheme: Scheme, authority: &str) -> Option<Self> {
        let authority = match host_in(authority) {
            Some(host) => Authority {
                host,
                port: scheme.port(),
            },
            None => authority.parse().ok()?,
        };
        Some(Self { scheme, authority })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Authority { host, port } = &self.authority;
        match (*port == self.scheme.port(), host.contains(':')) {
            (false, _) => write!(f, "{}://{}", self.scheme, self.authority),
            (true, true) => write!(f, "{}://[{host}]", self.scheme),
            (true, false) => write!(f, "{}://{host}", self.scheme),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// The text is not `https://host[:port]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not https://HOST[:PORT] or http://HOST[:PORT]; a path is no part of it")]
pub struct NotAnOrigin(pub String);

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let wrong = || NotAnOrigin(text.to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(wrong()),
        };
        Self::new(scheme, rest.strip_suffix('/').unwrap_or(rest)).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_server_is_the_same_with_and_without_its_usual_port() {
        let origin = |text: &str| text.parse::<Origin>().unwrap();
        assert_eq!(
            origin("https://Hooks.Example"),
            origin("https://hooks.example:443/")
        );
        assert_ne!(
            origin("http://hooks.example"),
            origin("https://hooks.example")
        );
        for text in [
            "https://hooks.example",
            "http://[::1]:8080",
            "https://[::1]",
        ] {
            assert_eq!(origin(text).to_string(), text);
        }
        for text in [
            "hooks.example",
            "ftp://hooks.example",
            "https://",
            "https://hooks.example/path",
            "https://me@hooks.example",
            "https://*.example",
            "https://::1",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
