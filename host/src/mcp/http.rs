//! Many clients over Streamable HTTP, at `/mcp`.
//!
//! Who may come in, [`bearer`] asks. Where nobody is asked, other machines do not reach the address, and
//! whoever does needs the id of a task to do anything to it. Of the pages in a browser, none comes in that
//! is not listed.
//!
//! | it says | accepted |
//! |---|---|
//! | `Authorization` | the configured tokens; anything where there are none |
//! | `Host` | the names of the loopback address, and what is in [`Doors::hosts`] |
//! | `Origin` | absent, this very address, or in [`Doors::origins`]: no other page, not even a local one |
//!
//! **Bounds.** So many connections, each with a time to say what it wants; a request has a size and a time;
//! an idle connection is closed. Sessions of the older revisions are bounded in [`sessions`].
//!
//! **Ends** as [`Ending`] has it. What is left then are streams of clients that only listen; they are cut.

mod bearer;
mod doors;
mod envelope;
mod sessions;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::routing::get;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::LONGEST_MESSAGE;
use super::ending::{Ending, LAST_WORDS};
use super::reroute::Reroute;
use super::server::Server;
use super::speaker::Way;
use crate::error::{Code, Explain};
use crate::service::Service;
pub use bearer::Admission;
use bearer::Door;
pub use doors::Doors;
use envelope::Envelope;
use sessions::Sessions;

/// An address that clients can reach, and nobody answering yet.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    doors: Doors,
}

/// Connections at a time. More wait until one is closed. A client needs two or three.
const CONNECTIONS: usize = 256;
/// How long the head of a request may take, and how long a connection may be idle before it.
const IDLE: Duration = Duration::from_secs(30);
/// The largest head of a request, in bytes: twice what proxies let through.
const HEAD: usize = 16 << 10;
/// How often a stream says that it is alive: often enough for a proxy that gives up after a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

impl Listener {
    /// Listens at `address`, which other machines may reach only where `doors` ask who comes in. Port 0: any
    /// that is free.
    pub async fn bind(address: SocketAddr, doors: Doors) -> Result<Self, BindError> {
        if !address.ip().is_loopback() && !doors.admission.asks() {
            return Err(BindError::Exposed { address });
        }
        let taken = |source| BindError::Taken { address, source };
        let socket = TcpListener::bind(address).await.map_err(taken)?;
        let address = socket.local_addr().map_err(taken)?;
        Ok(Self {
            socket,
            address,
            doors,
        })
    }

    /// Where clients find it.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// Whether clients are asked who they are.
    pub fn asks(&self) -> bool {
        self.doors.admission.asks()
    }

    /// Serves all clients until `stop` is cancelled. Calls that are waiting then are answered, within two
    /// seconds.
    pub async fn serve(self, service: Service, stop: CancellationToken) {
        let ending = Ending::default();
        let server = Server::new(service, Way::Http, ending.clone(), Reroute::new());
        let sessions = Arc::new(Sessions::default());
        let streams = CancellationToken::new();
        let router = router(&server, &sessions, self.doors, self.address, &streams);
        let mut connections = JoinSet::new();
        tokio::select! {
            () = stop.cancelled() => {}
            () = accept(&self.socket, &router, &mut connections, &ending.closing) => {}
            () = server.keep_informed() => {}
            () = sessions.reap() => {}
        }
        drop(self.socket);
        tokio::select! {
            () = ending.conduct(&stop) => {}
            () = server.all_answered() => ending.closing.cancel(),
        }
        // Connections that are still busy have an answer to write.
        if !all_closed(&mut connections).await {
            streams.cancel();
            all_closed(&mut connections).await;
        }
        streams.cancel();
        ending.closing.cancel();
        server.none_followed().await;
    }
}

/// Why nobody can listen there.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Other machines could reach it, and nothing would ask them who they are.
    #[error("{address} can be reached from other machines")]
    Exposed {
        /// What was asked for.
        address: SocketAddr,
    },
    /// The system does not give it out.
    #[error("cannot listen at {address}")]
    Taken {
        /// What was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl Explain for BindError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Exposed { .. } => 751,
            Self::Taken { .. } => 752,
        })
    }

    fn help(&self) -> Vec<String> {
        match self {
            Self::Exposed { address } => vec![
                format!(
                    "listen at the loopback address: --http 127.0.0.1:{}",
                    address.port()
                ),
                "or say who may come in: taskhost token NAME --config taskhost.toml".to_owned(),
            ],
            Self::Taken { address, .. } => vec![format!(
                "choose another port, or any that is free: --http {}:0",
                address.ip()
            )],
        }
    }
}

