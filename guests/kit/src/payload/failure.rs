//! What is known of a failure, for the reader.

use serde_json::{Map, Value};

use crate::interface::Failure;

/// A model reads the detail of a failure to find its cause, not to keep it.
pub(super) const MOST_DETAIL: usize = 4096;

/// Traceback and the like, no more of it than a reader needs. Of a long text the end stays: that is
/// where a traceback says what happened.
pub(super) fn detail(failure: &Failure) -> Map<String, Value> {
    let detail = failure.detail.as_deref().map(members).unwrap_or_default();
    let mut left = MOST_DETAIL;
    let mut kept = Map::new();
    let mut is_cut = false;
    for (name, value) in detail {
        let weight = match &value {
            Value::String(text) => text.len(),
            other => other.to_string().len(),
        };
        let value = if weight <= left {
            value
        } else {
            is_cut = true;
            let Value::String(text) = value else {
                continue;
            };
            Value::String(end_of(&text, left).into())
        };
        left = left.saturating_sub(weight);
        kept.insert(name, value);
    }
    if is_cut {
        kept.insert("cut".into(), true.into());
    }
    kept
}

/// The members of a JSON object; of anything else none.
pub(super) fn members(json: &str) -> Map<String, Value> {
    serde_json::from_str(json).unwrap_or_default()
}

/// The last `most` bytes, or a little less where a character would be broken.
fn end_of(text: &str, most: usize) -> &str {
    let from = text.ceil_char_boundary(text.len().saturating_sub(most));
    text.get(from..).unwrap_or_default()
}
