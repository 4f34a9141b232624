//! Builds of orchestrations that follow one another, and the histories of those before them.

use serde_json::{Value, json};
use taskhost_tests::{Host, HostBuilder, LONG, taskhost, wait_until};

use super::{component, flows, ready, steps, witness, witnessed};

#[test]
fn a_changed_build_is_found_by_replay_and_at_run_time() {
    let mut host = ready(flows());
    let token = begun(&host, &json!({ "steps": 20, "millis": 2500 }));
    let data = data_dir(&host);
    let replay = |build: &str| {
        taskhost(&[
            "test",
            &component(build),
            "--replay",
            "--histories-of",
            "fixture-flows",
            "--data-dir",
            &data,
        ])
    };
    let words = ["step 2", "`step`", "`renamed_step`", "version"];
    let found = replay("fixture-flows-changed");
    assert!(!found.status.success(), "{found:?}");
    for word in words {
        assert!(
            format!("{}{}", found.stdout, found.stderr).contains(word),
            "{word}: {found:?}"
        );
    }
    for fits in ["fixture-flows", "fixture-flows-versioned"] {
        let found = replay(fits);
        assert!(found.status.success(), "{fits}: {found:?}");
    }
    host.kill();
    let found = replay("fixture-flows-changed");
    assert!(!found.status.success(), "without a host too: {found:?}");

    let changed = ready(beside(&host, "fixture-flows-changed"));
    let end = changed.client().task("steps", &token).end();
    assert_eq!(end.status(), "FAILED", "{end:?}");
    let said = end.payload().to_string();
    for word in words
        .into_iter()
        .chain(["non-deterministic", "history has"])
    {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn a_versioned_change_lets_old_and_new_runs_live_together() {
    let mut host = ready(flows());
    let token = begun(&host, &json!({ "steps": 7, "millis": 300 }));
    host.kill();
    let new = ready(beside(&host, "fixture-flows-versioned"));
    let old_run = new.client().task("steps", &token);
    assert_eq!(old_run.end().payload()["result"], steps(7));
    let new_run = new
        .client()
        .start("steps", &json!({ "steps": 7, "millis": 5 }));
    assert_eq!(new_run.end().payload()["result"], steps(7));
    let history = |token: &str| new.cli(&["tasks", "history", token]).stdout;
    assert!(
        !history(&token).contains("renamed_step"),
        "{}",
        history(&token)
    );
    let after = history(new_run.token());
    assert!(
        after.contains("renamed_step") && after.contains("marked"),
        "{after}"
    );
}

/// The token of `steps`, once the step that is another one in other builds is written down.
fn begun(host: &Host, input: &Value) -> String {
    let task = host.client().start("steps", input);
    wait_until(LONG, "the changed step is written down", || {
        witness(host, task.token())
            .iter()
            .any(|line| line.key.ends_with("/2"))
    });
    task.token().to_owned()
}

/// A host on the same data, with another build of the orchestrations under the same name.
fn beside(host: &Host, build: &str) -> HostBuilder {
    let build = format!("fixture-flows={}", component(build));
    let other = HostBuilder::new(&build, "polling");
    witnessed(host.command().beside(other))
}

fn data_dir(host: &Host) -> String {
    let line = host.command().command_line();
    let at = line.iter().position(|word| word == "--data-dir").unwrap();
    line[at + 1].to_str().unwrap().to_owned()
}
