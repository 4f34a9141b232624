//! How large things may be, in every store alike.

use std::borrow::Cow;
use std::io;

use super::{StoreError, Turn};
use crate::task::Record;

/// What a task is given, or what becomes of it. A file of this size took 20 to 55 ms to write
/// and sync here, and all other commits wait for it.
pub const PAYLOAD_BYTES: usize = 16 * 1024 * 1024;

/// A line of output. What is longer is cut.
pub const LINE_BYTES: usize = 4 * 1024;

/// As the interface of components says.
pub const COMPONENT_KEY_BYTES: usize = 256;

/// As the interface of components says. How much a component keeps in all is for the host to limit:
/// see [`super::Store::component_size`].
pub const COMPONENT_VALUE_BYTES: usize = 64 * 1024;

/// An entry in the log of a run: the result of an activity, as a rule.
pub const RUN_ENTRY_BYTES: usize = 4 * 1024 * 1024;

/// Entries of one log. Bringing a run back was measured to take 5 µs for each, so that these are a quarter of a
/// second: a run that has more should have begun anew.
pub const RUN_ENTRIES: usize = 50_000;

/// All entries of one log: a component reads it whole, and has 64 MiB of memory.
pub const RUN_BYTES: usize = 16 * 1024 * 1024;

/// What is kept of a run beside its log. It stands in one place of the tree.
pub const RUN_SUMMARY_BYTES: usize = 4 * 1024;

pub(super) const ARGUMENTS: &str = "the arguments of a task";
pub(super) const STATE: &str = "the state of a task";

/// Refuses what is larger than [`PAYLOAD_BYTES`].
pub(super) fn payload(what: &'static str, size: usize) -> Result<(), StoreError> {
    at_most(what, size, PAYLOAD_BYTES)
}

/// Refuses a record with a part that is too large.
pub(super) fn record(record: &Record) -> Result<(), StoreError> {
    let origin = &record.origin;
    payload(
        ARGUMENTS,
        origin.arguments.text().len() + origin.options.text().len(),
    )?;
    let mut size = Size(0);
    serde_json::to_writer(&mut size, &record.state)
        .map_err(|error| StoreError::Write(error.to_string()))?;
    payload(STATE, size.0)
}

/// Refuses what a component may not keep.
pub(super) fn component(
    component: &str,
    key: &str,
    value: Option<&[u8]>,
) -> Result<(), StoreError> {
    at_most("a component's name", component.len(), COMPONENT_KEY_BYTES)?;
    at_most("a component's key", key.len(), COMPONENT_KEY_BYTES)?;
    let size = value.map_or(0, <[u8]>::len);
    at_most("a component's value", size, COMPONENT_VALUE_BYTES)
}

/// Refuses what would make a log too long, which has `length` entries of `bytes` bytes.
pub(super) fn turn(turn: &Turn, length: u64, bytes: u64) -> Result<(), StoreError> {
    at_most(
        "the summary of a run",
        turn.summary.len(),
        RUN_SUMMARY_BYTES,
    )?;
    for entry in &turn.entries {
        at_most("an entry in the log of a run", entry.len(), RUN_ENTRY_BYTES)?;
    }
    let entries = usize::try_from(length).unwrap_or(usize::MAX);
    let entries = entries.saturating_add(turn.entries.len());
    at_most(
        "the number of entries in the log of a run",
        entries,
        RUN_ENTRIES,
    )?;
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    let bytes = bytes.saturating_add(turn.entries.iter().map(String::len).sum());
    at_most("the log of a run", bytes, RUN_BYTES)
}

/// Ends a line that was cut.
const MORE: &str = "…";

/// A line, cut where it gets too long.
pub(super) fn line(line: &str) -> Cow<'_, str> {
    if line.len() <= LINE_BYTES {
        return Cow::Borrowed(line);
    }
    let end = line.floor_char_boundary(LINE_BYTES - MORE.len());
    let (kept, _) = line.split_at(end);
    Cow::Owned(format!("{kept}{MORE}"))
}

fn at_most(what: &'static str, size: usize, limit: usize) -> Result<(), StoreError> {
    if size > limit {
        return Err(StoreError::TooLarge { what, size, limit });
    }
    Ok(())
}

/// Counts instead of writing.
struct Size(usize);

impl io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let long = "ü".repeat(LINE_BYTES);
        let cut = line(&long);
        assert!(cut.len() <= LINE_BYTES);
        assert!(cut.ends_with("ü…"));
        assert_eq!(line("short"), "short");
    }
}
