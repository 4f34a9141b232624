//! A Celery worker: a real one, of a chosen version and pool.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use redis::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::Process;
use crate::redis_server::RedisServer;
use crate::setup;
use crate::wait::{LONG, wait_until};

/// Dropping it kills it with all its children.
#[derive(Debug)]
pub struct Worker {
    name: String,
    ping: Ping,
    process: Process,
    _dir: TempDir,
}

/// Which versions of Celery there are environments for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// With the Python MCP SDK 1.x.
    V5_3,
    /// Without pydantic.
    V5_4,
    /// Without pydantic.
    V5_6,
    /// With the Python MCP SDK 2.x.
    V5_7,
}

/// How the worker runs tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// A process for each slot: tasks can be terminated.
    Prefork,
    /// A thread for each slot: they cannot.
    Threads,
    /// In the worker's own loop: deaf while a task runs.
    Solo,
}

/// What sort of worker.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// Of Celery.
    pub version: Version,
    /// How tasks are run.
    pub pool: Pool,
    /// How many at a time.
    pub concurrency: u8,
    /// A module of `tests/fixtures/celery`.
    pub app: &'static str,
    /// Queues to consume, separated by commas.
    pub queues: &'static str,
    /// Database of the broker.
    pub broker_db: u8,
    /// Database of the results.
    pub results_db: u8,
    /// Where the results go, when not to the broker's server.
    pub results_url: Option<String>,
    /// Merged into the application's configuration.
    pub conf: Value,
    /// Further tasks, separated by commas.
    pub extra: &'static str,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            version: Version::V5_7,
            pool: Pool::Prefork,
            concurrency: 2,
            app: "labapp",
            queues: "celery",
            broker_db: 0,
            results_db: 0,
            results_url: None,
            conf: json!({}),
            extra: "",
        }
    }
}

impl Version {
    /// All of them, oldest first.
    pub const ALL: [Self; 4] = [Self::V5_3, Self::V5_4, Self::V5_6, Self::V5_7];

    /// The interpreter with this version installed.
    pub fn python(self) -> PathBuf {
        match self {
            Self::V5_3 => setup::python(
                "celery-5.3",
                &["celery[redis]==5.3.6", "kombu==5.3.*", "mcp==1.30.*"],
            ),
            Self::V5_4 => setup::python("celery-5.4", &["celery[redis]==5.4.0", "kombu==5.4.*"]),
            Self::V5_6 => setup::python("celery-5.6", &["celery[redis]==5.6.3", "packaging"]),
            Self::V5_7 => setup::python("celery-5.7", &["celery[redis]==5.7.*", "mcp==2.3.*"]),
        }
    }
}

impl Worker {
    /// Returns when the worker answers a ping: it consumes its queues, and hears control messages.
    pub fn start(redis: &RedisServer, options: &WorkerOptions) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("w{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let dir = TempDir::with_prefix("taskhost-worker-").unwrap();
        let command = command(redis, options, &name);
        let process = Process::start("worker", command, &dir.path().join("log"), false);
        let prefix = options.conf["broker_transport_options"]["global_keyprefix"].as_str();
        let prefix = prefix.unwrap_or_default().to_owned();
        let ping = Ping {
            prefix,
            db: options.broker_db,
        };
        let mut worker = Self {
            name,
            ping,
            process,
            _dir: dir,
        };
        worker.wait_until_ready(redis);
        worker
    }

    /// Returns when the worker answers a ping: at its start, and after Redis was away.
    pub fn wait_until_ready(&mut self, redis: &RedisServer) {
        let mut connection = redis.connect(self.ping.db);
        wait_until(LONG, "the worker answers a ping", || {
            assert!(self.is_running(), "the worker has ended");
            self.ping.is_answered_by(&self.name, &mut connection)
        });
    }

    /// All it has logged so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Whether it has not ended by itself.
    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// SIGKILL to the worker and its children.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// SIGTERM: finishes what runs, then ends.
    pub fn stop(&mut self) {
        self.process.stop();
    }
}

fn command(redis: &RedisServer, options: &WorkerOptions, name: &str) -> Command {
    let pool = match options.pool {
        Pool::Prefork => "prefork",
        Pool::Threads => "threads",
        Pool::Solo => "solo",
    };
    let broker = redis.url(options.broker_db);
    let results = options
        .results_url
        .clone()
        .unwrap_or_else(|| redis.url(options.results_db));
    let mut command = Command::new(options.version.python());
    command
        .args([
            "-m",
            "celery",
            "-A",
            options.app,
            "worker",
            "--loglevel",
            "INFO",
        ])
        // A second less at the start; neither is about one worker.
        .args(["--without-mingle", "--without-gossip"])
        .args([
            "--pool",
            pool,
            "--concurrency",
            &options.concurrency.to_string(),
        ])
        .args([
            "--queues",
            options.queues,
            "--hostname",
            &format!("{name}@lab"),
        ])
        .current_dir(setup::fixture("celery"))
        .env("PYTHONPATH", setup::workspace_file("examples/celery"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        // Celery refuses to accept pickle as root, which containers are.
        .env("C_FORCE_ROOT", "1")
        .env("LAB_RUNS", redis.url(15))
        .env("LAB_BROKER", broker)
        .env("LAB_RESULTS", results)
        .env("LAB_CONF", options.conf.to_string())
        .env("LAB_EXTRA", options.extra);
    command
}

/// Celery's own `inspect ping`, without the second that starting Python costs.
#[derive(Debug)]
struct Ping {
    prefix: String,
    db: u8,
}

impl Ping {
    fn is_answered_by(&self, name: &str, connection: &mut Connection) -> bool {
        let reply = format!("ping-{name}");
        let channel = format!("{}/{}.celery.pidbox", self.prefix, self.db);
        let heard: u32 = redis::cmd("PUBLISH")
            .arg(channel)
            .arg(ping_message(name, &reply).to_string())
            .query(connection)
            .unwrap();
        let reply = format!("{}{reply}", self.prefix);
        let answer: Option<(String, String)> = match heard {
            0 => None,
            _ => redis::cmd("BRPOP")
                .arg(reply)
                .arg(1)
                .query(connection)
                .unwrap(),
        };
        answer.is_some()
    }
}

fn ping_message(name: &str, reply: &str) -> Value {
    let body = json!({
        "method": "ping",
        "arguments": {},
        "destination": [format!("{name}@lab")],
        "pattern": null,
        "matcher": null,
        "ticket": name,
        "reply_to": { "exchange": "", "routing_key": reply },
    });
    json!({
        "body": body.to_string(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {},
        "properties": {
            "delivery_mode": 2,
            "delivery_info": { "exchange": "celery.pidbox", "routing_key": "" },
            "priority": 0,
            "delivery_tag": name,
        },
    })
}
