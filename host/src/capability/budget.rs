//! So much a second, and what was refused above it.
//!
//! Whatever a component may do as often as it likes costs the host something each time: a log line, a
//! push, a line of output. A budget bounds the rate, counts what it refuses, and hands out that count
//! once, so that a flood is told in one line.

use std::time::{Duration, Instant};

/// So much a second.
#[derive(Debug)]
pub(super) struct Budget {
    per_second: u32,
    left: u32,
    since: Option<Instant>,
    refused: u64,
}

/// What came of asking for some of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    /// Granted; so many were refused before it that nobody has been told of.
    Granted {
        /// Askings.
        refused: u64,
    },
    /// Not in this second.
    Refused,
}

impl Budget {
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            per_second,
            left: per_second,
            since: None,
            refused: 0,
        }
    }

    /// Takes `amount`, all or nothing.
    pub(super) fn take(&mut self, amount: usize, now: Instant) -> Share {
        let since = *self.since.get_or_insert(now);
        if now.duration_since(since) >= Duration::from_secs(1) {
            self.since = Some(now);
            self.left = self.per_second;
        }
        let left = u32::try_from(amount)
            .ok()
            .and_then(|amount| self.left.checked_sub(amount));
        let Some(left) = left else {
            self.refused += 1;
            return Share::Refused;
        };
        self.left = left;
        Share::Granted {
            refused: std::mem::take(&mut self.refused),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_its_size_is_said_once() {
        let mut budget = Budget::new(2);
        let start = Instant::now();
        assert_eq!(budget.take(1, start), Share::Granted { refused: 0 });
        assert_eq!(budget.take(1, start), Share::Granted { refused: 0 });
        assert_eq!(budget.take(1, start), Share::Refused);
        let later = start + Duration::from_secs(1);
        assert_eq!(budget.take(1, later), Share::Granted { refused: 1 });
        assert_eq!(budget.take(1, later), Share::Granted { refused: 0 });
    }

    #[test]
    fn what_is_too_large_leaves_room_for_what_is_not() {
        let mut budget = Budget::new(10);
        let start = Instant::now();
        assert_eq!(budget.take(11, start), Share::Refused);
        assert_eq!(budget.take(10, start), Share::Granted { refused: 1 });
    }
}
