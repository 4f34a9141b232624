//! One client on stdin and stdout.

use rmcp::service::ServerInitializeError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::ending::Ending;
use super::lines::Lines;
use super::reroute::Reroute;
use super::server::Server;
use super::speaker::Way;
use crate::error::{Code, Explain};
use crate::service::Service;

/// Why a session ended in another way than by its client or by `stop`.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The client and this server do not understand each other.
    #[error("no session with the client")]
    Opening(#[source] Box<ServerInitializeError>),
    /// A defect of the host.
    #[error("the session ended by a defect of the host")]
    Defect(#[source] tokio::task::JoinError),
}

impl Explain for SessionError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Opening(_) => 750,
            Self::Defect(_) => 699,
        })
    }
}

/// Serves the client on stdin and stdout until it closes its end or `stop` is cancelled.
///
/// Requests that have been read are answered before this returns: within 30 seconds of the end of the
/// input, and within 2 of `stop`.
///
/// Where stdin is no pipe, reading it occupies a thread that cannot be interrupted; a runtime that is
/// dropped waits for it, so shut it down in the background.
pub async fn serve(service: Service, stop: CancellationToken) -> Result<(), SessionError> {
    let (input, output) = rmcp::transport::stdio_pipes();
    Box::pin(serve_on(service, input, output, &stop)).await
}

