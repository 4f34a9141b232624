//! Brokers and result backends as they are in the field.

use std::fs;

use serde_json::{Value, json};
use taskhost_tests::{Host, HostBuilder, RedisOptions, RedisServer, Worker, WorkerOptions, setup};

#[test]
fn broker_and_results_in_different_databases() {
    let redis = RedisServer::start(RedisOptions::default());
    let options = WorkerOptions {
        broker_db: 2,
        results_db: 3,
        ..Default::default()
    };
    let _worker = Worker::start(&redis, &options);
    works(
        &host(&redis.url(2))
            .set("celery.result_backend", &redis.url(3))
            .start(),
    );
}

#[test]
fn broker_and_results_on_different_servers() {
    let broker = RedisServer::start(RedisOptions::default());
    let results = RedisServer::start(RedisOptions {
        password: Some("other".into()),
        ..Default::default()
    });
    let options = WorkerOptions {
        results_url: Some(results.url(1)),
        ..Default::default()
    };
    let _worker = Worker::start(&broker, &options);
    works(
        &host(&broker.url(0))
            .set("celery.result_backend", &results.url(1))
            .start(),
    );
}

#[test]
fn a_server_with_a_password() {
    let password = Some("p@ss".into());
    let redis = RedisServer::start(RedisOptions {
        password,
        ..Default::default()
    });
    let _worker = Worker::start(&redis, &WorkerOptions::default());
    works(&host(&redis.url(0)).start());
}

#[test]
fn a_prefix_on_both_sides() {
    let redis = RedisServer::start(RedisOptions::default());
    let prefix = json!({ "global_keyprefix": "tenant" });
    let conf = json!({
        "broker_transport_options": prefix,
        "result_backend_transport_options": prefix,
    });
    let _worker = Worker::start(
        &redis,
        &WorkerOptions {
            conf,
            ..Default::default()
        },
    );
    works(
        &host(&redis.url(0))
            .set("celery.global_keyprefix", "tenant")
            .start(),
    );
    let keys: Vec<String> = redis.ask(0, "KEYS *");
    assert!(keys.iter().all(|key| key.starts_with("tenant")), "{keys:?}");
}

#[test]
fn a_delay_beyond_the_visibility_timeout_is_refused_with_the_reason() {
    let finished = host("redis://127.0.0.1:1/0")
        .set("celery.countdown_seconds", "7200")
        .finish();
    finished.error_code();
    assert!(
        finished.stderr.contains("visibility_timeout_seconds"),
        "{finished:?}"
    );
}

#[test]
fn another_broker_than_redis_is_refused_with_the_reason() {
    let finished = host("amqp://guest@127.0.0.1//").finish();
    finished.error_code();
    assert!(finished.stderr.contains("Redis"), "{finished:?}");
}

#[test]
fn the_files_of_the_build_are_the_components_that_come_with_it() {
    let redis = RedisServer::start(RedisOptions::default());
    let _worker = Worker::start(&redis, &WorkerOptions::default());
    let [celery, polling] = ["celery", "polling"].map(setup::component);
    let host = HostBuilder::new(celery.to_str().unwrap(), polling.to_str().unwrap())
        .set("celery.broker", &redis.url(0))
        .set("celery.discover_every_seconds", "1");
    works(&host.start());
}

#[test]
fn a_component_of_others_gets_no_connection_that_was_not_granted() {
    let redis = RedisServer::start(RedisOptions::default());
    let _worker = Worker::start(&redis, &WorkerOptions::default());
    let strange = |host: HostBuilder| {
        let file = host.scratch().join("strange.wasm");
        // The same code with an empty custom section `x`: another file.
        let bytes = [
            fs::read(setup::component("celery")).unwrap(),
            b"\0\x02\x01x".to_vec(),
        ];
        fs::write(&file, bytes.concat()).unwrap();
        host.args([
            "--backend",
            &format!("strange={}", file.display()),
            "--strategy",
            "polling",
        ])
        .set("strange.broker", &redis.url(0))
        .set("strange.tasks.add.task", "labapp.add")
        .set("strange.discover_every_seconds", "1")
    };
    let host = strange(HostBuilder::bare()).start();
    let task = host.client().start("add", &json!({ "x": 40 }));
    let told = |payload: &Value| payload["note"].is_string() || payload["error"].is_string();
    let status = task.until("explained", told);
    let grant = format!("strange:tcp={}", redis.authority());
    assert!(
        status.to_string().contains(&grant),
        "names the grant: {status}"
    );

    let granted = strange(HostBuilder::bare())
        .args(["--allow", &grant])
        .start();
    works(&granted);
}

fn host(broker: &str) -> HostBuilder {
    HostBuilder::new("celery", "polling")
        .set("celery.broker", broker)
        .set("celery.discover_every_seconds", "1")
}

/// Dispatch, progress, result, discovery and cancellation all take their own way through Redis.
fn works(host: &Host) {
    host.client().tool("add_start");
    let end = host.client().start("add", &json!({ "x": 40 })).end();
    assert_eq!(end.payload()["result"], 42);
    let long = host.client().start("sleeper", &json!({ "seconds": 600 }));
    long.until_status("RUNNING");
    long.cancel();
    long.until_status("CANCELLED");
}
