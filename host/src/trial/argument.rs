//! The smallest document that fits a schema.
//!
//! What the author gives as an example is taken, then a default, then something is made up. It is
//! checked against the schema in the end, so what is returned fits.

use serde_json::{Map, Number, Value, json};

use crate::schema::Validator;
use crate::task::Json;

/// How deep a schema is followed into itself.
const DEPTH: u32 = 16;

/// The smallest arguments that fit `schema`, or why none were found.
pub fn smallest(schema: &Json) -> Result<Json, String> {
    let validator = Validator::compile(schema)?;
    let root = schema.value();
    let made = make(&root, &root, DEPTH).unwrap_or(Value::Null);
    let made = if made.is_object() { made } else { json!({}) };
    let made = Json::of(&made);
    match validator.check(&made) {
        Ok(()) => Ok(made),
        Err(why) => Err(format!("no arguments were found that fit: {why}")),
    }
}

/// One document for `schema`, which is part of `root`. `None`: nothing fits, or nobody can know.
fn make(schema: &Value, root: &Value, depth: u32) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    let Some(schema) = schema.as_object() else {
        return (schema != &Value::Bool(false)).then_some(Value::Null);
    };
    if let Some(said) = said(schema) {
        return Some(said);
    }
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return make(resolve(reference, root)?, root, depth);
    }
    for any in ["anyOf", "oneOf"] {
        if let Some(Value::Array(choices)) = schema.get(any) {
            let found = choices.iter().find_map(|one| make(one, root, depth));
            return merged(schema, found, root, depth);
        }
    }
    if let Some(Value::Array(parts)) = schema.get("allOf") {
        let mut all = Value::Null;
        for part in parts {
            all = together(all, make(part, root, depth)?);
        }
        return merged(schema, Some(all), root, depth);
    }
    by_type(schema, root, depth)
}

/// What the author themselves would put here.
fn said(schema: &Map<String, Value>) -> Option<Value> {
    let first = |key: &str| schema.get(key)?.as_array()?.first().cloned();
    schema
        .get("const")
        .cloned()
        .or_else(|| first("examples"))
        .or_else(|| schema.get("default").cloned())
        .or_else(|| first("enum"))
}

fn resolve<'a>(reference: &str, root: &'a Value) -> Option<&'a Value> {
    root.pointer(reference.strip_prefix('#')?)
}

/// `found`, with what stands beside it in the schema.
fn merged(
    schema: &Map<String, Value>,
    found: Option<Value>,
    root: &Value,
    depth: u32,
) -> Option<Value> {
    let own = schema
        .contains_key("type")
        .then(|| by_type(schema, root, depth))
        .flatten();
    match (found?, own) {
        (found, None) => Some(found),
        (found, Some(own)) => Some(together(own, found)),
    }
}

fn together(left: Value, right: Value) -> Value {
    match (left, right) {
        (Value::Object(mut left), Value::Object(right)) => {
            left.extend(right);
            Value::Object(left)
        }
        (_, right) => right,
    }
}

fn by_type(schema: &Map<String, Value>, root: &Value, depth: u32) -> Option<Value> {
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => kind.as_str(),
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str)?,
        _ if schema.contains_key("properties") || schema.contains_key("required") => "object",
        // Anything will do.
        _ => return Some(Value::Null),
    };
    Some(match kind {
        "object" => Value::Object(object(schema, root, depth)?),
        "array" => Value::Array(array(schema, root, depth)?),
        "string" => Value::String(string(schema)),
        "integer" => Value::Number(number(schema, true)),
        "number" => Value::Number(number(schema, false)),
        "boolean" => Value::Bool(false),
        _ => Value::Null,
    })
}

/// Only what is required: what is optional has a meaning when it is absent.
fn object(schema: &Map<String, Value>, root: &Value, depth: u32) -> Option<Map<String, Value>> {
    let required = schema.get("required").and_then(Value::as_array);
    let required = required.into_iter().flatten().filter_map(Value::as_str);
    let mut object = Map::new();
    for key in required {
        let property = schema
            .get("properties")
            .and_then(|properties| properties.get(key))
            .unwrap_or(&Value::Bool(true));
        object.insert(key.to_owned(), make(property, root, depth)?);
    }
    Some(object)
}

fn array(schema: &Map<String, Value>, root: &Value, depth: u32) -> Option<Vec<Value>> {
    let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
    let first = schema.get("prefixItems").and_then(Value::as_array);
    let rest = schema.get("items").unwrap_or(&Value::Bool(true));
    (0..usize::try_from(least).ok()?)
        .map(|index| {
            let item = first.and_then(|first| first.get(index)).unwrap_or(rest);
            make(item, root, depth)
        })
        .collect()
}

