//! How far an orchestration is, from its custom status.
//!
//! There is no rule for what stands there, so the common shapes are known: words; `3/10`, with or without
//! words behind; a fraction; an object with `progress`, or `current` and `total`, or `percent`, and with
//! `message`, `status` or `description`. What is left of an object is the detail.

use serde_json::{Map, Value};
use taskhost_sdk::Progress;

/// Nothing where it says nothing.
pub(crate) fn read(status: Value) -> Option<Progress> {
    match status {
        Value::Null => None,
        Value::String(text) => Some(counted(&text).saying(text)),
        Value::Object(entries) => entry(entries),
        Value::Number(number) => {
            let number = number.as_f64().filter(|number| *number >= 0.0)?;
            Some(if number <= 1.0 {
                Progress::of(number, 1.0)
            } else {
                Progress::new(number)
            })
        }
        other => Some(Progress::new(0.0).saying(other.to_string())),
    }
}

/// `3/10`, and what may follow.
fn counted(text: &str) -> Progress {
    let first = text.split([' ', ':', ',']).next().unwrap_or_default();
    let read = |text: &str| text.parse::<u32>().ok().map(f64::from);
    let parts = first.split_once('/');
    match parts.and_then(|(done, all)| Some((read(done)?, read(all)?))) {
        Some((done, all)) if all > 0.0 => Progress::of(done, all),
        _ => Progress::new(0.0),
    }
}

fn entry(mut entries: Map<String, Value>) -> Option<Progress> {
    // What it asks is shown as a question, and not as progress too.
    entries.shift_remove(crate::ask::KEY);
    let mut progress = position(&mut entries);
    let words = ["message", "status", "description"]
        .into_iter()
        .find(|key| entries.get(*key).is_some_and(Value::is_string))
        .and_then(|key| entries.shift_remove(key));
    if let Some(Value::String(words)) = words {
        progress = Some(progress.unwrap_or_else(|| Progress::new(0.0)).saying(words));
    }
    if !entries.is_empty() {
        progress = Some(
            progress
                .unwrap_or_else(|| Progress::new(0.0))
                .with_detail(&entries),
        );
    }
    progress
}

/// How far, and of how much. What is used is taken out of `entries`.
fn position(entries: &mut Map<String, Value>) -> Option<Progress> {
    let mut number = |key: &str| {
        let number = entries.get(key)?.as_f64().filter(|number| *number >= 0.0)?;
        entries.shift_remove(key);
        Some(number)
    };
    if let Some(done) = number("progress") {
        // Written as a fraction by most, as percent by some.
        return Some(Progress::of(done, if done <= 1.0 { 1.0 } else { 100.0 }));
    }
    if let Some(done) = number("current") {
        let all = number("total").filter(|all| *all > 0.0);
        return Some(all.map_or(Progress::new(done), |all| Progress::of(done, all)));
    }
    number("percent").map(|done| Progress::of(done, 100.0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_common_shapes_are_known() {
        let of = |status| read(status).unwrap();
        assert_eq!(of(json!("reading")), Progress::new(0.0).saying("reading"));
        assert_eq!(of(json!("3/4")), Progress::of(3.0, 4.0).saying("3/4"));
        assert_eq!(
            of(json!("3/4 pages read")),
            Progress::of(3.0, 4.0).saying("3/4 pages read")
        );
        assert_eq!(of(json!("a/b")), Progress::new(0.0).saying("a/b"));
        assert_eq!(of(json!("1/0")), Progress::new(0.0).saying("1/0"));
        assert_eq!(of(json!(0.5)), Progress::of(0.5, 1.0));
        assert_eq!(of(json!(7)), Progress::new(7.0));
        assert_eq!(
            of(json!({ "progress": 0.5, "message": "half" })),
            Progress::of(0.5, 1.0).saying("half")
        );
        assert_eq!(of(json!({ "progress": 40 })), Progress::of(40.0, 100.0));
        assert_eq!(
            of(json!({ "current": 3, "total": 9, "page": "x" })),
            Progress::of(3.0, 9.0).with_detail(&json!({ "page": "x" }))
        );
        assert_eq!(of(json!({ "percent": 4 })), Progress::of(4.0, 100.0));
    }

    #[test]
    fn what_says_nothing_is_nothing() {
        for status in [json!(null), json!({}), json!(-1), json!({ "taskhost": {} })] {
            assert_eq!(read(status), None);
        }
    }
}
