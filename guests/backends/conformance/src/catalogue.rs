//! What there is to run, in words and schemas.

use serde_json::{Value, json};
use taskhost_sdk::Task;

/// All tasks, in a stable order.
pub(crate) fn tasks() -> Vec<Task> {
    vec![
        task(
            "slow_compute",
            "Computes for some seconds",
            &json!({
                "seconds": { "type": "number", "minimum": 0, "maximum": 3600 },
                "label": { "type": "string" },
            }),
        ),
        task("failing_job", "Runs, and fails after a second", &json!({})),
        task(
            "protocol_error_job",
            "Is lost by whoever should run it",
            &json!({}),
        ),
        task(
            "confirm_delete",
            "Asks before it would delete a file",
            &json!({ "filename": { "type": "string" } }),
        ),
        task("multi_input", "Asks two things at once", &json!({})),
        task(
            "test_tool_with_task",
            "Greets somebody, after a while",
            &json!({ "user_name": { "type": "string" } }),
        ),
    ]
}

fn task(name: &str, description: &str, properties: &Value) -> Task {
    let schema = json!({ "type": "object", "properties": properties });
    Task::untyped(name, &schema)
        .description(description)
        .idempotent()
}
