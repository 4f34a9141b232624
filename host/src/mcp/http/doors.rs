//! Who may come in, and what a browser has to be told so that it lets a page that may.
//!
//! Whether a page may is decided in one place, by rmcp: what stands here reads its verdict.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ORIGIN,
    VARY,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use tokio::time::{Instant, timeout_at};

use super::bearer::Admission;
use crate::config::settings::Compat;

/// By which names and from which pages one may come in, and who may.
#[derive(Clone, Debug, Default)]
pub struct Doors {
    /// `Host` headers to accept besides those of the loopback address: `name` or `name:port`.
    pub hosts: Vec<String>,
    /// `Origin` headers to accept: `scheme://host:port`, or `:*` for any port.
    pub origins: Vec<String>,
    /// What clients do that the protocol forbids, and is let pass.
    pub compat: Compat,
    /// Who may come in through them.
    pub admission: Admission,
}

impl Doors {
    /// All names under which the server at `address` may be asked for.
    pub(super) fn known_hosts(&self, address: SocketAddr) -> Vec<String> {
        ["localhost", "127.0.0.1", "::1"]
            .into_iter()
            .map(str::to_owned)
            .chain([address.ip().to_string()])
            .chain(self.hosts.iter().cloned())
            .collect()
    }

    /// The pages that may ask: those that are listed, and those that this server at `address` would have
    /// sent itself. There are none of the latter, but programs that are no browsers say that they are one.
    pub(super) fn known_origins(&self, address: SocketAddr) -> Vec<String> {
        let own = [
            format!("http://{address}"),
            format!("http://localhost:{}", address.port()),
        ];
        own.into_iter()
            .chain(self.origins.iter().cloned())
            .collect()
    }
}

/// How long the body of a request may take.
const BODY: Duration = Duration::from_secs(30);

/// Breaks off a body that takes too long, so that nobody keeps a connection by sending slowly.
pub(super) async fn hurry_up(request: Request, next: Next) -> Response {
    let until = Instant::now() + BODY;
    let request = request.map(|body| {
        let chunks = futures::stream::unfold(body.into_data_stream(), move |mut body| async move {
            match timeout_at(until, body.next()).await {
                Ok(Some(chunk)) => Some((chunk, body)),
                Ok(None) => None,
                Err(late) => Some((Err(axum::Error::new(late)), body)),
            }
        });
        Body::from_stream(chunks)
    });
    next.run(request).await
}

/// Tells the browser of a page that was let in that the page may read the answer.
pub(super) async fn show_to_pages(request: Request, next: Next) -> Response {
    let Some(origin) = request.headers().get(ORIGIN).cloned() else {
        return next.run(request).await;
    };
    let asks_first = request.method() == Method::OPTIONS;
    let wants = request
        .headers()
        .get(ACCESS_CONTROL_REQUEST_HEADERS)
        .cloned();
    let mut response = next.run(request).await;
    if response.status() == StatusCode::FORBIDDEN {
        return response;
    }
    if asks_first {
        response = StatusCode::NO_CONTENT.into_response();
        let headers = response.headers_mut();
        headers.insert(
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST, DELETE"),
        );
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        if let Some(wants) = wants {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wants);
        }
    }
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("Mcp-Session-Id, WWW-Authenticate"),
    );
    headers.append(VARY, HeaderValue::from_static("Origin"));
    response
}
