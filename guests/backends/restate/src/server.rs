//! Restate's two HTTP interfaces.
//!
//! The ingress carries the work, and asks the partition that owns an invocation. The admin interface
//! knows what is deployed, answers SQL, and stops work.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use taskhost_sdk::http::{Request, Response, encoded};
use taskhost_sdk::{Error, secrets};

use crate::config::Config;

/// Restate answers in milliseconds, or not at all.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The largest result that the host takes.
const LARGEST_RESULT: usize = 16 * 1024 * 1024;

/// What the operator grants where `bearer` is set.
const TOKEN: &str = "RESTATE_TOKEN";

/// The type of most bodies.
pub(crate) const JSON: &str = "application/json";

/// Where Restate is.
#[derive(Debug)]
pub(crate) struct Server {
    ingress: String,
    admin: String,
    bearer: bool,
}

/// What Restate says when it does not do what it was asked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Trouble {
    pub(crate) message: String,
    /// `ingress`, or `invocation`: then it is the failure of the work itself.
    pub(crate) source: String,
    pub(crate) metadata: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Rows<T> {
    rows: Vec<T>,
}

/// What came of a wish to stop or to purge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Yes,
    /// There is no such invocation.
    Missing,
    /// It is over already; or for a purge, it is not.
    Conflict,
}

impl Server {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            ingress: config.ingress.trim_end_matches('/').to_owned(),
            admin: config.admin.trim_end_matches('/').to_owned(),
            bearer: config.bearer,
        }
    }

    /// Sends `request` to the interface at `url`.
    async fn send(&self, url: &str, request: Request) -> Result<Response, Error> {
        let request = if self.bearer {
            // The host puts the token in, and only in requests to this server.
            request.header(
                "authorization",
                format!("Bearer {}", secrets::placeholder(TOKEN)),
            )
        } else {
            request
        };
        let response = request.timeout(TIMEOUT).send().await?;
        match self.turned_away(url, &response) {
            Some(words) => Err(Error::unavailable(words)),
            None => Ok(response),
        }
    }

    /// What there is to do where the guard before `url` does not let this component in. It can be mended
    /// while tasks wait, so no task ends by it. Restate itself lets everybody in: where it says the same,
    /// it is about the work, and says so.
    fn turned_away(&self, url: &str, response: &Response) -> Option<String> {
        if !matches!(response.status, 401 | 403) || !Trouble::of(response).source.is_empty() {
            return None;
        }
        let advice = if self.bearer {
            format!("check that the secret `{TOKEN}` is the token that is wanted there")
        } else {
            format!("set `bearer` to true, and grant the secret `{TOKEN}` for both URLs")
        };
        Some(format!(
            "{url} does not let this host in ({}): {advice}",
            response.status
        ))
    }

    /// Something is sent to the ingress, below this path. A body has its type before it.
    pub(crate) async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<(&str, &str)>,
    ) -> Result<Response, Error> {
        let mut request = Request::post(format!("{}/{path}", self.ingress));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some((kind, body)) = body {
            request = request.header("content-type", kind).body(body);
        }
        self.send(&self.ingress, request).await
    }

    /// What has come of an invocation, as it is.
    pub(crate) async fn output(&self, invocation: &str) -> Result<Response, Error> {
        let invocation = encoded(invocation);
        let url = format!("{}/restate/invocation/{invocation}/output", self.ingress);
        let request = Request::get(url).limit(LARGEST_RESULT);
        self.send(&self.ingress, request).await
    }

    /// All that is deployed.
    pub(crate) async fn services<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let request = Request::get(format!("{}/services", self.admin));
        self.send(&self.admin, request).await?.success()?.json()
    }

    /// The rows of a query. The caller quotes what it puts into it.
    pub(crate) async fn query<T: DeserializeOwned>(&self, sql: &str) -> Result<Vec<T>, Error> {
        let request = Request::post(format!("{}/query", self.admin))
            // Rows are in Arrow's format for whoever takes anything else as well.
            .header("accept", JSON)
            .json(&json!({ "query": sql }));
        let rows: Rows<T> = self.send(&self.admin, request).await?.success()?.json()?;
        Ok(rows.rows)
    }

    /// `cancel`, `kill` or `purge`.
    pub(crate) async fn tell(&self, invocation: &str, what: &str) -> Result<Heard, Error> {
        let invocation = encoded(invocation);
        let url = format!("{}/invocations/{invocation}/{what}", self.admin);
        let request = Request::new("PATCH", url);
        let response = self.send(&self.admin, request).await?;
        Ok(match response.status {
            // 400: no invocation could have this id.
            400 | 404 => Heard::Missing,
            409 => Heard::Conflict,
            _ => {
                response.success()?;
                Heard::Yes
            }
        })
    }
}

impl Trouble {
    /// What is in the body of an answer; all of it is the message where it is not Restate's own.
    pub(crate) fn of(response: &Response) -> Self {
        serde_json::from_slice(&response.body).unwrap_or_else(|_| Self {
            message: response.text(),
            ..Self::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(bearer: bool, status: u16, body: &str) -> Option<String> {
        let server = Server {
            ingress: "http://r".into(),
            admin: "http://a".into(),
            bearer,
        };
        let response = Response {
            status,
            headers: Vec::new(),
            body: body.into(),
        };
        server.turned_away("http://r", &response)
    }

    #[test]
    fn who_is_not_let_in_hears_what_to_do() {
        let unset = advice(false, 401, "who is there?").unwrap();
        assert!(
            unset.contains("http://r") && unset.contains("`bearer`"),
            "{unset}"
        );
        let wrong = advice(true, 403, "{}").unwrap();
        assert!(wrong.contains("secret `RESTATE_TOKEN` is"), "{wrong}");
    }

    #[test]
    fn a_handler_that_refuses_is_no_guard() {
        let body = r#"{"code":403,"message":"not your film","source":"invocation"}"#;
        assert_eq!(advice(true, 403, body), None);
        assert_eq!(advice(true, 404, "nobody"), None);
    }
}
