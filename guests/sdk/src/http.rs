//! Requests to other servers, where the operator grants them.
//!
//! ```no_run
//! # use serde::Deserialize;
//! # use taskhost_sdk::{http, Error, secrets};
//! # #[derive(Deserialize)] struct Job { id: u64 }
//! # async fn example() -> Result<(), Error> {
//! let job: Job = http::Request::post("https://jobs.example/jobs")
//!     .header("authorization", format!("Bearer {}", secrets::placeholder("JOBS_TOKEN")))
//!     .json(&serde_json::json!({ "film": 7 }))
//!     .send()
//!     .await?
//!     .success()?
//!     .json()?;
//! # Ok(())
//! # }
//! ```
//!
//! `${secret.NAME}` in the value of a header is replaced by the host, in requests to a server that is
//! granted with that secret; the component never sees the value.
//!
//! Redirects are not followed: where one leads may not be granted. A name that does not resolve, a
//! refused connection or a time-out is [`Error::Unavailable`]; what is not granted [`Error::Denied`].

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, time};

#[cfg(target_family = "wasm")]
mod wasi;

#[cfg(not(target_family = "wasm"))]
use crate::mock::imports::http as wasi;

/// As long as most servers stand it, and half of what the host gives a call.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// A quarter of the memory that an instance has by default, so that some answers fit beside each
/// other.
pub const DEFAULT_LIMIT: usize = 8 * 1024 * 1024;

/// A request as it is built.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before `send`"]
pub struct Request {
    plain: Plain,
    timeout: Duration,
    limit: usize,
    /// What went wrong while it was built, said by `send`.
    wrong: Option<String>,
}

/// A request as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plain {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
}

impl Request {
    /// A `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A `POST`.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// A `PUT`.
    pub fn put(url: impl Into<String>) -> Self {
        Self::new("PUT", url)
    }

    /// A `DELETE`.
    pub fn delete(url: impl Into<String>) -> Self {
        Self::new("DELETE", url)
    }

    /// A request by any method to `http://` or `https://`.
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        Self {
            plain: Plain {
                method: method.to_ascii_uppercase(),
                url: url.into(),
                headers: Vec::new(),
                body: None,
            },
            timeout: DEFAULT_TIMEOUT,
            limit: DEFAULT_LIMIT,
            wrong: None,
        }
    }

    /// One more header. `${secret.NAME}` in it is replaced by the host.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.plain.headers.push((name.into(), value.into()));
        self
    }

    /// One more parameter behind the `?`.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        let url = &mut self.plain.url;
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(&encoded(name));
        url.push('=');
        url.push_str(&encoded(value));
        self
    }

    /// A body of bytes.
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.plain.body = Some(bytes.into());
        self
    }

    /// A body of JSON.
    pub fn json(mut self, value: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(value) {
            Ok(bytes) => self.header("content-type", "application/json").body(bytes),
            Err(error) => {
                self.wrong = Some(format!("the body is no JSON: {error}"));
                self
            }
        }
    }

    /// How long the whole of it may take, the body included. Else [`DEFAULT_TIMEOUT`].
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many bytes the body of the answer may have. Else [`DEFAULT_LIMIT`].
    pub fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Sends it, and reads all of the answer.
    ///
    /// Any status is an answer here; [`Response::success`] makes errors of those that are.
    pub async fn send(self) -> Result<Response, Error> {
        let Self {
            plain,
            timeout,
            limit,
            wrong,
        } = self;
        if let Some(wrong) = wrong {
            return Err(Error::internal(wrong));
        }
        let target = Target::parse(&plain.url)?;
        let place = target.place();
        let sent = wasi::send(plain, target, timeout, limit);
        match time::timeout(timeout, sent).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(error),
            Err(elapsed) => Err(Error::unavailable(format!("{place}: {elapsed}"))),
        }
    }
}

/// What the server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Such as 200.
    pub status: u16,
    /// Names as the server wrote them.
    pub headers: Vec<(String, String)>,
    /// All of it.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this name, however it is written.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(one, _)| one.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Error::internal(format!(
                "the server's answer is not what it should be: {error}"
            ))
        })
    }

    /// The body as text, whatever of it is none replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The same where the status is 2xx; else the error that the host should hear.
    ///
    /// 429: busy, with the server's `retry-after`. 408 and 5xx: unavailable, so that the host asks
    /// again. 400 and 422: the arguments do not fit. Anything else is a defect of the component or of
    /// its configuration. The error has the beginning of what the server said.
    pub fn success(self) -> Result<Self, Error> {
        /// As much as a person reads.
        const MOST: usize = 200;
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let again = self
            .header("retry-after")
            .and_then(|text| text.trim().parse().ok());
        let again = again.map(Duration::from_secs);
        let said: String = self.text().chars().take(MOST).collect();
        let words = format!("the server has answered {}: {}", self.status, said.trim());
        let error = match self.status {
            429 => Error::Busy(None),
            408 | 500.. => Error::unavailable(words),
            400 | 422 => Error::invalid(words),
            _ => Error::internal(words),
        };
        Err(match again {
            Some(again) => error.again_in(again),
            None => error,
        })
    }
}

