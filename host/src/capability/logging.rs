//! `logging`: a component's lines in the host's log.
//!
//! A component that logs in a loop must not fill the operator's disk, so lines have a budget by the
//! second; what was dropped is counted and said.

use std::time::{Duration, Instant};

use super::Guest;
use super::bindings::host::logging::{self, Level};
use crate::config::limits;

impl logging::Host for Guest {
    fn log(&mut self, level: Level, message: String, fields: Vec<(String, String)>) {
        if self.ports.rehearsal {
            return;
        }
        match self.lines.take(Instant::now()) {
            Line::Dropped => return,
            Line::Allowed { dropped: 0 } => {}
            Line::Allowed { dropped } => {
                tracing::warn!(component = %self.name, dropped, "log lines over the limit were dropped");
            }
        }
        let mut text = cut(message, limits::LOG_LINE);
        for (key, value) in fields {
            text.push(' ');
            text.push_str(&key);
            text.push('=');
            text.push_str(&value);
            if text.len() > limits::LOG_LINE {
                text = cut(text, limits::LOG_LINE);
                break;
            }
        }
        // A component could otherwise write lines that look like the host's own, or move the cursor.
        let text: String = text
            .chars()
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .collect();
        let component = &*self.name;
        match level {
            Level::Trace => tracing::trace!(target: "component", component, "{text}"),
            Level::Debug => tracing::debug!(target: "component", component, "{text}"),
            Level::Info => tracing::info!(target: "component", component, "{text}"),
            Level::Warn => tracing::warn!(target: "component", component, "{text}"),
            Level::Error => tracing::error!(target: "component", component, "{text}"),
        }
    }
}

/// `text`, cut at a character near `limit` bytes, with a mark where something is missing.
pub fn cut(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        let mut end = limit;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}

/// So many lines a second.
#[derive(Debug)]
pub(super) struct LineBudget {
    per_second: u32,
    left: u32,
    since: Option<Instant>,
    dropped: u64,
}

/// Whether a line may be written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Yes, and so many were dropped before it that nobody has been told of.
    Allowed { dropped: u64 },
    /// No.
    Dropped,
}

impl LineBudget {
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            per_second,
            left: per_second,
            since: None,
            dropped: 0,
        }
    }

    pub(super) fn take(&mut self, now: Instant) -> Line {
        let since = *self.since.get_or_insert(now);
        if now.duration_since(since) >= Duration::from_secs(1) {
            self.since = Some(now);
            self.left = self.per_second;
        }
        if self.left == 0 {
            self.dropped += 1;
            return Line::Dropped;
        }
        self.left -= 1;
        Line::Allowed {
            dropped: std::mem::take(&mut self.dropped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_its_size_is_said() {
        let mut budget = LineBudget::new(2);
        let start = Instant::now();
        assert_eq!(budget.take(start), Line::Allowed { dropped: 0 });
        assert_eq!(budget.take(start), Line::Allowed { dropped: 0 });
        assert_eq!(budget.take(start), Line::Dropped);
        let later = start + Duration::from_secs(1);
        assert_eq!(budget.take(later), Line::Allowed { dropped: 1 });
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(cut("aéb".into(), 2), "a…");
        assert_eq!(cut("aéb".into(), 4), "aéb");
    }
}
