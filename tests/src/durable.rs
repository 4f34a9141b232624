//! A Durable Task server and a worker: real ones, of the Python package, each a process of its own.

use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::host::HostBuilder;
use crate::process::Process;
use crate::redis_server::free_port;
use crate::setup;
use crate::wait::{LONG, wait_until};

/// What is installed for both, and for the example.
const PACKAGES: [&str; 2] = ["durabletask==1.12.0", "mcp==2.3.*"];

/// Who may call, where not everybody may.
pub const TOKEN: &str = "a-token-of-the-lab";
/// And in which task hub.
pub const TASKHUB: &str = "lab";

/// The server in memory. Dropping it kills it.
#[derive(Debug)]
pub struct DurableServer {
    port: u16,
    guarded: bool,
    process: Process,
    dir: TempDir,
}

/// A worker with the orchestrations of `tests/fixtures/durabletask/worker.py`. Dropping it kills it.
#[derive(Debug)]
pub struct DurableWorker {
    process: Process,
    _dir: TempDir,
}

impl DurableServer {
    /// Returns when it serves everybody.
    pub fn start() -> Self {
        Self::new(false)
    }

    /// Returns when it serves whoever calls with [`TOKEN`] in [`TASKHUB`].
    pub fn guarded() -> Self {
        Self::new(true)
    }

    fn new(guarded: bool) -> Self {
        let (port, dir) = (
            free_port(),
            TempDir::with_prefix("taskhost-durable-").unwrap(),
        );
        let process = serve(port, guarded, &dir);
        let server = Self {
            port,
            guarded,
            process,
            dir,
        };
        server.wait_for_lines("serving", 1);
        server
    }

    /// `host:port`.
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where it listens on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `http://host:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.authority())
    }

    /// It is gone, and its port with it. It keeps what it knows for [`Self::come_back`].
    pub fn go(&self) {
        self.turn(Signal::USR1, "gone");
    }

    /// It is there again.
    pub fn come_back(&self) {
        self.turn(Signal::USR2, "back");
    }

    /// Another one takes its place, which knows nothing.
    pub fn replace(&mut self) {
        self.process.kill();
        let before = self.count("serving");
        self.process = serve(self.port, self.guarded, &self.dir);
        self.wait_for_lines("serving", before + 1);
    }

    /// Stops it in its tracks: connections stay open and nothing is answered.
    pub fn freeze(&self) {
        self.process.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.process.signal(Signal::CONT);
    }

    fn turn(&self, signal: Signal, line: &str) {
        let before = self.count(line);
        self.process.signal(signal);
        self.wait_for_lines(line, before + 1);
    }

    fn wait_for_lines(&self, line: &str, count: usize) {
        wait_until(LONG, &format!("the server is {line}"), || {
            self.count(line) >= count
        });
    }

    fn count(&self, line: &str) -> usize {
        self.process
            .log()
            .lines()
            .filter(|one| *one == line)
            .count()
    }

    /// The command line of a host for this server, which may start all orchestrations of the worker, and
    /// control them.
    ///
    /// # Panics
    /// When the component is missing.
    pub fn host(&self) -> HostBuilder {
        Self::host_without_endpoint(&self.authority()).set("durabletask.endpoint", &self.url())
    }

    /// The same, which is granted the server at `authority`, and not told of it.
    ///
    /// # Panics
    /// When the component is missing.
    pub fn host_without_endpoint(authority: &str) -> HostBuilder {
        let component = setup::component("durabletask");
        let backend = format!("durabletask={}", component.display());
        let grant = format!("durabletask:tcp={authority}");
        let mut host = HostBuilder::bare()
            .args(["--backend", &backend, "--strategy", "polling"])
            .args(["--allow", &grant])
            .set("durabletask.controls", "true")
            .set("durabletask.poll_ms", "100");
        for name in [
            "echo",
            "report",
            "failing",
            "forever",
            "until_released",
            "approvals",
            "nobody_knows",
        ] {
            let key = format!("durabletask.orchestrations.{name}.orchestration");
            host = host.set(&key, name);
        }
        host
    }
}

impl DurableWorker {
    /// Returns when it is at work.
    pub fn start(server: &DurableServer) -> Self {
        let dir = TempDir::with_prefix("taskhost-durable-worker-").unwrap();
        let mut command = python("worker.py", server.guarded);
        command.arg(server.authority());
        let process = Process::start("durable worker", command, &dir.path().join("log"), false);
        wait_until(LONG, "the worker is connected", || {
            process.log().contains("Successfully connected")
        });
        Self { process, _dir: dir }
    }

    /// How often the orchestration `echo` has run for this task.
    pub fn runs(&self, token: &str) -> usize {
        let line = format!("ran {token}");
        let log = self.process.log();
        log.lines().filter(|one| *one == line).count()
    }
}

/// The interpreter with the package installed.
pub fn durable_python() -> PathBuf {
    setup::python("durabletask-1.12", &PACKAGES)
}

/// The message of a task that is on its way.
pub fn message(status: &Value) -> &str {
    status["metadata"]["message"].as_str().unwrap_or_default()
}

fn serve(port: u16, guarded: bool, dir: &TempDir) -> Process {
    let mut command = python("server.py", guarded);
    command.arg(port.to_string());
    Process::start("durable server", command, &dir.path().join("log"), false)
}

fn python(script: &str, guarded: bool) -> Command {
    let mut command = Command::new(durable_python());
    command
        .arg(setup::fixture("durabletask").join(script))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    if guarded {
        command.env("LAB_TOKEN", TOKEN).env("LAB_TASKHUB", TASKHUB);
    }
    command
}
