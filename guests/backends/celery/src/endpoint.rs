//! Where a Redis server is, from a URL as Celery takes it.

/// One database of one server, and as whom.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) database: i64,
}

impl Endpoint {
    /// `option` is the name of the setting, for errors. They never show the URL: it may hold a
    /// password.
    pub(crate) fn parse(option: &str, text: &str) -> Result<Self, String> {
        if text.contains(';') {
            return Err(format!(
                "`{option}` must be one URL: fail-over between several is not supported; name the \
                 address that moves with the master"
            ));
        }
        let example = "write `redis://host:6379/0`";
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| format!("`{option}` is not a URL; {example}"))?;
        let tls = match scheme {
            "redis" => false,
            "rediss" => true,
            other => {
                return Err(format!(
                    "`{option}` is a `{other}` URL: only Redis is supported for now, as \
                     `redis://` or `rediss://`"
                ));
            }
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (account, server) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = account.split_once(':').unwrap_or((account, ""));
        let (host, port) = match server.rsplit_once(':') {
            // The colons of an IPv6 address are inside of its brackets.
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (server, ""),
        };
        let port = match port {
            "" => 6379,
            port => port
                .parse()
                .map_err(|_| format!("`{option}` names no port from 1 to 65535; {example}"))?,
        };
        let mut endpoint = Self {
            host: if host.is_empty() {
                "localhost".into()
            } else {
                host.to_owned()
            },
            port,
            tls,
            user: decoded(user),
            password: decoded(password),
            database: 0,
        };
        // kombu takes the database from the query, too.
        let queried = query.split('&').filter_map(|pair| pair.split_once('='));
        let mut queried = queried.filter(|(key, _)| matches!(*key, "db" | "virtual_host"));
        let database = match (path.trim_matches('/'), queried.next_back()) {
            ("", Some((_, database))) => database.trim_matches('/'),
            (path, _) => path,
        };
        if !database.is_empty() {
            endpoint.database = database
                .parse()
                .ok()
                .filter(|number| *number >= 0)
                .ok_or_else(|| {
                    format!(
                        "`{option}` names a database `{database}`; Redis numbers them, as in \
                         `redis://host:6379/0`"
                    )
                })?;
        }
        Ok(endpoint)
    }

    /// `host:port`, as the host's `net.connect` takes it and people read it.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Endpoint")
            .field("authority", &self.authority())
            .field("tls", &self.tls)
            .field("user", &self.user)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

/// `text` without percent encoding, or nothing where it is empty.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let pair = tail
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        let code = pair
            .filter(|_| *first == b'%')
            .map(|pair| u8::from_str_radix(pair, 16));
        if let Some(Ok(code)) = code {
            bytes.push(code);
            rest = tail.get(2..)?;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Endpoint, String> {
        Endpoint::parse("broker", text)
    }

    #[test]
    fn reads_what_celery_reads() {
        let endpoint = parse("redis://localhost").unwrap();
        assert_eq!(
            (endpoint.authority().as_str(), endpoint.database),
            ("localhost:6379", 0)
        );
        let endpoint =
            parse("rediss://me:p%40ss%2Fword@redis.example:6380/2?ssl_cert_reqs=required").unwrap();
        assert!(endpoint.tls);
        assert_eq!(
            (endpoint.authority().as_str(), endpoint.database),
            ("redis.example:6380", 2)
        );
        assert_eq!(endpoint.user.as_deref(), Some("me"));
        assert_eq!(endpoint.password.as_deref(), Some("p@ss/word"));
        let endpoint = parse("redis://:only@[::1]:7000//").unwrap();
        assert_eq!(
            (endpoint.authority().as_str(), endpoint.user),
            ("[::1]:7000", None)
        );
        assert_eq!(endpoint.password.as_deref(), Some("only"));
        assert_eq!(parse("redis://h?ssl=1&db=4").unwrap().database, 4);
        assert_eq!(parse("redis:///3").unwrap().authority(), "localhost:6379");
        assert_eq!(parse("redis://[::1]/3").unwrap().authority(), "[::1]:6379");
    }

    #[test]
    fn says_what_it_does_not_take() {
        for (text, part) in [
            (
                "amqp://guest@localhost//",
                "only Redis is supported for now",
            ),
            ("sentinel://a:26379", "only Redis is supported for now"),
            ("redis://a;redis://b", "fail-over"),
            ("redis://a/zero", "`zero`"),
            ("redis://a/-1", "`-1`"),
            ("localhost", "is not a URL"),
            ("localhost:6379", "is not a URL"),
            ("redis://h:port", "no port"),
            ("redis://h:70000/0", "no port"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
            assert!(error.contains("`broker`"));
        }
    }

    #[test]
    fn never_shows_a_password() {
        let endpoint = parse("redis://u:secret@h/1").unwrap();
        assert!(!format!("{endpoint:?}").contains("secret"));
        assert!(!parse("http://u:secret@h").unwrap_err().contains("secret"));
    }
}
