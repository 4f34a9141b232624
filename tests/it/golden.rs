//! Components that were compiled for a released version of the interface, and must run for ever.
//!
//! `tests/golden/VERSION/` has one backend and one strategy, as the taskhost of that time embedded them, and
//! `wit/released/VERSION/` the interface that they were compiled against. Neither is ever changed.

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use taskhost_tests::{HostBuilder, setup, taskhost};

/// Every version that was released.
fn versions() -> Vec<(String, PathBuf)> {
    let released = setup::workspace().join("wit/released");
    let mut versions: Vec<_> = fs::read_dir(released)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|version| {
            let golden = setup::workspace().join("tests/golden").join(&version);
            (version, golden)
        })
        .collect();
    versions.sort();
    assert!(!versions.is_empty());
    versions
}

#[test]
fn components_of_each_released_interface_run_a_task_to_its_end() {
    for (version, golden) in versions() {
        let backend = format!("mock={}", golden.join("backend.wasm").display());
        let strategy = format!("polling={}", golden.join("strategy.wasm").display());
        let host = HostBuilder::new(&backend, &strategy).start();
        let task = host.client().start("sleep", &json!({ "ms": 10 }));
        task.until_status("COMPLETED");
        assert!(!task.result().is_error(), "{version}");
    }
}

#[test]
fn components_of_each_released_interface_say_what_they_are() {
    for (version, golden) in versions() {
        for (file, kind) in [("backend.wasm", "backend"), ("strategy.wasm", "strategy")] {
            let file = golden.join(file);
            let found = taskhost(&["inspect", "--json", file.to_str().unwrap()]).json();
            assert_eq!(found["kind"], kind, "{version}");
            let exports = found["exports"].to_string();
            assert!(exports.contains(&format!("@{version}")), "{exports}");
        }
    }
}

/// Adding to an interface is allowed only under a new version, and then the old one stays as it was.
#[test]
fn what_is_released_is_what_components_are_built_against_until_the_version_rises() {
    let wit = setup::workspace().join("wit");
    let package = fs::read_to_string(wit.join("types.wit")).unwrap();
    for (version, _) in versions() {
        if !package.starts_with(&format!("package taskhost:plugin@{version};")) {
            continue;
        }
        for entry in fs::read_dir(wit.join("released").join(&version)).unwrap() {
            let released = entry.unwrap().path();
            let current = wit.join(released.file_name().unwrap());
            assert_eq!(
                meaning(&fs::read_to_string(&released).unwrap()),
                meaning(&fs::read_to_string(&current).unwrap()),
                "{} has changed, and its version has not",
                current.display()
            );
        }
    }
}

/// Without comments, which may be made better at any time.
fn meaning(wit: &str) -> Vec<&str> {
    wit.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .collect()
}
