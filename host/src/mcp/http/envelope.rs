//! A request over HTTP, read whole before rmcp sees it.
//!
//! So it can be given the private name that it needs ([`super::super::reroute`]), headers that real
//! clients forget can be added, and a body that is no message is answered as the protocol says.
//!
//! | switch | a client | what happens |
//! |---|---|---|
//! | `missing-mcp-name`, on | leaves out `Mcp-Name` on `tasks/…` (fastmcp 4.1) | it is taken from the body |
//! | `header-skew`, off | names an older revision in the header than in `_meta` (Claude's connectors) | `_meta` counts |
//!
//! A header that is there and says something else than the body is refused in any case, but for the
//! skew that is switched on. (SEP-2243, `basic/transports/streamable-http`.)

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use rmcp::model::ProtocolVersion;
use serde_json::error::Category;
use serde_json::{Value, json};

use super::super::LONGEST_MESSAGE;
use super::super::reroute::{self, Reroute, complete_initialize};
use crate::config::settings::Compat;

/// Opens requests.
pub(super) struct Envelope {
    reroute: Reroute,
    compat: Compat,
    /// Whether callers can be told apart, so that each may have a list of its own tasks.
    lists: bool,
}

const VERSION: &str = "mcp-protocol-version";
const METHOD: &str = "mcp-method";
const NAME: &str = "mcp-name";

impl Envelope {
    pub(super) fn new(reroute: Reroute, compat: Compat, lists: bool) -> Self {
        Self {
            reroute,
            compat,
            lists,
        }
    }

    /// The body under its private name, and the headers that go with it.
    fn readdress(&self, headers: &mut HeaderMap, body: Bytes) -> Bytes {
        self.mend(headers, &body);
        let version = text(headers, VERSION).map(str::to_owned);
        let Some(rerouted) = self.reroute.inbound(&body, version.as_deref()) else {
            return body;
        };
        // Only where it said the same as the body: a header that lies must still be refused.
        if let (Some(header), Ok(Some(method))) = (text(headers, METHOD), reroute::method(&body))
            && header == method
            && let Some(private) = rerouted["method"].as_str()
            && let Ok(private) = HeaderValue::from_str(private)
        {
            headers.insert(METHOD, private);
        }
        Bytes::from(rerouted.to_string())
    }

    /// Adds what real clients leave out.
    fn mend(&self, headers: &mut HeaderMap, body: &[u8]) {
        let names_task = self.compat.missing_mcp_name
            && !headers.contains_key(NAME)
            && text(headers, METHOD).is_some_and(|method| method.starts_with("tasks/"));
        let claims = text(headers, VERSION).map(str::to_owned);
        let may_skew = self.compat.header_skew
            && (claims.as_deref())
                .is_some_and(|claimed| claimed < ProtocolVersion::V_2026_07_28.as_str());
        if !names_task && !may_skew {
            return;
        }
        let Ok(message) = serde_json::from_slice::<Value>(body) else {
            return;
        };
        let params = &message["params"];
        if let (true, Some(id)) = (names_task, params["taskId"].as_str())
            && let Ok(id) = HeaderValue::from_str(id)
        {
            headers.insert(NAME, id);
        }
        if let (true, Some(own), Some(claimed)) = (
            may_skew,
            params["_meta"]["io.modelcontextprotocol/protocolVersion"].as_str(),
            claims,
        ) && own > claimed.as_str()
            && let Ok(own) = HeaderValue::from_str(own)
        {
            headers.insert(VERSION, own);
        }
    }
}

/// Reads the body, and passes on what it says.
pub(super) async fn open(
    State(envelope): State<Arc<Envelope>>,
    request: Request,
    next: Next,
) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let (mut parts, body): (Parts, Body) = request.into_parts();
    let body = match to_bytes(body, LONGEST_MESSAGE).await {
        Ok(body) => body,
        Err(error) => return unreadable(&parts.headers, &error),
    };
    let opens = match reroute::method(&body) {
        Ok(method) => method.as_deref() == Some("initialize"),
        Err(error) if matches!(error.classify(), Category::Syntax | Category::Eof) => {
            let why = format!("no JSON: {error}");
            return refusal(StatusCode::BAD_REQUEST, -32700, &why);
        }
        // JSON, and no message: rmcp says so.
        Err(_) => false,
    };
    let body = envelope.readdress(&mut parts.headers, body);
    parts.headers.insert(CONTENT_LENGTH, body.len().into());
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if opens {
        complete(response, envelope.lists).await
    } else {
        response
    }
}

