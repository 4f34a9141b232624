//! What the log of a run amounts to: what is open, how often it was tried, and when it is due.
//!
//! A fold over the entries, in memory only. It says nothing that the log does not.

use std::collections::BTreeMap;

use crate::entry::{End, Entry, Outcome, RetryRule, Why};

/// The run as its log has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    open: BTreeMap<u32, Open>,
    now_ms: u64,
    ending: Option<End>,
    /// How often the host came back since something happened.
    recoveries: u32,
}

/// Something that was begun and has no outcome.
#[derive(Clone, Debug, PartialEq)]
pub enum Open {
    /// Done outside.
    Activity(Activity),
    /// Another run.
    Child { name: String, input: String },
    /// Time.
    Timer { due_ms: u64 },
    /// Something for another run.
    Signal {
        target: String,
        name: String,
        data: String,
    },
    /// Somebody is asked.
    Question {
        key: String,
        message: String,
        schema: String,
    },
}

/// An activity that has no outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    pub name: String,
    pub input: String,
    /// Which attempt is under way, or is next. Each has its own.
    pub attempt: u32,
    /// Attempts that have failed. Those that a crash ended are none of its faults.
    pub failures: u32,
    /// When the attempt begins.
    pub begins_ms: u64,
    /// How long the attempt may take.
    pub attempt_ms: Option<u64>,
    pub heartbeat_ms: Option<u64>,
    retry: Option<RetryRule>,
    /// After that it is not tried again.
    last_ms: Option<u64>,
}

impl Ledger {
    /// What `entries` amount to.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut ledger = Self::default();
        for entry in entries {
            ledger.apply(entry);
        }
        ledger
    }

    /// One more entry.
    pub fn apply(&mut self, entry: &Entry) {
        match entry.clone() {
            Entry::Turn { at_ms } => {
                self.now_ms = at_ms;
                self.recoveries = 0;
            }
            Entry::Recovered { at_ms } => {
                self.now_ms = at_ms;
                self.recoveries += 1;
                self.begin_again();
            }
            Entry::ActivityCalled {
                seq,
                name,
                input,
                retry,
                attempt_ms,
                total_ms,
                heartbeat_ms,
            } => {
                let activity = Activity {
                    name,
                    input,
                    attempt: 1,
                    failures: 0,
                    begins_ms: self.now_ms,
                    attempt_ms,
                    heartbeat_ms,
                    retry,
                    last_ms: total_ms.map(|total| self.now_ms.saturating_add(total)),
                };
                self.open.insert(seq, Open::Activity(activity));
            }
            Entry::AttemptFailed { seq, next_ms, .. } => {
                if let Some(Open::Activity(activity)) = self.open.get_mut(&seq) {
                    activity.attempt += 1;
                    activity.failures += 1;
                    activity.begins_ms = next_ms;
                }
            }
            Entry::ChildCalled { seq, name, input } => {
                self.open.insert(seq, Open::Child { name, input });
            }
            Entry::TimerStarted { seq, due_ms } => {
                self.open.insert(seq, Open::Timer { due_ms });
            }
            Entry::SignalSent {
                seq,
                target,
                name,
                data,
            } => {
                let signal = Open::Signal { target, name, data };
                self.open.insert(seq, signal);
            }
            Entry::Asked {
                seq,
                key,
                message,
                schema,
            } => {
                let question = Open::Question {
                    key,
                    message,
                    schema,
                };
                self.open.insert(seq, question);
            }
            Entry::ActivityEnded { seq, .. }
            | Entry::ChildEnded { seq, .. }
            | Entry::TimerFired { seq }
            | Entry::Answered { seq, .. }
            | Entry::SignalDelivered { seq }
            | Entry::GivenUp { seq } => {
                self.open.remove(&seq);
            }
            Entry::Finished { ending } => {
                self.open.clear();
                self.ending = Some(ending);
            }
            Entry::Started { .. }
            | Entry::SignalReceived { .. }
            | Entry::Marked { .. }
            | Entry::CancelRequested { .. } => {}
        }
    }

    /// What is open, by number.
    pub fn open(&self) -> &BTreeMap<u32, Open> {
        &self.open
    }

    /// How it ended, if it has.
    pub fn ending(&self) -> Option<&End> {
        self.ending.as_ref()
    }

    /// How often the host came back and nothing happened.
    pub fn recoveries(&self) -> u32 {
        self.recoveries
    }

    /// The number of the question that is open under this key.
    pub fn question(&self, wanted: &str) -> Option<u32> {
        let is_it =
            |(_, open): &(&u32, &Open)| matches!(open, Open::Question { key, .. } if key == wanted);
        self.open.iter().find(is_it).map(|(seq, _)| *seq)
    }

    /// When something is to be done though nothing happens: the next timer.
    pub fn wakes_ms(&self) -> Option<u64> {
        let timers = self.open.values().filter_map(|open| match open {
            Open::Timer { due_ms } => Some(*due_ms),
            _ => None,
        });
        timers.min()
    }

    /// What the outcome of an attempt comes to. `None`: nobody waits for it.
    pub fn attempted(
        &self,
        seq: u32,
        attempt: u32,
        outcome: Outcome,
        now_ms: u64,
    ) -> Option<Entry> {
        let Some(Open::Activity(activity)) = self.open.get(&seq) else {
            return None;
        };
        if activity.attempt != attempt {
            return None;
        }
        Some(match outcome {
            Outcome::Failed(failure) => match activity.next_ms(&failure, now_ms) {
                Some(next_ms) => Entry::AttemptFailed {
                    seq,
                    failure,
                    next_ms,
                },
                None => Entry::ActivityEnded {
                    seq,
                    outcome: Outcome::Failed(failure),
                },
            },
            done @ Outcome::Done(_) => Entry::ActivityEnded { seq, outcome: done },
        })
    }

    /// What was under way is begun again. It may have been done: it has the same key.
    fn begin_again(&mut self) {
        for open in self.open.values_mut() {
            if let Open::Activity(activity) = open
                && activity.begins_ms <= self.now_ms
            {
                activity.attempt += 1;
            }
        }
    }
}

