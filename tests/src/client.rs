//! A small MCP client: requests in, answers out, notifications kept.

use std::error::Error;
use std::fmt;
use std::process::{ChildStdin, ChildStdout};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::wait::{SHORT, wait_for};

mod answer;
mod http;
mod listening;
mod native;
mod stdio;
mod task;

pub use answer::ToolAnswer;
pub use listening::Listening;
pub use native::NativeTask;
pub use task::Task;

use http::Http;
use stdio::Stdio;

/// May be shared: any number of requests may be under way.
#[derive(Debug)]
pub struct Client {
    wire: Wire,
    era: Era,
    last_id: AtomicU64,
}

/// How a client speaks, and which tasks it can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// 2025-11-25: a handshake, then a session. Tasks are asked for with each call.
    Handshake,
    /// 2026-07-28: no session. Every request says who asks, and that tasks may come back.
    Stateless,
}

#[derive(Debug)]
enum Wire {
    Stdio(Stdio),
    Http(Http),
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq)]
pub enum RpcError {
    /// The server answered with an error: its code and message.
    Refused(i64, String),
    /// There will be no answer. Why, for a person.
    Gone(String),
}

impl Client {
    /// Over the pipes of a host.
    pub fn stdio(stdin: ChildStdin, stdout: ChildStdout) -> Self {
        Self::over(Wire::Stdio(Stdio::new(stdin, stdout)))
    }

    /// Over Streamable HTTP, to an address that ends in `/mcp`.
    pub fn http(url: &str) -> Self {
        Self::over(Wire::Http(Http::new(url, None)))
    }

    /// Over Streamable HTTP, as the bearer of `token`.
    pub fn http_as(url: &str, token: &str) -> Self {
        Self::over(Wire::Http(Http::new(url, Some(token))))
    }

    /// Speaks like this from now on: with a handshake, unless this is called.
    #[must_use]
    pub fn speaking(mut self, era: Era) -> Self {
        self.era = era;
        self
    }

    /// The session that the handshake has opened. Over HTTP only.
    pub fn session(&self) -> Option<String> {
        self.wire_http().session()
    }

    /// Goes on in a session that somebody else may have opened. Over HTTP only.
    pub fn enter(&self, session: &str) {
        self.wire_http().enter(session);
    }

    fn over(wire: Wire) -> Self {
        Self {
            wire,
            era: Era::Handshake,
            last_id: AtomicU64::new(0),
        }
    }

    /// The handshake, or what stands in its place. Gives the server's answer.
    pub fn initialize(&self) -> Result<Value, RpcError> {
        if self.era == Era::Stateless {
            return self.request("server/discover", &json!({}));
        }
        self.introduce(&json!({}))
    }

    /// The handshake of a client that can do this much.
    pub fn introduce(&self, capabilities: &Value) -> Result<Value, RpcError> {
        let answer = self.request(
            "initialize",
            &json!({
                "protocolVersion": "2025-11-25",
                "capabilities": capabilities,
                "clientInfo": { "name": "taskhost-tests", "version": "1" },
            }),
        )?;
        self.notify("notifications/initialized")?;
        Ok(answer)
    }

    /// One request and its result.
    pub fn request(&self, method: &str, params: &Value) -> Result<Value, RpcError> {
        match &self.wire {
            Wire::Stdio(_) => self.answer(self.send(method, params)?),
            Wire::Http(http) => {
                let id = self.next_id();
                let request = self.message(&id.into(), method, params);
                http.request(id, &request, self.era).and_then(result_of)
            }
        }
    }

    /// Sends a request without waiting for its answer. Over stdio only.
    pub fn send(&self, method: &str, params: &Value) -> Result<u64, RpcError> {
        let id = self.next_id();
        let request = self.message(&id.into(), method, params);
        self.wire_stdio().send(&request)?;
        Ok(id)
    }

    /// The answer to what `send` has sent.
    pub fn answer(&self, id: u64) -> Result<Value, RpcError> {
        self.wire_stdio().answer(id).and_then(result_of)
    }

    /// Bytes as they are, for what no client should send.
    pub fn send_raw(&self, bytes: &[u8]) -> Result<(), RpcError> {
        self.wire_stdio().write(bytes)
    }

    /// What has come without having been asked for, oldest first.
    pub fn notifications(&self, method: &str) -> Vec<Value> {
        let all = match &self.wire {
            Wire::Stdio(stdio) => stdio.notifications(),
            Wire::Http(http) => http.notifications(),
        };
        all.into_iter()
            .filter(|message| message["method"] == method)
            .collect()
    }

    /// `tools/list`.
    ///
    /// # Panics
    /// When it is refused.
    pub fn tools(&self) -> Vec<Value> {
        let answer = self.request("tools/list", &json!({})).unwrap();
        answer["tools"].as_array().unwrap().clone()
    }

