//! What the end of a task looks like as MCP `CallToolResult`.
//!
//! One rendering for all: native clients of both protocols, the resource `task://<id>/result`, and
//! strategies that wait for the end and answer with it.
//!
//! | outcome | content |
//! |---|---|
//! | a string | that text |
//! | an object | its JSON as text, and as `structuredContent` |
//! | anything else | its JSON as text |
//! | longer than [`INLINE`] | its beginning as text, and a link to the resource |
//! | failed, cancelled | what went wrong as text, the details as `structuredContent`, `isError` |

use serde_json::{Value, json};

use crate::task::{Failure, Json, Outcome, Record, TaskId};

/// The longest result that is shown whole, in bytes: about 16,000 tokens, below the 25,000 at which
/// clients cut results off by themselves.
pub const INLINE: usize = 64 << 10;
/// How much of a longer one is shown.
const PREVIEW: usize = 4 << 10;

/// The rendering, if the task is over.
pub fn result(record: &Record) -> Option<Json> {
    let outcome = record.outcome()?;
    Some(Json::of(&match outcome {
        Outcome::Completed(result) => completed(record.id(), result),
        Outcome::Failed(failure) => failed(failure),
        Outcome::Cancelled(reason) => cancelled(reason.as_deref()),
    }))
}

/// Where a task's documents are: `task://<id>/<part>`.
pub fn uri(id: TaskId, part: &str) -> String {
    format!("task://{id}/{part}")
}

fn completed(id: TaskId, result: &Json) -> Value {
    let value = result.value();
    let text = match &value {
        Value::String(text) => text.clone(),
        _ => result.text().to_owned(),
    };
    if text.len() > INLINE {
        return preview(id, &text, matches!(value, Value::String(_)));
    }
    let mut rendered = json!({
        "content": [{"type": "text", "text": text}],
        "isError": false,
    });
    if let (Value::Object(_), Some(fields)) = (&value, rendered.as_object_mut()) {
        fields.insert("structuredContent".to_owned(), value);
    }
    rendered
}

fn preview(id: TaskId, text: &str, is_text: bool) -> Value {
    let link = uri(id, "result");
    let shown = text.get(..text.floor_char_boundary(PREVIEW)).unwrap_or("");
    json!({
        "content": [
            {
                "type": "text",
                "text": format!(
                    "{shown}\n\n[The first {} of {} bytes. All of it: read the resource {link}]",
                    shown.len(),
                    text.len(),
                ),
            },
            {
                "type": "resource_link",
                "uri": link,
                "name": "result",
                "description": "The whole result",
                "mimeType": if is_text { "text/plain" } else { "application/json" },
                "size": text.len(),
            },
        ],
        "isError": false,
    })
}

fn failed(failure: &Failure) -> Value {
    let message = format!("{}: {}", failure.code, failure.message);
    let mut structured = json!({
        "status": "FAILED",
        "error": message,
        "error_type": failure.code,
        "retryable": failure.retryable,
    });
    if let (Some(detail), Some(fields)) = (&failure.detail, structured.as_object_mut()) {
        fields.insert("error_detail".to_owned(), detail.value());
    }
    json!({
        "content": [{"type": "text", "text": message}],
        "structuredContent": structured,
        "isError": true,
    })
}

fn cancelled(reason: Option<&str>) -> Value {
    let text = match reason {
        Some(reason) => format!("The task was cancelled: {reason}"),
        None => "The task was cancelled.".to_owned(),
    };
    json!({
        "content": [{"type": "text", "text": text}],
        "structuredContent": {"status": "CANCELLED", "reason": reason},
        "isError": true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: [u8; 16] = [7; 16];

    fn shown(result: &Value) -> Value {
        completed(TaskId::new(1, 0, ID), &Json::of(result))
    }

    #[test]
    fn a_string_is_the_text_itself() {
        assert_eq!(shown(&json!("a\nb"))["content"][0]["text"], "a\nb");
        assert_eq!(shown(&json!("a")).get("structuredContent"), None);
    }

    #[test]
    fn an_object_is_structured_too_and_null_is_a_result() {
        let shown_object = shown(&json!({"a": 1}));
        assert_eq!(shown_object["structuredContent"], json!({"a": 1}));
        assert_eq!(shown_object["content"][0]["text"], "{\"a\":1}");
        assert_eq!(shown(&Value::Null)["content"][0]["text"], "null");
    }

    #[test]
    fn a_long_result_is_a_beginning_and_a_link() {
        let shown = shown(&json!("é".repeat(INLINE)));
        let text = shown["content"][0]["text"].as_str().unwrap();
        assert!(text.len() < 2 * PREVIEW);
        assert_eq!(shown["content"][1]["type"], "resource_link");
        let uri = shown["content"][1]["uri"].as_str().unwrap();
        assert!(
            uri.starts_with("task://") && uri.ends_with("/result"),
            "{uri}"
        );
        assert_eq!(shown["content"][1]["size"], 2 * INLINE);
    }
}
