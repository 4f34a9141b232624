//! Tables, JSON, and times as people read them.

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

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
