//! A service of plain Rust types, and a client that speaks JSON and knows nothing of rmcp.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::stdio::{SessionError, serve_on};
use crate::clock::SystemClock;
use crate::config::settings::Settings;
use crate::plugin::{
    Backend, CallError, CallPort, CancelAnswer, Document, DocumentBody, EventSink as _, Health,
    Meter, Reference, Reply, Shown, StartWork, Strategy, TaskSupport, Tool, ToolCaller, Work,
};
use crate::service::exhibit::Exhibit;
use crate::service::follow::Mailbox;
use crate::service::{Attached, Service};
use crate::store::memory::MemoryStore;
use crate::task::{Definition, Handle, Json, Observation, Response};

/// A service with one strategy, `tools`, and one backend whose tasks and health the test decides.
pub(super) struct World {
    pub(super) service: Service,
    tasks: Arc<Mutex<Vec<String>>>,
    health: watch::Sender<Health>,
    mailbox: Arc<Mailbox>,
}

impl World {
    /// With a backend that is ready.
    pub(super) fn new() -> Self {
        let world = Self::starting();
        world.ready();
        world
    }

    /// With a backend that is still starting.
    pub(super) fn starting() -> Self {
        let tasks: Arc<Mutex<Vec<String>>> = Arc::default();
        let health = watch::Sender::new(Health::Starting {
            ended: 0,
            after: None,
        });
        let mailbox = Arc::new(Mailbox::default());
        let service = Service::new(
            Arc::new(MemoryStore::new()),
            Arc::new(SystemClock::default()),
            Settings::default(),
            vec![Attached::new(
                Arc::new(Tasks {
                    tasks: tasks.clone(),
                    health: health.clone(),
                }),
                mailbox.clone(),
                Duration::from_millis(20),
            )],
            vec![Exhibit::all(Arc::new(Tools {
                health: watch::Sender::new(Health::Ready { generation: 1 }),
            }))],
        );
        service.begin().unwrap();
        Self {
            service,
            tasks,
            health,
            mailbox,
        }
    }

    pub(super) fn ready(&self) {
        self.health.send_replace(Health::Ready { generation: 1 });
    }

    /// The backend has one task more, and with it the strategy one tool more.
    pub(super) fn add_task(&self, name: &str) {
        self.tasks.lock().unwrap().push(name.to_owned());
        self.mailbox.catalog_changed();
    }

    /// A client on pipes.
    pub(super) fn client(&self) -> Client {
        let (here, there) = tokio::io::duplex(1 << 16);
        let (input, output) = tokio::io::split(there);
        let stop = CancellationToken::new();
        let service = self.service.clone();
        let serving = tokio::spawn({
            let stop = stop.clone();
            async move { Box::pin(serve_on(service, input, output, &stop)).await }
        });
        let (input, output) = tokio::io::split(here);
        Client {
            input: BufReader::new(input),
            output: Some(output),
            others: VecDeque::new(),
            asked: 0,
            stop,
            serving,
        }
    }
}

/// A client. Reads and writes lines.
pub(super) struct Client {
    input: BufReader<ReadHalf<DuplexStream>>,
    output: Option<tokio::io::WriteHalf<DuplexStream>>,
    /// Messages that were read while another one was waited for.
    others: VecDeque<Value>,
    asked: u64,
    pub(super) stop: CancellationToken,
    serving: JoinHandle<Result<(), SessionError>>,
}

impl Client {
    /// Sends one line as it is.
    pub(super) async fn line(&mut self, line: impl AsRef<[u8]>) {
        let output = self.output.as_mut().unwrap();
        output.write_all(line.as_ref()).await.unwrap();
        output.write_all(b"\n").await.unwrap();
    }

