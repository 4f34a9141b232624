//! Tables, JSON, and times as people read them.

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use serde_json::Value;

use crate::error::{Code, Report};

/// Prints `value` as JSON, indented.
pub(super) fn json(value: &impl Serialize) -> Result<(), Report> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Report::new(Code(699), format!("cannot be shown as JSON: {error}")))?;
    println!("{text}");
    Ok(())
}

/// Prints `value` as JSON on one line, for something that goes on.
pub(super) fn json_line(value: &impl Serialize) -> Result<(), Report> {
    let text = serde_json::to_string(value)
        .map_err(|error| Report::new(Code(699), format!("cannot be shown as JSON: {error}")))?;
    println!("{text}");
    Ok(())
}

/// A table without lines.
pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    *table.style_mut() = presets::NOTHING;
    table
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header.to_vec());
    table
}

/// The properties of a schema, each with the first sentence about it.
pub(super) fn keys(schema: &Value) -> Vec<(String, String)> {
    let required: Vec<_> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = schema.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .map(|(key, property)| {
            let text = property
                .get("description")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let needed = if required.contains(&key.as_str()) {
                "(required) "
            } else {
                ""
            };
            (key.clone(), format!("{needed}{}", sentence(text)))
        })
        .collect()
}

/// The first sentence of a text, in one line.
pub(super) fn sentence(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    let text = words.join(" ");
    match text.split_once(". ") {
        Some((first, _)) => first.to_owned(),
        None => text,
    }
}

/// How long ago `then` was at `now`, in the largest unit that says something: `45s`, `3m`, `2h`, `5d`.
pub(super) fn ago(now_ms: u64, then_ms: u64) -> String {
    let seconds = now_ms.saturating_sub(then_ms) / 1000;
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A moment, in UTC.
pub(super) fn moment(ms: u64) -> String {
    let moment = std::time::UNIX_EPOCH + std::time::Duration::from_millis(ms);
    humantime::format_rfc3339_millis(moment).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_one_unit() {
        assert_eq!(ago(60_000, 0), "60s");
        assert_eq!(ago(180_000, 0), "3m");
        assert_eq!(ago(0, 5), "0s");
        assert_eq!(moment(0), "1970-01-01T00:00:00.000Z");
    }
}
