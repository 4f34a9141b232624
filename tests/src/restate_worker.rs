//! A Restate worker: a real one, of the Python SDK on hypercorn.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::process::Process;
use crate::redis_server::free_port;
use crate::restate_server::RestateServer;
use crate::setup;
use crate::wait::{LONG, wait_until};

/// The handlers of `tests/fixtures/restate/worker.py`. Dropping it kills it.
///
/// Handlers that wait do so for files, so that a test says when they go on, and note each step in a
/// file, so that it can be counted.
#[derive(Debug)]
pub struct RestateWorker {
    port: u16,
    process: Process,
    dir: TempDir,
}

impl RestateWorker {
    /// Returns when the worker listens, and `server` knows of it.
    pub fn start(server: &RestateServer) -> Self {
        let port = free_port();
        let dir = TempDir::with_prefix("taskhost-restate-worker-").unwrap();
        let worker = Self {
            port,
            process: spawn(port, &dir),
            dir,
        };
        worker.wait_until_ready();
        server.register(&worker.url());
        worker
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again after a kill, at the same place.
    pub fn restart(&mut self) {
        self.process = spawn(self.port, &self.dir);
        self.wait_until_ready();
    }

    /// Lets whoever waits for this go on.
    pub fn open(&self, gate: &str) {
        fs::write(self.dir.path().join(gate), "").unwrap();
    }

    /// How often handlers have noted this.
    pub fn count(&self, note: &str) -> usize {
        let notes = fs::read_to_string(self.notes()).unwrap_or_default();
        notes.lines().filter(|line| *line == note).count()
    }

    /// Returns when handlers have noted this so often.
    pub fn wait_for(&self, note: &str, times: usize) {
        wait_until(LONG, &format!("{note} was noted"), || {
            self.count(note) >= times
        });
    }

    fn notes(&self) -> PathBuf {
        self.dir.path().join("notes")
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn wait_until_ready(&self) {
        wait_until(LONG, "the worker listens", || {
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
    }
}

fn spawn(port: u16, dir: &TempDir) -> Process {
    let mut command = Command::new(setup::restate_python());
    command
        .arg(setup::fixture("restate/worker.py"))
        .arg(port.to_string())
        .env("LAB_DIR", dir.path())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    Process::start("restate-worker", command, &dir.path().join("log"), false)
}
