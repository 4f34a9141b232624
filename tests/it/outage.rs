//! Redis or a worker is gone, slow, or not the right one: the host says so, goes on trying, and goes
//! on when they are back.

use std::time::{Duration, Instant};
use std::{fs, thread};

use serde_json::{Value, json};
use taskhost_tests::{Host, LONG, Lab, Pool, RedisOptions, RedisServer, Version, Worker};
use taskhost_tests::{WorkerOptions, runs, wait_for, wait_until};

#[test]
fn a_task_that_is_started_while_redis_is_down_runs_when_it_is_back() {
    let mut redis = durable();
    redis.kill();
    let host = Lab::host(&redis)
        .set("celery.tasks.record_run.task", "labapp.record_run")
        .start();
    let task = host.client().start("record_run", &json!({ "what": 1 }));
    let status = task.until("explained", |payload| payload["note"].is_string());
    assert_eq!(status["status"], "PENDING", "{status}");
    redis.restart();
    let _worker = Worker::start(&redis, &WorkerOptions::default());
    task.until_status("COMPLETED");
    assert_eq!(runs(&redis), [json!([task.token(), 1])]);
}

#[test]
fn tasks_survive_a_restart_of_redis() {
    let mut redis = durable();
    let worker = Worker::start(&redis, &WorkerOptions::default());
    let host = Lab::host(&redis).start();
    host.client().tool("record_run_start");
    let running = host
        .client()
        .start("record_run", &json!({ "what": 0, "seconds": 4 }));
    wait_until(LONG, "it runs", || !runs(&redis).is_empty());
    redis.kill();
    let waiting = host.client().start("record_run", &json!({ "what": 1 }));
    redis.restart();
    for task in [&running, &waiting] {
        task.until_status("COMPLETED");
    }
    let later = host.client().start("record_run", &json!({ "what": 2 }));
    later.until_status("COMPLETED");
    let expected = [&running, &waiting, &later].map(|task| task.token().to_owned());
    let ran: Vec<Value> = runs(&redis).iter().map(|run| run[0].clone()).collect();
    assert_eq!(ran, expected);
    drop(worker);
}

/// What a killed worker had in its hands, Celery may lose. It is not shown as running for ever: every
/// task comes to an end, and the end is true.
#[test]
fn workers_die_again_and_again_and_every_task_comes_to_its_end() {
    const ROUNDS: u32 = 6;
    const STARTS: u32 = 15;
    let redis = durable();
    // What a worker had fetched and not begun comes back within seconds, not after an hour.
    let conf = json!({ "broker_transport_options": {
        "visibility_timeout": 5, "unacked_restore_interval": 1, "unacked_restore_throttle": 1,
    }});
    let options = WorkerOptions {
        concurrency: 2,
        conf,
        ..Default::default()
    };
    let host = Lab::host(&redis)
        .set("celery.tasks.record_run.task", "labapp.record_run")
        .start();
    let mut worker = Worker::start(&redis, &options);
    let mut tasks = Vec::new();
    for round in 0..ROUNDS {
        for number in 0..STARTS {
            let what = round * STARTS + number;
            let arguments = json!({ "what": what, "seconds": 0.05 });
            tasks.push((what, host.client().start("record_run", &arguments)));
        }
        let before = runs(&redis).len();
        wait_until(LONG, "the worker is in the middle of it", || {
            runs(&redis).len() > before
        });
        worker.kill();
        worker = Worker::start(&redis, &options);
    }
    let mut completed = 0;
    for (what, task) in &tasks {
        let end = wait_for(Duration::from_mins(5), "over", || {
            let status = task.status();
            let over = ["COMPLETED", "FAILED", "CANCELLED"].contains(&status.status());
            over.then(|| task.result())
        });
        let ran = runs(&redis).contains(&json!([task.token(), what]));
        match end.status() {
            "COMPLETED" => {
                assert!(ran, "{what} completed and never ran: {end}");
                completed += 1;
            }
            "FAILED" => {
                let kind = &end.payload()["error_type"];
                assert!(
                    kind == "worker-lost" || kind == "no-result",
                    "{what}: {end}"
                );
            }
            other => panic!("{what} ended as {other}: {end}"),
        }
    }
    // At each kill at most what two processes had in their hands is lost.
    let lost = tasks.len() - completed;
    assert!(
        lost <= 4 * ROUNDS as usize,
        "{lost} of {} were lost",
        tasks.len()
    );
}

#[test]
fn redis_dies_again_and_again_while_tasks_are_started_and_each_runs_once() {
    const STARTS: u32 = 200;
    let mut redis = durable();
    let host = Lab::host(&redis)
        .set("celery.tasks.record_run.task", "labapp.record_run")
        .start();
    let tokens: Vec<String> = thread::scope(|scope| {
        let client = host.client();
        let starts = scope.spawn(move || {
            let start = |what: u32| {
                client
                    .start("record_run", &json!({ "what": what }))
                    .token()
                    .to_owned()
            };
            (0..STARTS).map(start).collect()
        });
        while !starts.is_finished() {
            redis.kill();
            redis.restart();
            let before: u32 = redis.ask(0, "LLEN celery");
            wait_until(LONG, "some more were handed over", || {
                starts.is_finished() || redis.ask::<u32>(0, "LLEN celery") > before + STARTS / 20
            });
        }
        starts.join().unwrap()
    });
    // A worker comes when all is over, so that nothing of this is Celery's doing.
    let _worker = Worker::start(&redis, &WorkerOptions::default());
    for token in &tokens {
        host.client()
            .task("record_run", token)
            .until_status("COMPLETED");
    }
    let mut ran: Vec<Value> = runs(&redis).iter().map(|run| run[0].clone()).collect();
    ran.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    let mut promised: Vec<Value> = tokens.into_iter().map(Value::from).collect();
    promised.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    assert_eq!(ran, promised);
}

