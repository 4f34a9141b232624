//! A host that dies at random moments, again and again.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use rand::RngExt;
use serde_json::json;
use taskhost_tests::Host;

use super::{flows, steps, witness};

/// How often the host dies, unless `TASKHOST_TEST_KILLS` says otherwise.
const KILLS: u32 = 500;
/// Orchestrations under way at once.
const IN_FLIGHT: usize = 6;

#[test]
fn no_completed_activity_is_executed_again_although_the_host_is_killed_all_the_time() {
    let mut host = flows().launch();
    let mut tokens = Vec::new();
    let mut live: Vec<String> = Vec::new();
    for _ in 0..kills() {
        let client = host.client();
        client.initialize().unwrap();
        client.tool("steps_start");
        live.retain(|token| {
            let status = client.task("steps", token).status();
            status.status() != "COMPLETED"
        });
        while live.len() < IN_FLIGHT {
            let input = json!({ "steps": 20, "millis": 10, "retry_every": 3 });
            let token = client.start("steps", &input).token().to_owned();
            tokens.push(token.clone());
            live.push(token);
        }
        // Not a wait for something: the moment is random on purpose.
        thread::sleep(Duration::from_micros(rand::rng().random_range(0..60_000)));
        host.kill();
        host.relaunch();
    }
    host.client().initialize().unwrap();
    host.client().tool("steps_start");
    let mut executions = 0;
    for token in &tokens {
        let end = host.client().task("steps", token).end();
        assert_eq!(end.payload()["result"], steps(20), "{token}: {end:?}");
        let completed = completions(&host, token);
        assert_eq!(completed.len(), 20, "{token}: {completed:?}");
        let lines = witness(&host, token);
        for line in &lines {
            let at = completed[&line.key];
            assert!(
                line.ms <= at,
                "{line:?} came after it was over, at {at}: {lines:?}"
            );
        }
        for key in completed.keys() {
            let ends = lines
                .iter()
                .filter(|line| line.key == *key && line.what == "end");
            assert!(ends.count() >= 1, "{key} was never executed: {lines:?}");
        }
        executions += lines.iter().filter(|line| line.what == "start").count();
    }
    println!(
        "{} kills, {} orchestrations, {} activities, {executions} attempts",
        kills(),
        tokens.len(),
        tokens.len() * 20
    );
}

fn kills() -> u32 {
    let asked = std::env::var_os("TASKHOST_TEST_KILLS");
    asked.map_or(KILLS, |kills| kills.to_str().unwrap().parse().unwrap())
}

/// When each activity of a task was written down as over, in milliseconds, by key.
fn completions(host: &Host, token: &str) -> BTreeMap<String, u64> {
    let runs = host.cli(&["tasks", "history", token, "--json"]).json();
    let mut now = 0;
    let mut completions = BTreeMap::new();
    for entry in runs[0]["entries"].as_array().unwrap() {
        now = entry["at_ms"].as_u64().unwrap_or(now);
        if entry["what"] == "activity-ended" {
            let key = format!("{token}/{}", entry["seq"]);
            assert_eq!(completions.insert(key, now), None, "twice: {entry}");
        }
    }
    completions
}
