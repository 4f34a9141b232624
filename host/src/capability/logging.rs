//! `logging`: a component's lines in the host's log.
//!
//! A component that logs in a loop must not fill the operator's disk, so lines have a budget by the
//! second, of lines and of bytes; what was dropped is counted and said. What the host has to say about
//! a component because of something that the component does comes out of the same budget
//! ([`Guest::may_be_mentioned`]).

use std::time::Instant;

use super::Guest;
use super::bindings::host::logging::{self, Level};
use super::budget::Share;
use crate::config::limits;

impl logging::Host for Guest {
    fn log(&mut self, level: Level, message: String, fields: Vec<(String, String)>) {
        if self.ports.rehearsal {
            return;
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
        if !self.may_write(text.len()) {
            return;
        }
        let text = plain(&text);
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

impl Guest {
    /// Whether the host may write a line about something that this component does, and could do again at
    /// once.
    pub(super) fn may_be_mentioned(&mut self) -> bool {
        self.may_write(0)
    }

    fn may_write(&mut self, bytes: usize) -> bool {
        let now = Instant::now();
        let mut dropped = 0;
        for (budget, amount) in [(&mut self.log_lines, 1), (&mut self.log_bytes, bytes)] {
            match budget.take(amount, now) {
                Share::Granted { refused } => dropped += refused,
                Share::Refused => {
                    self.ports.meter.log.dropped.add(1);
                    return false;
                }
            }
        }
        if dropped > 0 {
            tracing::warn!(component = %self.name, dropped, "log lines over the limit were dropped [TH0415]");
        }
        self.ports.meter.log.passed.add(1);
        self.ports.meter.log_bytes.add(bytes);
        true
    }
}

/// A component could otherwise write lines that look like the host's own, or move the cursor.
pub fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(cut("aéb".into(), 2), "a…");
        assert_eq!(cut("aéb".into(), 4), "aéb");
    }
}