impl Activity {
    /// When it is tried again after one more failure, if it is.
    fn next_ms(&self, failure: &Why, now_ms: u64) -> Option<u64> {
        let rule = self.retry.as_ref()?;
        let is_final = !failure.retryable || rule.final_codes.contains(&failure.code);
        if is_final || self.failures + 1 >= rule.attempts {
            return None;
        }
        let next = now_ms.saturating_add(rule.pause_ms(self.failures));
        self.last_ms.is_none_or(|last| next < last).then_some(next)
    }
}

impl RetryRule {
    /// The pause after as many failures before this one.
    fn pause_ms(&self, failures: u32) -> u64 {
        let mut pause = self.first_ms;
        for _ in 0..failures {
            let longer = u128::from(pause) * u128::from(self.factor_permille) / 1000;
            pause = u64::try_from(longer).unwrap_or(u64::MAX);
            if pause >= self.longest_ms {
                break;
            }
        }
        pause.min(self.longest_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(retry: Option<RetryRule>, total_ms: Option<u64>) -> Ledger {
        Ledger::of(&[
            Entry::Turn { at_ms: 1000 },
            Entry::ActivityCalled {
                seq: 1,
                name: "render".to_owned(),
                input: "{}".to_owned(),
                retry,
                attempt_ms: None,
                total_ms,
                heartbeat_ms: None,
            },
        ])
    }

    fn rule(attempts: u32) -> RetryRule {
        RetryRule {
            attempts,
            first_ms: 100,
            factor_permille: 2000,
            longest_ms: 350,
            final_codes: vec!["no-such-film".to_owned()],
        }
    }

    fn failure(code: &str) -> Outcome {
        Outcome::Failed(Why {
            code: code.to_owned(),
            message: String::new(),
            detail: None,
            retryable: true,
        })
    }

    /// When each next attempt begins, as long as there is one.
    fn attempts(mut ledger: Ledger) -> Vec<u64> {
        let mut begins = Vec::new();
        for attempt in 1.. {
            let entry = ledger.attempted(1, attempt, failure("busy"), 1000).unwrap();
            ledger.apply(&entry);
            let Entry::AttemptFailed { next_ms, .. } = entry else {
                break;
            };
            begins.push(next_ms);
        }
        assert!(ledger.open().is_empty());
        begins
    }

    #[test]
    fn pauses_grow_to_the_longest_and_attempts_end() {
        assert_eq!(
            attempts(called(Some(rule(5)), None)),
            [1100, 1200, 1350, 1350]
        );
        assert_eq!(attempts(called(Some(rule(1)), None)), [0; 0]);
        assert_eq!(attempts(called(None, None)), [0; 0]);
    }

    #[test]
    fn no_attempt_begins_after_the_time_for_all_of_them() {
        assert_eq!(attempts(called(Some(rule(5)), Some(250))), [1100, 1200]);
    }

    #[test]
    fn what_is_final_is_not_tried_again() {
        let ledger = called(Some(rule(5)), None);
        let entry = ledger.attempted(1, 1, failure("no-such-film"), 1000);
        assert!(
            matches!(entry, Some(Entry::ActivityEnded { .. })),
            "{entry:?}"
        );
    }

    #[test]
    fn an_attempt_that_a_crash_has_overtaken_counts_no_more_and_is_no_failure() {
        let mut ledger = called(Some(rule(2)), None);
        ledger.apply(&Entry::Recovered { at_ms: 2000 });
        assert_eq!(
            ledger.attempted(1, 1, Outcome::Done("1".to_owned()), 2000),
            None
        );
        let entry = ledger.attempted(1, 2, failure("busy"), 2000);
        assert!(
            matches!(entry, Some(Entry::AttemptFailed { .. })),
            "{entry:?}"
        );
    }
}
