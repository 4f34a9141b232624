//! A schema inside another one.

use serde_json::Value;

/// `schema` as it has to be where `pointer` leads to it: what refers to its root refers to there.
pub(crate) fn at(pointer: &str, mut schema: Value) -> Value {
    rebase(pointer, &mut schema);
    schema
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
        let nested = at("#/properties/arguments", schema);
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
}
