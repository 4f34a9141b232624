//! Questions of tasks, as elicitations of MCP, and what comes back.
//!
//! Clients show forms, and not JSON Schema: an object of plain fields. The host does the same with
//! the questions of native tasks.
//!
//! | schema of the question | form | answer |
//! |---|---|---|
//! | an object of plain fields | as it is | `content` |
//! | a plain value | one field, `answer` | `content.answer` |
//! | anything else | one text, `answer` | `content.answer`, read as JSON where it is JSON |

use serde_json::{Map, Value, json};

use crate::interface::{Caller, Error, Question, Response};

/// The method that asks a person.
pub const METHOD: &str = "elicitation/create";

/// From this revision on servers ask in replies, and not over the connection.
const ASKS_IN_REPLIES: &str = "2026-07-28";

/// From this revision on there are other modes than forms, so that the mode is said.
const SAYS_MODE: &str = "2025-11-25";

/// How this client can be asked, inside a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By a request over its connection.
    Request,
    /// By a reply, after which it calls again.
    Reply,
}

impl Way {
    /// The way to this client, if it can show a form at all.
    pub fn to(caller: &Caller) -> Option<Self> {
        shows_forms(&caller.capabilities).then(|| {
            if speaks(caller, ASKS_IN_REPLIES) {
                Self::Reply
            } else {
                Self::Request
            }
        })
    }
}

/// The parameters of the elicitation that asks `question`.
pub fn params(question: &Question, caller: &Caller) -> Result<Value, Error> {
    let schema: Value = serde_json::from_str(&question.schema)
        .map_err(|error| Error::Internal(format!("schema of `{}`: {error}", question.key)))?;
    let requested = match Shape::of(&schema) {
        Shape::Whole => schema,
        Shape::Field => one_field(&schema),
        Shape::Text => one_field(&json!({
            "type": "string",
            "description": format!("JSON that fits this schema: {}", question.schema),
        })),
    };
    let mut params = Map::new();
    if speaks(caller, SAYS_MODE) {
        params.insert("mode".into(), "form".into());
    }
    params.insert("message".into(), question.message.as_str().into());
    params.insert("requestedSchema".into(), requested);
    Ok(Value::Object(params))
}

/// What the client made of the elicitation that asked `question`, as an answer to it.
pub fn response(question: &Question, result: &Value) -> Result<Response, String> {
    match result.get("action").and_then(Value::as_str) {
        Some("accept") => {}
        Some("decline") => return Ok(Response::Declined),
        Some("cancel") => return Ok(Response::Dismissed),
        _ => return Err(format!("`{}` has no known action", question.key)),
    }
    let empty = json!({});
    let content = result.get("content").unwrap_or(&empty);
    let schema: Value = serde_json::from_str(&question.schema).unwrap_or_default();
    let shape = Shape::of(&schema);
    if shape == Shape::Whole {
        return Ok(Response::Accepted(content.to_string()));
    }
    let answer = content
        .get(ANSWER)
        .ok_or_else(|| format!("the content for `{}` has no `{ANSWER}`", question.key))?;
    if let (Shape::Text, Value::String(text)) = (shape, answer)
        && serde_json::from_str::<Value>(text).is_ok()
    {
        return Ok(Response::Accepted(text.clone()));
    }
    Ok(Response::Accepted(answer.to_string()))
}

/// How a question looks as a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Whole,
    Field,
    Text,
}

impl Shape {
    fn of(schema: &Value) -> Self {
        let is_form = schema.get("type").is_some_and(|kind| kind == "object")
            && schema
                .get("properties")
                .and_then(Value::as_object)
                .is_some_and(|properties| properties.values().all(is_plain));
        if is_form {
            Self::Whole
        } else if is_plain(schema) {
            Self::Field
        } else {
            Self::Text
        }
    }
}

/// Whether every client can show a field for it.
fn is_plain(schema: &Value) -> bool {
    let format = schema.get("format").and_then(Value::as_str);
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => {
            format.is_none_or(|format| matches!(format, "email" | "uri" | "date" | "date-time"))
        }
        Some("number" | "integer" | "boolean") => true,
        _ => false,
    }
}

