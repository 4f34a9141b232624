//! `taskhost test`: what conforms passes, and what does not is told what is wrong with it.

use serde_json::{Value, json};
use taskhost_tests::{
    Finished, RedisOptions, RedisServer, Worker, WorkerOptions, setup, taskhost, taskhost_at_length,
};

#[test]
fn the_mock_backend_conforms() {
    let report = passes(&["mock"]);
    assert!(verdict(&report, "many-at-once") == "passed", "{report}");
    assert!(
        verdict(&report, "cancel-while-running") == "passed",
        "{report}"
    );
}

#[test]
fn the_celery_backend_conforms_with_a_real_worker() {
    let redis = RedisServer::start(RedisOptions::default());
    let _worker = Worker::start(&redis, &WorkerOptions::default());
    let broker = format!("celery.broker={}", redis.url(0));
    let report = passes(&[
        "celery",
        "--set",
        &broker,
        "--set",
        "celery.discover_every_seconds=1",
        "--task",
        "schemad",
        "--arguments",
        r#"{"q": "hello"}"#,
        "--slow",
        "sleeper",
        "--slow-arguments",
        r#"{"seconds": 600}"#,
        "--timeout",
        "60s",
    ]);
    for scenario in [
        "start-to-end",
        "huge-arguments",
        "network-denied",
        "network-away",
        "network-cut",
    ] {
        assert_eq!(verdict(&report, scenario), "passed", "{report}");
    }
}

#[test]
fn the_engine_of_orchestrations_conforms() {
    let report = passes(&[
        &component("fixture-flows"),
        "--task",
        "ten",
        "--arguments",
        "{}",
        "--slow",
        "sleeps",
        "--slow-arguments",
        r#"{"ms": 600000}"#,
    ]);
    for scenario in ["same-id-runs-once", "restart-while-running", "clock-jumps"] {
        assert_eq!(verdict(&report, scenario), "passed", "{report}");
    }
}

#[test]
fn the_backend_of_the_conformance_suite_conforms() {
    passes(&[&component("conformance-backend")]);
}

#[test]
fn adaptive_conforms() {
    strategy_conforms("adaptive");
}

#[test]
fn blocking_conforms() {
    strategy_conforms("blocking");
}

#[test]
fn dispatcher_conforms() {
    strategy_conforms("dispatcher");
}

#[test]
fn operation_resource_conforms() {
    strategy_conforms("operation-resource");
}

#[test]
fn polling_conforms() {
    strategy_conforms("polling");
}

#[test]
fn single_tool_conforms() {
    strategy_conforms("single-tool");
}

#[test]
fn a_backend_that_changes_handles_is_found() {
    fails(
        "another-handle",
        "same-id-same-handle",
        &["the handle `wrong:", "again"],
    );
}

#[test]
fn a_backend_that_runs_twice_is_found() {
    fails(
        "runs-twice",
        "same-id-runs-once",
        &["\"runs\":1", "\"runs\":2"],
    );
}

#[test]
fn a_backend_that_forgets_is_found() {
    fails(
        "forgets",
        "restart-while-running",
        &["fresh instance", "`unknown`"],
    );
    fails(
        "forgets",
        "restart-after-the-end",
        &["fresh instance", "`unknown`"],
    );
}

#[test]
fn a_backend_that_takes_unknown_work_for_pending_is_found() {
    fails(
        "pending-for-ever",
        "unknown-work",
        &["`unknown`", "`pending`"],
    );
}

#[test]
fn a_backend_whose_results_are_not_json_is_found() {
    fails("not-json", "start-to-end", &["TH0406", "not JSON"]);
}

#[test]
fn a_backend_that_answers_in_another_order_is_found() {
    fails("wrong-order", "observe-many", &["place", "`unknown`"]);
}

#[test]
fn a_backend_that_answers_too_little_is_found() {
    fails(
        "wrong-length",
        "observe-many",
        &["0 observations of 1 works"],
    );
}

#[test]
fn a_backend_that_says_it_stops_and_goes_on_is_found() {
    fails(
        "never-stops",
        "cancel-at-once",
        &["`accepted`", "`running`"],
    );
    fails(
        "never-stops",
        "cancel-while-running",
        &["`accepted`", "`running`"],
    );
}

#[test]
fn a_backend_that_traps_on_its_configuration_is_found() {
    fails(
        "traps-in-init",
        "malformed-configuration",
        &["`init`", "TH0402"],
    );
}

#[test]
fn a_backend_that_traps_on_unknown_work_is_found() {
    fails("traps-on-unknown", "unknown-work", &["TH0402"]);
}

#[test]
fn a_backend_that_lists_in_another_order_each_time_is_found() {
    fails(
        "shuffles",
        "list-tasks",
        &["echo, sleep", "sleep, echo", "catalog-changed"],
    );
}

#[test]
fn a_backend_with_a_schema_that_is_none_is_found() {
    fails("bad-schema", "definitions", &["`broken`", "strnig"]);
}

#[test]
fn a_backend_that_blocks_its_instance_is_found() {
    fails("blocks", "others-are-served", &["`observe` of nothing"]);
}

