//! A Restate server on ports of its own.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;

use crate::process::Process;
use crate::redis_server::free_port;
use crate::setup;
use crate::wait::{LONG, wait_for, wait_until};

/// Dropping it kills it and removes its files.
#[derive(Debug)]
pub struct RestateServer {
    ingress: u16,
    admin: u16,
    process: Process,
    dir: TempDir,
}

impl RestateServer {
    /// Returns when both interfaces answer.
    pub fn start() -> Self {
        let [ingress, admin, node] = [(); 3].map(|()| free_port());
        let dir = TempDir::with_prefix("taskhost-restate-").unwrap();
        let config = format!(
            "disable-telemetry = true\n\
             default-num-partitions = 2\n\
             rocksdb-total-memory-size = \"256.0 MiB\"\n\
             bind-ip = \"127.0.0.1\"\n\
             listen-mode = \"tcp\"\n\
             bind-port = {node}\n\
             base-dir = \"{}\"\n\
             [ingress]\n\
             bind-port = {ingress}\n\
             [admin]\n\
             bind-port = {admin}\n",
            dir.path().join("data").display()
        );
        fs::write(dir.path().join("restate.toml"), config).unwrap();
        let server = Self {
            ingress,
            admin,
            process: spawn(&dir),
            dir,
        };
        server.wait_until_ready();
        server
    }

    /// Where work is started.
    pub fn ingress(&self) -> String {
        format!("http://127.0.0.1:{}", self.ingress)
    }

    /// Where everything else is.
    pub fn admin(&self) -> String {
        format!("http://127.0.0.1:{}", self.admin)
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again after a kill: same ports, same files. Returns when it answers.
    pub fn restart(&mut self) {
        self.process = spawn(&self.dir);
        self.wait_until_ready();
    }

    /// Tells it of the worker at this URL.
    pub fn register(&self, worker: &str) {
        let body = json!({ "uri": worker, "force": true });
        let url = format!("{}/deployments", self.admin());
        wait_until(LONG, "the worker is registered", || {
            let sent = agent()
                .post(&url)
                .header("content-type", "application/json")
                .send(body.to_string());
            sent.is_ok_and(|answer| answer.status().is_success())
        });
    }

    /// Sends something to the ingress, as any other client of Restate would.
    pub fn post(&self, path: &str, body: &str) {
        let answer = agent()
            .post(format!("{}/{path}", self.ingress()))
            .header("content-type", "application/json")
            .send(body)
            .unwrap();
        assert!(answer.status().is_success(), "{path}: {answer:?}");
    }

    /// The rows of a query.
    pub fn query(&self, sql: &str) -> Vec<Value> {
        let mut answer = agent()
            .post(format!("{}/query", self.admin()))
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .send(json!({ "query": sql }).to_string())
            .unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        let rows: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        rows["rows"].as_array().cloned().unwrap_or_default()
    }

    /// The invocation that was started for the task with this token.
    pub fn invocation(&self, token: &str) -> Option<String> {
        let sql = format!("SELECT id FROM sys_invocation WHERE idempotency_key = '{token}'");
        let rows = self.query(&sql);
        rows.first()?["id"].as_str().map(str::to_owned)
    }

    /// `pause`, `resume`, `kill` or `purge`, which must be heard.
    pub fn tell(&self, invocation: &str, what: &str) {
        let url = format!("{}/invocations/{invocation}/{what}", self.admin());
        let answer = agent().patch(&url).send_empty().unwrap();
        assert!(answer.status().is_success(), "{what}: {answer:?}");
    }

    /// The interfaces answer before the partitions do, so one of these is asked, too.
    fn wait_until_ready(&self) {
        let health = format!("{}/health", self.admin());
        let nobody = "inv_1hWIrfRYPDCC2eGZLI7kRrDVuVUFYAYnNZ";
        let output = format!("{}/restate/invocation/{nobody}/output", self.ingress());
        wait_for(LONG, "Restate answers", || {
            agent().get(&health).call().ok()?;
            let answer = agent().get(&output).call().ok()?;
            (answer.status() == 404).then_some(())
        });
    }
}

fn spawn(dir: &TempDir) -> Process {
    let mut command = Command::new(setup::restate_server());
    command
        .arg("--config-file")
        .arg(dir.path().join("restate.toml"));
    Process::start("restate", command, &dir.path().join("log"), false)
}

/// Any status is an answer.
fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(10)));
    config.build().into()
}