    /// The tool of that name, once there is one.
    ///
    /// # Panics
    /// When there is none after a while.
    pub fn tool(&self, name: &str) -> Value {
        wait_for(SHORT, &format!("there is a tool {name}"), || {
            self.find_tool(name)
        })
    }

    /// The tool of that name, if there is one.
    pub fn find_tool(&self, name: &str) -> Option<Value> {
        self.tools().into_iter().find(|tool| tool["name"] == name)
    }

    /// `tools/call`.
    ///
    /// # Panics
    /// When it is refused: a tool that fails is an answer, a call that fails is not.
    pub fn call(&self, tool: &str, arguments: &Value) -> ToolAnswer {
        self.try_call(tool, arguments)
            .unwrap_or_else(|e| panic!("{tool} {arguments}: {e}"))
    }

    /// `tools/call`, which may be refused.
    pub fn try_call(&self, tool: &str, arguments: &Value) -> Result<ToolAnswer, RpcError> {
        let params = json!({ "name": tool, "arguments": arguments });
        self.request("tools/call", &params).map(ToolAnswer::from)
    }

    /// Starts a task through its `_start` tool.
    ///
    /// # Panics
    /// When it is not started.
    pub fn start(&self, task: &str, arguments: &Value) -> Task<'_> {
        let answer = self.call(&format!("{task}_start"), arguments);
        self.task(task, &answer.token())
    }

    /// A task that was started before.
    pub fn task(&self, task: &str, token: &str) -> Task<'_> {
        Task::new(self, task, token)
    }

    /// Starts a task by a call of `tool`, in the task protocol of the client's era.
    ///
    /// # Panics
    /// When the answer is no task.
    pub fn start_native(&self, tool: &str, arguments: &Value) -> NativeTask<'_> {
        let mut params = json!({ "name": tool, "arguments": arguments });
        if self.era == Era::Handshake {
            params["task"] = json!({ "ttl": 3_600_000 });
        }
        let created = self.request("tools/call", &params).unwrap();
        let id = match self.era {
            Era::Handshake => &created["task"]["taskId"],
            Era::Stateless => &created["taskId"],
        };
        let id = id.as_str();
        self.native(id.unwrap_or_else(|| panic!("{tool} is no task: {created}")))
    }

    /// A task that was started before, by its id.
    pub fn native(&self, id: &str) -> NativeTask<'_> {
        NativeTask::new(self, id)
    }

    /// Listens to the changes of these tasks. Returns when the server has agreed to.
    ///
    /// # Panics
    /// When it does not agree to all of them.
    pub fn listen(&self, ids: &[&str]) -> Listening<'_> {
        assert_eq!(
            self.era,
            Era::Stateless,
            "only there is anything to listen to"
        );
        Listening::open(self, ids)
    }

    /// What a server agrees to tell of all that is `wanted`.
    ///
    /// # Panics
    /// When it refuses to tell anything.
    pub fn agreed(&self, wanted: &Value) -> Value {
        Listening::ask(self, wanted).1
    }

    /// Closes the pipe to the server: the client has left.
    pub fn hang_up(&self) {
        self.wire_stdio().hang_up();
    }

    fn notify(&self, method: &str) -> Result<(), RpcError> {
        let message = json!({ "jsonrpc": "2.0", "method": method });
        match &self.wire {
            Wire::Stdio(stdio) => stdio.send(&message),
            Wire::Http(http) => http.notify(&message, self.era),
        }
    }

    /// A request as the era has it.
    fn message(&self, id: &Value, method: &str, params: &Value) -> Value {
        let mut params = params.clone();
        if self.era == Era::Stateless {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": self.era.version(),
                "io.modelcontextprotocol/clientInfo": { "name": "taskhost-tests", "version": "1" },
                "io.modelcontextprotocol/clientCapabilities": {
                    "elicitation": {},
                    "extensions": { "io.modelcontextprotocol/tasks": {} },
                },
            });
        }
        json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
    }

    fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn wire_http(&self) -> &Http {
        match &self.wire {
            Wire::Http(http) => http,
            Wire::Stdio(_) => panic!("over HTTP only"),
        }
    }

    fn wire_stdio(&self) -> &Stdio {
        match &self.wire {
            Wire::Stdio(stdio) => stdio,
            Wire::Http(_) => panic!("over stdio only"),
        }
    }
}

impl Era {
    /// Of the protocol.
    pub fn version(self) -> &'static str {
        match self {
            Self::Handshake => "2025-11-25",
            Self::Stateless => "2026-07-28",
        }
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(code, message) => write!(f, "refused with {code}: {message}"),
            Self::Gone(why) => write!(f, "no answer: {why}"),
        }
    }
}

impl Error for RpcError {}

fn result_of(mut answer: Value) -> Result<Value, RpcError> {
    match answer.get("error") {
        None => Ok(answer["result"].take()),
        Some(error) => Err(RpcError::Refused(
            error["code"].as_i64().unwrap_or_default(),
            error["message"].as_str().unwrap_or_default().to_owned(),
        )),
    }
}
