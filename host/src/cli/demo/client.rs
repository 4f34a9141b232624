//! As much of an MCP client as the demo needs: JSON-RPC over a host's standard input and output.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::{PATIENCE, broken};
use crate::error::Report;

/// A host in a process of its own, and the client's end of it.
pub(super) struct Client {
    host: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    last: u64,
}

impl Client {
    /// Starts a host on `data_dir`, and greets it.
    pub(super) async fn start(data_dir: &Path) -> Result<Self, Report> {
        let failed = |error: std::io::Error| broken(&format!("the host does not start: {error}"));
        let program = std::env::current_exe().map_err(failed)?;
        let mut host = Command::new(program)
            .args([
                "run",
                "--strategy",
                "polling",
                "--log",
                "error",
                "--data-dir",
            ])
            .arg(data_dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let (Some(input), Some(output)) = (host.stdin.take(), host.stdout.take()) else {
            return Err(broken("the host has no standard input and output"));
        };
        let mut client = Self {
            host,
            input,
            output: BufReader::new(output).lines(),
            last: 0,
        };
        let hello = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "taskhost-demo", "version": env!("CARGO_PKG_VERSION")},
        });
        client.ask("initialize", hello).await?;
        client
            .send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
            .await?;
        Ok(client)
    }

    /// Names of all tools.
    pub(super) async fn tools(&mut self) -> Result<Vec<String>, Report> {
        let listed = self.ask("tools/list", json!({})).await?;
        let tools = listed
            .get("tools")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        Ok(tools
            .iter()
            .filter_map(|tool| Some(tool.get("name")?.as_str()?.to_owned()))
            .collect())
    }

    /// The structured content of one tool's answer.
    pub(super) async fn call(&mut self, tool: &str, arguments: Value) -> Result<Value, Report> {
        let answer = self
            .ask("tools/call", json!({"name": tool, "arguments": arguments}))
            .await?;
        Ok(answer.get("structuredContent").cloned().unwrap_or(answer))
    }

    /// `SIGKILL`, and waits until the process is gone.
    pub(super) async fn kill(mut self) -> Result<(), Report> {
        self.host
            .kill()
            .await
            .map_err(|error| broken(&format!("the host cannot be killed: {error}")))
    }

    /// Closes standard input, and waits until the host has ended by itself.
    pub(super) async fn end(mut self) -> Result<(), Report> {
        drop(self.input);
        match tokio::time::timeout(PATIENCE, self.host.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(broken(&format!("the host ended with {status}"))),
            Ok(Err(error)) => Err(broken(&error.to_string())),
            Err(_) => Err(broken("the host did not end when its input did")),
        }
    }

    async fn ask(&mut self, method: &str, params: Value) -> Result<Value, Report> {
        self.last += 1;
        let id = self.last;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
            .await?;
        let answered = async {
            loop {
                let line = match self.output.next_line().await {
                    Ok(Some(line)) => line,
                    Ok(None) => return Err(broken(&format!("the host ended during `{method}`"))),
                    Err(error) => return Err(broken(&error.to_string())),
                };
                let Ok(mut message) = serde_json::from_str::<Value>(&line) else {
                    return Err(broken(&format!(
                        "the host said something that is not JSON: {line}"
                    )));
                };
                if message.get("id") != Some(&json!(id)) {
                    continue;
                }
                if let Some(error) = message.get("error") {
                    return Err(broken(&format!(
                        "`{method}` was answered by an error: {error}"
                    )));
                }
                return Ok(message
                    .get_mut("result")
                    .map(Value::take)
                    .unwrap_or_default());
            }
        };
        tokio::time::timeout(PATIENCE, answered)
            .await
            .unwrap_or_else(|_| Err(broken(&format!("no answer to `{method}`"))))
    }

    async fn send(&mut self, message: &Value) -> Result<(), Report> {
        let line = format!("{message}\n");
        let sent = async {
            self.input.write_all(line.as_bytes()).await?;
            self.input.flush().await
        };
        sent.await
            .map_err(|error: std::io::Error| broken(&format!("the host does not listen: {error}")))
    }
}
