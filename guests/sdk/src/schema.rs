//! JSON Schemas of Rust types, as clients and models read them.
//!
//! What schemars says is made leaner: no `$schema`, no title that is only a Rust name, no number
//! formats that JSON Schema does not know, and types inside of a type stand where they are used, since
//! some clients follow no references.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

/// The JSON Schema 2020-12 of `T` as it is read.
pub fn of<T: JsonSchema + ?Sized>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
    });
    let mut generator = settings
        .with_transform(RecursiveTransform(plain))
        .into_generator();
    let mut schema = generator.root_schema_for::<T>();
    schema.remove("title");
    schema.to_value()
}

/// The same, and the words of the type's own documentation apart.
pub(crate) fn with_words<T: JsonSchema + ?Sized>() -> (Value, Option<String>) {
    let mut schema = of::<T>();
    let words = schema
        .as_object_mut()
        .and_then(|schema| schema.shift_remove("description"));
    let words = match words {
        Some(Value::String(words)) if !words.is_empty() => Some(words),
        _ => None,
    };
    (schema, words)
}

/// Formats that only Rust knows say nothing to anybody else.
fn plain(schema: &mut Schema) {
    const OURS: [&str; 12] = [
        "int8", "int16", "int32", "int64", "int", "uint8", "uint16", "uint32", "uint64", "uint",
        "float", "double",
    ];
    let format = schema.get("format").and_then(Value::as_str);
    if format.is_some_and(|format| OURS.contains(&format)) {
        schema.remove("format");
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    /// Counts.
    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "for its schema")]
    struct Count {
        /// How far.
        #[schemars(range(min = 1, max = 1000))]
        steps: u64,
        how: Option<How>,
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum How {
        Up,
        Down,
    }

    #[test]
    fn a_schema_is_what_a_person_would_write() {
        let (schema, words) = with_words::<Count>();
        assert_eq!(words.as_deref(), Some("Counts."));
        assert_eq!(
            schema["properties"]["steps"],
            json!({ "description": "How far.", "type": "integer", "minimum": 1, "maximum": 1000 })
        );
        assert_eq!(schema["required"], json!(["steps"]));
        assert_eq!(schema["additionalProperties"], false);
        assert!(!schema.to_string().contains("$ref"), "{schema}");
        assert!(schema.get("$schema").is_none() && schema.get("title").is_none());
    }
}
