//! What the log of a run amounts to: what is open, how often it was tried, and when it is due.
//!
//! A fold over the entries, in memory only. It says nothing that the log does not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::entry::{End, Entry, Outcome, Parent, RetryRule, Why};
use crate::work::Place;

/// Signals of other runs that are known again. A sender that was told that its signal is received never sends
/// it again, so only the newest can come twice.
const HEARD: usize = 256;

/// A run that brings the host down does so soon after it was brought back. What runs for weeks sees hosts come
/// and go, and that is none of its faults.
const SOON_MS: u64 = 600_000;

/// The run as its log has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    open: BTreeMap<u32, Open>,
    /// Of what is open: when timers fire, and when what has failed is tried again.
    due: BTreeSet<(u64, u32)>,
    /// Of what is open: activities that have failed.
    failed: BTreeSet<u32>,
    /// Of what is open: what somebody is asked.
    asked: BTreeSet<u32>,
    /// For other runs, and not known to be there.
    owed: BTreeMap<Place, Signal>,
    now_ms: u64,
    name: String,
    generation: u32,
    parent: Option<Parent>,
    started_ms: u64,
    ending: Option<Ended>,
    cancelled: Option<Cancelled>,
    suspended: Option<Suspended>,
    heard: VecDeque<String>,
    /// How often the host came back, soon after it came back before, since something happened.
    recoveries: u32,
    recovered_ms: u64,
    /// How many entries there are.
    length: u64,
    /// At which of them the newest turn begins.
    turn: u64,
}

/// How a run came to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    pub ending: End,
    /// Without its code.
    pub terminated: bool,
    pub reason: Option<String>,
    pub at_ms: u64,
}

/// It was asked to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancelled {
    pub reason: Option<String>,
    pub since_ms: u64,
}

/// The code is not to see what happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspended {
    pub reason: Option<String>,
    /// The first entry that it has not seen.
    pub unseen: u64,
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
    /// Somebody is asked.
    Question {
        key: String,
        message: String,
        schema: String,
    },
}

