//! Texts in verdicts.

/// Bytes of a document that a verdict shows.
const SHOWN: usize = 160;

/// The beginning of `text`, and how long it is.
pub(super) fn shortened(text: &str) -> String {
    let end = text.floor_char_boundary(SHOWN);
    match text.split_at_checked(end) {
        Some((begin, rest)) if !rest.is_empty() => format!("{begin}… ({} bytes)", text.len()),
        _ => text.to_owned(),
    }
}
