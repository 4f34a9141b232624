//! The harness itself: if these fail, no other test means anything.

use serde_json::json;
use taskhost_tests::{Pool, RedisOptions, RedisServer, Version, Worker, WorkerOptions, setup};

#[test]
fn workers_of_every_version_answer_a_ping() {
    let redis = RedisServer::start(RedisOptions::default());
    for version in Version::ALL {
        Worker::start(
            &redis,
            &WorkerOptions {
                version,
                ..Default::default()
            },
        );
    }
}

#[test]
fn workers_of_every_pool_answer_a_ping_and_end_on_request() {
    let redis = RedisServer::start(RedisOptions::default());
    for pool in [Pool::Prefork, Pool::Threads, Pool::Solo] {
        let mut worker = Worker::start(
            &redis,
            &WorkerOptions {
                pool,
                ..Default::default()
            },
        );
        assert!(worker.is_running());
        worker.stop();
        assert!(!worker.is_running());
    }
}

#[test]
fn a_worker_answers_behind_a_prefix_on_another_database() {
    let redis = RedisServer::start(RedisOptions {
        password: Some("pw".into()),
        ..Default::default()
    });
    let conf = json!({ "broker_transport_options": { "global_keyprefix": "tenant:" } });
    Worker::start(
        &redis,
        &WorkerOptions {
            broker_db: 3,
            conf,
            ..Default::default()
        },
    );
}

#[test]
fn a_durable_redis_keeps_its_data_through_a_kill() {
    let mut redis = RedisServer::start(RedisOptions {
        durable: true,
        ..Default::default()
    });
    let _: () = redis.ask(0, "SET key value");
    redis.kill();
    redis.restart();
    assert_eq!(redis.ask::<String>(0, "GET key"), "value");
}

#[test]
fn a_worker_finds_its_redis_again() {
    let mut redis = RedisServer::start(RedisOptions {
        durable: true,
        ..Default::default()
    });
    let mut worker = Worker::start(&redis, &WorkerOptions::default());
    redis.kill();
    redis.restart();
    worker.wait_until_ready(&redis);
}

#[test]
fn scripts_anywhere_find_the_npm_packages_of_their_environment() {
    let node = setup::node("harness", &["ms@2.1.3"]);
    let script = setup::fixture("clients/find_a_package.mjs");
    let output = node.command().arg(script).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "60000\n");
}
