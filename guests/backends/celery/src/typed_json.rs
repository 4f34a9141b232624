//! From Python's JSON to JSON.
//!
//! kombu spells values that JSON lacks as `{"__type__": …, "__value__": …}`, and Python writes `NaN`
//! and `Infinity`, which no other reader takes. Results are handed on as plain JSON.

use serde_json::Value;
use serde_json::value::RawValue;

/// The text of a result without kombu's types. Untouched where there are none, so that a large result
/// is not built up in memory and no number changes.
pub(crate) fn plain(result: &RawValue) -> String {
    let text = result.get();
    if !text.contains("\"__type__\"") {
        return text.to_owned();
    }
    match serde_json::from_str::<Value>(text) {
        Ok(value) => unwrap(value).to_string(),
        Err(_) => text.to_owned(),
    }
}

/// `value` with each typed value replaced by its plain one: a moment, a decimal or a UUID by its
/// text, bytes by their base64.
pub(crate) fn unwrap(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(unwrap).collect(),
        Value::Object(mut entries) => {
            let typed = entries.len() == 2 && entries.contains_key("__type__");
            match (typed, entries.remove("__value__")) {
                (true, Some(inner)) => plain_value(inner),
                (false, Some(inner)) => {
                    entries.insert("__value__".into(), inner);
                    entries
                        .into_iter()
                        .map(|(key, value)| (key, unwrap(value)))
                        .collect()
                }
                (_, None) => entries
                    .into_iter()
                    .map(|(key, value)| (key, unwrap(value)))
                    .collect(),
            }
        }
        other => other,
    }
}

/// `text` with `NaN` and the infinities replaced by `null`, or nothing where there are none.
pub(crate) fn without_nan(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut found = false;
    let mut quoted = false;
    while let Some(char) = rest.chars().next() {
        let number = ["NaN", "Infinity", "-Infinity"]
            .into_iter()
            .find(|number| !quoted && rest.starts_with(number));
        let taken = if let Some(number) = number {
            found = true;
            out.push_str("null");
            number.len()
        } else if quoted && char == '\\' {
            let escaped = rest.chars().take(2).map(char::len_utf8).sum();
            out.push_str(rest.get(..escaped)?);
            escaped
        } else {
            quoted ^= char == '"';
            out.push(char);
            char.len_utf8()
        };
        rest = rest.get(taken..)?;
    }
    found.then_some(out)
}

fn plain_value(inner: Value) -> Value {
    match inner {
        // A UUID is spelled `{"hex": …}`.
        Value::Object(mut entries) if entries.len() == 1 && entries.contains_key("hex") => {
            let hex = entries.remove("hex").unwrap_or_default();
            match hex
                .as_str()
                .and_then(|hex| u128::from_str_radix(hex, 16).ok())
            {
                Some(bits) => Value::String(dashed(bits)),
                None => hex,
            }
        }
        other => unwrap(other),
    }
}

fn dashed(bits: u128) -> String {
    let hex = format!("{bits:032x}");
    let mut dashed = String::with_capacity(36);
    for (index, char) in hex.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            dashed.push('-');
        }
        dashed.push(char);
    }
    dashed
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unwraps_all_the_types_of_a_captured_result() {
        let fixture: Value =
            serde_json::from_str(include_str!("../fixtures/meta/success_special_types.json"))
                .unwrap();
        let sequence = fixture["published_sequence"].as_array().unwrap();
        let result = sequence.last().unwrap()["meta"]["result"].to_string();
        let result: Box<RawValue> = serde_json::from_str(&result).unwrap();
        let plain: Value = serde_json::from_str(&plain(&result)).unwrap();
        assert_eq!(
            plain,
            json!({
                "dt": "2026-11-21T01:02:03+00:00", "d": "2026-11-21", "dec": "1.10",
                "u": "00000000-0000-0000-0000-000000000001", "b": "AP8=", "s": [1, 2],
                "unicode": "é☃",
            })
        );
    }

    #[test]
    fn leaves_alone_what_is_not_typed() {
        let value = json!({"__type__": 1, "__value__": 2, "more": [{"__value__": {"a": 1}}]});
        assert_eq!(unwrap(value.clone()), value);
    }

    #[test]
    fn nan_is_null_outside_of_strings() {
        let text = r#"{"a": NaN, "b": [-Infinity, Infinity], "NaN": "NaN \" Infinity é"}"#;
        let plain = without_nan(text).unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(&plain).unwrap(),
            json!({"a": null, "b": [null, null], "NaN": "NaN \" Infinity é"})
        );
        assert_eq!(without_nan(r#"{"a": 1}"#), None);
    }
}