    /// The next message, or `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Value> {
        if let Some(message) = self.others.pop_front() {
            return Some(message);
        }
        self.read().await
    }

    async fn read(&mut self) -> Option<Value> {
        let mut line = String::new();
        let read = self.input.read_line(&mut line);
        let read = tokio::time::timeout(Duration::from_mins(1), read);
        match read.await.expect("nothing came").unwrap() {
            0 => None,
            _ => Some(serde_json::from_str(&line).unwrap()),
        }
    }

    /// Sends a request without waiting, and says what its id is.
    pub(super) async fn ask(&mut self, method: &str, params: Value) -> u64 {
        self.asked += 1;
        let id = self.asked;
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.line(request.to_string()).await;
        id
    }

    /// The answer to the request with this id. Everything else is kept for [`Client::next`].
    pub(super) async fn answer(&mut self, id: u64) -> Value {
        let is_it = |message: &Value| message["id"] == id && message.get("method").is_none();
        if let Some(at) = self.others.iter().position(is_it) {
            return self.others.remove(at).unwrap();
        }
        loop {
            let message = self.read().await.expect("the end came before the answer");
            if is_it(&message) {
                return message;
            }
            self.others.push_back(message);
        }
    }

    pub(super) async fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params).await;
        self.answer(id).await
    }

    pub(super) async fn notify(&mut self, method: &str, params: Value) {
        let notification = json!({"jsonrpc": "2.0", "method": method, "params": params});
        self.line(notification.to_string()).await;
    }

    /// Opens a session and returns what the server says of itself.
    pub(super) async fn initialize(&mut self, version: &str) -> Value {
        let answer = self.call("initialize", initialize(version)).await;
        self.notify("notifications/initialized", json!({})).await;
        answer["result"].clone()
    }

    pub(super) async fn tool(&mut self, name: &str, arguments: Value) -> Value {
        self.call("tools/call", json!({"name": name, "arguments": arguments}))
            .await
    }

    pub(super) async fn tools(&mut self) -> Vec<String> {
        let answer = self.call("tools/list", json!({})).await;
        let tools = answer["result"]["tools"].as_array().unwrap();
        tools
            .iter()
            .map(|tool| tool["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Closes this end.
    pub(super) async fn hang_up(&mut self) {
        if let Some(mut output) = self.output.take() {
            output.shutdown().await.unwrap();
        }
    }

    /// How serving ended.
    pub(super) async fn end(self) -> Result<(), SessionError> {
        let Self { serving, .. } = self;
        tokio::time::timeout(Duration::from_mins(1), serving)
            .await
            .expect("serving does not end")
            .unwrap()
    }
}

/// The parameters of `initialize`.
pub(super) fn initialize(version: &str) -> Value {
    json!({
        "protocolVersion": version,
        "capabilities": {},
        "clientInfo": {"name": "fixture", "version": "1"},
    })
}

/// `params` with what each request of 2026-07-28 carries.
pub(super) fn modern(mut params: Value) -> Value {
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
    params["_meta"]["io.modelcontextprotocol/clientInfo"] =
        json!({"name": "fixture", "version": "1"});
    params
}

/// Lists tasks and runs none.
struct Tasks {
    tasks: Arc<Mutex<Vec<String>>>,
    health: watch::Sender<Health>,
}

impl Backend for Tasks {
    fn name(&self) -> &'static str {
        "tasks"
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    fn meter(&self) -> Arc<Meter> {
        Arc::default()
    }

    fn list_tasks(&self) -> BoxFuture<'_, Result<Vec<Definition>, CallError>> {
        let tasks = self.tasks.lock().unwrap().clone();
        let definitions = tasks.into_iter().map(|name| Definition {
            name,
            title: None,
            description: None,
            input_schema: Json::empty_object(),
            output_schema: None,
            cancellable: false,
            idempotent: false,
            estimate_ms: None,
            timeout_ms: None,
            strategy: None,
        });
        let definitions = definitions.collect();
        Box::pin(async move { Ok(definitions) })
    }

    fn start(&self, _start: StartWork) -> BoxFuture<'_, Result<Handle, CallError>> {
        Box::pin(async { Err(CallError::Stopping) })
    }

    fn observe<'a>(
        &'a self,
        works: &'a [Work],
    ) -> BoxFuture<'a, Result<Vec<Result<Observation, CallError>>, CallError>> {
        let observations = works.iter().map(|_| Ok(Observation::Unknown)).collect();
        Box::pin(async move { Ok(observations) })
    }

    fn cancel<'a>(
        &'a self,
        _work: &'a Work,
        _reason: Option<String>,
    ) -> BoxFuture<'a, Result<CancelAnswer, CallError>> {
        Box::pin(async { Ok(CancelAnswer::Unsupported) })
    }

    fn answer<'a>(
        &'a self,
        _work: &'a Work,
        _key: String,
        _response: &'a Response,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async { Err(CallError::Stopping) })
    }

    fn release<'a>(&'a self, _work: &'a Work) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async { Ok(()) })
    }
}

