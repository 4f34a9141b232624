//! Where a Durable Task server is, from what people write.

use std::fmt;

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
}

/// Where a URL has none. The host grants this one, too: `x-taskhost-endpoint` of the configuration.
const HTTPS: u16 = 443;

impl Endpoint {
    /// A URL. `setting` is what the person has to change, for errors.
    pub(crate) fn parse(setting: &str, text: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(format!(
                "`{setting}` must be a URL: write `http://localhost:8080`, or `https://` for TLS"
            ));
        };
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            other => {
                return Err(format!(
                    "`{setting}` is a `{other}` URL: write `http://` or `https://`, which gRPC runs over"
                ));
            }
        };
        Self::of(setting, tls, rest)
    }

    /// The same, and what the Python SDK takes: `host:port`, without TLS on this machine and with it
    /// elsewhere.
    pub(crate) fn parse_loosely(setting: &str, text: &str) -> Result<Self, String> {
        if text.contains("://") {
            return Self::parse(setting, text);
        }
        let endpoint = Self::of(setting, true, text)?;
        Ok(Self {
            tls: !endpoint.is_local(),
            ..endpoint
        })
    }

    fn of(setting: &str, tls: bool, rest: &str) -> Result<Self, String> {
        // The query is for the host: which certificates it believes.
        let (rest, _) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err(format!(
                "`{setting}` has an account in it; name a secret with the token by `token_secret`"
            ));
        }
        if !path.is_empty() {
            return Err(format!(
                "`{setting}` must end after the port: gRPC has no path"
            ));
        }
        let (host, port) = match authority.rsplit_once(':') {
            // The colons of an IPv6 address are inside of its brackets.
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (authority, ""),
        };
        let port = match port.parse() {
            Ok(port) if port > 0 => port,
            _ if port.is_empty() && tls => HTTPS,
            _ => {
                return Err(format!(
                    "`{setting}` names no port from 1 to 65535: write it, as in `http://localhost:8080`"
                ));
            }
        };
        if host.is_empty() {
            return Err(format!("`{setting}` names no host"));
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            tls,
        })
    }

    /// `host:port`, as the host's `net.connect` takes it and people read it.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// What is sent there does not leave the machine.
    pub(crate) fn is_local(&self) -> bool {
        self.host == "localhost" || self.host == "[::1]" || self.host.starts_with("127.")
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the Durable Task server at {}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Endpoint, String> {
        Endpoint::parse("endpoint", text)
    }

    #[test]
    fn a_url_says_where_and_whether_with_tls() {
        let endpoint = parse("https://mine.westus2.durabletask.io").unwrap();
        assert_eq!(
            (endpoint.authority().as_str(), endpoint.tls),
            ("mine.westus2.durabletask.io:443", true)
        );
        let endpoint = parse("https://dts:1/?ssl_ca_certs=/ca.pem").unwrap();
        assert_eq!(endpoint.authority(), "dts:1");
        let endpoint = parse("http://[::1]:8080/").unwrap();
        assert_eq!(
            (endpoint.authority().as_str(), endpoint.tls),
            ("[::1]:8080", false)
        );
    }

    #[test]
    fn an_address_without_a_scheme_is_inside_tls_unless_it_is_here() {
        let parse = |text| Endpoint::parse_loosely("DTS_ENDPOINT", text).unwrap();
        assert!(!parse("localhost:8080").tls && !parse("127.0.0.1:4001").tls);
        assert!(parse("dts.internal:8080").tls);
        assert!(!parse("http://dts.internal:8080").tls);
    }

    #[test]
    fn says_what_it_does_not_take() {
        for (text, part) in [
            ("localhost:8080", "must be a URL"),
            ("grpc://localhost:8080", "`grpc`"),
            ("http://localhost", "names no port"),
            ("http://localhost:0", "names no port"),
            ("https://u:secret@h", "token_secret"),
            ("https://h/path", "no path"),
            ("https://:1", "no host"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(
                error.contains(part) && error.contains("`endpoint`"),
                "{error}"
            );
            assert!(!error.contains("secret@"), "{error}");
        }
    }
}
