//! Streamable HTTP: one POST for each message, an answer as JSON or as an event stream.

use std::io::{BufRead, BufReader};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use ureq::http::Response;
use ureq::{Agent, Body};

use super::{Era, RpcError};

const PATIENCE: Duration = Duration::from_secs(90);
/// Longer than any test listens.
const STREAM: Duration = Duration::from_mins(15);

#[derive(Debug)]
pub(super) struct Http {
    url: String,
    agent: Agent,
    bearer: Option<String>,
    session: Mutex<Option<String>>,
    notifications: Mutex<Vec<Value>>,
}

impl Http {
    pub(super) fn new(url: &str, bearer: Option<&str>) -> Self {
        let config = Agent::config_builder().http_status_as_error(false);
        Self {
            url: url.to_owned(),
            agent: config.build().into(),
            bearer: bearer.map(str::to_owned),
            session: Mutex::default(),
            notifications: Mutex::default(),
        }
    }

    pub(super) fn request(&self, id: u64, message: &Value, era: Era) -> Result<Value, RpcError> {
        let response = self.post(message, era, PATIENCE)?;
        let is_stream = header(&response, "content-type").starts_with("text/event-stream");
        let mut body = BufReader::new(response.into_body().into_reader());
        if !is_stream {
            return serde_json::from_reader(body).map_err(|e| RpcError::Gone(e.to_string()));
        }
        let mut line = String::new();
        while body
            .read_line(&mut line)
            .map_err(|e| RpcError::Gone(e.to_string()))?
            > 0
        {
            let message = line
                .strip_prefix("data:")
                .and_then(|m| serde_json::from_str(m).ok());
            match message {
                Some(Value::Object(m)) if m.get("id") == Some(&id.into()) => {
                    return Ok(Value::Object(m));
                }
                Some(notification) => self.notifications.lock().unwrap().push(notification),
                None => {}
            }
            line.clear();
        }
        Err(RpcError::Gone(
            "the event stream ended without the answer".into(),
        ))
    }

    pub(super) fn notify(&self, message: &Value, era: Era) -> Result<(), RpcError> {
        self.post(message, era, PATIENCE).map(drop)
    }

    /// The event stream that `message` is answered with, message by message, until it ends.
    pub(super) fn stream(
        &self,
        message: &Value,
    ) -> Result<impl Iterator<Item = Value> + use<>, RpcError> {
        let response = self.post(message, Era::Stateless, STREAM)?;
        let lines = BufReader::new(response.into_body().into_reader()).lines();
        Ok(lines
            .map_while(Result::ok)
            .filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?).ok()))
    }

    pub(super) fn session(&self) -> Option<String> {
        self.session.lock().unwrap().clone()
    }

    pub(super) fn enter(&self, session: &str) {
        *self.session.lock().unwrap() = Some(session.to_owned());
    }

    pub(super) fn notifications(&self) -> Vec<Value> {
        self.notifications.lock().unwrap().clone()
    }

    fn post(
        &self,
        message: &Value,
        era: Era,
        patience: Duration,
    ) -> Result<Response<Body>, RpcError> {
        let mut request = self
            .agent
            .post(&self.url)
            .config()
            .timeout_global(Some(patience))
            .build()
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        if let Some(token) = &self.bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let session = self.session.lock().unwrap().clone();
        if let Some(session) = session {
            request = request.header("mcp-session-id", session);
            request = request.header("mcp-protocol-version", era.version());
        }
        if era == Era::Stateless {
            let params = &message["params"];
            let method = message["method"].as_str().unwrap_or_default();
            request = request
                .header("mcp-protocol-version", era.version())
                .header("mcp-method", method);
            let name = ["name", "taskId", "uri"];
            if let Some(name) = name.iter().find_map(|key| params[key].as_str()) {
                request = request.header("mcp-name", name);
            }
        }
        let sent = request.send(message.to_string());
        let mut response = sent.map_err(|e| RpcError::Gone(e.to_string()))?;
        let is_json = header(&response, "content-type").starts_with("application/json");
        let is_answer = response.status().is_success() || (era == Era::Stateless && is_json);
        if !is_answer {
            let body = response.body_mut().read_to_string().unwrap_or_default();
            return Err(RpcError::Gone(format!("{}: {body}", response.status())));
        }
        let session = header(&response, "mcp-session-id");
        if !session.is_empty() {
            *self.session.lock().unwrap() = Some(session);
        }
        Ok(response)
    }
}

fn header(response: &Response<Body>, name: &str) -> String {
    response
        .headers()
        .get(name)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default()
        .to_owned()
}
