//! The official Python SDKs drive the host.

use std::ffi::OsString;
use std::process::Command;

use serde_json::{Value, json};
use taskhost_tests::{HostBuilder, Version, setup};

#[test]
fn the_python_sdk_2_drives_it_over_stdio() {
    came_true(&over_stdio("drive_v2.py", Version::V5_7));
}

#[test]
fn the_python_sdk_2_drives_it_over_http() {
    came_true(&over_http("drive_v2.py", Version::V5_7));
}

#[test]
fn the_python_sdk_1_drives_it_over_stdio() {
    came_true(&over_stdio("drive_v1.py", Version::V5_3));
}

#[test]
fn the_python_sdk_1_drives_it_over_http() {
    came_true(&over_http("drive_v1.py", Version::V5_3));
}

fn came_true(report: &Value) {
    let tools = report["tools"].as_object().unwrap();
    for action in ["start", "status", "result", "cancel"] {
        assert!(
            tools[&format!("count_{action}")].is_object(),
            "an output schema: {report}"
        );
    }
    assert_eq!(report["started"]["is_error"], false);
    let statuses = report["statuses"].as_array().unwrap();
    assert_eq!(statuses.last().unwrap()["status"], "COMPLETED", "{report}");
    assert!(
        statuses.iter().any(|status| status["progress"].is_number()),
        "{report}"
    );
    assert_eq!(
        report["result"]["result"],
        json!({ "counted": 3 }),
        "{report}"
    );
    assert_eq!(report["cancelled"]["status"], "CANCELLED", "{report}");
}

fn over_stdio(script: &str, version: Version) -> Value {
    let host = HostBuilder::new("mock", "polling");
    let mut arguments = vec![OsString::from("stdio")];
    arguments.extend(host.command_line());
    run(script, version, &arguments)
}

fn over_http(script: &str, version: Version) -> Value {
    let host = HostBuilder::new("mock", "polling").over_http().start();
    let log = host.log();
    let (_, url) = log.rsplit_once("listening on ").unwrap();
    let url = url.split_whitespace().next().unwrap();
    run(script, version, &["http".into(), url.into()])
}

fn run(script: &str, version: Version, arguments: &[OsString]) -> Value {
    let mut python = Command::new(version.python());
    python
        .arg(setup::fixture("clients").join(script))
        .args(arguments);
    python.env("PYTHONDONTWRITEBYTECODE", "1");
    let output = python.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}
