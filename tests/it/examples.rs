//! The examples do what they show.

use std::fs;
use std::process::Command;

use taskhost_tests::setup;

#[test]
fn the_demo_comes_true() {
    let mut demo = Command::new(setup::host_binary());
    demo.arg("demo");
    ends_well(&mut demo);
}

#[test]
fn the_celery_example_comes_true() {
    comes_true("examples/celery/run");
}

#[test]
fn the_restate_example_comes_true() {
    comes_true("examples/restate/run");
}

#[test]
fn the_durable_task_example_comes_true() {
    comes_true("examples/durabletask/run");
}

#[test]
fn the_durable_orchestrations_example_comes_true() {
    comes_true("examples/durable/run");
}

#[test]
fn the_quickstart_comes_true() {
    comes_true("examples/quickstart/run");
}

#[test]
fn every_style_of_client_comes_true() {
    comes_true("examples/clients/run");
}

#[test]
fn the_job_server_has_a_backend_in_rust() {
    comes_true_with("examples/jobs/run", &["rust"]);
}

#[test]
fn the_job_server_has_a_backend_in_python() {
    comes_true_with("examples/jobs/run", &["python"]);
}

#[test]
fn the_job_server_has_a_backend_in_javascript() {
    comes_true_with("examples/jobs/run", &["js"]);
}

/// The tools do not follow links, so an example has a copy.
#[test]
fn an_example_has_the_guard_that_projects_begin_with() {
    for (copy, of) in [("python/guard.py", "guard.py"), ("js/guard.js", "guard.js")] {
        let read = |path: String| fs::read_to_string(setup::workspace_file(&path)).unwrap();
        assert_eq!(
            read(format!("examples/jobs/{copy}")),
            read(format!("host/templates/{of}"))
        );
    }
}

fn comes_true(script: &str) {
    comes_true_with(script, &[]);
}

fn comes_true_with(script: &str, args: &[&str]) {
    let mut run = Command::new(setup::workspace_file(script));
    run.args(args).env("TASKHOST_TOOLS", setup::tools());
    // What would be built has been built.
    run.env("TASKHOST", setup::host_binary());
    ends_well(&mut run);
}

fn ends_well(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
