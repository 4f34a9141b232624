//! Redis, a worker, and a host with a client: what most tests of the Celery backend need.

use serde_json::Value;

use crate::client::{Client, Task};
use crate::host::{Host, HostBuilder};
use crate::redis_server::{RedisOptions, RedisServer};
use crate::worker::{Worker, WorkerOptions};

/// The tasks of `tests/fixtures/celery/labapp.py` behind four tools each.
#[derive(Debug)]
pub struct Lab {
    /// Ends first, so that it does not complain of the others' end.
    pub host: Host,
    /// Consumes the queue.
    pub worker: Worker,
    /// Broker and results.
    pub redis: RedisServer,
}

impl Lab {
    /// Returns when the tools of the worker's tasks are there.
    pub fn start(options: &WorkerOptions) -> Self {
        let redis = RedisServer::start(RedisOptions::default());
        let worker = Worker::start(&redis, options);
        let host = Self::host(&redis).start();
        let lab = Self {
            host,
            worker,
            redis,
        };
        lab.client().tool("noop_start");
        lab
    }

    /// The command line of a host for this Redis.
    pub fn host(redis: &RedisServer) -> HostBuilder {
        HostBuilder::new("celery", "polling")
            .set("celery.broker", &redis.url(0))
            .set("celery.discover_every_seconds", "1")
    }

    /// Drives the host.
    pub fn client(&self) -> &Client {
        self.host.client()
    }

    /// Starts a task of the lab application.
    pub fn run(&self, task: &str, arguments: &Value) -> Task<'_> {
        self.client().start(task, arguments)
    }

    /// Lets the task go on that waits for this key.
    pub fn release(&self, key: &str) {
        let _: u32 = self.redis.ask(15, &format!("LPUSH {key} go"));
    }

    /// How often tasks of the lab application have counted themselves.
    pub fn runs(&self) -> Vec<Value> {
        runs(&self.redis)
    }
}

/// As `Lab::runs`, without a lab.
pub fn runs(redis: &RedisServer) -> Vec<Value> {
    let lines: Vec<String> = redis.ask(15, "LRANGE lab:runs 0 -1");
    lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
