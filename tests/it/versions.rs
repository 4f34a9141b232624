//! The main job with workers of each supported version: start, progress, result, failure, cancel,
//! and schemas.

use serde_json::json;
use taskhost_tests::{Lab, Version, WorkerOptions};

#[test]
fn celery_5_3_is_spoken() {
    is_spoken(Version::V5_3);
}

#[test]
fn celery_5_4_is_spoken() {
    is_spoken(Version::V5_4);
}

#[test]
fn celery_5_6_is_spoken() {
    is_spoken(Version::V5_6);
}

#[test]
fn celery_5_7_is_spoken() {
    is_spoken(Version::V5_7);
}

fn is_spoken(version: Version) {
    let lab = Lab::start(&WorkerOptions {
        version,
        ..Default::default()
    });

    let schema = &lab.client().tool("schemad_start")["inputSchema"];
    assert_eq!(schema["required"], json!(["q"]), "{schema}");

    let task = lab.run("progress_fraction", &json!({ "until": "go" }));
    task.until("at a quarter", |payload| payload["progress"] == 0.25);
    lab.release("go");
    task.until_status("COMPLETED");
    assert_eq!(task.result().payload()["result"], "done");

    let end = lab.run("boom", &json!({})).end();
    assert_eq!(end.payload()["error"], "ValueError: kaput");

    let retried = lab
        .run("flaky", &json!({ "failures": 1, "countdown": 1 }))
        .end();
    assert_eq!(retried.payload()["result"], json!({ "retries": 1 }));

    let long = lab.run("sleeper", &json!({ "seconds": 600 }));
    long.until_status("RUNNING");
    long.cancel();
    long.until_status("CANCELLED");
}