/// Something for another run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    pub target: String,
    pub name: String,
    pub data: String,
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
    /// What the attempt before said last.
    pub last: Option<String>,
    /// Why the attempt before failed.
    pub why: Option<String>,
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

    /// One more entry. Of what it has, only what stays open is copied.
    pub fn apply(&mut self, entry: &Entry) {
        match entry {
            Entry::Turn { at_ms } => {
                self.now_ms = *at_ms;
                self.recoveries = 0;
                self.turn = self.length;
            }
            Entry::Recovered { at_ms } => self.recover(*at_ms),
            Entry::Started {
                name,
                generation,
                parent,
                heard,
                ..
            } => {
                self.name.clone_from(name);
                self.generation = *generation;
                self.parent.clone_from(parent);
                self.heard = heard.iter().cloned().collect();
                self.started_ms = self.now_ms;
            }
            Entry::AttemptFailed {
                seq,
                failure,
                next_ms,
                last,
                ..
            } => {
                if let Some(Open::Activity(activity)) = self.open.get_mut(seq) {
                    self.due.remove(&(activity.begins_ms, *seq));
                    self.due.insert((*next_ms, *seq));
                    self.failed.insert(*seq);
                    activity.attempt += 1;
                    activity.failures += 1;
                    activity.begins_ms = *next_ms;
                    activity.last.clone_from(last);
                    activity.why = Some(failure.message.clone());
                }
            }
            Entry::ActivityEnded { seq, .. }
            | Entry::ChildEnded { seq, .. }
            | Entry::TimerFired { seq }
            | Entry::Answered { seq, .. }
            | Entry::GivenUp { seq } => self.close(*seq),
            Entry::SignalSent {
                seq,
                target,
                name,
                data,
            } => self.owe(self.generation, *seq, [target, name, data]),
            Entry::SignalOwed {
                generation,
                seq,
                target,
                name,
                data,
            } => self.owe(*generation, *seq, [target, name, data]),
            Entry::SignalDelivered { seq, generation } => {
                let generation = generation.unwrap_or(self.generation);
                let seq = *seq;
                self.owed.remove(&Place { generation, seq });
            }
            Entry::SignalReceived { from, .. } => self.hear(from.as_deref()),
            Entry::CancelRequested { reason, since_ms } => {
                self.cancelled.get_or_insert_with(|| Cancelled {
                    reason: reason.clone(),
                    since_ms: since_ms.unwrap_or(self.now_ms),
                });
            }
            Entry::Suspended { reason } => {
                let unseen = self.turn;
                self.suspended.get_or_insert_with(|| Suspended {
                    reason: reason.clone(),
                    unseen,
                });
            }
            Entry::Resumed => self.suspended = None,
            Entry::Finished { ending } => self.end(ending, false, None),
            Entry::Terminated { ending, reason } => self.end(ending, true, reason.clone()),
            Entry::Marked { .. } => {}
            begun => self.begin(begun),
        }
        self.length += 1;
    }

    fn begin(&mut self, entry: &Entry) {
        let (seq, open) = match entry {
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
                    name: name.clone(),
                    input: input.clone(),
                    attempt: 1,
                    failures: 0,
                    begins_ms: self.now_ms,
                    attempt_ms: *attempt_ms,
                    heartbeat_ms: *heartbeat_ms,
                    last: None,
                    why: None,
                    retry: retry.clone(),
                    last_ms: total_ms.map(|total| self.now_ms.saturating_add(total)),
                };
                (seq, Open::Activity(activity))
            }
            Entry::ChildCalled { seq, name, input } => {
                let (name, input) = (name.clone(), input.clone());
                (seq, Open::Child { name, input })
            }
            Entry::TimerStarted { seq, due_ms } => {
                self.due.insert((*due_ms, *seq));
                (seq, Open::Timer { due_ms: *due_ms })
            }

            Entry::Asked {
                seq,
                key,
                message,
                schema,
            } => {
                self.asked.insert(*seq);
                let question = Open::Question {
                    key: key.clone(),
                    message: message.clone(),
                    schema: schema.clone(),
                };
                (seq, question)
            }
            _ => return,
        };
        self.open.insert(*seq, open);
    }

    fn close(&mut self, seq: u32) {
        match self.open.remove(&seq) {
            Some(Open::Timer { due_ms }) => drop(self.due.remove(&(due_ms, seq))),
            Some(Open::Activity(activity)) => {
                self.due.remove(&(activity.begins_ms, seq));
                self.failed.remove(&seq);
            }
            Some(Open::Question { .. }) => drop(self.asked.remove(&seq)),
            Some(Open::Child { .. }) | None => {}
        }
    }

    fn end(&mut self, ending: &End, terminated: bool, reason: Option<String>) {
        self.open.clear();
        self.due.clear();
        self.failed.clear();
        self.asked.clear();
        self.ending = Some(Ended {
            ending: ending.clone(),
            terminated,
            reason,
            at_ms: self.now_ms,
        });
    }

    fn owe(&mut self, generation: u32, seq: u32, [target, name, data]: [&String; 3]) {
        let signal = Signal {
            target: target.clone(),
            name: name.clone(),
            data: data.clone(),
        };
        self.owed.insert(Place { generation, seq }, signal);
    }

    fn hear(&mut self, from: Option<&str>) {
        let Some(from) = from else {
            return;
        };
        if self.heard.len() >= HEARD {
            self.heard.pop_front();
        }
        self.heard.push_back(from.to_owned());
    }

    /// What was under way is begun again. It may have been done: it has the same key.
    fn recover(&mut self, at_ms: u64) {
        let is_soon = at_ms.saturating_sub(self.recovered_ms) < SOON_MS;
        self.recoveries = if is_soon { self.recoveries + 1 } else { 1 };
        self.recovered_ms = at_ms;
        self.now_ms = at_ms;
        for open in self.open.values_mut() {
            if let Open::Activity(activity) = open
                && activity.begins_ms <= at_ms
            {
                activity.attempt += 1;
            }
        }
    }

    /// What is open, by number.
    pub fn open(&self) -> &BTreeMap<u32, Open> {
        &self.open
    }

    /// What other runs are not known to have. A run that has ended is over when there is nothing.
    pub fn owed(&self) -> &BTreeMap<Place, Signal> {
        &self.owed
    }

    /// Nothing happens in it any more.
    pub fn is_over(&self) -> bool {
        self.ending.is_some() && self.owed.is_empty()
    }

    /// The orchestration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How often it has begun anew.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Whose child it is.
    pub fn parent(&self) -> Option<&Parent> {
        self.parent.as_ref()
    }

    /// When it was started, or began anew.
    pub fn started_ms(&self) -> u64 {
        self.started_ms
    }

    /// How it ended, if it has.
    pub fn ending(&self) -> Option<&Ended> {
        self.ending.as_ref()
    }

    /// Who asked it to stop, if somebody has.
    pub fn cancelled(&self) -> Option<&Cancelled> {
        self.cancelled.as_ref()
    }

    /// Why it stands still, if it does.
    pub fn suspended(&self) -> Option<&Suspended> {
        self.suspended.as_ref()
    }

    /// How often the host came back and nothing happened.
    pub fn recoveries(&self) -> u32 {
        self.recoveries
    }

    /// How many entries there are.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Signals that were received, by what they are known by: the newest.
    pub fn heard(&self) -> &VecDeque<String> {
        &self.heard
    }

    /// Something was under way at the end of the log.
    pub fn is_under_way(&self, now_ms: u64) -> bool {
        let is_due = |open: &Open| matches!(open, Open::Activity(one) if one.begins_ms <= now_ms);
        self.open.values().any(is_due)
    }

    /// When something is to be done though nothing happens: the next timer, the next attempt after a pause.
    pub fn wakes_ms(&self, now_ms: u64) -> Option<u64> {
        let later = (now_ms.saturating_add(1), 0);
        self.due.range(later..).next().map(|(ms, _)| *ms)
    }

    /// Timers and attempts after a pause whose time has come.
    pub fn due(&self, now_ms: u64) -> impl Iterator<Item = u32> {
        self.due.range(..=(now_ms, u32::MAX)).map(|(_, seq)| *seq)
    }

    /// Activities that have failed and are tried again, by number.
    pub fn failed(&self) -> impl Iterator<Item = (u32, &Activity)> {
        let activity = |seq: &u32| match self.open.get(seq)? {
            Open::Activity(activity) => Some((*seq, activity)),
            _ => None,
        };
        self.failed.iter().filter_map(activity)
    }

    /// Questions that are open, by number.
    pub fn asked(&self) -> impl Iterator<Item = (u32, &Open)> {
        let question = |seq: &u32| Some((*seq, self.open.get(seq)?));
        self.asked.iter().filter_map(question)
    }

    /// The time of the newest turn: what the code sees as the time.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// What the outcome of an attempt comes to. `None`: nobody waits for it.
    pub fn attempted(
        &self,
        seq: u32,
        attempt: u32,
        outcome: Outcome,
        last: Option<String>,
        now_ms: u64,
    ) -> Option<Entry> {
        let Some(Open::Activity(activity)) = self.open.get(&seq) else {
            return None;
        };
        if activity.attempt != attempt {
            return None;
        }
        let attempt = Some(attempt);
        Some(match outcome {
            Outcome::Failed(failure) => match activity.next_ms(&failure, now_ms) {
                Some(next_ms) => Entry::AttemptFailed {
                    seq,
                    attempt,
                    failure,
                    next_ms,
                    last,
                },
                None => Entry::ActivityEnded {
                    seq,
                    attempt,
                    outcome: Outcome::Failed(failure),
                },
            },
            outcome @ Outcome::Done(_) => Entry::ActivityEnded {
                seq,
                attempt,
                outcome,
            },
        })
    }
}

impl Activity {
    /// How many attempts there will be at most, where its caller has said that.
    pub fn attempts(&self) -> Option<u32> {
        self.retry.as_ref().map(|rule| rule.attempts)
    }

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
            let entry = ledger
                .attempted(1, attempt, failure("busy"), None, 1000)
                .unwrap();
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
        let entry = ledger.attempted(1, 1, failure("no-such-film"), None, 1000);
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
            ledger.attempted(1, 1, Outcome::Done("1".to_owned()), None, 2000),
            None
        );
        let entry = ledger.attempted(1, 2, failure("busy"), None, 2000);
        assert!(
            matches!(entry, Some(Entry::AttemptFailed { .. })),
            "{entry:?}"
        );
    }
}
