//! What becomes of a cancelled task: one test for each row of the matrix, on each pool, with a
//! worker that writes REVOKED at once and with one that writes it when the message's turn comes.

use serde_json::{Value, json};
use taskhost_tests::{LONG, runs, wait_until};
use taskhost_tests::{Lab, Pool, RedisOptions, RedisServer, Version, Worker, WorkerOptions};

macro_rules! rows {
    ($module:ident, $version:ident, $pool:ident: $($row:ident)*) => {
        mod $module {
            $(#[test]
            fn $row() {
                super::$row(super::options(
                    taskhost_tests::Version::$version,
                    taskhost_tests::Pool::$pool,
                ));
            })*
        }
    };
}

rows! { prefork_5_7, V5_7, Prefork:
    a_queued_task_never_runs
    a_prefetched_task_never_runs
    a_running_task_is_terminated
    a_finished_task_keeps_its_end
    an_unknown_token_reaches_no_worker
}

rows! { prefork_5_3, V5_3, Prefork:
    a_queued_task_never_runs
    a_prefetched_task_never_runs
    a_running_task_is_terminated
    a_finished_task_keeps_its_end
    an_unknown_token_reaches_no_worker
}

rows! { threads_5_7, V5_7, Threads:
    a_queued_task_never_runs
    a_prefetched_task_is_cancelled_for_the_worker_that_says_so
    a_running_task_that_cannot_be_stopped_completes
    a_finished_task_keeps_its_end
}

rows! { threads_5_3, V5_3, Threads:
    a_queued_task_never_runs
    a_prefetched_task_that_is_handed_to_a_thread_completes
    a_running_task_that_cannot_be_stopped_completes
    a_finished_task_keeps_its_end
}

rows! { solo_5_7, V5_7, Solo:
    a_queued_task_never_runs
    a_running_task_that_cannot_be_stopped_completes
}

#[test]
fn a_task_that_waits_for_its_time_in_a_worker_is_cancelled_at_once() {
    let redis = RedisServer::start(RedisOptions::default());
    let worker = Worker::start(&redis, &WorkerOptions::default());
    let host = Lab::host(&redis)
        .set("celery.countdown_seconds", "600")
        .start();
    host.client().tool("record_run_start");
    let task = host.client().start("record_run", &json!({ "what": 1 }));
    wait_until(LONG, "the worker has taken it", || {
        redis.ask::<u32>(0, "HLEN unacked") == 1 && worker.log().contains("received")
    });
    task.cancel();
    task.until_status("CANCELLED");
    assert_eq!(runs(&redis), Vec::<Value>::new());
}

#[test]
fn a_task_that_no_worker_has_taken_is_taken_back() {
    let redis = RedisServer::start(RedisOptions::default());
    let host = Lab::host(&redis)
        .set("celery.tasks.record_run.task", "labapp.record_run")
        .start();
    let task = host.client().start("record_run", &json!({ "what": 1 }));
    assert_eq!(redis.ask::<u32>(0, "LLEN celery"), 1);
    task.cancel();
    task.until_status("CANCELLED");
    assert_eq!(redis.ask::<u32>(0, "LLEN celery"), 0);
    // A worker that comes later finds nothing but what was not cancelled.
    let other = host.client().start("record_run", &json!({ "what": 2 }));
    let _worker = Worker::start(&redis, &WorkerOptions::default());
    other.until_status("COMPLETED");
    assert_eq!(runs(&redis), [json!([other.token(), 2])]);
}

#[test]
fn a_cancellation_that_nobody_heard_is_kept_until_a_worker_comes() {
    let redis = RedisServer::start(RedisOptions::default());
    let mut options = options(Version::V5_7, Pool::Prefork);
    // What a lost worker held is handed out again soon.
    options.conf["broker_transport_options"] =
        json!({ "visibility_timeout": 2, "polling_interval": 1 });
    let mut worker = Worker::start(&redis, &options);
    let host = Lab::host(&redis).start();
    host.client().tool("sleeper_start");
    let running = host
        .client()
        .start("started_only", &json!({ "until": "never" }));
    running.until_status("RUNNING");
    let held = host.client().start("sleeper", &json!({ "seconds": 600 }));
    wait_until(LONG, "the worker holds it", || {
        redis.ask::<u32>(0, "HLEN unacked") == 1
    });
    worker.kill();
    let answer = held.cancel();
    assert_ne!(
        answer.status(),
        "CANCELLED",
        "nobody has heard it: {answer}"
    );
    assert_eq!(answer.payload()["cancel_requested"], true);
    // The next worker is given the message again, perhaps before it is told.
    let _worker = Worker::start(&redis, &options);
    held.until_status("CANCELLED");
}

/// The list in Redis still has it: the one slot is busy and the one prefetched place is taken.
fn a_queued_task_never_runs(options: WorkerOptions) {
    let lab = Lab::start(&options);
    let busy = occupy(&lab);
    let next = lab.run("record_run", &json!({ "what": 1 }));
    // A thread or process has one message in hand beside the one that runs; solo has none.
    let spare = (options.pool != Pool::Solo).then(|| {
        wait_until(LONG, "one is prefetched", || {
            lab.redis.ask::<u32>(0, "LLEN celery") == 0
        });
        lab.run("record_run", &json!({ "what": 2 }))
    });
    let queued = spare.as_ref().unwrap_or(&next);
    assert_eq!(lab.redis.ask::<u32>(0, "LLEN celery"), 1);
    queued.cancel();
    queued.until_status("CANCELLED");
    lab.release("go");
    busy.until_status("COMPLETED");
    if spare.is_some() {
        next.until_status("COMPLETED");
        assert_eq!(lab.runs(), [json!([next.token(), 1])]);
    } else {
        assert_eq!(lab.runs(), Vec::<Value>::new());
    }
}

