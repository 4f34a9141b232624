//! The three rungs of getting rid of a call.
//!
//! ```text
//! asked       `cancel` says that the work is to stop: the component decides      service::cancel
//! abandoned   no answer within `limits.call`: its caller is told, the guest      here
//!             runs on, and counts as in flight until it comes to an end
//! dropped     more than `limits.abandoned` of them, one for longer than          TH0410
//!             `limits.grace`, no pulse, or no end of running: the store          TH0404, TH0403
//!             goes, and with it every call in it
//! ```
//!
//! The engine cannot stop one call of an instance. So the second rung costs only who waits, and is taken
//! at once; the third costs everybody in the instance, and is taken when the alternative is to go on
//! losing room to calls that nobody waits for.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::config::limits::Limits;
use crate::error::{Code, Report};

/// The abandoned calls of one instance.
#[derive(Debug, Default)]
pub(super) struct Abandoned(Mutex<Calls>);

#[derive(Debug, Default)]
struct Calls {
    /// When each was given up, and a number that tells those of one moment apart.
    since: BTreeSet<(Instant, u64)>,
    last: u64,
}

impl Abandoned {
    /// One more, until what this returns is dropped.
    pub(super) fn add(&self) -> Mark<'_> {
        let mut calls = self.calls();
        calls.last += 1;
        let key = (Instant::now(), calls.last);
        calls.since.insert(key);
        Mark { of: self, key }
    }

    /// Whether there are more than may be, or one for longer than may be.
    pub(super) fn are_too_many(&self, limits: &Limits) -> Option<TooMany> {
        let calls = self.calls();
        let (oldest, _) = calls.since.first()?;
        let number = calls.since.len();
        let oldest = oldest.elapsed();
        (number > limits.abandoned || oldest > limits.grace).then_some(TooMany { number, oldest })
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One abandoned call, until it is dropped.
#[must_use]
pub(super) struct Mark<'a> {
    of: &'a Abandoned,
    key: (Instant, u64),
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        self.of.calls().since.remove(&self.key);
    }
}

/// Why an instance has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany {
    number: usize,
    oldest: Duration,
}

impl TooMany {
    /// In words.
    pub(super) fn report(self, name: &str, limits: &Limits) -> Report {
        let Self { number, oldest } = self;
        let after = (limits.call + oldest).as_secs_f32();
        let message = if number > limits.abandoned {
            format!(
                "`{name}` had {number} calls that it did not answer in time; its instance was ended"
            )
        } else {
            format!("`{name}` had not answered a call after {after:.1} s; its instance was ended")
        };
        Report::new(Code(410), message).help(format!(
            "raise [backends.{name}.limits] call or grace, or mend the component: a call must not wait for \
             what may never come"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_few_for_a_while_are_borne_and_not_more_for_longer() {
        let limits = Limits {
            abandoned: 2,
            grace: Duration::from_secs(5),
            ..Limits::default()
        };
        let abandoned = Abandoned::default();
        let first = abandoned.add();
        let second = abandoned.add();
        assert_eq!(abandoned.are_too_many(&limits), None);
        let third = abandoned.add();
        assert_eq!(abandoned.are_too_many(&limits).unwrap().number, 3);
        drop(third);
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(abandoned.are_too_many(&limits).unwrap().number, 2);
        drop((first, second));
        assert_eq!(
            abandoned.are_too_many(&limits),
            None,
            "they have come to an end"
        );
    }
}