fn router(
    server: &Server,
    sessions: &Arc<Sessions>,
    doors: Doors,
    address: SocketAddr,
    streams: &CancellationToken,
) -> Router {
    let config = StreamableHttpServerConfig::default()
        .with_allowed_hosts(doors.known_hosts(address))
        .with_allowed_origins(doors.known_origins(address))
        // One answer is plain JSON; a stream begins with the first notification.
        .with_json_response(true)
        .with_sse_keep_alive(Some(KEEP_ALIVE))
        .with_max_request_body_bytes(LONGEST_MESSAGE)
        .with_cancellation_token(streams.clone());
    let handler = server.clone();
    let mcp =
        StreamableHttpService::new(move || Ok(handler.in_session()), sessions.clone(), config);
    let lists = doors.admission.asks();
    let door = Arc::new(Door {
        admission: doors.admission,
        sessions: sessions.clone(),
    });
    Router::new()
        .route_service("/mcp", mcp)
        .layer(axum::middleware::from_fn_with_state(
            Arc::new(Envelope::new(server.reroute().clone(), doors.compat, lists)),
            envelope::open,
        ))
        .layer(axum::middleware::from_fn(doors::hurry_up))
        .layer(axum::middleware::from_fn_with_state(door, bearer::ask_who))
        .layer(axum::middleware::from_fn(doors::show_to_pages))
        .route("/healthz", get(async || "ok\n"))
}

/// Takes in connections, for ever.
async fn accept(
    listener: &TcpListener,
    router: &Router,
    connections: &mut JoinSet<()>,
    closing: &CancellationToken,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            Some(_) = connections.join_next() => {}
            (place, accepted) = next => match (place, accepted) {
                (Ok(place), Ok((stream, peer))) => {
                    let router = router.clone().layer(Extension(bearer::Peer(peer)));
                    connections.spawn(converse(stream, router, place, closing.clone()));
                }
                (_, Err(error)) => {
                    tracing::warn!("a connection was not accepted: {error}");
                    // No file descriptors, mostly: trying at once would not find one.
                    sleep(Duration::from_millis(100)).await;
                }
                (Err(_), _) => return,
            },
        }
    }
}

async fn converse(
    stream: TcpStream,
    router: Router,
    _place: OwnedSemaphorePermit,
    closing: CancellationToken,
) {
    // Answers are small and waited for.
    _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_header_size(HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!("a connection ended: {error}");
    }
}