#[test]
fn a_backend_that_talks_on_after_the_end_is_found() {
    fails("talks-on", "quiet-after-the-end", &["over", "`running`"]);
}

#[test]
fn a_backend_that_mixes_up_its_tasks_is_found() {
    fails(
        "mixes-up",
        "ids-are-independent",
        &["another task was released", "`unknown`"],
    );
}

#[test]
fn a_strategy_with_two_tools_of_one_name_is_found() {
    fails(
        "two-of-one-name",
        "tools",
        &["one tool of each name", "_start"],
    );
}

#[test]
fn a_strategy_that_traps_on_an_unknown_route_is_found() {
    fails("traps-on-route", "unknown-route", &["route", "TH0402"]);
}

#[test]
fn a_strategy_whose_tools_change_with_a_restart_is_found() {
    fails("changes-after-restart", "list-tools", &["after a restart"]);
}

#[test]
fn a_strategy_that_shows_tasks_to_others_is_found() {
    fails(
        "shows-to-others",
        "other-callers",
        &["another caller", "its result"],
    );
}

#[test]
fn a_strategy_that_knows_only_its_own_tokens_is_found() {
    fails(
        "remembers",
        "restart-before-the-result",
        &["before the restart", "not one of mine"],
    );
}

#[test]
fn scenarios_are_listed_and_chosen_by_name() {
    let listed = taskhost(&["test", "mock", "--list", "--report", "json"]).json();
    let names: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert!(names.len() >= 20, "{listed}");
    assert!(names.contains(&&json!("huge-arguments")), "{listed}");
    let chosen = taskhost(&[
        "test",
        "mock",
        "--scenario",
        "observe-nothing",
        "--report",
        "json",
    ])
    .json();
    assert_eq!(chosen["scenarios"].as_array().unwrap().len(), 1);
    let wrong = taskhost(&["test", "mock", "--scenario", "observe-nothin"]);
    assert_eq!(wrong.error_code(), "TH0820");
    assert!(
        wrong.stderr.contains("did you mean `observe-nothing`"),
        "{wrong:?}"
    );
}

#[test]
fn a_report_for_people_names_the_words_of_the_interface() {
    let finished = taskhost(&[
        "test",
        &component("wrong-bad-schema"),
        "--scenario",
        "definitions",
    ]);
    // A component that traps says so in the log, with the words of its panic.
    assert!(finished.stderr.contains("error[TH0822]"), "{finished:?}");
    assert_eq!(finished.status.code(), Some(1));
    for part in ["FAILED", "definitions", "expected", "came", "wit/types.wit"] {
        assert!(
            finished.stdout.contains(part),
            "`{part}` in {}",
            finished.stdout
        );
    }
}

/// One of those that come with taskhost.
fn strategy_conforms(name: &str) {
    let report = passes(&[name]);
    for scenario in ["many-tasks", "task-and-result", "question"] {
        assert_eq!(verdict(&report, scenario), "passed", "{report}");
    }
}

/// The report of a trial in which nothing failed.
fn passes(args: &[&str]) -> Value {
    let finished = trial(args);
    let report: Value =
        serde_json::from_str(&finished.stdout).unwrap_or_else(|e| panic!("{e}: {finished:?}"));
    let failed: Vec<_> = rows(&report)
        .iter()
        .filter(|row| row["verdict"] == "failed")
        .collect();
    assert!(failed.is_empty(), "{args:?}: {failed:#?}");
    assert!(finished.status.success(), "{finished:?}");
    report
}

/// The component fails this scenario, with these words in the reason, and the command fails with it.
fn fails(name: &str, scenario: &str, words: &[&str]) {
    let finished = trial(&[&component(&format!("wrong-{name}")), "--scenario", scenario]);
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    // A component that traps says so in the log, with the words of its panic.
    assert!(finished.stderr.contains("error[TH0822]"), "{finished:?}");
    let report: Value =
        serde_json::from_str(&finished.stdout).unwrap_or_else(|e| panic!("{e}: {finished:?}"));
    assert_eq!(verdict(&report, scenario), "failed", "{report}");
    let row = row(&report, scenario);
    let why = format!("{} {}", row["why"]["expected"], row["why"]["came"]).replace("\\\"", "\"");
    for words in words {
        assert!(why.contains(words), "`{words}` in {why}");
    }
    assert!(
        row["why"]["contract"].as_str().unwrap().starts_with("wit/"),
        "{row}"
    );
}

fn trial(args: &[&str]) -> Finished {
    let mut line = vec!["test", "--report", "json"];
    line.extend(args);
    taskhost_at_length(&line)
}

fn rows(report: &Value) -> &Vec<Value> {
    report["scenarios"].as_array().unwrap()
}

fn row<'a>(report: &'a Value, scenario: &str) -> &'a Value {
    let mut rows = rows(report).iter();
    rows.find(|row| row["name"] == scenario)
        .unwrap_or_else(|| panic!("no `{scenario}` in {report}"))
}

fn verdict<'a>(report: &'a Value, scenario: &str) -> &'a str {
    row(report, scenario)["verdict"].as_str().unwrap()
}

/// The file of a component that is not part of the binary.
fn component(name: &str) -> String {
    setup::component(name).to_str().unwrap().to_owned()
}
