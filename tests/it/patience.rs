//! A task of five minutes, and a client that gives up after one.

use std::process::{Command, Stdio};

use serde_json::Value;
use taskhost_tests::{HostBuilder, Version, setup};

/// Takes as long as it says.
#[test]
fn five_minutes_of_work_reach_a_client_that_waits_one_minute_for_an_answer() {
    let host = HostBuilder::new("mock", "adaptive").over_http().start();
    let output = Command::new(Version::V5_7.python())
        .arg(setup::workspace_file("tests/clients/patience.py"))
        .args(["http", &host.url()])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();

    assert_eq!(report["result"]["slept_ms"], 300_000, "{report}");
    let calls = report["calls"].as_array().unwrap();
    let (first, later) = calls.split_first().unwrap();
    assert_eq!(first["tool"], "sleep", "{report}");
    assert!(
        later.iter().all(|call| call["at"].as_f64() > Some(20.0)),
        "nothing is asked while the first call waits: {report}"
    );
    assert!(
        calls.iter().all(|call| call["took"].as_f64() < Some(30.0)),
        "every answer comes long before the client gives up: {report}"
    );
    assert!(later.len() <= 15, "few questions: {report}");

    let listed = host.cli(&["tasks", "list", "--json"]).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
}
