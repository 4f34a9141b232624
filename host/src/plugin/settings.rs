//! What a component is configured with: its table with the flags on top, as its schema wants it.

use serde_json::{Map, Value};

use super::load::PrepareError;
use crate::config::ComponentConfig;
use crate::error::nearest;
use crate::schema::Validator;
use crate::task::Json;

/// The table with the flags on top, checked against the component's schema.
pub(super) fn effective(
    config: &ComponentConfig,
    schema: Option<&Json>,
) -> Result<Map<String, Value>, PrepareError> {
    let wrong = |why: String, help: Vec<String>| PrepareError::Config {
        name: config.name.clone(),
        why,
        help,
    };
    let schema_tree = schema.map(Json::value);
    let Ok(Value::Object(mut settings)) = serde_json::to_value(&config.config) else {
        return Err(wrong("it is not a table".to_owned(), Vec::new()));
    };
    for (keys, text) in &config.set {
        put(&mut settings, keys, text, schema_tree.as_ref()).map_err(|why| {
            wrong(
                why,
                vec![format!(
                    "look at --set {}.{}=…",
                    config.name,
                    keys.join(".")
                )],
            )
        })?;
    }
    let Some(schema) = schema else {
        return if settings.is_empty() {
            Ok(settings)
        } else {
            Err(wrong("it takes no configuration".to_owned(), Vec::new()))
        };
    };
    let validator = Validator::compile(schema).map_err(|why| {
        wrong(
            format!("its own schema does not compile: {why}"),
            Vec::new(),
        )
    })?;
    match validator.check(&Json::of(&Value::Object(settings.clone()))) {
        Ok(()) => Ok(settings),
        Err(why) => Err(wrong(why, advice(config, schema_tree.as_ref(), &settings))),
    }
}

/// Puts the value that `text` stands for under `keys`.
fn put(
    settings: &mut Map<String, Value>,
    keys: &[String],
    text: &str,
    schema: Option<&Value>,
) -> Result<(), String> {
    let Some((key, rest)) = keys.split_first() else {
        return Err("a key is missing".to_owned());
    };
    let schema = schema.and_then(|schema| {
        let named = schema
            .get("properties")
            .and_then(|properties| properties.get(key));
        named.or_else(|| schema.get("additionalProperties"))
    });
    if rest.is_empty() {
        settings.insert(key.clone(), value_of(text, schema));
        return Ok(());
    }
    let inner = settings
        .entry(key.clone())
        .or_insert_with(|| Value::Object(Map::new()));
    match inner {
        Value::Object(inner) => put(inner, rest, text, schema),
        _ => Err(format!("`{key}` is a value, not a table")),
    }
}

/// Text where the schema wants text; otherwise what it says as a TOML value, or else text.
fn value_of(text: &str, schema: Option<&Value>) -> Value {
    let wants_text = schema
        .and_then(|schema| schema.get("type"))
        .and_then(Value::as_str)
        == Some("string");
    if !wants_text {
        let parsed = toml::from_str::<toml::Table>(&format!("value = {text}"));
        if let Some(value) = parsed.ok().and_then(|table| table.get("value").cloned())
            && let Ok(value) = serde_json::to_value(value)
        {
            return value;
        }
    }
    Value::String(text.to_owned())
}

/// A key that was meant otherwise, or is missing.
fn advice(
    config: &ComponentConfig,
    schema: Option<&Value>,
    settings: &Map<String, Value>,
) -> Vec<String> {
    let Some(properties) = schema
        .and_then(|schema| schema.get("properties"))
        .and_then(Value::as_object)
    else {
        return Vec::new();
    };
    let mut help = Vec::new();
    for key in settings.keys().filter(|key| !properties.contains_key(*key)) {
        if let Some(near) = nearest(key, properties.keys().map(String::as_str)) {
            help.push(format!("did you mean `{near}` instead of `{key}`?"));
        }
    }
    let required = schema
        .and_then(|schema| schema.get("required"))
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    for key in required.filter(|key| !settings.contains_key(*key)) {
        let example = properties
            .get(key)
            .and_then(|property| property.get("examples"))
            .and_then(|examples| examples.get(0))
            .and_then(Value::as_str)
            .unwrap_or("VALUE");
        help.push(format!("add --set {}.{key}={example}", config.name));
    }
    help.push(format!(
        "see what it takes: taskhost inspect {}",
        config.reference
    ));
    help
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_has_the_type_that_the_schema_wants() {
        let schema = serde_json::json!({"properties": {
            "queue": {"type": "string"}, "faults": {"type": "boolean"},
            "tasks": {"type": "object", "additionalProperties": {"properties": {"priority": {"type": "integer"}}}},
        }});
        let mut settings = Map::new();
        for (keys, text) in [
            ("queue", "5"),
            ("faults", "true"),
            ("tasks.add.priority", "9"),
            ("free", "x y"),
        ] {
            let keys: Vec<_> = keys.split('.').map(str::to_owned).collect();
            put(&mut settings, &keys, text, Some(&schema)).unwrap();
        }
        assert_eq!(
            Value::Object(settings),
            serde_json::json!({"queue": "5", "faults": true, "tasks": {"add": {"priority": 9}}, "free": "x y"})
        );
    }
}
