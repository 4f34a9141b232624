//! Python's `repr` of a JSON value.
//!
//! Celery puts it into the headers for people: `inspect`, Flower and the worker's log show it. Nothing
//! reads it back, so close is close enough, and long ones are cut as Celery cuts them.

use std::fmt::Write as _;

use serde_json::Value;

/// What Celery keeps of it.
const LONGEST: usize = 1024;

/// The `repr` of `value`, cut where Celery cuts.
pub(crate) fn repr(value: &Value) -> String {
    let mut text = String::new();
    write_value(&mut text, value);
    if text.len() > LONGEST {
        let end = (0..=LONGEST - 3)
            .rev()
            .find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
        text.push_str("...");
    }
    text
}

fn write_value(out: &mut String, value: &Value) {
    // Nobody sees what is behind the cut, and arguments may be megabytes.
    if out.len() > LONGEST {
        return;
    }
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Number(number) => _ = write!(out, "{number}"),
        Value::String(text) => write_text(out, text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write_value(out, item);
            }
            out.push(']');
        }
        Value::Object(entries) => {
            out.push('{');
            for (index, (key, item)) in entries.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write_text(out, key);
                out.push_str(": ");
                write_value(out, item);
            }
            out.push('}');
        }
    }
}

fn write_text(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for char in text.chars().take(LONGEST) {
        match char {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            char if char == quote => {
                out.push('\\');
                out.push(char);
            }
            char if char.is_control() => _ = write!(out, "\\x{:02x}", u32::from(char)),
            char => out.push(char),
        }
    }
    out.push(quote);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn looks_like_python() {
        assert_eq!(repr(&json!({"x": 2, "y": 3})), "{'x': 2, 'y': 3}");
        assert_eq!(repr(&json!({})), "{}");
        assert_eq!(
            repr(&json!([null, true, 1.5, "it's", "\"'", "a\n\u{1}"])),
            r#"[None, True, 1.5, "it's", '"\'', 'a\n\x01']"#
        );
        assert_eq!(repr(&json!({"msg": "é☃😀"})), "{'msg': 'é☃😀'}");
    }

    #[test]
    fn long_ones_are_cut() {
        let text = repr(&json!({"a": "é".repeat(5000), "b": [1, 2, 3]}));
        assert!(text.len() <= LONGEST);
        assert!(text.ends_with("..."));
    }
}
