//! Schemas of what the tools take and of what they answer.
//!
//! **Invariant:** every payload is valid for [`output`], those of errors too: some clients check
//! `structuredContent` whether or not `isError` is set. A test in [`crate::payload`] holds it so.

use serde_json::{Value, json};

use crate::config::Config;

/// Arguments of `status`.
pub(crate) fn status(config: &Config) -> Value {
    let mut properties = json!({
        "token": token(),
        "answer": {
            "type": "object",
            "description": "Only when the status is INPUT_REQUIRED: the answer to one of `questions`.",
            "properties": {
                "key": { "type": "string", "description": "The `key` of the question." },
                "response": {
                    "description": "The answer. It has to fit the `schema` of the question.",
                },
            },
            "required": ["key", "response"],
            "additionalProperties": false,
        },
    });
    if config.max_wait_seconds > 0
        && let Some(properties) = properties.as_object_mut()
    {
        properties.insert(
            "wait_seconds".into(),
            json!({
                "type": "number",
                "minimum": 0,
                "maximum": config.max_wait_seconds,
                "default": 0,
                "description": format!(
                    "Wait up to this many seconds for something to change, and answer as soon as it \
                     does. {} saves calls.",
                    config.max_wait_seconds
                ),
            }),
        );
    }
    object(&properties)
}

/// Arguments of `result`.
pub(crate) fn result() -> Value {
    object(&json!({ "token": token() }))
}

/// Arguments of `cancel`.
pub(crate) fn cancel() -> Value {
    object(&json!({
        "token": token(),
        "reason": {
            "type": "string",
            "maxLength": 1000,
            "description": "Why, for the people who look at the task later.",
        },
    }))
}

/// What every tool answers, as `structuredContent` and as the same JSON in a text.
///
/// Open to further properties, since clients keep a list of tools longer than a host keeps its
/// version.
pub(crate) fn output() -> Value {
    json!({
        "type": "object",
        "properties": {
            "status": {
                "type": "string",
                "enum": [
                    "PENDING",
                    "RUNNING",
                    "RETRYING",
                    "INPUT_REQUIRED",
                    "COMPLETED",
                    "FAILED",
                    "CANCELLED",
                ],
                "description": "Where the task stands. Absent where there is no such task.",
            },
            "token": { "type": "string", "description": "Names the task in the other tools." },
            "progress": {
                "type": "number",
                "minimum": 0,
                "maximum": 1,
                "description": "How much is done, where an end is known.",
            },
            "metadata": {
                "type": "object",
                "description": "What the task says of its progress: `current`, `total`, `message` and more.",
            },
            "result": { "description": "What the task returned. May be null." },
            "questions": {
                "type": "array",
                "description": "What the task wants to know before it goes on.",
                "items": {
                    "type": "object",
                    "properties": {
                        "key": { "type": "string" },
                        "message": { "type": "string" },
                        "schema": { "description": "JSON Schema of the answer." },
                    },
                    "required": ["key", "message", "schema"],
                },
            },
            "error": {
                "type": "string",
                "description": "Type and message of what went wrong; while RETRYING, of the last attempt.",
            },
            "error_type": { "type": "string" },
            "retryable": {
                "type": "boolean",
                "description": "Starting the same task again may succeed.",
            },
            "error_detail": {
                "type": "object",
                "description": "Traceback and the like, cut to 4 KiB.",
            },
            "reason": { "type": "string", "description": "Why it was cancelled." },
            "cancel_requested": {
                "type": "boolean",
                "description": "Somebody asked it to stop. It may still complete.",
            },
            "note": { "type": "string", "description": "Why it does not move." },
            "is_error": { "type": "boolean" },
            "next": { "type": "string", "description": "What to do now." },
        },
        "required": ["next"],
    })
}

fn token() -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": 100,
        "description": "The token from the start tool.",
    })
}

/// Only the token has to be there.
fn object(properties: &Value) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "required": ["token"],
        "additionalProperties": false,
    })
}
