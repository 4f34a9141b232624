//! A Redis server on a port of its own.

use std::net::TcpListener;
use std::process::{self, Command};
use std::sync::atomic::{AtomicU16, Ordering};

use redis::{Client, Connection, FromRedisValue};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::process::Process;
use crate::setup;
use crate::wait::{SHORT, wait_for};

/// Dropping it kills it and removes its files.
#[derive(Debug)]
pub struct RedisServer {
    port: u16,
    options: RedisOptions,
    dir: TempDir,
    process: Process,
}

/// What sort of server.
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    /// Written to disk before each answer, so that a kill loses nothing.
    pub durable: bool,
    /// What clients must `AUTH` with.
    pub password: Option<String>,
    /// Knows no `HELLO`, as before version 6: RESP2 only.
    pub old: bool,
}

impl RedisServer {
    /// Returns when the server answers.
    pub fn start(options: RedisOptions) -> Self {
        let port = free_port();
        let dir = TempDir::with_prefix("taskhost-redis-").unwrap();
        let process = spawn(port, &options, &dir);
        let server = Self {
            port,
            options,
            dir,
            process,
        };
        server.wait_until_ready();
        server
    }

    /// `host:port`.
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where it listens, on the loopback address.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `redis://[:password@]host:port/db`.
    pub fn url(&self, db: u8) -> String {
        let user = self
            .options
            .password
            .as_ref()
            .map_or(String::new(), |p| format!(":{}@", p.replace('@', "%40")));
        format!("redis://{user}{}/{db}", self.authority())
    }

    /// A connection for assertions.
    pub fn connect(&self, db: u8) -> Connection {
        Client::open(self.url(db))
            .unwrap()
            .get_connection()
            .unwrap()
    }

    /// One command, words separated by spaces.
    pub fn ask<T: FromRedisValue>(&self, db: u8, command: &str) -> T {
        let mut words = command.split(' ');
        let mut cmd = redis::cmd(words.next().unwrap());
        cmd.arg(words.collect::<Vec<_>>());
        cmd.query(&mut self.connect(db)).unwrap()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again after a kill: same port, same files. Returns when it answers.
    pub fn restart(&mut self) {
        self.process = spawn(self.port, &self.options, &self.dir);
        self.wait_until_ready();
    }

    /// Stops it in its tracks: connections stay open and nothing is answered.
    pub fn freeze(&self) {
        self.process.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.process.signal(Signal::CONT);
    }

    fn wait_until_ready(&self) {
        let url = self.url(0);
        wait_for(SHORT, "Redis answers", || {
            let mut connection = Client::open(url.as_str()).ok()?.get_connection().ok()?;
            redis::cmd("PING").query::<String>(&mut connection).ok()
        });
    }
}

fn spawn(port: u16, options: &RedisOptions, dir: &TempDir) -> Process {
    let mut command = Command::new(setup::redis_server());
    command.args([
        "--port",
        &port.to_string(),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
    ]);
    command.arg("--dir").arg(dir.path());
    if options.durable {
        command.args(["--appendonly", "yes", "--appendfsync", "always"]);
    }
    if let Some(password) = &options.password {
        command.args(["--requirepass", password]);
    }
    if options.old {
        command.args(["--rename-command", "HELLO", ""]);
    }
    Process::start("redis", command, &dir.path().join("log"), false)
}

/// Below the range from which the system takes ports for outgoing connections, so that nothing
/// else can take it before the server does, or between its kill and its restart.
pub(crate) fn free_port() -> u16 {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    let start = u16::try_from(process::id() * 101 % u32::from(COUNT)).unwrap();
    loop {
        let step = TRIED.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (start + step) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
