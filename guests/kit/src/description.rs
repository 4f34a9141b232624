//! What a task is, for a model that has seen nothing else.

use crate::interface::TaskDefinition;

/// What the work is, in the words of whoever wrote it.
pub fn what(definition: &TaskDefinition) -> String {
    definition
        .description
        .as_ref()
        .or(definition.title.as_ref())
        .map_or_else(
            || format!("Runs the task `{}`.", definition.name),
            |what| what.trim().to_owned(),
        )
}

/// The schema of what it returns as a paragraph, where it is short enough to be worth reading.
///
/// Told and not enforced: nobody checks what the work really returns.
pub fn returns(definition: &TaskDefinition, what: &str) -> String {
    /// A longer one is not worth the reader's attention.
    const MOST: usize = 1024;
    definition
        .output_schema
        .as_ref()
        .filter(|schema| schema.len() <= MOST)
        .map_or_else(String::new, |schema| {
            format!("\n\nJSON Schema of {what}: {schema}")
        })
}
