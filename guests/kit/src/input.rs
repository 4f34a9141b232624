//! Arguments: the schemas of what tools take, and reading what came.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::guide::Id;
use crate::interface::Error;

/// One answer to one question.
#[derive(Debug, Deserialize)]
pub struct Answer {
    /// The question's.
    pub key: String,
    /// Passed on as it came.
    pub response: Box<RawValue>,
}

/// What a call brought. The host has checked it against the schema of the tool.
pub fn read<T: DeserializeOwned>(arguments: &str) -> Result<T, Error> {
    serde_json::from_str(arguments)
        .map_err(|error| Error::InvalidInput(format!("the arguments do not fit: {error}")))
}

/// The schema of a task's own arguments. Only a missing `type` is filled in, since MCP wants it said.
///
/// Nothing but the type is kept of it on the way: there may be thousands of them, and large ones.
pub fn of_task(text: &str) -> Result<String, String> {
    #[derive(Deserialize)]
    struct Typed {
        #[serde(rename = "type")]
        kind: Option<Value>,
    }
    let no_object = "its input schema is no JSON object";
    let rest = text
        .trim_start()
        .strip_prefix('{')
        .ok_or_else(|| no_object.to_owned())?;
    let typed: Typed =
        serde_json::from_str(text).map_err(|error| format!("{no_object}: {error}"))?;
    match typed.kind {
        Some(Value::String(kind)) if kind == "object" => Ok(text.to_owned()),
        None => {
            let comma = if rest.trim_start().starts_with('}') {
                ""
            } else {
                ","
            };
            Ok(format!("{{\"type\":\"object\"{comma}{rest}"))
        }
        Some(other) => Err(format!(
            "its input schema must be of type \"object\", and is of {other}"
        )),
    }
}

/// The arguments of a tool: these properties, and no others.
pub fn object(
    properties: impl IntoIterator<Item = (&'static str, Value)>,
    required: &[&str],
) -> Value {
    let properties: Map<String, Value> = properties
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The id of a task, by the word that the strategy has for it.
pub fn id(id: Id, from: &str) -> (&'static str, Value) {
    let schema = json!({
        "type": "string",
        "minLength": 1,
        "maxLength": 100,
        "description": format!("The {} from {from}.", id.word()),
    });
    (id.word(), schema)
}

/// How long to wait for news; nothing where waiting is turned off.
pub fn wait_seconds(most: u32) -> Option<(&'static str, Value)> {
    (most > 0).then(|| {
        let schema = json!({
            "type": "number",
            "minimum": 0,
            "maximum": most,
            "default": 0,
            "description": format!(
                "Wait up to this many seconds for something to change, and answer as soon as it \
                 does. {most} saves calls."
            ),
        });
        ("wait_seconds", schema)
    })
}

/// Why something is to stop.
pub fn reason() -> (&'static str, Value) {
    let schema = json!({
        "type": "string",
        "maxLength": 1000,
        "description": "Why, for the people who look at the task later.",
    });
    ("reason", schema)
}

/// Key and response, as two properties.
pub fn answer() -> [(&'static str, Value); 2] {
    [
        (
            "key",
            json!({ "type": "string", "description": "The `key` of the question." }),
        ),
        (
            "response",
            json!({
                "description": "The answer. It has to fit the `schema` of the question.",
            }),
        ),
    ]
}

/// The same as one object, for tools that do other things too.
pub fn answer_object(when: &str) -> (&'static str, Value) {
    let mut schema = object(answer(), &["key", "response"]);
    if let Some(schema) = schema.as_object_mut() {
        let description = format!("{when}: the answer to one of `questions`.");
        schema.insert("description".into(), description.into());
    }
    ("answer", schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_without_a_type_gets_one_and_another_type_is_refused() {
        for (schema, typed) in [
            ("{}", r#"{"type":"object"}"#),
            (" { } ", r#"{"type":"object" } "#),
            (
                r#"{"properties":{}}"#,
                r#"{"type":"object","properties":{}}"#,
            ),
        ] {
            assert_eq!(of_task(schema).as_deref(), Ok(typed));
        }
        for schema in [r#"{"type":"string"}"#, "true", r#"["object"]"#, "{"] {
            assert!(of_task(schema).is_err(), "{schema}");
        }
    }

    #[test]
    fn waiting_that_is_turned_off_is_not_offered() {
        assert_eq!(wait_seconds(0), None);
        assert!(wait_seconds(25).is_some());
    }
}
