//! The official conformance suite of MCP finds nothing to complain about.
//!
//! It speaks HTTP to a host with the two `conformance` components, and leaves a file of checks for
//! each scenario. A scenario is a claim of its own here where the suite has not put it into the
//! requirements of a revision: those on tasks, which are an extension.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use taskhost_tests::{HostBuilder, SHORT, setup, wait_for};

const SUITE: &str = "@modelcontextprotocol/conformance";
const VERSION: &str = "0.2.0-alpha.12";

/// The suite has yet to learn how tasks push their status, and skips this for every server.
const NEVER_MADE: &str = "tasks-status-notifications";

/// A test for each row: what holds, and the scenario that shows it.
macro_rules! scenarios {
    ($($claim:ident: $scenario:literal,)*) => {
        $(
            #[test]
            fn $claim() {
                let checks = run(&["--scenario", $scenario]);
                assert!(checks.passed > 0, "it checked nothing");
            }
        )*
    };
}

#[test]
fn revision_2026_07_28_is_kept_to() {
    let checks = run(&["--requirements", "2026-07-28"]);
    assert_eq!(checks.scenarios, 50);
}

#[test]
fn revision_2025_11_25_is_kept_to() {
    let checks = run(&["--requirements", "2025-11-25"]);
    assert_eq!(checks.scenarios, 33);
}

scenarios! {
    a_task_lives_from_its_call_to_its_end: "tasks-lifecycle",
    tasks_are_for_clients_that_declare_them: "tasks-capability-negotiation",
    tasks_have_the_fields_of_the_extension: "tasks-wire-fields",
    tasks_carry_no_request_state: "tasks-request-state-removal",
    tasks_ask_and_are_answered: "tasks-mrtr-input",
    requests_for_tasks_agree_with_their_headers: "tasks-request-headers",
    requests_for_tasks_are_told_apart: "tasks-dispatch-and-envelope",
    a_tool_that_must_be_a_task_is_refused_to_others: "tasks-required-task-error",
    a_call_may_ask_first_and_be_a_task_then: "tasks-mrtr-composition",
}

#[test]
fn subscribers_of_a_document_are_told_of_its_change() {
    let host = builder().start();
    let client = host.client();
    let document = json!({ "uri": "test://watched-resource" });
    client.request("resources/subscribe", &document).unwrap();
    client.call("test_trigger_resource_change", &json!({}));
    let told = wait_for(SHORT, "the subscriber is told", || {
        client
            .notifications("notifications/resources/updated")
            .pop()
    });
    assert_eq!(told["params"]["uri"], document["uri"]);
}

/// What the suite has found: no failure.
struct Checks {
    scenarios: usize,
    passed: usize,
}

/// Runs the suite against a host of its own.
///
/// # Panics
/// With all that it complains of, if there is anything.
fn run(what: &[&str]) -> Checks {
    let host = builder().over_http().start();
    let results = host.command().scratch().join("results");
    let mut suite = setup::node("conformance", &[&format!("{SUITE}@{VERSION}")])
        .package(&format!("{SUITE}/dist/index.js"));
    suite
        .args(["server", "--url", &host.url(), "--output-dir"])
        .arg(&results)
        .args(what);
    let output = suite.output().unwrap();
    let checks = read(&results);
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    checks
}

/// Reads the results, in which every check must have been made and have passed.
///
/// The suite itself is content with less: it does not mind failures outside of what it requires.
fn read(results: &Path) -> Checks {
    let mut complaints = Vec::new();
    let (mut scenarios, mut passed) = (0, 0);
    for scenario in fs::read_dir(results).unwrap() {
        let scenario = scenario.unwrap().path();
        let checks = fs::read_to_string(scenario.join("checks.json")).unwrap();
        let checks: Vec<Value> = serde_json::from_str(&checks).unwrap();
        scenarios += 1;
        for check in checks {
            match check["status"].as_str().unwrap() {
                "SUCCESS" => passed += 1,
                "INFO" => {}
                "SKIPPED" if check["id"] == NEVER_MADE => {}
                status => complaints.push(format!(
                    "{}: {status}: {}: {}\n    {}",
                    scenario.display(),
                    check["id"],
                    check["errorMessage"],
                    check["details"],
                )),
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    Checks { scenarios, passed }
}

fn builder() -> HostBuilder {
    let component = |name| {
        setup::component(name)
            .into_os_string()
            .into_string()
            .unwrap()
    };
    let backend = component("conformance-backend");
    let strategy = component("conformance-strategy");
    HostBuilder::new(&backend, &strategy)
}
