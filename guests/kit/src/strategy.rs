//! The interface of a strategy, and what most of them do with a catalogue.

use taskhost_sdk::tracing;

use crate::interface::{TaskDefinition, Tool};

pub use taskhost_sdk::Strategy;

/// The tools that `of` makes of each task. One that cannot be shown must not hide the others.
pub fn each(
    catalog: &[TaskDefinition],
    of: impl Fn(&TaskDefinition) -> Result<Vec<Tool>, String>,
) -> Vec<Tool> {
    let mut tools = Vec::new();
    for definition in catalog {
        match of(definition) {
            Ok(more) => tools.extend(more),
            Err(why) => skipped(&definition.name, &why),
        }
    }
    tools
}

/// Says that a task has no tool, and why.
pub fn skipped(task: &str, why: &str) {
    tracing::warn!(task, why, "a task is not offered");
}