fn one_field(schema: &Value) -> Value {
    json!({ "type": "object", "properties": { ANSWER: schema }, "required": [ANSWER] })
}

/// The one field of a form for something that is no object.
const ANSWER: &str = "answer";

/// A client that says nothing about modes shows forms: there was nothing else at first.
fn shows_forms(capabilities: &str) -> bool {
    let capabilities: Value = serde_json::from_str(capabilities).unwrap_or_default();
    match capabilities.get("elicitation") {
        Some(Value::Object(modes)) => modes.is_empty() || modes.contains_key("form"),
        _ => false,
    }
}

/// Revisions are dates, and compare as text.
fn speaks(caller: &Caller, revision: &str) -> bool {
    caller
        .protocol
        .as_deref()
        .is_some_and(|protocol| protocol >= revision)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::caller;

    #[test]
    fn a_client_is_asked_the_way_it_understands() {
        let way = |protocol: &str, capabilities: &str| {
            Way::to(&Caller {
                protocol: Some(protocol.into()),
                capabilities: capabilities.into(),
                ..caller()
            })
        };
        let forms = r#"{"elicitation":{}}"#;
        assert_eq!(way("2025-06-18", forms), Some(Way::Request));
        assert_eq!(way("2026-07-28", forms), Some(Way::Reply));
        assert_eq!(way("2026-07-28", "{}"), None);
        assert_eq!(way("2025-11-25", r#"{"elicitation":{"url":{}}}"#), None);
        assert_eq!(
            way("2025-11-25", r#"{"elicitation":{"form":{},"url":{}}}"#),
            Some(Way::Request)
        );
    }

    #[test]
    fn an_object_is_asked_for_as_it_is() {
        let question = question(r#"{"type":"object","properties":{"a":{"type":"string"}}}"#);
        let asked = params(&question, &caller()).unwrap();
        assert_eq!(
            asked["requestedSchema"]["properties"]["a"]["type"],
            "string"
        );
        assert_eq!(asked["mode"], "form");
        let accepted = json!({ "action": "accept", "content": { "a": "b" } });
        assert_eq!(
            response(&question, &accepted),
            Ok(Response::Accepted(r#"{"a":"b"}"#.into()))
        );
    }

    #[test]
    fn anything_else_is_one_field_of_a_form() {
        let question = question(r#"{"type":"integer"}"#);
        let older = Caller {
            protocol: Some("2025-06-18".into()),
            ..caller()
        };
        let asked = params(&question, &older).unwrap();
        assert_eq!(
            asked["requestedSchema"],
            json!({
                "type": "object",
                "properties": { "answer": { "type": "integer" } },
                "required": ["answer"],
            })
        );
        assert_eq!(asked.get("mode"), None);
        let accepted = json!({ "action": "accept", "content": { "answer": 5 } });
        assert_eq!(
            response(&question, &accepted),
            Ok(Response::Accepted("5".into()))
        );
        assert!(response(&question, &json!({ "action": "accept" })).is_err());
    }

    #[test]
    fn what_no_form_can_show_is_a_text() {
        let question = question(r#"{"type":"array","items":{"type":"object"}}"#);
        let asked = params(&question, &caller()).unwrap();
        let field = &asked["requestedSchema"]["properties"]["answer"];
        assert_eq!(field["type"], "string");
        let said = |answer: &str| {
            let result = json!({ "action": "accept", "content": { "answer": answer } });
            response(&question, &result)
        };
        assert_eq!(said("[{}]"), Ok(Response::Accepted("[{}]".into())));
        assert_eq!(said("no"), Ok(Response::Accepted(r#""no""#.into())));
    }

    #[test]
    fn no_is_an_answer_and_so_is_a_closed_window() {
        let question = question(r#"{"type":"string"}"#);
        let said = |action: &str| response(&question, &json!({ "action": action }));
        assert_eq!(said("decline"), Ok(Response::Declined));
        assert_eq!(said("cancel"), Ok(Response::Dismissed));
        assert!(said("shrug").is_err());
    }

    fn question(schema: &str) -> Question {
        Question {
            key: "k".into(),
            message: "which?".into(),
            schema: schema.into(),
        }
    }
}