/// The parts of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) tls: bool,
    /// `host` or `host:port`.
    pub(crate) authority: String,
    /// With the query, and without the fragment.
    pub(crate) path: String,
}

impl Target {
    fn parse(url: &str) -> Result<Self, Error> {
        let wrong = |why: &str| Err(Error::invalid(format!("{why}: write `https://host/path`")));
        let (tls, rest) = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            _ => return wrong("the URL begins neither with `https://` nor with `http://`"),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if authority.is_empty() {
            return wrong("the URL names no host");
        }
        if authority.contains('@') {
            // It would be a secret in every log line that names the place.
            return wrong("the URL has a user in it, which belongs into a header");
        }
        if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return wrong("the URL has a space or a control character in it");
        }
        Ok(Self {
            tls,
            authority: authority.to_owned(),
            path: if path.starts_with('/') {
                path.to_owned()
            } else {
                format!("/{path}")
            },
        })
    }

    /// For messages, and for what a grant names.
    pub(crate) fn place(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }
}

/// For one part of a path, or of a query.
pub fn encoded(text: &str) -> String {
    /// What stands for itself anywhere in a URL.
    const OTHERS: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'~');
    utf8_percent_encode(text, OTHERS).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::mock::{Answer, Host};

    #[test]
    fn a_url_is_taken_apart() {
        let target = |url: &str| Target::parse(url).unwrap();
        let plain = target("https://jobs.example:8443/jobs?a=b#here");
        assert!(plain.tls);
        assert_eq!(
            (plain.authority.as_str(), plain.path.as_str()),
            ("jobs.example:8443", "/jobs?a=b")
        );
        assert_eq!(target("http://[::1]:80").path, "/");
        assert_eq!(target("HTTP://h?q=1").path, "/?q=1");
        for wrong in [
            "jobs.example",
            "ftp://h",
            "https:///x",
            "https://u:p@h/",
            "https://h/a b",
        ] {
            let error = Target::parse(wrong).unwrap_err();
            assert!(error.words().contains("https://host/path"), "{error:?}");
            assert!(!error.words().contains("u:p"), "{error:?}");
        }
    }

    #[test]
    fn a_request_is_sent_as_it_was_built() {
        let host = Host::new().http(
            "POST https://jobs.example/jobs?name=a%20%26%20b",
            201,
            json!({"id": 7}),
        );
        let answer: Value = host.run(async {
            let request = Request::post("https://jobs.example/jobs")
                .query("name", "a & b")
                .header("authorization", "Bearer ${secret.T}")
                .json(&json!({ "film": 1 }));
            request
                .send()
                .await
                .unwrap()
                .success()
                .unwrap()
                .json()
                .unwrap()
        });
        assert_eq!(answer["id"], 7);
        let sent = &host.requests()[0];
        assert_eq!(sent.header("Authorization"), Some("Bearer ${secret.T}"));
        assert_eq!(sent.header("content-type"), Some("application/json"));
        assert_eq!(sent.body, br#"{"film":1}"#);
    }

    #[test]
    fn answers_come_in_order_and_the_last_one_stays() {
        let host = Host::new()
            .http("GET http://h/", 200, "one")
            .http("GET http://h/", 200, "two");
        host.run(async {
            for said in ["one", "two", "two"] {
                let answer = Request::get("http://h").send().await.unwrap();
                assert_eq!(answer.text(), said);
            }
        });
    }

    #[test]
    fn what_takes_too_long_or_is_too_large_is_an_error() {
        let host = Host::new()
            .answer(
                "GET http://slow/",
                Answer::new(200, "x").after(Duration::from_secs(5)),
            )
            .http("GET http://large/", 200, "x".repeat(100))
            .answer(
                "GET http://gone/",
                Answer::error(Error::unavailable("refused")),
            );
        host.run(async {
            let slow = Request::get("http://slow")
                .timeout(Duration::from_secs(1))
                .send();
            assert!(matches!(slow.await, Err(Error::Unavailable(_))));
            let large = Request::get("http://large").limit(99).send().await;
            assert!(large.unwrap_err().words().contains("99"));
            let gone = Request::get("http://gone").send().await;
            assert_eq!(gone, Err(Error::unavailable("refused")));
            let other = Request::get("http://other").send().await;
            assert!(matches!(other, Err(Error::Denied(_))), "{other:?}");
        });
    }

    #[test]
    fn a_status_is_the_error_that_the_host_should_hear() {
        let status = |status: u16| {
            Response {
                status,
                headers: vec![("Retry-After".into(), "2".into())],
                body: b"because".to_vec(),
            }
            .success()
        };
        assert!(status(204).is_ok());
        assert_eq!(status(429), Err(Error::Busy(Some(2000))));
        assert!(
            matches!(status(503), Err(Error::Unavailable((why, Some(2000)))) if why.contains("because"))
        );
        assert!(matches!(status(422), Err(Error::InvalidInput(_))));
        assert!(matches!(status(404), Err(Error::Internal(_))));
    }
}
