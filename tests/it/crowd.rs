//! Many clients watch many tasks of one host, and each sees what is its own.

use std::collections::HashMap;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use taskhost_tests::{Client, Era, HostBuilder};

const CLIENTS: usize = 50;
const EACH: usize = 20;
const STEPS: u32 = 15;
/// For a thousand tasks, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_mins(5);

#[test]
fn fifty_clients_see_the_changes_of_their_own_among_a_thousand_tasks() {
    let host = HostBuilder::new("mock", "adaptive")
        .era(Era::Stateless)
        .over_http()
        .start();
    let all_are_over = Barrier::new(CLIENTS);
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let client = Client::http(&host.url()).speaking(Era::Stateless);
                watch(&client, &all_are_over);
            });
        }
    });
}

fn watch(client: &Client, all_are_over: &Barrier) {
    // Long enough for all of them to be watched on their way.
    let counting = json!({ "steps": STEPS, "step_ms": 2000 });
    let ids: Vec<String> = (0..EACH)
        .map(|_| client.start_native("count", &counting).id().to_owned())
        .collect();
    let listening = client.listen(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    listening.until(PATIENCE, "all of them complete", |states| {
        states.iter().filter(|state| is_over(state)).count() >= EACH
    });
    // What came too late, or to the wrong client, has come by now.
    all_are_over.wait();
    let mut seen: HashMap<String, Vec<Value>> = HashMap::new();
    for state in listening.states() {
        let id = state["taskId"].as_str().unwrap().to_owned();
        assert!(ids.contains(&id), "a task of another: {state}");
        seen.entry(id).or_default().push(state);
    }
    for id in &ids {
        in_order(seen.get(id).map(Vec::as_slice).unwrap_or_default());
    }
}

/// Where one task stood, from the first look to its end.
fn in_order(states: &[Value]) {
    let (last, before) = states.split_last().unwrap();
    assert_eq!(last["status"], "completed", "{states:?}");
    assert_eq!(
        last["result"]["structuredContent"],
        json!({ "counted": STEPS }),
        "the end brings the result"
    );
    assert!(
        !before.iter().any(is_over),
        "something came after the end: {states:?}"
    );
    let moments = states.iter().map(|state| state["lastUpdatedAt"].as_str());
    assert!(moments.clone().all(|moment| moment.is_some()));
    assert!(moments.is_sorted(), "{states:?}");
    let steps: Vec<u32> = before
        .iter()
        .filter_map(|state| {
            state["statusMessage"]
                .as_str()?
                .split(' ')
                .next()?
                .parse()
                .ok()
        })
        .collect();
    assert!(steps.is_sorted(), "{states:?}");
    let mut once = steps.clone();
    once.dedup();
    assert_eq!(once, steps, "each change is told once: {states:?}");
    assert!(!steps.is_empty(), "it was seen on its way: {states:?}");
}

fn is_over(state: &Value) -> bool {
    state["status"] == "completed" || state["status"] == "failed"
}
