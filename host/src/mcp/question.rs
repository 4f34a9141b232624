//! A question of a task as an `elicitation/create` request, and the way back.
//!
//! Clients show forms, not JSON Schema: an object of plain fields. A question has any schema.
//!
//! | schema of the question | form | answer |
//! |---|---|---|
//! | an object of plain fields | as it is | `content` |
//! | a plain value | one field, `answer` | `content.answer` |
//! | anything else | one text field, `answer` | `content.answer`, read as JSON where it is JSON |
//!
//! (2025-11-25 and 2026-07-28, `client/elicitation`: `requestedSchema`.)

use rmcp::model::{ElicitRequest, InputRequest};
use serde_json::{Value, json};

use crate::task::{Json, Question, Response};

/// `{"method": "elicitation/create", "params": …}`.
pub(super) fn request(question: &Question) -> Value {
    let (_, requested) = form(question);
    json!({
        "method": "elicitation/create",
        "params": {
            "mode": "form",
            "message": question.message,
            "requestedSchema": requested,
        },
    })
}

/// What `result`, an `ElicitResult`, says to the question; or what is wrong with it.
pub(super) fn response(question: &Question, result: &Value) -> Result<Response, String> {
    match result["action"].as_str() {
        Some("decline") => return Ok(Response::Declined),
        Some("cancel") => return Ok(Response::Dismissed),
        Some("accept") => {}
        _ => return Err("`action` is accept, decline or cancel".to_owned()),
    }
    let content = &result["content"];
    let (shape, _) = form(question);
    let answer = match shape {
        Shape::Whole => content.clone(),
        Shape::Field => content["answer"].clone(),
        Shape::Text => match content["answer"].as_str() {
            Some(text) => {
                serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
            }
            None => content["answer"].clone(),
        },
    };
    Ok(Response::Accepted(Json::of(&answer)))
}

enum Shape {
    Whole,
    Field,
    Text,
}

fn form(question: &Question) -> (Shape, Value) {
    let schema = question.schema.value();
    let wrapped = |field: Value| json!({"type": "object", "properties": {"answer": field}, "required": ["answer"]});
    if schema["type"] == "object" && is_form(&schema) {
        return (Shape::Whole, schema);
    }
    let field = wrapped(schema.clone());
    if schema["type"] != "object" && is_form(&field) {
        return (Shape::Field, field);
    }
    let text = json!({
        "type": "string",
        "description": format!("JSON that fits this schema: {}", question.schema.text()),
    });
    (Shape::Text, wrapped(text))
}

/// Whether it is what clients show: rmcp's types are those of the specification.
fn is_form(requested: &Value) -> bool {
    let request = json!({
        "method": "elicitation/create",
        "params": {"mode": "form", "message": "", "requestedSchema": requested},
    });
    matches!(
        serde_json::from_value(request),
        Ok(InputRequest::Elicitation(ElicitRequest { .. }))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(schema: &Value) -> Question {
        Question {
            key: "q".to_owned(),
            message: "Which?".to_owned(),
            schema: Json::of(schema),
        }
    }

    fn accepted(schema: &Value, content: &Value) -> Value {
        let result = json!({"action": "accept", "content": content});
        match response(&question(schema), &result).unwrap() {
            Response::Accepted(answer) => answer.value(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_form_is_shown_as_it_is() {
        let schema = json!({
            "type": "object",
            "properties": {"name": {"type": "string"}},
            "required": ["name"],
        });
        let request = request(&question(&schema));
        assert_eq!(request["params"]["requestedSchema"], schema);
        let content = json!({"name": "x"});
        assert_eq!(accepted(&schema, &content), content);
    }

    #[test]
    fn a_plain_value_is_one_field() {
        let schema = json!({"type": "boolean"});
        let request = request(&question(&schema));
        let fields = &request["params"]["requestedSchema"]["properties"];
        assert_eq!(fields["answer"]["type"], "boolean");
        assert_eq!(accepted(&schema, &json!({"answer": true})), json!(true));
    }

    #[test]
    fn what_no_form_can_show_is_a_text() {
        let schema = json!({"type": "array", "items": {"type": "object"}});
        let request = request(&question(&schema));
        let fields = &request["params"]["requestedSchema"]["properties"];
        assert_eq!(fields["answer"]["type"], "string");
        assert_eq!(accepted(&schema, &json!({"answer": "[{}]"})), json!([{}]));
    }

    #[test]
    fn a_person_may_say_no() {
        let asked = question(&json!({"type": "boolean"}));
        let said = |action: &str| response(&asked, &json!({"action": action}));
        assert_eq!(said("decline"), Ok(Response::Declined));
        assert_eq!(said("cancel"), Ok(Response::Dismissed));
        assert!(said("maybe").is_err());
    }
}
