//! What came of all scenarios, as data. `cli` makes a table or JSON of it.

use std::time::Duration;

use serde_json::{Value, json};

pub use super::clause::Clause;
pub use super::usage::Sum;
use super::verdict::Verdict;

/// One scenario and what came of it.
#[derive(Clone, Debug)]
pub struct Row {
    /// Of the scenario.
    pub name: &'static str,
    /// What must hold.
    pub claim: &'static str,
    /// Whether it does.
    pub verdict: Verdict,
    /// What it took.
    pub usage: Sum,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Trial {
    /// `backend` or `strategy`.
    pub kind: &'static str,
    /// As the component says.
    pub name: String,
    /// As the component says.
    pub version: String,
    /// Of the file.
    pub digest: String,
    /// In the order in which they were run.
    pub rows: Vec<Row>,
    /// From the first to the last.
    pub took: Duration,
}

impl Trial {
    /// How many passed, failed, and were skipped.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |which: fn(&Verdict) -> bool| {
            self.rows.iter().filter(|row| which(&row.verdict)).count()
        };
        (
            count(|verdict| matches!(verdict, Verdict::Passed)),
            count(|verdict| matches!(verdict, Verdict::Failed(_))),
            count(|verdict| matches!(verdict, Verdict::Skipped(_))),
        )
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        let (passed, failed, skipped) = self.counts();
        json!({
            "component": {
                "kind": self.kind,
                "name": self.name,
                "version": self.version,
                "digest": self.digest,
            },
            "summary": {
                "passed": passed,
                "failed": failed,
                "skipped": skipped,
                "took_ms": milliseconds(self.took),
            },
            "scenarios": self.rows.iter().map(Row::to_json).collect::<Vec<_>>(),
        })
    }
}

impl Row {
    fn to_json(&self) -> Value {
        let (verdict, why) = match &self.verdict {
            Verdict::Passed => ("passed", Value::Null),
            Verdict::Skipped(why) => ("skipped", json!({ "because": why })),
            Verdict::Failed(failure) => (
                "failed",
                json!({
                    "expected": failure.expected,
                    "came": failure.came,
                    "contract": failure.clause.to_string(),
                }),
            ),
        };
        let Sum {
            took,
            calls,
            longest,
            instances,
            metered,
        } = &self.usage;
        json!({
            "name": self.name,
            "claim": self.claim,
            "verdict": verdict,
            "why": why,
            "meter": {
                "took_ms": milliseconds(*took),
                "calls": calls,
                "longest_call": longest.map(|(function, took)| json!({
                    "function": function,
                    "ms": milliseconds(took),
                })),
                "instances": instances,
                "usage": metered,
            },
        })
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