fn string(schema: &Map<String, Value>) -> String {
    match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => return "2026-01-01T00:00:00Z".to_owned(),
        Some("date") => return "2026-01-01".to_owned(),
        Some("time") => return "00:00:00Z".to_owned(),
        Some("duration") => return "PT1S".to_owned(),
        Some("uuid") => return "00000000-0000-4000-8000-000000000000".to_owned(),
        Some("uri" | "iri" | "uri-reference") => return "https://example.com/".to_owned(),
        Some("email") => return "somebody@example.com".to_owned(),
        Some("hostname") => return "example.com".to_owned(),
        Some("ipv4") => return "192.0.2.1".to_owned(),
        Some("ipv6") => return "2001:db8::1".to_owned(),
        _ => {}
    }
    let least = schema.get("minLength").and_then(Value::as_u64).unwrap_or(0);
    "x".repeat(usize::try_from(least.clamp(1, 1 << 20)).unwrap_or(1))
}

fn number(schema: &Map<String, Value>, whole: bool) -> Number {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let step = bound("multipleOf").unwrap_or(if whole { 1.0 } else { 0.0 });
    let least = match (bound("minimum"), bound("exclusiveMinimum")) {
        (_, Some(above)) if whole => above.floor() + 1.0,
        (_, Some(above)) => above + if step > 0.0 { step } else { 0.5 },
        (Some(minimum), None) => minimum,
        (None, None) => bound("maximum").unwrap_or(0.0).min(0.0),
    };
    let value = if step > 0.0 {
        (least / step).ceil() * step
    } else {
        least
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a whole number that is not one is refused by the schema afterwards"
    )]
    let integer = Number::from(value as i64);
    if whole || value == 0.0 {
        integer
    } else {
        Number::from_f64(value).unwrap_or(integer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(schema: &Value) -> Result<Value, String> {
        smallest(&Json::of(schema)).map(|json| json.value())
    }

    #[test]
    fn only_what_is_required_is_given_and_the_authors_own_words_come_first() {
        let schema = json!({
            "type": "object",
            "properties": {
                "example": { "type": "string", "examples": ["a"], "default": "b" },
                "default": { "type": "string", "default": "b" },
                "choice": { "enum": ["c", "d"] },
                "optional": { "type": "string", "default": "e" },
            },
            "required": ["example", "default", "choice"],
        });
        assert_eq!(
            made(&schema),
            Ok(json!({ "example": "a", "default": "b", "choice": "c" }))
        );
    }

    #[test]
    fn bounds_are_kept() {
        let schema = json!({
            "type": "object",
            "properties": {
                "count": { "type": "integer", "exclusiveMinimum": 3 },
                "even": { "type": "integer", "minimum": 3, "multipleOf": 2 },
                "below": { "type": "number", "maximum": -1.5 },
                "text": { "type": "string", "minLength": 3 },
                "list": { "type": "array", "minItems": 2, "items": { "type": "boolean" } },
                "when": { "type": "string", "format": "date-time" },
            },
            "required": ["count", "even", "below", "text", "list", "when"],
        });
        let made = made(&schema).unwrap();
        assert_eq!(made["count"], 4);
        assert_eq!(made["even"], 4);
        assert_eq!(made["list"], json!([false, false]));
    }

    #[test]
    fn references_and_alternatives_are_followed() {
        let schema = json!({
            "$ref": "#/$defs/whole",
            "$defs": {
                "whole": {
                    "allOf": [
                        { "type": "object", "properties": { "a": { "$ref": "#/$defs/part" } }, "required": ["a"] },
                        { "type": "object", "properties": { "b": { "oneOf": [{ "type": "null" }, { "type": "string" }] } }, "required": ["b"] },
                    ],
                },
                "part": { "type": "integer" },
            },
        });
        assert_eq!(made(&schema), Ok(json!({ "a": 0, "b": null })));
    }

    #[test]
    fn what_cannot_be_made_up_is_said() {
        let schema = json!({
            "type": "object",
            "properties": { "code": { "type": "string", "pattern": "^[A-Z]{3}-[0-9]+$" } },
            "required": ["code"],
        });
        assert!(made(&schema).unwrap_err().contains("no arguments"));
    }

    #[test]
    fn a_schema_that_contains_itself_ends() {
        let schema = json!({
            "type": "object",
            "properties": { "again": { "$ref": "#" } },
            "required": ["again"],
        });
        assert!(made(&schema).is_err());
    }
}