/// `echo`, `sleep`, `who`, `busy`, and one tool that answers nothing for each task.
struct Tools {
    health: watch::Sender<Health>,
}

impl Strategy for Tools {
    fn name(&self) -> &'static str {
        "tools"
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    fn meter(&self) -> Arc<Meter> {
        Arc::default()
    }

    fn show<'a>(&'a self, catalog: &'a [Definition]) -> BoxFuture<'a, Result<Shown, CallError>> {
        let text = json!({
            "type": "object",
            "properties": {"text": {"type": "string"}},
            "required": ["text"],
        });
        let mut tools = vec![
            tool("echo", &text),
            tool("sleep", &json!({"type": "object"})),
            tool("who", &json!({"type": "object"})),
            tool("busy", &json!({"type": "object"})),
            tool("broken", &json!({"type": "object"})),
        ];
        tools.extend(
            catalog
                .iter()
                .map(|task| tool(&task.name, &json!({"type": "object"}))),
        );
        let shown = Shown {
            tools,
            ..Shown::default()
        };
        Box::pin(async move { Ok(shown) })
    }

    fn get_prompt<'a>(
        &'a self,
        _port: CallPort,
        _caller: ToolCaller,
        _name: String,
        _arguments: &'a Json,
    ) -> BoxFuture<'a, Result<Reply, CallError>> {
        Box::pin(async { Err(CallError::Stopping) })
    }

    fn read_resource(
        &self,
        _port: CallPort,
        _uri: String,
    ) -> BoxFuture<'_, Result<(Document, DocumentBody), CallError>> {
        Box::pin(async { Err(CallError::Stopping) })
    }

    fn complete(
        &self,
        _port: CallPort,
        _reference: Reference,
        _argument: String,
        _value: String,
    ) -> BoxFuture<'_, Result<Vec<String>, CallError>> {
        Box::pin(async { Err(CallError::Stopping) })
    }

    fn call_tool<'a>(
        &'a self,
        _port: CallPort,
        caller: ToolCaller,
        route: String,
        arguments: &'a Json,
    ) -> BoxFuture<'a, Result<Reply, CallError>> {
        let arguments = arguments.value();
        Box::pin(async move {
            match route.as_str() {
                "echo" => Ok(says(arguments["text"].as_str().unwrap())),
                "sleep" => {
                    let pause = Duration::from_millis(arguments["ms"].as_u64().unwrap());
                    tokio::time::sleep(pause).await;
                    Ok(says("slept"))
                }
                "who" => Ok(says(&caller.client_name.unwrap_or_default())),
                "busy" => Err(CallError::Busy {
                    component: "tools".to_owned(),
                    retry_ms: Some(250),
                }),
                "broken" => panic!("a defect"),
                _ => Ok(says("")),
            }
        })
    }
}

fn tool(name: &str, input_schema: &Value) -> Tool {
    Tool {
        name: name.to_owned(),
        route: name.to_owned(),
        title: Some(format!("{name}, as lists show it")),
        description: Some("for tests".to_owned()),
        input_schema: Json::of(input_schema),
        output_schema: None,
        annotations: Some(Json::of(&json!({"readOnlyHint": true}))),
        meta: None,
        task_support: TaskSupport::Forbidden,
    }
}

fn says(text: &str) -> Reply {
    Reply::Answer(Json::of(&json!({
        "content": [{"type": "text", "text": text}],
        "structuredContent": {"text": text},
        "isError": false,
    })))
}
