//! What every payload looks like, as tools promise it.

use serde_json::{Map, Value, json};

use crate::guide::Id;

/// What every tool answers, as `structuredContent` and as the same JSON in a text.
///
/// Open to further properties, since clients keep a list of tools longer than a host keeps its
/// version.
pub fn output(id: Id) -> Value {
    output_with(id, Map::new())
}

/// The same of tools that show results only up to [`super::MOST_RESULT`].
pub fn output_with_preview(id: Id) -> Value {
    output_with(id, preview())
}

/// The same of tools that say of which kind a task is, and may list several.
pub fn output_with_list(id: Id) -> Value {
    let mut more = preview();
    more.extend(members(json!({
        "task_type": { "type": "string", "description": "Of which kind the task is." },
        "estimated_duration_seconds": {
            "type": "integer",
            "description": "How long tasks of this kind usually take.",
        },
        "tasks": {
            "type": "array",
            "description": "The tasks that are not over, newest first.",
            "items": {
                "type": "object",
                "properties": {
                    "task_id": { "type": "string" },
                    "task_type": { "type": "string" },
                    "status": status(),
                    "progress": { "type": "number", "minimum": 0, "maximum": 1 },
                    "message": { "type": "string" },
                    "estimated_duration_seconds": { "type": "integer" },
                    "running_for_seconds": { "type": "integer" },
                    "cancel_requested": { "type": "boolean" },
                },
                "required": ["task_id", "task_type", "status", "running_for_seconds"],
            },
        },
    })));
    output_with(id, more)
}

fn output_with(id: Id, more: Map<String, Value>) -> Value {
    let mut properties = Map::new();
    let mut status = status();
    if let Some(status) = status.as_object_mut() {
        status.insert(
            "description".into(),
            "Where the task stands. Absent where there is no such task.".into(),
        );
    }
    properties.insert("status".into(), status);
    properties.insert(
        id.word().into(),
        json!({ "type": "string", "description": "Names the task in the other tools." }),
    );
    properties.extend(members(common()));
    properties.extend(more);
    json!({ "type": "object", "properties": properties, "required": ["next"] })
}

fn common() -> Value {
    json!({
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
    })
}

fn preview() -> Map<String, Value> {
    members(json!({
        "result_preview": {
            "type": "string",
            "description": "The beginning of a result that is too long to be shown here.",
        },
        "result_uri": {
            "type": "string",
            "description": "The resource that such a result can be read from.",
        },
    }))
}

fn status() -> Value {
    json!({
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
    })
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
