//! How far a task is, for the reader.

use serde_json::{Map, Number, Value};

use super::failure::members;
use crate::interface::Progress;

/// How much is done, between 0 and 1, where that can be said.
pub(super) fn fraction(progress: &Progress) -> Option<f64> {
    let fraction = progress.current / progress.total?;
    fraction.is_finite().then(|| fraction.clamp(0.0, 1.0))
}

/// All else that the work says of its progress.
pub(super) fn metadata(progress: &Progress) -> Map<String, Value> {
    let mut metadata = progress.detail.as_deref().map(members).unwrap_or_default();
    // After the detail, so that nothing in there can hide them. "0 of nobody knows" says nothing.
    let counts = progress.total.is_some() || progress.current != 0.0;
    let numbers = [
        ("current", counts.then_some(progress.current)),
        ("total", progress.total),
    ];
    for (name, number) in numbers {
        if let Some(number) = number.and_then(number_of) {
            metadata.insert(name.into(), Value::Number(number));
        }
    }
    if let Some(message) = &progress.message {
        metadata.insert("message".into(), message.as_str().into());
    }
    metadata
}

/// The number as one writes it: 3 and not 3.0. Nothing for what JSON has no number for.
fn number_of(number: f64) -> Option<Number> {
    number.to_string().parse().ok()
}