fn unreadable(headers: &HeaderMap, error: &axum::Error) -> Response {
    let long = text(headers, CONTENT_LENGTH.as_str())
        .and_then(|length| length.parse::<usize>().ok())
        .is_some_and(|length| length > LONGEST_MESSAGE);
    if long || error.to_string().contains("length limit") {
        let why = format!("a message may have {LONGEST_MESSAGE} bytes at most");
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, -32600, &why);
    }
    refusal(
        StatusCode::REQUEST_TIMEOUT,
        -32600,
        "the body did not come in time",
    )
}

fn refusal(status: StatusCode, code: i32, why: &str) -> Response {
    let body = json!({"jsonrpc": "2.0", "id": null, "error": {"code": code, "message": why}});
    (
        status,
        [(CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}

/// The answer to `initialize`, alone or as the message of a stream that ends with it.
async fn complete(response: Response, lists: bool) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, LONGEST_MESSAGE).await else {
        return refusal(
            StatusCode::INTERNAL_SERVER_ERROR,
            -32603,
            "the answer was lost",
        );
    };
    let text = String::from_utf8_lossy(&body);
    let lines: Vec<_> = text
        .split('\n')
        .map(|line| {
            let (prefix, json) = match line.strip_prefix("data:") {
                Some(json) => ("data: ", json),
                None => ("", line),
            };
            match serde_json::from_str::<Value>(json) {
                Ok(mut message) if message["result"].is_object() => {
                    complete_initialize(&mut message["result"], lists);
                    format!("{prefix}{message}")
                }
                _ => line.to_owned(),
            }
        })
        .collect();
    let body = lines.join("\n");
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            let name: axum::http::HeaderName = name.parse().unwrap();
            (name, HeaderValue::from_static(value))
        });
        pairs.collect()
    }

    fn modern(method: &str, params: &Value) -> Bytes {
        let mut message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
        Bytes::from(message.to_string())
    }

    #[test]
    fn a_name_that_was_left_out_is_added_and_one_that_lies_stays() {
        let envelope = Envelope::new(Reroute::new(), Compat::default(), true);
        let body = modern("tasks/get", &json!({"taskId": "a"}));
        let mut head = headers(&[(VERSION, "2026-07-28"), (METHOD, "tasks/get")]);
        envelope.readdress(&mut head, body.clone());
        assert_eq!(text(&head, NAME), Some("a"));
        let mut head = headers(&[(METHOD, "tasks/get"), (NAME, "b")]);
        envelope.readdress(&mut head, body);
        assert_eq!(text(&head, NAME), Some("b"));
    }

    #[test]
    fn an_older_header_is_overruled_only_where_that_is_switched_on() {
        let body = modern("tools/list", &json!({}));
        for (header_skew, version) in [(false, "2025-11-25"), (true, "2026-07-28")] {
            let compat = Compat {
                header_skew,
                ..Compat::default()
            };
            let envelope = Envelope::new(Reroute::new(), compat, true);
            let mut head = headers(&[(VERSION, "2025-11-25")]);
            envelope.readdress(&mut head, body.clone());
            assert_eq!(text(&head, VERSION), Some(version));
        }
    }

    #[test]
    fn the_header_for_the_method_goes_with_the_body_if_it_was_true() {
        let envelope = Envelope::new(Reroute::new(), Compat::default(), true);
        let body = modern("subscriptions/listen", &json!({"notifications": {}}));
        let mut head = headers(&[(METHOD, "subscriptions/listen")]);
        let sent = envelope.readdress(&mut head, body.clone());
        let sent: Value = serde_json::from_slice(&sent).unwrap();
        assert_eq!(text(&head, METHOD), sent["method"].as_str());
        let mut head = headers(&[(METHOD, "tools/list")]);
        envelope.readdress(&mut head, body);
        assert_eq!(text(&head, METHOD), Some("tools/list"));
    }
}
