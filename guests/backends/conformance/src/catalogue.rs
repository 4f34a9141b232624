//! What there is to run, in words and schemas.

use serde_json::{Value, json};

use crate::bindings::taskhost::plugin::types::TaskDefinition;

/// All tasks, in a stable order.
pub(crate) fn definitions() -> Vec<TaskDefinition> {
    vec![
        definition(
            "slow_compute",
            "Computes for some seconds",
            &json!({
                "seconds": { "type": "number", "minimum": 0, "maximum": 3600 },
                "label": { "type": "string" },
            }),
        ),
        definition("failing_job", "Runs, and fails after a second", &json!({})),
        definition(
            "protocol_error_job",
            "Is lost by whoever should run it",
            &json!({}),
        ),
        definition(
            "confirm_delete",
            "Asks before it would delete a file",
            &json!({ "filename": { "type": "string" } }),
        ),
        definition("multi_input", "Asks two things at once", &json!({})),
        definition(
            "test_tool_with_task",
            "Greets somebody, after a while",
            &json!({ "user_name": { "type": "string" } }),
        ),
    ]
}

fn definition(name: &str, description: &str, properties: &Value) -> TaskDefinition {
    TaskDefinition {
        name: name.into(),
        title: None,
        description: Some(description.into()),
        input_schema: json!({ "type": "object", "properties": properties }).to_string(),
        output_schema: None,
        cancellable: true,
        idempotent: true,
        estimate_ms: None,
        timeout_ms: None,
        strategy: None,
    }
}
