//! A component that misbehaves harms the task that made it, and no other.

use serde_json::{Value, json};
use taskhost_tests::{Host, HostBuilder};

#[test]
fn a_trap_ends_the_task_that_trips_it_each_time() {
    others_go_on_beside("trap", &json!({ "when": "start" }), "TH0402");
}

#[test]
fn an_endless_loop_is_stopped() {
    others_go_on_beside("spin", &json!({}), "TH0403");
}

#[test]
fn hunger_for_memory_is_stopped() {
    others_go_on_beside("hog", &json!({ "mib": 4096 }), "TH0401");
}

#[test]
fn rubbish_is_not_handed_on() {
    others_go_on_beside("rubbish", &json!({}), "TH0406");
}

#[test]
fn a_trap_in_the_background_ends_nothing() {
    let host = host();
    let witness = host
        .client()
        .start("count", &json!({ "steps": 10, "step_ms": 100 }));
    let tripping = host
        .client()
        .start("trap", &json!({ "when": "later", "after_ms": 200 }));
    for task in [&tripping, &witness] {
        task.until_status("COMPLETED");
    }
    assert_eq!(
        witness.result().payload()["result"],
        json!({ "counted": 10 })
    );
    assert_eq!(coded_errors(&host), ["TH0402"], "{}", host.log());
}

fn others_go_on_beside(fault: &str, arguments: &Value, code: &str) {
    let host = host();
    let witness = host
        .client()
        .start("count", &json!({ "steps": 30, "step_ms": 100 }));
    witness.until_status("RUNNING");

    let answer = host.client().call(&format!("{fault}_start"), arguments);
    let why = if answer.is_error() {
        answer.to_string()
    } else {
        let end = host.client().task(fault, &answer.token()).end();
        assert_eq!(end.status(), "FAILED", "{end}");
        end.to_string()
    };
    assert!(why.contains(code), "{why} names {code}");

    witness.until_status("COMPLETED");
    assert_eq!(
        witness.result().payload()["result"],
        json!({ "counted": 30 })
    );
    let after = host
        .client()
        .start("echo", &json!({ "value": "still here" }))
        .end();
    assert_eq!(after.payload()["result"], "still here");
    assert!(
        host.log().contains(code),
        "the operator reads it too: {}",
        host.log()
    );
}

fn host() -> Host {
    let host = HostBuilder::new("mock", "polling")
        .set("mock.faults", "true")
        .start();
    host.client().tool("trap_start");
    host
}

/// Codes of the errors in the log, in order.
fn coded_errors(host: &Host) -> Vec<String> {
    let log = host.log();
    let codes = log
        .lines()
        .filter_map(|line| line.split_once(" code="))
        .map(|(_, code)| code);
    codes
        .map(|code| {
            code.split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}
