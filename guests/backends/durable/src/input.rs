//! What may happen to a run.

use crate::entry::{End, Entry, Outcome};
use crate::ledger::Open;
use crate::run::Run;
use crate::work::Place;
use crate::world::Session;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// An attempt of an activity has ended.
    Attempt {
        place: Place,
        attempt: u32,
        outcome: Outcome,
        /// What it said last.
        last: Option<String>,
    },
    /// A run that this one began has ended.
    Child {
        seq: u32,
        /// Its name.
        run: String,
        outcome: Outcome,
    },
    /// Of a question, by the key that the client knows.
    Answer {
        key: String,
        outcome: Outcome,
    },
    /// Another run has what this one sent.
    Delivered {
        place: Place,
    },
    Signal {
        name: String,
        data: String,
        /// See `Entry::SignalReceived`.
        from: Option<String>,
    },
    Cancel {
        reason: Option<String>,
    },
    Suspend {
        reason: Option<String>,
    },
    Resume,
    /// It is to end without its code.
    Terminate {
        ending: End,
        reason: Option<String>,
    },
}

impl<S: Session> Run<S> {
    /// What `input` comes to. `None`: nobody waits for it.
    pub(crate) fn taken(&mut self, input: Input, now_ms: u64) -> Option<Entry> {
        if self.ledger.ending().is_some() && !matches!(input, Input::Delivered { .. }) {
            return None;
        }
        match input {
            Input::Attempt {
                place,
                attempt,
                outcome,
                last,
            } => {
                if place.generation != self.ledger.generation() {
                    return None;
                }
                let entry = (self.ledger).attempted(place.seq, attempt, outcome, last, now_ms)?;
                self.doing.remove(&place);
                Some(entry)
            }
            Input::Child { seq, run, outcome } => {
                let is_open = matches!(self.ledger.open().get(&seq), Some(Open::Child { .. }));
                if !is_open || self.child(seq) != run {
                    return None;
                }
                self.doing.remove(&self.place(seq));
                Some(Entry::ChildEnded { seq, outcome })
            }
            Input::Answer { key, outcome } => {
                let seq = self.question(&key)?;
                Some(Entry::Answered { seq, outcome })
            }
            Input::Delivered { place } => {
                self.sending.remove(&place);
                self.ledger.owed().get(&place)?;
                let (generation, seq) = (place.generation, place.seq);
                let generation = (generation != self.ledger.generation()).then_some(generation);
                Some(Entry::SignalDelivered { seq, generation })
            }
            Input::Signal { name, data, from } => {
                let is_known = from
                    .as_ref()
                    .is_some_and(|from| self.ledger.heard().contains(from));
                (!is_known).then_some(Entry::SignalReceived { name, data, from })
            }
            Input::Cancel { reason } => {
                let since_ms = None;
                let is_first = self.ledger.cancelled().is_none();
                is_first.then_some(Entry::CancelRequested { reason, since_ms })
            }
            Input::Suspend { reason } => {
                let goes_on = self.ledger.suspended().is_none();
                goes_on.then_some(Entry::Suspended { reason })
            }
            Input::Resume => self.ledger.suspended().map(|_| Entry::Resumed),
            Input::Terminate { ending, reason } => Some(Entry::Terminated { ending, reason }),
        }
    }

    /// Timers fire, and who was cancelled has had its time.
    pub(crate) fn time_passed(&mut self, now_ms: u64, grace_ms: u64) {
        self.looked_ms = now_ms;
        if self.ledger.ending().is_some() {
            return;
        }
        if let Some(ends_ms) = self.grace_ends_ms(grace_ms)
            && ends_ms <= now_ms
        {
            let (ending, reason) = (End::Cancelled, None);
            self.note(Entry::Terminated { ending, reason }, now_ms);
            return;
        }
        if self.ledger.suspended().is_some() {
            return;
        }
        let is_timer = |seq: &u32| matches!(self.ledger.open().get(seq), Some(Open::Timer { .. }));
        let due: Vec<_> = self.ledger.due(now_ms).filter(is_timer).collect();
        for seq in due {
            self.note(Entry::TimerFired { seq }, now_ms);
        }
    }

    /// When it is to be looked after though nothing happens.
    pub fn wakes_ms(&self, grace_ms: u64) -> Option<u64> {
        if self.ledger.ending().is_some() {
            return None;
        }
        let due = match self.ledger.suspended() {
            Some(_) => None,
            None => self.ledger.wakes_ms(self.looked_ms),
        };
        due.into_iter().chain(self.grace_ends_ms(grace_ms)).min()
    }

    fn grace_ends_ms(&self, grace_ms: u64) -> Option<u64> {
        let cancelled = self.ledger.cancelled()?;
        Some(cancelled.since_ms.saturating_add(grace_ms))
    }

    fn question(&self, wanted: &str) -> Option<u32> {
        let is_it = |(seq, open): &(u32, &Open)| match open {
            Open::Question { key, .. } => self.question_key(*seq, key) == wanted,
            _ => false,
        };
        self.ledger.asked().find(is_it).map(|(seq, _)| seq)
    }
}
