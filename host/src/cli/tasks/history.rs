//! `taskhost tasks history`: what happened in a task that is an orchestration, step by step.
//!
//! An entry is an object of the engine's own making. What is known of any: `what` it is; `at_ms`, from when on
//! the entries are; `seq`, the step that it is about; `name`, which later entries of the step need not repeat;
//! `attempt`. The rest is shown as it is. One that has nothing but a time is the time of those after it.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::super::output;
use crate::admin::view::RunView;

/// Members that have a column of their own.
const COLUMNS: [&str; 5] = ["what", "at_ms", "seq", "name", "attempt"];

/// The longest rest of an entry, in characters; `--json` has all of it.
const LONGEST: usize = 110;

/// Prints the histories of a task's runs.
pub(super) fn show(runs: &[RunView]) {
    if runs.is_empty() {
        println!("no history: this task is no orchestration, or has not begun");
    }
    for (index, run) in runs.iter().enumerate() {
        if index > 0 {
            println!();
        }
        let state = if run.over { "over" } else { "under way" };
        println!("{}  {} entries, {state}", run.run, run.entries.len());
        let mut table = output::table(&["#", "TIME", "WHAT", "STEP", "NAME", "ATTEMPT", "DETAIL"]);
        let mut now = String::new();
        let mut names = HashMap::new();
        for (number, entry) in (1..).zip(&run.entries) {
            let Value::Object(entry) = entry.value() else {
                continue;
            };
            if let Some(at_ms) = entry.get("at_ms").and_then(Value::as_u64) {
                now = output::moment(at_ms);
                if entry.len() == 2 {
                    continue;
                }
            }
            table.add_row(row(number, &now, &entry, &mut names));
        }
        println!("{table}");
    }
}

/// `names`: those of the steps so far.
fn row(
    number: u64,
    now: &str,
    entry: &Map<String, Value>,
    names: &mut HashMap<u64, String>,
) -> Vec<String> {
    let text = |key: &str| entry.get(key).map(plain).unwrap_or_default();
    let mut name = text("name");
    if let Some(step) = entry.get("seq").and_then(Value::as_u64) {
        if name.is_empty() {
            name = names.get(&step).cloned().unwrap_or_default();
        } else {
            names.insert(step, name.clone());
        }
    }
    let rest = entry
        .iter()
        .filter(|(key, _)| !COLUMNS.contains(&key.as_str()));
    let rest: Vec<_> = rest
        .map(|(key, value)| format!("{key} {}", detail(key, value)))
        .collect();
    vec![
        number.to_string(),
        now.to_owned(),
        text("what"),
        text("seq"),
        name,
        text("attempt"),
        cut(&rest.join("  ")),
    ]
}

/// Moments as people read them, and the rest as it is.
fn detail(key: &str, value: &Value) -> String {
    match value.as_u64() {
        Some(ms) if MOMENTS.contains(&key) => output::moment(ms),
        _ => plain(value),
    }
}

/// Members that are moments, in milliseconds since the Unix epoch.
const MOMENTS: [&str; 2] = ["due_ms", "next_ms"];

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(object) => {
            let parts = object.iter();
            let parts: Vec<_> = parts
                .map(|(key, value)| format!("{key} {}", plain(value)))
                .collect();
            parts.join(", ")
        }
        other => other.to_string(),
    }
}

fn cut(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut cut: String = text.chars().map(plain).take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_row_whatever_an_engine_puts_into_it() {
        let mut names = HashMap::new();
        let mut row = |entry: Value| match entry {
            Value::Object(entry) => row(7, "now", &entry, &mut names),
            _ => panic!(),
        };
        let called =
            row(serde_json::json!({ "what": "activity-called", "seq": 3, "name": "count" }));
        assert_eq!(
            called,
            ["7", "now", "activity-called", "3", "count", "", ""]
        );
        let ended = serde_json::json!({
            "what": "activity-ended", "seq": 3, "attempt": 2, "outcome": {"done": "{\"pages\":4}"}, "next_ms": 1000,
        });
        assert_eq!(
            row(ended),
            [
                "7",
                "now",
                "activity-ended",
                "3",
                "count",
                "2",
                "outcome done {\"pages\":4}  next_ms 1970-01-01T00:00:01.000Z"
            ]
        );
        assert_eq!(cut(&"ü".repeat(200)).chars().count(), LONGEST + 1);
    }
}
