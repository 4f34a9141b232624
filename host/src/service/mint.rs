//! Where ids come from: the clock, a counter and chance.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Clock;
use crate::task::TaskId;

/// Makes ids that sort in the order they were made.
pub(super) struct Mint {
    clock: Arc<dyn Clock>,
    /// Milliseconds and counter of the last id, in 48 and 16 bits.
    last: AtomicU64,
}

impl Mint {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            last: AtomicU64::new(0),
        }
    }

    /// A new id. An error means that the system has no randomness to give.
    pub(super) fn id(&self) -> Result<TaskId, getrandom::Error> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        let now = self.clock.now_ms() << 16;
        // Past 65,535 ids in a millisecond the counter runs into the milliseconds: order still holds.
        let last = self
            .last
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |last| {
                Some(now.max(last + 1))
            })
            .unwrap_or_default();
        let stamp = now.max(last + 1);
        Ok(TaskId::new(stamp >> 16, (stamp & 0xffff) as u16, random))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Stopped;

    impl Clock for Stopped {
        fn now_ms(&self) -> u64 {
            1_000
        }
    }

    #[test]
    fn ids_sort_in_the_order_they_were_made_even_while_the_clock_stands_still() {
        let mint = Mint::new(Arc::new(Stopped));
        let ids: Vec<_> = (0..70_000).map(|_| mint.id().unwrap()).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
    }
}