async fn all_closed(connections: &mut JoinSet<()>) -> bool {
    timeout(LAST_WORDS, async {
        while connections.join_next().await.is_some() {}
    })
    .await
    .is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::task::JoinHandle;
    use tokio::time::Instant;

    use super::*;
    use crate::mcp::fixture::{World, initialize, modern};
    use crate::task::Principal;
    use crate::token::Token;

    struct Site {
        address: SocketAddr,
        stop: CancellationToken,
        serving: JoinHandle<()>,
    }

    struct Answer {
        status: u16,
        text: String,
    }

    impl Answer {
        fn header(&self, name: &str) -> Option<&str> {
            let head = self.text.split("\r\n\r\n").next().unwrap();
            head.lines().find_map(|line| {
                let (key, value) = line.split_once(": ")?;
                key.eq_ignore_ascii_case(name).then_some(value)
            })
        }

        /// JSON messages in the body, of a stream or alone.
        fn messages(&self) -> Vec<Value> {
            self.text
                .lines()
                .map(|line| line.strip_prefix("data:").unwrap_or(line).trim())
                .filter(|line| line.starts_with('{'))
                .map(|line| serde_json::from_str(line).unwrap())
                .collect()
        }
    }

    impl Site {
        async fn open(world: &World, doors: Doors) -> Self {
            let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), doors)
                .await
                .unwrap();
            let address = listener.address;
            assert_eq!(listener.url(), format!("http://{address}/mcp"));
            let stop = CancellationToken::new();
            let serving = tokio::spawn(listener.serve(world.service.clone(), stop.clone()));
            Self {
                address,
                stop,
                serving,
            }
        }

        async fn send(&self, head: &str, headers: &[(&str, &str)], body: &str) -> TcpStream {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            let mut lines = vec![
                format!("{head} HTTP/1.1"),
                "connection: close".to_owned(),
                "content-type: application/json".to_owned(),
                "accept: application/json, text/event-stream".to_owned(),
                format!("content-length: {}", body.len()),
            ];
            if !headers.iter().any(|(name, _)| *name == "host") {
                lines.push(format!("host: {}", self.address));
            }
            lines.extend(
                headers
                    .iter()
                    .map(|(name, value)| format!("{name}: {value}")),
            );
            let request = format!("{}\r\n\r\n{body}", lines.join("\r\n"));
            stream.write_all(request.as_bytes()).await.unwrap();
            stream
        }

        async fn ask(&self, head: &str, headers: &[(&str, &str)], body: &str) -> Answer {
            let mut stream = self.send(head, headers, body).await;
            let mut bytes = Vec::new();
            tokio::time::timeout(Duration::from_mins(1), stream.read_to_end(&mut bytes))
                .await
                .expect("the answer has no end")
                .unwrap();
            let text = String::from_utf8(bytes).unwrap();
            Answer {
                status: text[9..12].parse().unwrap(),
                text,
            }
        }

        async fn post(&self, headers: &[(&str, &str)], method: &str, params: Value) -> Answer {
            self.ask("POST /mcp", headers, &request(method, &params))
                .await
        }

        async fn modern(&self, method: &str, params: Value) -> Answer {
            let name = params["name"].as_str().unwrap_or_default().to_owned();
            let mut headers = vec![
                ("mcp-protocol-version", "2026-07-28"),
                ("mcp-method", method),
            ];
            if !name.is_empty() {
                headers.push(("mcp-name", &name));
            }
            self.post(&headers, method, modern(params)).await
        }

        /// Opens a session and returns its id.
        async fn session(&self, version: &str) -> String {
            let answer = self.post(&[], "initialize", initialize(version)).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let result = &answer.messages()[0]["result"];
            assert_eq!(result["protocolVersion"], version);
            let id = answer.header("mcp-session-id").unwrap().to_owned();
            let headers = [("mcp-session-id", &*id), ("mcp-protocol-version", version)];
            let initialized = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
            let answer = self.ask("POST /mcp", &headers, initialized).await;
            assert_eq!(answer.status, 202);
            id
        }

        async fn close(self) {
            self.stop.cancel();
            tokio::time::timeout(Duration::from_secs(10), self.serving)
                .await
                .expect("serving does not end")
                .unwrap();
        }
    }

    fn request(method: &str, params: &Value) -> String {
        json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()
    }

    #[tokio::test]
    async fn revisions_with_a_handshake_have_sessions() {
        let world = World::new();
        let site = Site::open(&world, Doors::default()).await;
        for version in ["2025-03-26", "2025-06-18", "2025-11-25"] {
            let id = site.session(version).await;
            let headers = [("mcp-session-id", &*id), ("mcp-protocol-version", version)];
            let answer = site.post(&headers, "tools/list", json!({})).await;
            let tools = answer.messages()[0]["result"]["tools"].clone();
            assert_eq!(tools.as_array().unwrap().len(), 5);
            let params = json!({"name": "echo", "arguments": {"text": "hello"}});
            let answer = site.post(&headers, "tools/call", params).await;
            let result = answer.messages()[0]["result"].clone();
            assert_eq!(result["structuredContent"]["text"], "hello");
            assert_eq!(result.get("resultType"), None);
            site.ask("DELETE /mcp", &headers, "").await;
            let answer = site.post(&headers, "tools/list", json!({})).await;
            assert_eq!(answer.status, 404);
        }
        site.close().await;
    }

    #[tokio::test]
    async fn the_revision_without_a_handshake_has_none_and_answers_in_plain_json() {
        let world = World::new();
        let site = Site::open(&world, Doors::default()).await;
        let answer = site.modern("server/discover", json!({})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let answer = site.modern("tools/list", json!({})).await;
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("mcp-session-id"), None);
        assert_eq!(answer.messages()[0]["result"]["resultType"], "complete");
        let answer = site.modern("tools/call", json!({"name": "who"})).await;
        let result = answer.messages()[0]["result"].clone();
        assert_eq!(result["structuredContent"]["text"], "fixture");
        let answer = site.modern("no/such", json!({})).await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.messages()[0]["error"]["code"], -32601);

        let headers = [
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/list"),
        ];
        let params = modern(json!({"name": "who"}));
        let answer = site.post(&headers, "tools/call", params).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.messages()[0]["error"]["code"], -32020);
        site.close().await;
    }

    #[tokio::test]
    async fn nobody_comes_in_under_another_name_or_from_a_page_that_is_not_listed() {
        let world = World::new();
        let doors = Doors {
            hosts: vec!["tasks.example".to_owned()],
            origins: vec!["http://localhost:6274".to_owned()],
            ..Doors::default()
        };
        let listed = Site::open(&world, doors).await;
        let site = Site::open(&world, Doors::default()).await;
        let knock = async |site: &Site, header: (&str, &str)| {
            let params = initialize("2025-11-25");
            site.post(&[header], "initialize", params).await.status
        };
        for (host, alone, with_list) in [
            ("localhost", 200, 200),
            ("LOCALHOST:7420", 200, 200),
            ("127.0.0.1:1", 200, 200),
            ("[::1]:7420", 200, 200),
            ("tasks.example", 403, 200),
            ("tasks.example:99", 403, 200),
            ("evil.example", 403, 403),
            ("localhost.evil.example", 403, 403),
            ("127.0.0.1.evil.example", 403, 403),
            ("localhost.", 403, 403),
            ("0.0.0.0", 403, 403),
        ] {
            assert_eq!(knock(&site, ("host", host)).await, alone, "{host}");
            assert_eq!(knock(&listed, ("host", host)).await, with_list, "{host}");
        }
        for (origin, with_list) in [
            ("http://localhost:6274", 200),
            ("http://localhost:6275", 403),
            ("https://localhost:6274", 403),
            ("http://localhost", 403),
            ("http://127.0.0.1:6274", 403),
            ("https://evil.example", 403),
            ("null", 403),
            ("rubbish", 403),
        ] {
            assert_eq!(knock(&site, ("origin", origin)).await, 403, "{origin}");
            assert_eq!(
                knock(&listed, ("origin", origin)).await,
                with_list,
                "{origin}"
            );
        }
        // What says that it is a page of this very server cannot be somebody else's.
        let own = format!("http://{}", site.address);
        assert_eq!(knock(&site, ("origin", &own)).await, 200);
        assert_eq!(knock(&listed, ("origin", &own)).await, 403);
        site.close().await;
        listed.close().await;
    }

    #[tokio::test]
    async fn a_browser_is_told_that_a_listed_page_may_read_the_answer() {
        let world = World::new();
        let doors = Doors {
            origins: vec!["http://localhost:6274".to_owned()],
            ..Doors::default()
        };
        let site = Site::open(&world, doors).await;
        let asks = |origin| {
            [
                ("origin", origin),
                ("access-control-request-method", "POST"),
                ("access-control-request-headers", "mcp-session-id"),
            ]
        };
        let answer = site
            .ask("OPTIONS /mcp", &asks("http://localhost:6274"), "")
            .await;
        assert_eq!(answer.status, 204);
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed, Some("http://localhost:6274"));
        let allowed = answer.header("access-control-allow-headers");
        assert_eq!(allowed, Some("mcp-session-id"));
        let answer = site
            .ask("OPTIONS /mcp", &asks("https://evil.example"), "")
            .await;
        assert_eq!(answer.status, 403);
        assert_eq!(answer.header("access-control-allow-origin"), None);
        site.close().await;
    }

    #[tokio::test]
    async fn who_has_no_token_is_told_so_and_not_let_in() {
        let world = World::new();
        let (doors, alice, _) = asking();
        let site = Site::open(&world, doors).await;
        let knock = async |headers: &[(&str, &str)]| {
            let params = initialize("2025-11-25");
            site.post(headers, "initialize", params).await
        };
        let answer = knock(&[]).await;
        assert_eq!(answer.status, 401);
        let challenge = answer.header("www-authenticate");
        assert_eq!(challenge, Some("Bearer realm=\"taskhost\""));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.messages()[0]["code"], "TH0753");
        assert!(answer.text.contains("Authorization: Bearer"));

        let wrong = Token::fresh().unwrap();
        let answer = knock(&[("authorization", &bearer(&wrong))]).await;
        assert_eq!(answer.status, 401);
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
        assert_eq!(answer.messages()[0]["code"], "TH0754");
        assert!(!answer.text.contains(wrong.text()));

        let alice = bearer(&alice);
        let alice = ("authorization", &*alice);
        assert_eq!(knock(&[alice]).await.status, 200);
        let query = format!("POST /mcp?access_token={}", alice.1);
        assert_eq!(
            site.ask(&query.replace("Bearer ", ""), &[], "{}")
                .await
                .status,
            401
        );
        assert_eq!(site.ask("GET /mcp", &[], "").await.status, 401);
        assert_eq!(site.ask("DELETE /mcp", &[], "").await.status, 401);
        assert_eq!(site.ask("GET /healthz", &[], "").await.status, 200);
        assert_eq!(site.modern("tools/list", json!({})).await.status, 401);

        // What is wrong about the name or the page comes first, whatever else is.
        let evil = ("origin", "https://evil.example");
        assert_eq!(knock(&[evil]).await.status, 403);
        assert_eq!(knock(&[evil, alice]).await.status, 403);
        assert_eq!(knock(&[("host", "evil.example")]).await.status, 403);
        let page = ("origin", "http://localhost:6274");
        let answer = knock(&[page]).await;
        assert_eq!(answer.status, 401);
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed, Some("http://localhost:6274"));
        assert_eq!(knock(&[page, alice]).await.status, 200);
        let asks = [page, ("access-control-request-method", "POST")];
        assert_eq!(site.ask("OPTIONS /mcp", &asks, "").await.status, 204);
        site.close().await;
    }

    #[tokio::test]
    async fn a_session_of_someone_else_is_one_that_never_was() {
        let world = World::new();
        let (doors, alice, bob) = asking();
        let site = Site::open(&world, doors).await;
        let [alice, bob] = [alice, bob].map(|token| bearer(&token));
        let opened = site
            .post(
                &[("authorization", &alice)],
                "initialize",
                initialize("2025-11-25"),
            )
            .await;
        let theirs = opened.header("mcp-session-id").unwrap();
        let never = "00000000-0000-4000-8000-000000000000";
        let use_it = async |who: &str, id: &str, head: &str, body: &str| {
            let headers = [
                ("authorization", who),
                ("mcp-session-id", id),
                ("mcp-protocol-version", "2025-11-25"),
            ];
            let answer = site.ask(head, &headers, body).await;
            let lines = answer.text.lines();
            let lines = lines.filter(|line| !line.starts_with("date: "));
            (answer.status, lines.collect::<Vec<_>>().join("\n"))
        };
        let call = request("tools/list", &json!({}));
        for (head, body) in [
            ("POST /mcp", &*call),
            (
                "POST /mcp",
                r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            ),
            ("GET /mcp", ""),
            ("DELETE /mcp", ""),
        ] {
            let other = use_it(&bob, theirs, head, body).await;
            assert_eq!(other, use_it(&bob, never, head, body).await, "{head}");
        }
        assert_eq!(use_it(&bob, theirs, "POST /mcp", &call).await.0, 404);
        assert_eq!(use_it(&alice, theirs, "POST /mcp", &call).await.0, 200);
        assert_eq!(use_it(&alice, theirs, "DELETE /mcp", "").await.0, 202);
        assert_eq!(use_it(&alice, theirs, "POST /mcp", &call).await.0, 404);
        site.close().await;
    }

    /// Doors for two, with their tokens, and for one page.
    fn asking() -> (Doors, Token, Token) {
        let [alice, bob] = [(), ()].map(|()| Token::fresh().unwrap());
        let named = |name| Principal::named(name).unwrap();
        let doors = Doors {
            origins: vec!["http://localhost:6274".to_owned()],
            admission: Admission::Bearers(vec![
                (alice.hash(), named("alice")),
                (bob.hash(), named("bob")),
            ]),
            ..Doors::default()
        };
        (doors, alice, bob)
    }

    fn bearer(token: &Token) -> String {
        format!("Bearer {}", token.text())
    }

    #[tokio::test]
    async fn what_is_too_large_or_no_request_is_refused() {
        let world = World::new();
        let site = Site::open(&world, Doors::default()).await;
        let large = "x".repeat(LONGEST_MESSAGE + 1);
        assert_eq!(site.ask("POST /mcp", &[], &large).await.status, 413);
        assert_eq!(site.ask("POST /mcp", &[], "{").await.status, 400);
        let long = "x".repeat(HEAD);
        assert_eq!(
            site.ask("POST /mcp", &[("x-long", &long)], "").await.status,
            431
        );
        assert_eq!(site.ask("GET /healthz", &[], "").await.status, 200);
        assert_eq!(site.ask("GET /", &[], "").await.status, 404);
        site.close().await;
    }

    #[tokio::test]
    async fn only_addresses_of_this_machine_are_listened_at_unless_callers_are_asked() {
        let open = Doors::default;
        let exposed = Listener::bind("0.0.0.0:0".parse().unwrap(), open()).await;
        assert_eq!(exposed.unwrap_err().code(), Code(751));
        let asking = Doors {
            admission: Admission::Bearers(Vec::new()),
            ..open()
        };
        Listener::bind("0.0.0.0:0".parse().unwrap(), asking)
            .await
            .unwrap();
        let first = Listener::bind("127.0.0.1:0".parse().unwrap(), open())
            .await
            .unwrap();
        let second = Listener::bind(first.address, open()).await;
        assert_eq!(second.unwrap_err().code(), Code(752));
    }

    #[tokio::test]
    async fn stopping_answers_the_calls_and_cuts_the_streams() {
        let world = World::new();
        let site = Site::open(&world, Doors::default()).await;
        let id = site.session("2025-11-25").await;
        let headers = [
            ("mcp-session-id", &*id),
            ("mcp-protocol-version", "2025-11-25"),
        ];
        let listening = site.ask("GET /mcp", &headers, "");
        let short = json!({"name": "sleep", "arguments": {"ms": 800}});
        let short = site.post(&headers, "tools/call", short);
        let long = json!({"name": "sleep", "arguments": {"ms": 60_000}});
        let long = site.modern("tools/call", long);
        let stop = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            site.stop.cancel();
            Instant::now()
        };
        let (listening, short, long, stopped) = tokio::join!(listening, short, long, stop);
        assert!(stopped.elapsed() < Duration::from_secs(4));
        assert_eq!(listening.status, 200);
        assert_eq!(short.messages()[0]["result"]["isError"], false);
        assert_eq!(long.messages()[0]["result"]["isError"], true);
        site.close().await;
    }

    #[tokio::test]
    async fn sessions_and_subscribers_hear_of_new_tools() {
        let world = World::new();
        let site = Site::open(&world, Doors::default()).await;
        let id = site.session("2025-11-25").await;
        let headers = [
            ("mcp-session-id", &*id),
            ("mcp-protocol-version", "2025-11-25"),
        ];
        let listening = site.ask("GET /mcp", &headers, "");
        let subscription = json!({"notifications": {"toolsListChanged": true}});
        let subscription = site.modern("subscriptions/listen", subscription);
        let change = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let mut toolbox = world.service.toolbox();
            let before = toolbox.borrow().tools().count();
            world.add_task("more");
            let more = toolbox.wait_for(|toolbox| toolbox.tools().count() > before);
            more.await.unwrap();
            tokio::time::sleep(Duration::from_millis(300)).await;
            site.stop.cancel();
        };
        let (listening, subscription, ()) = tokio::join!(listening, subscription, change);
        let heard = |answer: &Answer| {
            let methods = answer.messages();
            methods
                .iter()
                .filter(|message| message["method"] == "notifications/tools/list_changed")
                .count()
        };
        assert_eq!(heard(&listening), 1, "{}", listening.text);
        assert_eq!(heard(&subscription), 1, "{}", subscription.text);
        let last = subscription.messages().pop().unwrap();
        assert_eq!(last["result"]["resultType"], "complete");
        site.close().await;
    }
}
