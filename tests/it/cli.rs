//! What an operator sees: errors with a code and a way out, and tasks.

use std::fs;

use serde_json::json;
use taskhost_tests::{Finished, HostBuilder, taskhost};

#[test]
fn a_wrong_flag_is_a_coded_error_with_help() {
    let finished = mock().args(["--backnd", "mock"]).finish();
    says(&finished, "--backnd");
    assert!(
        finished.stderr.contains("--backend"),
        "a suggestion: {}",
        finished.stderr
    );
}

#[test]
fn an_unknown_subcommand_is_a_coded_error_with_help() {
    says(&taskhost(&["rnu"]), "rnu");
}

#[test]
fn an_unknown_key_of_a_component_is_a_coded_error_with_help() {
    let finished = HostBuilder::new("celery", "polling")
        .set("celery.broker", "redis://127.0.0.1:1/0")
        .set("celery.brokr", "x")
        .finish();
    says(&finished, "brokr");
}

#[test]
fn an_unknown_key_of_the_file_is_a_coded_error_with_its_place() {
    let finished = HostBuilder::bare()
        .config("version = 1\n\n[backnds.mock]\n")
        .finish();
    says(&finished, "backnds");
    assert!(
        finished.stderr.contains("taskhost.toml"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_value_of_the_wrong_type_is_a_coded_error_with_help() {
    says(&mock().set("mock.faults", "perhaps").finish(), "faults");
}

#[test]
fn a_setting_of_a_component_that_is_not_there_is_a_coded_error_with_help() {
    says(
        &mock().set("celery.broker", "redis://127.0.0.1:1").finish(),
        "celery",
    );
}

#[test]
fn a_missing_setting_is_a_coded_error_with_help() {
    says(&HostBuilder::new("celery", "polling").finish(), "broker");
}

#[test]
fn a_missing_file_is_a_coded_error_with_help() {
    says(
        &HostBuilder::new("./nowhere.wasm", "polling").finish(),
        "nowhere.wasm",
    );
    says(
        &HostBuilder::bare()
            .args(["--config", "nowhere.toml"])
            .finish(),
        "nowhere.toml",
    );
}

#[test]
fn an_unknown_name_of_a_component_is_a_coded_error_with_help() {
    let finished = HostBuilder::new("celry", "polling").finish();
    says(&finished, "celry");
    assert!(
        finished.stderr.contains("celery"),
        "a suggestion: {}",
        finished.stderr
    );
}

#[test]
fn a_component_of_the_wrong_kind_is_a_coded_error_with_help() {
    says(
        &HostBuilder::new("work=polling", "polling").finish(),
        "polling",
    );
    says(&HostBuilder::new("mock", "show=mock").finish(), "mock");
}

#[test]
fn two_components_of_one_name_are_a_coded_error_with_help() {
    says(&HostBuilder::new("mock", "mock=polling").finish(), "mock");
}

#[test]
fn a_file_that_is_no_component_is_a_coded_error_with_help() {
    let host = HostBuilder::bare();
    for (name, bytes) in [
        ("garbage.wasm", &b"\x7fELF and so on"[..]),
        ("empty.wasm", b""),
        // A core module is WebAssembly, and no component.
        ("module.wasm", b"\0asm\x01\0\0\0"),
        // A component that exports nothing.
        ("hollow.wasm", b"\0asm\x0d\0\x01\0"),
    ] {
        let file = host.scratch().join(name);
        fs::write(&file, bytes).unwrap();
        let backend = file.to_str().unwrap();
        says(&HostBuilder::new(backend, "polling").finish(), name);
    }
}

#[test]
fn a_second_host_on_one_data_directory_is_told_who_holds_it() {
    let mut first = mock().start();
    let second = first.command().beside(mock()).finish();
    says(&second, &first.process().id().to_string());
    assert_eq!(
        first
            .client()
            .start("echo", &json!({ "value": 1 }))
            .end()
            .status(),
        "COMPLETED"
    );
}

#[test]
fn tasks_are_listed_shown_and_cancelled_while_a_host_runs() {
    let host = mock().start();
    let task = host.client().start("sleep", &json!({ "ms": 600_000 }));
    let token = task.token();
    let listed = host.cli(&["tasks", "list", "--json"]);
    assert!(listed.json().to_string().contains(token), "{listed:?}");
    let shown = host.cli(&["tasks", "show", token, "--json"]);
    assert!(shown.json().to_string().contains("sleep"), "{shown:?}");
    let cancelled = host.cli(&["tasks", "cancel", token, "--json"]);
    assert!(cancelled.status.success(), "{cancelled:?}");
    task.until_status("CANCELLED");
    let events = host.cli(&["tasks", "events", token, "--json"]);
    assert!(
        events.status.success() && !events.stdout.is_empty(),
        "{events:?}"
    );
    assert_eq!(
        host.cli(&["tasks", "show", &"0".repeat(token.len()), "--json"])
            .error_code()
            .len(),
        6
    );
}

#[test]
fn tasks_are_read_from_the_store_while_no_host_runs() {
    let mut host = mock().start();
    let token = host
        .client()
        .start("echo", &json!({ "value": 1 }))
        .token()
        .to_owned();
    host.client().task("echo", &token).until_status("COMPLETED");
    assert!(host.stop().success());
    let listed = host.cli(&["tasks", "list", "--json"]);
    assert!(listed.json().to_string().contains(&token), "{listed:?}");
    let shown = host.cli(&["tasks", "show", &token, "--json"]);
    assert!(shown.status.success(), "{shown:?}");
    // Nobody is there to pass it on.
    host.cli(&["tasks", "cancel", &token]).error_code();
}

#[test]
fn each_component_that_comes_with_taskhost_carries_its_manifest() {
    for (name, kind) in [
        ("celery", "backend"),
        ("durabletask", "backend"),
        ("mock", "backend"),
        ("restate", "backend"),
        ("adaptive", "strategy"),
        ("blocking", "strategy"),
        ("dispatcher", "strategy"),
        ("operation-resource", "strategy"),
        ("polling", "strategy"),
        ("single-tool", "strategy"),
    ] {
        let inspected = taskhost(&["inspect", name, "--json"]).json();
        let manifest = &inspected["manifest"];
        assert_eq!(manifest["name"], name, "{inspected}");
        assert_eq!(manifest["kind"], kind, "{inspected}");
        assert_eq!(manifest["version"], inspected["version"], "{inspected}");
        assert_eq!(manifest["summary"], inspected["description"], "{inspected}");
    }
}

#[test]
fn a_component_is_inspected_without_running() {
    for (name, kind) in [
        ("celery", "backend"),
        ("durabletask", "backend"),
        ("mock", "backend"),
        ("restate", "backend"),
        ("polling", "strategy"),
    ] {
        let inspected = taskhost(&["inspect", name, "--json"]);
        let text = inspected.json().to_string();
        assert!(
            text.contains(kind) && text.contains("taskhost:plugin"),
            "{name}: {text}"
        );
    }
}

#[test]
fn flags_are_the_file_that_they_print() {
    let flags = HostBuilder::new("mock", "polling").set("mock.faults", "true");
    let printed = flags.args(["--print-config"]).finish();
    assert!(printed.status.success(), "{printed:?}");
    let host = HostBuilder::bare().config(&printed.stdout).start();
    host.client().tool("trap_start");
}

#[test]
fn a_configuration_is_checked_without_being_run() {
    let good = HostBuilder::bare().config("version = 1\n[backends.mock]\ncomponent = \"mock\"\n[strategies.polling]\ncomponent = \"polling\"\n");
    let file = good.scratch().join("taskhost.toml");
    let checked = taskhost(&["check", "--config", file.to_str().unwrap()]);
    assert!(checked.status.success(), "{checked:?}");
    fs::write(
        &file,
        "version = 1\n[backends.mock]\ncomponent = \"mock\"\nfaults = 1\n",
    )
    .unwrap();
    says(
        &taskhost(&["check", "--config", file.to_str().unwrap()]),
        "faults",
    );
}

fn mock() -> HostBuilder {
    HostBuilder::new("mock", "polling")
}

/// It failed with one coded error that says what it is about, and help.
fn says(finished: &Finished, what: &str) {
    finished.error_code();
    assert!(
        finished.stderr.contains(what),
        "`{what}` in {}",
        finished.stderr
    );
    assert_eq!(finished.stdout, "", "stdout is for data");
}