#[test]
fn a_start_that_a_frozen_redis_does_not_answer_runs_once() {
    let redis = durable();
    let _worker = Worker::start(&redis, &WorkerOptions::default());
    let host = Lab::host(&redis).start();
    host.client().tool("record_run_start");
    redis.freeze();
    let task = host.client().start("record_run", &json!({ "what": 1 }));
    let status = task.until("explained", |payload| payload["note"].is_string());
    assert_eq!(status["status"], "PENDING", "{status}");
    redis.thaw();
    task.until_status("COMPLETED");
    assert_eq!(runs(&redis), [json!([task.token(), 1])]);
}

#[test]
fn a_host_without_redis_idles() {
    let mut redis = durable();
    redis.kill();
    let mut host = Lab::host(&redis)
        .set("celery.tasks.add.task", "labapp.add")
        .start();
    let start = json!({ "name": "add_start", "arguments": { "x": 1 } });
    let calls: Vec<u64> = (0..20)
        .map(|_| host.client().send("tools/call", &start).unwrap())
        .collect();
    for call in calls {
        host.client().answer(call).unwrap();
    }
    let (cpu, since) = (cpu_ticks(&mut host), Instant::now());
    // A rate needs a span to be measured over.
    wait_until(LONG, "five seconds have passed", || {
        since.elapsed() > Duration::from_secs(5)
    });
    let used = cpu_ticks(&mut host) - cpu;
    assert!(used < 50, "{used} ticks of 10 ms in 5 s for 20 tasks");
}

#[test]
fn a_wrong_password_is_named() {
    let redis = RedisServer::start(RedisOptions {
        password: Some("right".into()),
        ..Default::default()
    });
    let url = redis.url(0).replace("right", "wrong");
    let note = note_of_a_start(&url);
    let words = ["password", "WRONGPASS", "authentication"];
    assert!(words.iter().any(|word| note.contains(word)), "{note}");
    assert!(!note.contains("wrong@"), "no secrets: {note}");
}

#[test]
fn a_database_that_does_not_exist_is_named() {
    let redis = RedisServer::start(RedisOptions::default());
    let note = note_of_a_start(&redis.url(99));
    assert!(
        note.contains("DB index") || note.contains("database"),
        "{note}"
    );
}

#[test]
fn a_worker_that_was_killed_does_not_leave_its_task_running_for_ever() {
    let mut lab = Lab::start(&WorkerOptions::default());
    let task = lab.run("sleeper", &json!({ "seconds": 600 }));
    task.until_status("RUNNING");
    let token = task.token().to_owned();
    // Where no worker is left at all, the host waits longer: all of them may be on their way back.
    let _other = Worker::start(&lab.redis, &WorkerOptions::default());
    lab.worker.kill();
    let end = lab.client().task("sleeper", &token).end();
    assert_eq!(end.status(), "FAILED", "{end}");
    assert_eq!(end.payload()["error_type"], "worker-lost");
    assert_eq!(end.payload()["retryable"], true);
}

#[test]
fn what_a_killed_worker_had_not_acknowledged_is_run_by_the_next() {
    let conf = json!({
        "broker_transport_options": { "visibility_timeout": 3 },
        "worker_prefetch_multiplier": 1,
    });
    let options = WorkerOptions {
        conf,
        concurrency: 1,
        ..Default::default()
    };
    let mut lab = Lab::start(&options);
    let task = lab.run("record_run_late", &json!({ "what": 1, "seconds": 1 }));
    wait_until(LONG, "it runs", || !lab.runs().is_empty());
    let token = task.token().to_owned();
    lab.worker.kill();
    let since = Instant::now();
    wait_until(LONG, "its message may be handed out again", || {
        since.elapsed() > Duration::from_secs(3)
    });
    lab.worker = Worker::start(&lab.redis, &options);
    let task = lab.client().task("record_run_late", &token);
    task.until_status("COMPLETED");
    assert_eq!(lab.runs().len(), 2, "once by each worker");
}

#[test]
fn a_redis_before_6_is_spoken_to_in_its_own_protocol() {
    let redis = RedisServer::start(RedisOptions {
        old: true,
        ..Default::default()
    });
    let options = WorkerOptions {
        version: Version::V5_4,
        pool: Pool::Threads,
        ..Default::default()
    };
    let _worker = Worker::start(&redis, &options);
    let host = Lab::host(&redis).start();
    host.client().tool("add_start");
    let end = host.client().start("add", &json!({ "x": 40 })).end();
    assert_eq!(end.payload()["result"], 42);
}

fn durable() -> RedisServer {
    RedisServer::start(RedisOptions {
        durable: true,
        ..Default::default()
    })
}

/// Why a task does not move whose broker is at this address.
fn note_of_a_start(url: &str) -> String {
    let host = taskhost_tests::HostBuilder::new("celery", "polling")
        .set("celery.broker", url)
        .set("celery.tasks.add.task", "labapp.add")
        .start();
    let task = host.client().start("add", &json!({ "x": 1 }));
    let says = |payload: &Value| payload["note"].is_string() || payload["error"].is_string();
    let status = task.until("explained", says);
    let why = status["note"]
        .as_str()
        .or(status["error"].as_str())
        .unwrap();
    why.to_owned()
}

/// User and system time so far, in hundredths of a second.
fn cpu_ticks(host: &mut Host) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", host.process().id())).unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
