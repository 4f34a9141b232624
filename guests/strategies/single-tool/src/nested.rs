//! A schema inside another one.

use serde_json::Value;

/// `schema` as it has to be where `pointer` leads to it: what refers to its root refers to there.
///
/// Most refer to nothing, and stay as they are written. An escape may hide what they say.
pub(crate) fn at(pointer: &str, schema: String) -> Result<String, String> {
    if !schema.contains("$ref") && !schema.contains('\\') {
        return Ok(schema);
    }
    let mut schema: Value = serde_json::from_str(&schema).map_err(|error| error.to_string())?;
    rebase(pointer, &mut schema);
    Ok(schema.to_string())
}

fn rebase(pointer: &str, value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(reference) if name == "$ref" => {
                        if let Some(rest) = reference.strip_prefix('#')
                            && (rest.is_empty() || rest.starts_with('/'))
                        {
                            *reference = format!("{pointer}{rest}");
                        }
                    }
                    other => rebase(pointer, other),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                rebase(pointer, item);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_lead_where_they_led() {
        let schema = json!({
            "$defs": { "n": { "type": "integer" } },
            "properties": {
                "a": { "$ref": "#/$defs/n" },
                "b": { "items": [{ "$ref": "#" }] },
                "$ref": { "type": "string" },
            },
        });
        let nested = at("#/properties/arguments", schema.to_string()).unwrap();
        let nested: Value = serde_json::from_str(&nested).unwrap();
        assert_eq!(
            nested["properties"]["a"]["$ref"],
            "#/properties/arguments/$defs/n"
        );
        assert_eq!(
            nested["properties"]["b"]["items"][0]["$ref"],
            "#/properties/arguments"
        );
        assert_eq!(nested["properties"]["$ref"], json!({ "type": "string" }));
    }

    #[test]
    fn what_refers_to_nothing_stays_as_it_is_written() {
        let schema = r#"{ "type": "object" }"#;
        assert_eq!(at("#/a", schema.into()).as_deref(), Ok(schema));
        let hidden = r##"{"\u0024ref":"#/$defs/n"}"##;
        let nested = at("#/a", hidden.into());
        assert_eq!(nested.as_deref(), Ok(r##"{"$ref":"#/a/$defs/n"}"##));
    }
}
