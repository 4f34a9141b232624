//! What `mock` offers: its tasks, in words and schemas.
//!
//! The host checks arguments against these schemas, so [`crate::course`] sees none out of bounds.

use serde_json::{Value, json};
use taskhost_sdk::TaskDefinition;

/// An hour: the longest that a single wait may be.
const MOST_MS: u64 = 60 * 60 * 1000;

/// All tasks in a stable order; those that break the component only `with_faults`.
pub(crate) fn definitions(with_faults: bool) -> Vec<TaskDefinition> {
    let mut definitions = vec![
        count(),
        sleep(),
        echo(),
        fail(),
        retry(),
        stubborn(),
        uncancellable(),
        ask(),
        chatty(),
        large(),
    ];
    if with_faults {
        definitions.extend([trap(), spin(), hog(), rubbish()]);
    }
    definitions
}

fn count() -> TaskDefinition {
    TaskDefinition {
        output_schema: Some(object(
            &json!({ "counted": { "type": "integer", "description": "Steps that were counted." } }),
            &["counted"],
        )),
        ..definition(
            "count",
            "Count",
            "Counts to a number, one step at a time, with progress and one line of output per step.",
            5000,
            &object(
                &json!({
                    "steps": {
                        "type": "integer",
                        "minimum": 1,
                        "maximum": 1000,
                        "default": 5,
                        "description": "How far to count.",
                    },
                    "step_ms": milliseconds(10, 60_000, 1000, "How long one step takes."),
                }),
                &[],
            ),
        )
    }
}

fn sleep() -> TaskDefinition {
    TaskDefinition {
        output_schema: Some(object(
            &json!({ "slept_ms": { "type": "integer", "description": "Milliseconds slept." } }),
            &["slept_ms"],
        )),
        ..definition(
            "sleep",
            "Sleep",
            "Does nothing for a while, and shows no progress meanwhile.",
            1000,
            &object(
                &json!({ "ms": milliseconds(0, MOST_MS, 1000, "How long to sleep.") }),
                &[],
            ),
        )
    }
}

fn echo() -> TaskDefinition {
    definition(
        "echo",
        "Echo",
        "Completes at once, and the result is the value that it was given.",
        0,
        &object(
            &json!({
                "value": { "description": "Any JSON value, null too. At most about 60 KiB." },
            }),
            &["value"],
        ),
    )
}

fn fail() -> TaskDefinition {
    definition(
        "fail",
        "Fail",
        "Fails, in the way that it is told.",
        0,
        &object(
            &json!({
                "code": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 100,
                    "default": "MockFailure",
                    "description": "The kind of failure, for programs.",
                },
                "message": {
                    "type": "string",
                    "maxLength": 10_000,
                    "default": "the task was told to fail",
                    "description": "What went wrong, for people.",
                },
                "after_ms": milliseconds(0, MOST_MS, 0, "How long it runs before it fails."),
                "retryable": {
                    "type": "boolean",
                    "default": false,
                    "description": "Whether to say that another start may succeed.",
                },
                "system": {
                    "type": "boolean",
                    "default": false,
                    "description": "Whether to say that it is not the work's own verdict.",
                },
            }),
            &[],
        ),
    )
}

fn retry() -> TaskDefinition {
    TaskDefinition {
        output_schema: Some(object(
            &json!({
                "attempts": { "type": "integer", "description": "Attempts that failed before." },
            }),
            &["attempts"],
        )),
        ..definition(
            "retry",
            "Retry",
            "Fails a few times, is tried again by itself each time, and then succeeds.",
            1000,
            &object(
                &json!({
                    "attempts": {
                        "type": "integer",
                        "minimum": 1,
                        "maximum": 10,
                        "default": 2,
                        "description": "How many attempts fail before one succeeds.",
                    },
                    "delay_ms": milliseconds(1, 60_000, 500, "How long each attempt waits for the next."),
                }),
                &[],
            ),
        )
    }
}

fn stubborn() -> TaskDefinition {
    TaskDefinition {
        output_schema: Some(ran()),
        ..definition(
            "stubborn",
            "Stubborn",
            "Runs for a while, and when it is cancelled takes its time to stop.",
            60_000,
            &object(
                &json!({
                    "ms": milliseconds(0, MOST_MS, 60_000, "How long it runs if nobody stops it."),
                    "grace_ms": milliseconds(
                        0,
                        600_000,
                        2000,
                        "How long it runs on after it was asked to stop.",
                    ),
                }),
                &[],
            ),
        )
    }
}

fn uncancellable() -> TaskDefinition {
    TaskDefinition {
        cancellable: false,
        output_schema: Some(ran()),
        ..definition(
            "uncancellable",
            "Uncancellable",
            "Runs to its end, whatever anybody says.",
            5000,
            &object(
                &json!({ "ms": milliseconds(0, MOST_MS, 5000, "How long it runs.") }),
                &[],
            ),
        )
    }
}

fn ask() -> TaskDefinition {
    TaskDefinition {
        estimate_ms: None,
        ..definition(
            "ask",
            "Ask",
            "Asks one question, and completes with the answer. Fails if it is declined or dismissed, \
             or if nobody answers for a week.",
            0,
            &object(
                &json!({
                    "question": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 1000,
                        "default": "What shall I answer?",
                        "description": "The question to ask.",
                    },
                    "schema": {
                        "type": "object",
                        "default": {
                            "type": "object",
                            "properties": { "text": { "type": "string", "title": "Your answer" } },
                            "required": ["text"],
                        },
                        "description": "JSON Schema of the answer.",
                    },
                }),
                &[],
            ),
        )
    }
}

