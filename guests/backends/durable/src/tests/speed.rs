//! How long it takes. To be run by hand, on a machine that does nothing else:
//! `cargo test --release -p taskhost-backend-durable speed -- --ignored --nocapture`.

#![allow(clippy::print_stderr, reason = "for whoever measures")]

use std::time::Instant;

use super::*;
use crate::ledger::Ledger;

#[test]
#[ignore = "measures"]
fn a_long_history_is_back_in_a_moment() {
    let mut trial = Trial::new(1, 0);
    Disk::with(|disk| (disk.takes_ms, disk.activity_ms) = (0, 0));
    trial.start("t1", "steps", &json!({ "size": 3334 }));
    let began = Instant::now();
    trial.outcome("t1");
    let turns = Disk::with(|disk| disk.writes);
    eprintln!(
        "{turns} turns: {:?} each",
        began.elapsed() / u32::try_from(turns).unwrap()
    );
    let lines = Disk::with(|disk| disk.logs["t1"].lines.clone());
    let began = Instant::now();
    let entries: Vec<Entry> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let parsed = began.elapsed();
    let ledger = Ledger::of(&entries);
    let folded = began.elapsed();
    let events = entries.into_iter().filter_map(Entry::into_seen).collect();
    let mut run = taskhost_flow::replay::Run::new(flows::ALL);
    let decided = run.step(events).unwrap();
    assert!(decided.is_empty());
    eprintln!(
        "{} entries: parsed {parsed:?}, folded {folded:?}, stepped {:?}",
        ledger.length(),
        began.elapsed()
    );
}

#[test]
#[ignore = "measures"]
fn many_runs_are_back_in_a_moment() {
    let mut trial = Trial::new(1, 0);
    for run in 0..1000 {
        trial.start(&format!("t{run}"), "asks", &json!({ "size": 0 }));
    }
    let opened = Disk::with(|disk| disk.opened);
    let began = Instant::now();
    trial.comes_back();
    while Disk::with(|disk| disk.opened) < opened + 1000 {
        trial.waits(Duration::from_millis(1));
    }
    eprintln!("1,000 runs: {:?}", began.elapsed());
}
