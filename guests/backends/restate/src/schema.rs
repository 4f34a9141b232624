//! The arguments of a task, from what a handler says of its input.
//!
//! | handler of | its input is | arguments |
//! |---|---|---|
//! | a service | an object | the input itself |
//! | a service | anything else | `{ "input": … }`, or nothing where it takes none |
//! | a virtual object | anything | `{ "key": …, "input": … }` |
//! | a workflow | anything | the same; its `run` may do without a key, and is then called by the task's id |
//!
//! So no name that a handler chose can collide with one of ours.

use serde_json::{Map, Value, json};

/// How arguments become a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) key: Key,
    pub(crate) input: Input,
}

/// Which object or workflow is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// Services have none.
    None,
    Required,
    /// The id of the task, where there is none.
    Optional,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// The arguments are it.
    Whole,
    /// In the argument `input`.
    Field,
    None,
}

/// The form, and the schema of the arguments. `takes_none`: the handler says that it takes no input.
pub(crate) fn arguments(key: Key, takes_none: bool, input: Option<&Value>) -> (Form, Value) {
    let input = input.filter(|schema| schema.is_object() && is_whole(schema));
    let is_object = input.is_some_and(|schema| schema.get("type") == Some(&json!("object")));
    let form = |input| Form { key, input };
    if takes_none {
        return (form(Input::None), fields(key, None, false));
    }
    match input {
        Some(schema) if is_object && key == Key::None => (form(Input::Whole), schema.clone()),
        Some(schema) => (
            form(Input::Field),
            fields(key, Some(moved(schema, "#/properties/input")), true),
        ),
        None => {
            let any = json!({ "description": "What the handler takes. Its worker does not describe it." });
            (form(Input::Field), fields(key, Some(any), false))
        }
    }
}

fn fields(key: Key, input: Option<Value>, is_required: bool) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let words = match key {
        Key::None => None,
        Key::Required => Some("Which one: the key of the object or workflow."),
        Key::Optional => {
            Some("What to call the workflow, which runs once for each key. Absent: a new one.")
        }
    };
    if let Some(words) = words {
        let schema = json!({ "type": "string", "minLength": 1, "description": words });
        properties.insert("key".into(), schema);
    }
    if key == Key::Required {
        required.push("key");
    }
    if let Some(input) = input {
        properties.insert("input".into(), input);
        if is_required {
            required.push("input");
        }
    }
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// False: it refers to another document, which the host refuses.
pub(crate) fn is_whole(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => {
            let is_local = |key: &str| match map.get(key) {
                Some(Value::String(place)) => place.starts_with('#'),
                _ => true,
            };
            is_local("$ref") && is_local("$dynamicRef") && map.values().all(is_whole)
        }
        Value::Array(all) => all.iter().all(is_whole),
        _ => true,
    }
}

/// The same schema at another place of a document, which references within it then name.
fn moved(schema: &Value, to: &str) -> Value {
    match schema {
        Value::Object(map) => {
            let entries = map.iter().filter_map(|(key, value)| {
                let value = match (key.as_str(), value) {
                    // They would begin a document of their own.
                    ("$schema" | "$id", Value::String(_)) => return None,
                    ("$ref", Value::String(place)) => match place.strip_prefix('#') {
                        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                            Value::String(format!("{to}{rest}"))
                        }
                        _ => value.clone(),
                    },
                    _ => moved(value, to),
                };
                Some((key.clone(), value))
            });
            Value::Object(entries.collect())
        }
        Value::Array(all) => Value::Array(all.iter().map(|one| moved(one, to)).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_for_a_service_is_the_arguments() {
        let schema = json!({ "type": "object", "properties": { "key": {} } });
        let (form, arguments) = arguments(Key::None, false, Some(&schema));
        assert_eq!((form.input, arguments), (Input::Whole, schema));
    }

    #[test]
    fn anything_else_is_in_a_field_and_its_references_still_lead_somewhere() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": "#/$defs/Film",
            "$defs": { "Film": { "type": "object" } },
        });
        let (form, arguments) = arguments(Key::Required, false, Some(&schema));
        assert_eq!(form.input, Input::Field);
        let input = &arguments["properties"]["input"];
        assert_eq!(input["$ref"], "#/properties/input/$defs/Film");
        assert_eq!(input.get("$schema"), None);
        assert_eq!(arguments["required"], json!(["key", "input"]));
    }

    #[test]
    fn what_is_not_described_or_lies_elsewhere_may_be_anything() {
        let elsewhere = json!({ "type": "object", "$ref": "https://example/film.json" });
        for schema in [None, Some(&elsewhere)] {
            let (form, arguments) = arguments(Key::Optional, false, schema);
            assert_eq!(form.input, Input::Field);
            assert_eq!(arguments["required"], json!([]));
        }
        let (form, arguments) = arguments(Key::None, true, None);
        assert_eq!(form.input, Input::None);
        assert_eq!(arguments["properties"], json!({}));
    }
}