fn a_prefetched_task_never_runs(options: WorkerOptions) {
    let lab = Lab::start(&options);
    let busy = occupy(&lab);
    let prefetched = lab.run("record_run", &json!({ "what": 1 }));
    wait_until(LONG, "it is prefetched", || {
        lab.redis.ask::<u32>(0, "LLEN celery") == 0
    });
    let answer = prefetched.cancel();
    assert!(
        ["PENDING", "CANCELLED"].contains(&answer.status()),
        "{answer}"
    );
    // Old workers say so when its turn comes.
    if options.version == Version::V5_3 {
        lab.release("go");
    }
    prefetched.until_status("CANCELLED");
    if options.version != Version::V5_3 {
        lab.release("go");
    }
    busy.until_status("COMPLETED");
    assert_eq!(lab.runs(), Vec::<Value>::new());
}

/// A pool of threads has taken what is prefetched, and will run it. The worker writes REVOKED all the
/// same, and that is all that anybody can know at that time.
fn a_prefetched_task_is_cancelled_for_the_worker_that_says_so(options: WorkerOptions) {
    let lab = Lab::start(&options);
    let busy = occupy(&lab);
    let prefetched = lab.run("record_run", &json!({ "what": 1 }));
    wait_until(LONG, "it is prefetched", || {
        lab.redis.ask::<u32>(0, "LLEN celery") == 0
    });
    prefetched.cancel();
    prefetched.until_status("CANCELLED");
    lab.release("go");
    busy.until_status("COMPLETED");
    assert_eq!(
        prefetched.status().status(),
        "CANCELLED",
        "an end is an end"
    );
}

/// As above, with a worker that says nothing before the end.
fn a_prefetched_task_that_is_handed_to_a_thread_completes(options: WorkerOptions) {
    let lab = Lab::start(&options);
    let busy = occupy(&lab);
    let prefetched = lab.run("record_run", &json!({ "what": 1 }));
    wait_until(LONG, "it is prefetched", || {
        lab.redis.ask::<u32>(0, "LLEN celery") == 0
    });
    assert_eq!(prefetched.cancel().payload()["cancel_requested"], true);
    lab.release("go");
    busy.until_status("COMPLETED");
    prefetched.until_status("COMPLETED");
    assert_eq!(lab.runs(), [json!([prefetched.token(), 1])]);
}

fn a_running_task_is_terminated(options: WorkerOptions) {
    let lab = Lab::start(&options);
    let task = lab.run("sleeper", &json!({ "seconds": 600 }));
    task.until_status("RUNNING");
    task.cancel();
    let status = task.until_status("CANCELLED");
    assert_eq!(status["reason"], "terminated");
    let result = task.result();
    assert!(result.is_error(), "there is no result: {result}");
    // The place of the terminated child is taken by another.
    lab.run("noop", &json!({})).until_status("COMPLETED");
}

fn a_running_task_that_cannot_be_stopped_completes(options: WorkerOptions) {
    let lab = Lab::start(&options);
    let busy = occupy(&lab);
    let answer = busy.cancel();
    assert_eq!(answer.status(), "RUNNING", "{answer}");
    assert_eq!(answer.payload()["cancel_requested"], true, "{answer}");
    lab.release("go");
    let end = busy.end();
    assert_eq!(end.payload()["result"], "done", "it was not stopped: {end}");
    lab.run("noop", &json!({})).until_status("COMPLETED");
}

fn a_finished_task_keeps_its_end(options: WorkerOptions) {
    let lab = Lab::start(&options);
    let good = lab.run("add", &json!({ "x": 1 }));
    let bad = lab.run("boom", &json!({}));
    good.until_status("COMPLETED");
    bad.until_status("FAILED");
    assert_eq!(good.cancel().status(), "COMPLETED");
    assert_eq!(bad.cancel().status(), "FAILED");
    assert_eq!(good.result().payload()["result"], 3);
}

/// A worker writes REVOKED for any id that it is told, and later tells it to anybody who asks.
fn an_unknown_token_reaches_no_worker(options: WorkerOptions) {
    let lab = Lab::start(&options);
    let token = lab.run("noop", &json!({})).token().to_owned();
    // As long as a real one, and never given out.
    let unknown = lab.client().task("noop", &"0".repeat(token.len()));
    for answer in [unknown.cancel(), unknown.status(), unknown.result()] {
        assert!(answer.is_error(), "{answer}");
        assert_eq!(answer.payload()["error_type"], "UnknownToken");
        assert!(
            answer.payload().get("status").is_none(),
            "never pending: {answer}"
        );
    }
    let keys: Vec<String> = lab
        .redis
        .ask(0, &format!("KEYS *{}*", "0".repeat(token.len())));
    assert_eq!(keys, Vec::<String>::new());
}

/// Takes the worker's one slot, until `go`.
fn occupy(lab: &Lab) -> taskhost_tests::Task<'_> {
    let busy = lab.run("started_only", &json!({ "until": "go" }));
    busy.until_status("RUNNING");
    busy
}

/// One task at a time, and one message in advance.
fn options(version: Version, pool: Pool) -> WorkerOptions {
    let conf = json!({ "worker_prefetch_multiplier": 1 });
    WorkerOptions {
        version,
        pool,
        concurrency: 1,
        conf,
        ..Default::default()
    }
}
