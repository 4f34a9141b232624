//! No message of the host can hurt a worker, whatever a client passes.

use serde_json::{Value, json};
use taskhost_tests::{Lab, RedisOptions, RedisServer, RpcError, Version, Worker, WorkerOptions};

/// What workers write when a message is not what it should be.
const COMPLAINTS: [&str; 6] = [
    "Unrecoverable error",
    "Received invalid task message",
    "Received and deleted unknown message",
    "Connection to broker lost",
    "Exception raised outside body",
    "CRITICAL",
];

#[test]
fn whatever_clients_pass_arrives_and_hurts_no_worker_of_5_7() {
    arrives_and_hurts_nobody(Version::V5_7);
}

#[test]
fn whatever_clients_pass_arrives_and_hurts_no_worker_of_5_3() {
    arrives_and_hurts_nobody(Version::V5_3);
}

#[test]
fn arguments_that_kombu_would_choke_on_are_refused() {
    let redis = RedisServer::start(RedisOptions::default());
    let host = Lab::host(&redis)
        .set("celery.tasks.echo.task", "labapp.echo")
        .start();
    for arguments in [
        json!({ "x": { "__type__": "nosuch", "__value__": 1 } }),
        json!({ "x": [{ "__type__": "datetime", "__value__": "soon" }] }),
    ] {
        match host.client().try_call("echo_start", &arguments) {
            Ok(answer) if answer.is_error() => {}
            Err(RpcError::Refused(..)) => {}
            // Where the refusal is the backend's, it is the end of the task.
            Ok(answer) => {
                let end = host.client().task("echo", &answer.token()).end();
                assert_eq!(end.status(), "FAILED", "{end}");
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(redis.ask::<u32>(0, "LLEN celery"), 0, "nothing was pushed");
}

#[test]
fn every_way_of_sending_is_one_that_workers_take() {
    for (settings, check) in [
        (
            &[("priority", "9")][..],
            json!({ "priority": 9, "queue": "celery" }),
        ),
        (&[("queue", "other")], json!({ "queue": "other" })),
        (
            &[("queue", "other"), ("priority", "3")],
            json!({ "queue": "other", "priority": 3 }),
        ),
        (
            &[("soft_time_limit", "50"), ("time_limit", "60")],
            json!({ "timelimit": [60, 50] }),
        ),
        (&[("time_limit", "60")], json!({ "timelimit": [60, null] })),
        (
            &[("expires_seconds", "600"), ("countdown_seconds", "1")],
            json!({}),
        ),
    ] {
        let redis = RedisServer::start(RedisOptions::default());
        let mut host = Lab::host(&redis).set("celery.tasks.request_of.task", "labapp.request_of");
        for (key, value) in settings {
            host = host.set(&format!("celery.{key}"), value);
        }
        let host = host.start();
        let options = WorkerOptions {
            queues: "celery,other",
            ..Default::default()
        };
        let mut worker = Worker::start(&redis, &options);
        let task = host.client().start("request_of", &json!({}));
        let end = task.end();
        let request = &end.payload()["result"];
        assert_eq!(
            request["id"],
            task.token(),
            "the token is the id in Celery: {end}"
        );
        for (key, value) in check.as_object().unwrap() {
            assert_eq!(&request[key], value, "{settings:?}: {end}");
        }
        if settings[0].0 == "expires_seconds" {
            assert!(
                request["expires"].is_string() && request["eta"].is_string(),
                "{end}"
            );
        }
        is_unhurt(&mut worker);
    }
}

fn arrives_and_hurts_nobody(version: Version) {
    let redis = RedisServer::start(RedisOptions::default());
    let host = Lab::host(&redis)
        .set("celery.tasks.echo.task", "labapp.echo")
        .start();
    let started: Vec<_> = arguments()
        .into_iter()
        .map(|arguments| (host.client().start("echo", &arguments), arguments))
        .collect();
    let mut worker = Worker::start(
        &redis,
        &WorkerOptions {
            version,
            ..Default::default()
        },
    );
    for (task, arguments) in started {
        let end = task.end();
        assert_eq!(end.payload()["result"], arguments, "{end}");
    }
    is_unhurt(&mut worker);
}

/// Whatever JSON can say.
fn arguments() -> Vec<Value> {
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    vec![
        json!({}),
        json!({ "null": null, "true": true, "list": [], "object": {} }),
        json!({ "unicode": "é☃𝄞\u{7f}\u{80}\u{2028}", "control": "\u{0}\u{6}\u{16}\n\"\\" }),
        json!({ "numbers": [0, -1, 1.5, 1e300, 9_007_199_254_740_993_i64, u64::MAX, i64::MIN] }),
        json!({ "": 1, "a b": 2, "args": 3, "kwargs": 4, "task_id": 6, "é": 7 }),
        json!({ "deep": deep }),
        json!({ "long": "x".repeat(1_000_000) }),
        json!({ "html": "</script>{{x}}%s%(y)s{z}", "python": "__import__('os')" }),
        json!({ "__type__": "datetime", "value": 1 }),
    ]
}

fn is_unhurt(worker: &mut Worker) {
    assert!(worker.is_running());
    let log = worker.log();
    for complaint in COMPLAINTS {
        assert!(
            !log.contains(complaint),
            "the worker complains: {complaint}"
        );
    }
}