/// [`serve`], on something else.
pub(super) async fn serve_on(
    service: Service,
    input: impl AsyncRead + Send + Unpin + 'static,
    output: impl AsyncWrite + Send + Unpin + 'static,
    stop: &CancellationToken,
) -> Result<(), SessionError> {
    let ending = Ending::default();
    let server = Server::new(service, Way::Pipe, ending.clone(), Reroute::new());
    let lines = Lines::new(input, output, &server, ending.clone());
    let session = async {
        match rmcp::serve_server(server.clone(), lines).await {
            Ok(session) => match session.waiting().await {
                Ok(reason) => {
                    tracing::debug!(?reason, "the session has ended");
                    Ok(())
                }
                Err(error) => Err(SessionError::Defect(error)),
            },
            // It has left without a word, or with its last request answered.
            Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
            Err(error) => Err(SessionError::Opening(Box::new(error))),
        }
    };
    let conducted = async {
        ending.conduct(stop).await;
        std::future::pending::<()>().await;
    };
    let result = tokio::select! {
        result = session => result,
        () = server.keep_informed() => Ok(()),
        () = conducted => Ok(()),
    };
    ending.closing.cancel();
    server.none_followed().await;
    result
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use crate::mcp::fixture::{World, initialize, modern};

    /// What every client is offered.
    fn capabilities() -> serde_json::Value {
        json!({
            "tools": {"listChanged": true},
            "prompts": {"listChanged": true},
            "resources": {"listChanged": true, "subscribe": true},
            "completions": {},
            "logging": {},
        })
    }

    #[tokio::test]
    async fn each_revision_with_a_handshake_gets_its_own_answer() {
        for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
            let world = World::new();
            let mut client = world.client();
            let server = client.initialize(version).await;
            assert_eq!(server["protocolVersion"], version);
            assert_eq!(server["serverInfo"]["name"], "taskhost");
            let mut capabilities = capabilities();
            if version == "2025-11-25" {
                capabilities["tasks"] =
                    json!({"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}});
            }
            assert_eq!(server["capabilities"], capabilities);
            assert!(server["instructions"].as_str().unwrap().contains("token"));
            let answer = client.tool("echo", json!({"text": version})).await;
            assert_eq!(
                answer["result"],
                json!({
                    "content": [{"type": "text", "text": version}],
                    "structuredContent": {"text": version},
                    "isError": false,
                })
            );
            assert_eq!(client.call("ping", json!({})).await["result"], json!({}));
        }
    }

    #[tokio::test]
    async fn the_revision_without_a_handshake_is_served_request_by_request() {
        let world = World::new();
        let mut client = world.client();
        let found = client.call("server/discover", modern(json!({}))).await;
        let versions = found["result"]["supportedVersions"].as_array().unwrap();
        assert!(versions.contains(&json!("2026-07-28")), "{found}");
        let mut capabilities = capabilities();
        capabilities["extensions"] = json!({"io.modelcontextprotocol/tasks": {}});
        assert_eq!(found["result"]["capabilities"], capabilities);
        let listed = client.call("tools/list", modern(json!({}))).await;
        assert_eq!(listed["result"]["resultType"], "complete");
        assert!(listed["result"]["ttlMs"].is_u64(), "{listed}");
        let params = modern(json!({"name": "who"}));
        let answer = client.call("tools/call", params).await;
        assert_eq!(answer["result"]["resultType"], "complete");
        assert_eq!(answer["result"]["structuredContent"]["text"], "fixture");
        let signature = &answer["result"]["_meta"]["io.modelcontextprotocol/serverInfo"];
        assert_eq!(signature["name"], "taskhost");
        let params = modern(json!({"name": "echo", "arguments": {}}));
        let answer = client.call("tools/call", params).await;
        assert_eq!(answer["result"]["isError"], true);
    }

    #[tokio::test]
    async fn tools_are_shown_in_one_order_with_all_they_have() {
        let world = World::new();
        let mut client = world.client();
        client.initialize("2025-11-25").await;
        let answer = client.call("tools/list", json!({})).await;
        let tools = answer["result"]["tools"].as_array().unwrap();
        let names: Vec<_> = tools.iter().map(|tool| &tool["name"]).collect();
        assert_eq!(names, ["broken", "busy", "echo", "sleep", "who"]);
        assert_eq!(
            tools[2],
            json!({
                "name": "echo",
                "title": "echo, as lists show it",
                "description": "for tests",
                "inputSchema": {
                    "type": "object",
                    "properties": {"text": {"type": "string"}},
                    "required": ["text"],
                },
                "annotations": {"readOnlyHint": true},
                "execution": {"taskSupport": "forbidden"},
            })
        );
        let answer = client.call("tools/list", json!({"cursor": "2"})).await;
        assert_eq!(answer["error"]["code"], -32602);
    }

    #[tokio::test]
    async fn what_a_model_can_mend_it_reads_and_the_rest_is_a_protocol_error() {
        let world = World::new();
        let mut client = world.client();
        client.initialize("2025-11-25").await;

        let answer = client.tool("ecko", json!({})).await;
        assert_eq!(answer["error"]["code"], -32602);
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains("did you mean `echo`?"), "{message}");

        let answer = client.tool("echo", json!({"text": 1})).await;
        assert_eq!(answer["result"]["isError"], true);
        assert_eq!(answer["result"]["structuredContent"]["code"], "TH0721");

        let answer = client.tool("busy", json!({})).await;
        let payload = &answer["result"]["structuredContent"];
        assert_eq!(payload["retry_after_ms"], 250, "{answer}");
        assert_eq!(payload["is_error"], true);

        let answer = client.tool("broken", json!({})).await;
        assert_eq!(answer["error"]["code"], -32603);

        let answer = client.call("tools/call", json!({"name": 1})).await;
        assert_eq!(answer["error"]["code"], -32602);
        let answer = client.call("tasks/get", json!({"taskId": "x"})).await;
        assert_eq!(answer["error"]["code"], -32602);
        let answer = client.call("tasks/dance", json!({"taskId": "x"})).await;
        assert_eq!(answer["error"]["code"], -32601);
        let answer = client.call("no/such", json!({})).await;
        assert_eq!(answer["error"]["code"], -32601);
    }

    #[tokio::test]
    async fn a_line_that_is_no_message_is_answered_and_the_session_goes_on() {
        let world = World::new();
        let mut client = world.client();
        client.line("{").await;
        assert_eq!(client.next().await.unwrap()["error"]["code"], -32700);
        client.line([0xff, 0xfe]).await;
        assert_eq!(client.next().await.unwrap()["error"]["code"], -32700);
        client.line("x".repeat((4 << 20) + 1)).await;
        assert_eq!(client.next().await.unwrap()["error"]["code"], -32700);
        client.line("[]").await;
        assert_eq!(client.next().await.unwrap()["error"]["code"], -32600);
        client.line(r#"{"id": 7, "method": "ping"}"#).await;
        let answer = client.next().await.unwrap();
        assert_eq!(
            (&answer["error"]["code"], &answer["id"]),
            (&json!(-32600), &json!(7))
        );
        client.line("").await;
        client.notify("notifications/initialized", json!({})).await;
        client.initialize("2025-11-25").await;
        client.line("{").await;
        assert_eq!(client.next().await.unwrap()["error"]["code"], -32700);
        assert_eq!(client.call("ping", json!({})).await["result"], json!({}));
    }

    #[tokio::test]
    async fn all_requests_are_answered_after_the_input_has_ended() {
        let world = World::new();
        let mut client = world.client();
        client.ask("initialize", initialize("2025-11-25")).await;
        client.notify("notifications/initialized", json!({})).await;
        let mut asked = Vec::new();
        for ms in [300, 200, 100] {
            let params = json!({"name": "sleep", "arguments": {"ms": ms}});
            asked.push(client.ask("tools/call", params).await);
        }
        client.hang_up().await;
        for id in asked {
            let answer = client.answer(id).await;
            assert_eq!(answer["result"]["structuredContent"]["text"], "slept");
        }
        client.end().await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_outlives_its_client_by_too_much_is_told_to_come_back() {
        let world = World::new();
        let mut client = world.client();
        client.initialize("2025-11-25").await;
        let params = json!({"name": "sleep", "arguments": {"ms": 3_600_000}});
        let id = client.ask("tools/call", params).await;
        client.hang_up().await;
        let begun = tokio::time::Instant::now();
        let answer = client.answer(id).await;
        assert_eq!(answer["result"]["isError"], true, "{answer}");
        assert!(begun.elapsed() < Duration::from_secs(31));
        client.end().await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn stopping_leaves_calls_two_seconds() {
        let world = World::new();
        let mut client = world.client();
        client.initialize("2025-11-25").await;
        let short = json!({"name": "sleep", "arguments": {"ms": 1_000}});
        let short = client.ask("tools/call", short).await;
        let long = json!({"name": "sleep", "arguments": {"ms": 60_000}});
        let long = client.ask("tools/call", long).await;
        // The answer to this one says that the others have been read.
        client.call("ping", json!({})).await;
        let begun = tokio::time::Instant::now();
        client.stop.cancel();
        let answer = client.answer(short).await;
        assert_eq!(answer["result"]["isError"], false, "{answer}");
        let answer = client.answer(long).await;
        assert_eq!(answer["result"]["isError"], true, "{answer}");
        client.end().await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(3));
    }

    #[tokio::test]
    async fn a_client_that_never_said_anything_may_leave() {
        let world = World::new();
        let mut client = world.client();
        client.hang_up().await;
        client.end().await.unwrap();
        let client = world.client();
        client.stop.cancel();
        client.end().await.unwrap();
    }

    #[tokio::test]
    async fn a_cancelled_call_is_not_answered_and_not_waited_for() {
        let world = World::new();
        let mut client = world.client();
        client.initialize("2025-11-25").await;
        let params = json!({"name": "sleep", "arguments": {"ms": 3_600_000}});
        let id = client.ask("tools/call", params).await;
        client
            .notify("notifications/cancelled", json!({"requestId": id}))
            .await;
        client.hang_up().await;
        assert_eq!(client.next().await, None);
        client.end().await.unwrap();
    }

    #[tokio::test]
    async fn clients_hear_of_new_tools_in_both_ways() {
        let world = World::new();
        let mut session = world.client();
        session.initialize("2025-11-25").await;
        assert_eq!(session.tools().await.len(), 5);
        let mut subscriber = world.client();
        let params = modern(json!({"notifications": {"toolsListChanged": true}}));
        let id = subscriber.ask("subscriptions/listen", params).await;
        let acknowledged = subscriber.next().await.unwrap();
        assert_eq!(
            acknowledged["method"],
            "notifications/subscriptions/acknowledged"
        );

        world.add_task("more");
        let heard = session.next().await.unwrap();
        assert_eq!(heard["method"], "notifications/tools/list_changed");
        assert!(session.tools().await.contains(&"more".to_owned()));
        let heard = subscriber.next().await.unwrap();
        assert_eq!(heard["method"], "notifications/tools/list_changed");
        let meta = &heard["params"]["_meta"];
        assert_eq!(
            meta["io.modelcontextprotocol/subscriptionId"], id,
            "{heard}"
        );

        subscriber.hang_up().await;
        let last = subscriber.answer(id).await;
        assert_eq!(last["result"]["resultType"], "complete", "{last}");
        subscriber.end().await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_waits_for_tools_while_a_backend_starts_but_not_for_ever() {
        let world = World::starting();
        let mut client = world.client();
        client.initialize("2025-11-25").await;
        let begun = tokio::time::Instant::now();
        assert_eq!(client.tools().await.len(), 5);
        assert!(begun.elapsed() >= Duration::from_secs(5));
        let begun = tokio::time::Instant::now();
        assert_eq!(client.tools().await.len(), 5);
        assert!(begun.elapsed() < Duration::from_secs(1));

        world.add_task("late");
        world.ready();
        let heard = client.next().await.unwrap();
        assert_eq!(heard["method"], "notifications/tools/list_changed");
        assert!(client.tools().await.contains(&"late".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_tool_that_is_not_there_yet_is_waited_for() {
        let world = World::starting();
        world.add_task("late");
        let mut client = world.client();
        client.initialize("2025-11-25").await;
        let id = client.ask("tools/call", json!({"name": "late"})).await;
        client.call("ping", json!({})).await;
        world.ready();
        assert_eq!(client.answer(id).await["result"]["isError"], false);
    }
}