fn chatty() -> TaskDefinition {
    TaskDefinition {
        output_schema: Some(object(
            &json!({ "printed": { "type": "integer", "description": "Lines that were printed." } }),
            &["printed"],
        )),
        ..definition(
            "chatty",
            "Chatty",
            "Prints lines of output, one after another, and shows no progress meanwhile.",
            1000,
            &object(
                &json!({
                    "lines": {
                        "type": "integer",
                        "minimum": 1,
                        "maximum": 100_000,
                        "default": 10,
                        "description": "How many lines to print.",
                    },
                    "every_ms": milliseconds(1, 60_000, 100, "How long until the next line."),
                }),
                &[],
            ),
        )
    }
}

fn large() -> TaskDefinition {
    TaskDefinition {
        output_schema: Some(r#"{"type":"string"}"#.into()),
        ..definition(
            "large",
            "Large",
            "Completes at once with a long text.",
            0,
            &object(
                &json!({
                    "kib": {
                        "type": "integer",
                        "minimum": 1,
                        "maximum": 15_000,
                        "default": 100,
                        "description": "Length of the text in kibibytes.",
                    },
                }),
                &[],
            ),
        )
    }
}

fn trap() -> TaskDefinition {
    definition(
        "trap",
        "Trap",
        "Makes the component panic. A task that panics later survives it, and says so in its result.",
        1000,
        &object(
            &json!({
                "when": {
                    "type": "string",
                    "enum": ["start", "later"],
                    "default": "start",
                    "description": "`start`: each time the task is handed over. `later`: once, in the background.",
                },
                "after_ms": milliseconds(0, 60_000, 0, "How much later."),
            }),
            &[],
        ),
    )
}

fn spin() -> TaskDefinition {
    definition(
        "spin",
        "Spin",
        "Never returns from its start, and holds up the whole instance.",
        0,
        &object(&json!({}), &[]),
    )
}

fn hog() -> TaskDefinition {
    definition(
        "hog",
        "Hog",
        "Takes memory at its start until it is stopped, or has what it wants.",
        0,
        &object(
            &json!({
                "mib": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 4096,
                    "default": 1024,
                    "description": "Mebibytes to take.",
                },
            }),
            &[],
        ),
    )
}

fn rubbish() -> TaskDefinition {
    definition(
        "rubbish",
        "Rubbish",
        "Completes with something that is not JSON.",
        0,
        &object(&json!({}), &[]),
    )
}

/// A definition with what most of them share.
fn definition(
    name: &str,
    title: &str,
    description: &str,
    estimate_ms: u64,
    input_schema: &str,
) -> TaskDefinition {
    TaskDefinition {
        name: name.into(),
        title: Some(title.into()),
        description: Some(description.into()),
        input_schema: input_schema.into(),
        output_schema: None,
        cancellable: true,
        // Nothing here touches anything outside, so twice does no harm.
        idempotent: true,
        estimate_ms: Some(estimate_ms),
        timeout_ms: None,
        strategy: None,
    }
}

/// What a task that only takes its time has to say for itself.
fn ran() -> String {
    object(
        &json!({ "ran_ms": { "type": "integer", "description": "Milliseconds it ran." } }),
        &["ran_ms"],
    )
}

fn object(properties: &Value, required: &[&str]) -> String {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
    .to_string()
}

fn milliseconds(minimum: u64, maximum: u64, default: u64, description: &str) -> Value {
    json!({
        "type": "integer",
        "minimum": minimum,
        "maximum": maximum,
        "default": default,
        "description": format!("{description} In milliseconds."),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Script;

    #[test]
    fn the_defaults_in_the_schemas_are_those_that_run() {
        for definition in definitions(true).iter().filter(|one| one.name != "echo") {
            let schema: Value = serde_json::from_str(&definition.input_schema).unwrap();
            let defaults: Value = schema["properties"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, property)| (name.clone(), property["default"].clone()))
                .collect();
            assert_eq!(
                Script::read(&definition.name, "{}"),
                Script::read(&definition.name, &defaults.to_string()),
            );
        }
    }

    #[test]
    fn every_argument_is_described() {
        for definition in definitions(true) {
            let schema: Value = serde_json::from_str(&definition.input_schema).unwrap();
            for (name, property) in schema["properties"].as_object().unwrap() {
                assert!(
                    property["description"].is_string(),
                    "{} of {}",
                    name,
                    definition.name
                );
            }
        }
    }

    #[test]
    fn tasks_that_break_the_component_are_offered_on_request_only() {
        for definition in definitions(true) {
            let arguments = r#"{"value":1}"#;
            let arguments = if definition.name == "echo" {
                arguments
            } else {
                "{}"
            };
            let script = Script::read(&definition.name, arguments).unwrap();
            let offered = definitions(false)
                .iter()
                .any(|one| one.name == definition.name);
            assert_eq!(offered, !script.is_fault(), "{}", definition.name);
        }
    }

    #[test]
    fn only_what_runs_on_regardless_is_offered_as_uncancellable() {
        for definition in definitions(false) {
            let script = Script::read(&definition.name, r#"{"value":1}"#).unwrap();
            assert_eq!(definition.cancellable, script.is_cancellable());
        }
    }
}
