//! The client of one call: who it is, what it declared, and how it is told and asked things.
//!
//! Log messages wait in a short queue and are dropped when it is full: a strategy is never held up by a
//! client that does not read.

use futures::future::BoxFuture;
use rmcp::RoleServer;
use rmcp::model::{
    ClientCapabilities, CustomNotification, CustomRequest, ProtocolVersion, ServerNotification,
    ServerRequest,
};
use rmcp::service::{Peer, RequestContext};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::error::{Code, Report};
use crate::plugin::{Client, TaskError};
use crate::task::Json;

/// The levels of RFC 5424, from the least to the most severe, as MCP writes them.
const LEVELS: [&str; 8] = [
    "debug",
    "info",
    "notice",
    "warning",
    "error",
    "critical",
    "alert",
    "emergency",
];
/// Messages that wait to be sent.
pub(super) const LOGS: usize = 64;

/// The client of one call.
pub(super) struct Counterpart {
    peer: Peer<RoleServer>,
    capabilities: ClientCapabilities,
    /// Whether it can be sent requests: from 2026-07-28 on it cannot.
    takes_requests: bool,
    /// The least severe level that it wants. `None`: nothing at all.
    least: Option<usize>,
    logs: mpsc::Sender<ServerNotification>,
}

impl Counterpart {
    /// The client of `context`, and where its log messages come out. `level`: what a session was told
    /// with `logging/setLevel`.
    pub(super) fn of(
        context: &RequestContext<RoleServer>,
        level: Option<usize>,
    ) -> (Self, mpsc::Receiver<ServerNotification>) {
        let (logs, queue) = mpsc::channel(LOGS);
        let modern = is_modern(context);
        let own = serde_json::to_value(&context.meta)
            .ok()
            .and_then(|meta| severity(meta["io.modelcontextprotocol/logLevel"].as_str()?));
        let counterpart = Self {
            peer: context.peer.clone(),
            capabilities: context.client_capabilities().unwrap_or_default(),
            takes_requests: !modern,
            least: if modern { own } else { level.or(Some(0)) },
            logs,
        };
        (counterpart, queue)
    }

    fn declares(&self, method: &str) -> bool {
        match method {
            "elicitation/create" => self.capabilities.elicitation.is_some(),
            "sampling/createMessage" => capability(&self.capabilities, "sampling"),
            "roots/list" => capability(&self.capabilities, "roots"),
            _ => false,
        }
    }
}

impl Client for Counterpart {
    fn log(&self, level: String, logger: Option<String>, data: Json) {
        let wanted = severity(&level).zip(self.least);
        if wanted.is_none_or(|(level, least)| level < least) {
            return;
        }
        let mut params = json!({"level": level, "data": data.value()});
        if let Some(logger) = logger {
            params["logger"] = Value::String(logger);
        }
        if self
            .logs
            .try_send(notification("notifications/message", params))
            .is_err()
        {
            tracing::debug!("a log message for a client was dropped: it does not read");
        }
    }

    fn ask(&self, method: String, params: Json) -> BoxFuture<'static, Result<Json, TaskError>> {
        let unsupported = |why: String| {
            let error = TaskError::Unsupported(Report::new(Code(726), why));
            Box::pin(async move { Err(error) })
        };
        if !self.takes_requests {
            return unsupported(
                "clients of this protocol revision are asked with `input-required`".to_owned(),
            );
        }
        if !self.declares(&method) {
            return unsupported(format!("the client has not declared `{method}`"));
        }
        let peer = self.peer.clone();
        Box::pin(async move {
            ask(&peer, &method, params.value())
                .await
                .map(|it| Json::of(&it))
        })
    }
}

/// Sends a request and gives the method's result.
pub(super) async fn ask(
    peer: &Peer<RoleServer>,
    method: &str,
    params: Value,
) -> Result<Value, TaskError> {
    let request = ServerRequest::CustomRequest(CustomRequest::new(method, Some(params)));
    let answer = peer.send_request(request).await.map_err(|error| {
        TaskError::Unavailable(
            Report::new(
                Code(727),
                format!("the client did not answer `{method}`: {error}"),
            ),
            None,
        )
    })?;
    serde_json::to_value(answer).map_err(|error| {
        TaskError::Internal(Report::new(
            Code(699),
            format!("an answer of the client cannot be read: {error}"),
        ))
    })
}

/// A notification that is sent as it is.
pub(super) fn notification(method: &str, params: Value) -> ServerNotification {
    ServerNotification::CustomNotification(CustomNotification::new(method, Some(params)))
}

/// How severe a level is; `None` where there is no such level.
pub(super) fn severity(level: &str) -> Option<usize> {
    LEVELS.iter().position(|known| *known == level)
}

/// Whether the request is one of 2026-07-28 or later.
pub(super) fn is_modern(context: &RequestContext<RoleServer>) -> bool {
    context
        .protocol_version()
        .is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str())
}

/// Whether one is declared that rmcp calls deprecated.
fn capability(capabilities: &ClientCapabilities, name: &str) -> bool {
    serde_json::to_value(capabilities).is_ok_and(|capabilities| !capabilities[name].is_null())
}
