//! The host is killed at random moments, under load, with real workers behind it. What a client was
//! promised holds.

use std::collections::HashMap;
use std::time::Duration;
use std::{env, thread};

use rand::RngExt;
use serde_json::{Value, json};
use taskhost_tests::{Host, Lab, RedisOptions, RedisServer, ToolAnswer, Worker, WorkerOptions};
use taskhost_tests::{LONG, runs, wait_until};

/// How often the host dies, unless `TASKHOST_TEST_KILLS` says otherwise.
const KILLS: u32 = 100;
/// Starts under way at once.
const IN_FLIGHT: usize = 8;
/// More would only wait in Redis.
const MOST_STARTS: u32 = 40;

/// What a client knows: the token that it was given for the number that it passed.
type Promises = HashMap<u32, String>;

#[test]
fn no_acknowledged_task_is_lost_and_none_runs_twice() {
    let redis = RedisServer::start(RedisOptions::default());
    let worker = Worker::start(
        &redis,
        &WorkerOptions {
            concurrency: 4,
            ..Default::default()
        },
    );
    // Configured, so that the tool is there from the first moment.
    let mut host = Lab::host(&redis)
        .set("celery.tasks.record_run.task", "labapp.record_run")
        .launch();

    let mut promises = Promises::new();
    let mut asked = 0;
    for round in 0..kills() {
        let quota = asked + rand::rng().random_range(0..MOST_STARTS);
        // Every fifth dies before it has said a word.
        if round % 5 > 0 {
            host.client().initialize().unwrap();
            load(&host, &mut asked, quota, &mut promises);
        }
        // Not a wait for something: the moment is random on purpose.
        thread::sleep(Duration::from_micros(rand::rng().random_range(0..20_000)));
        host.kill();
        host.relaunch();
    }
    host.client().initialize().unwrap();

    println!(
        "{} kills, {asked} starts, {} acknowledged",
        kills(),
        promises.len()
    );
    assert!(
        promises.len() > 100,
        "only {} starts were acknowledged",
        promises.len()
    );
    all_complete(&host, &promises);
    each_ran_once(&redis, &promises, asked);
    drop(worker);
}

#[test]
fn a_killed_host_follows_what_ran_on_meanwhile() {
    let mut lab = Lab::start(&WorkerOptions::default());
    let running = lab.run("progress_count", &json!({ "until": "go" }));
    running.until("at a quarter", |payload| payload["progress"] == 0.25);
    let ending = lab.run("started_only", &json!({ "until": "now" }));
    ending.until_status("RUNNING");
    let tokens = [running.token().to_owned(), ending.token().to_owned()];

    lab.host.kill();
    lab.release("now");
    let key = format!("celery-task-meta-{}", tokens[1]);
    wait_until(LONG, "one ends while no host runs", || {
        lab.redis
            .ask::<Option<String>>(0, &format!("GET {key}"))
            .is_some_and(|m| m.contains("SUCCESS"))
    });
    lab.host.restart();

    let client = lab.client();
    client.tool("started_only_status");
    let ended = client.task("started_only", &tokens[1]);
    ended.until_status("COMPLETED");
    assert_eq!(ended.result().payload()["result"], "done");
    let running = client.task("progress_count", &tokens[0]);
    running.until("at a quarter", |payload| payload["progress"] == 0.25);
    lab.release("go");
    running.until_status("COMPLETED");
}

#[test]
fn a_cancellation_survives_a_kill() {
    let redis = RedisServer::start(RedisOptions {
        durable: true,
        ..Default::default()
    });
    let conf = json!({ "worker_prefetch_multiplier": 1 });
    let options = WorkerOptions {
        concurrency: 1,
        conf,
        ..Default::default()
    };
    let _worker = Worker::start(&redis, &options);
    let mut host = Lab::host(&redis).start();
    host.client().tool("sleeper_start");
    let token = {
        let task = host.client().start("sleeper", &json!({ "seconds": 600 }));
        task.until_status("RUNNING");
        redis.freeze();
        // Nobody can hear it now; the wish is recorded all the same.
        assert_eq!(task.cancel().payload()["cancel_requested"], true);
        task.token().to_owned()
    };
    host.kill();
    redis.thaw();
    host.restart();
    host.client().tool("sleeper_status");
    host.client()
        .task("sleeper", &token)
        .until_status("CANCELLED");
}

/// Starts tasks up to `quota`, with several calls under way. Whatever is answered is a promise.
fn load(host: &Host, asked: &mut u32, quota: u32, promises: &mut Promises) {
    let client = host.client();
    let mut under_way = Vec::new();
    while *asked < quota || !under_way.is_empty() {
        if *asked < quota && under_way.len() < IN_FLIGHT {
            *asked += 1;
            let arguments = json!({ "what": *asked });
            let call = json!({ "name": "record_run_start", "arguments": arguments });
            let Ok(id) = client.send("tools/call", &call) else {
                return;
            };
            under_way.push((*asked, id));
            // The last calls are left unanswered: the kill comes while they are under way.
            if *asked == quota {
                let keep = under_way.len().saturating_sub(IN_FLIGHT / 2);
                under_way.truncate(keep);
            }
            continue;
        }
        let (number, id) = under_way.remove(0);
        let Ok(result) = client.answer(id) else {
            return;
        };
        let answer = ToolAnswer::from(result);
        if !answer.is_error() {
            promises.insert(number, answer.token());
        }
    }
}

fn all_complete(host: &Host, promises: &Promises) {
    host.client().tool("record_run_status");
    for (number, token) in promises {
        let task = host.client().task("record_run", token);
        let end = task.end();
        assert_eq!(end.status(), "COMPLETED", "{number}: {end}");
        assert_eq!(end.payload()["result"], *number, "{end}");
    }
}

/// What was promised ran, and nothing ran twice, promised or not.
fn each_ran_once(redis: &RedisServer, promises: &Promises, asked: u32) {
    // Unacknowledged ones may have been accepted: they must come to an end too before we count.
    wait_until(LONG, "the queue is drained", || {
        redis.ask::<u32>(0, "LLEN celery") + redis.ask::<u32>(0, "HLEN unacked") == 0
    });
    let mut executions: HashMap<u64, Vec<Value>> = HashMap::new();
    for run in runs(redis) {
        executions
            .entry(run[1].as_u64().unwrap())
            .or_default()
            .push(run[0].clone());
    }
    for (number, ids) in &executions {
        assert_eq!(ids.len(), 1, "task {number} of {asked} ran as {ids:?}");
    }
    for (number, token) in promises {
        assert_eq!(executions[&u64::from(*number)], [json!(token)]);
    }
}

fn kills() -> u32 {
    let asked = env::var_os("TASKHOST_TEST_KILLS");
    asked.map_or(KILLS, |n| n.to_string_lossy().parse().unwrap())
}
