//! One run at work: from what happens to what is to be written down, and what is to be done then.
//!
//! ```text
//! turn ─▶ append and flush ─▶ work        the caller's order: nothing is done that is not written down
//!              └ failed: drop the run, and recover it from the log
//! ```

use std::collections::BTreeMap;

use taskhost_flow::{Command, Event, Failure, Progress};

use crate::entry::{Entry, Outcome};
use crate::ledger::{Activity, Ledger, Open};

/// How often the host may come back before something happens: then the run is what brings it down.
const RECOVERIES: u32 = 10;

/// The code of a run, wherever it runs.
pub trait Session {
    /// See `orchestrator.run.step` in `wit/durable/orchestrator.wit`.
    fn step(&mut self, events: Vec<Event>) -> Result<Vec<Command>, Failure>;
}

impl Session for taskhost_flow::replay::Run {
    fn step(&mut self, events: Vec<Event>) -> Result<Vec<Command>, Failure> {
        Self::step(self, events)
    }
}

/// One run.
#[derive(Debug)]
pub struct Run<S> {
    session: S,
    ledger: Ledger,
    /// How many entries the log has.
    length: u64,
    shown: Shown,
    /// What is being done, and in which attempt.
    doing: BTreeMap<u32, u32>,
}

/// What onlookers see. Kept beside the log, and never part of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    /// An object.
    pub status: Option<String>,
    /// How far it is.
    pub progress: Option<Progress>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Of an activity.
    Attempt {
        seq: u32,
        attempt: u32,
        outcome: Outcome,
    },
    /// Of another run that this one began.
    Child {
        seq: u32,
        outcome: Outcome,
    },
    /// Of a question.
    Answer {
        key: String,
        outcome: Outcome,
    },
    /// Another run has what this one sent.
    Delivered {
        seq: u32,
    },
    Signal {
        name: String,
        data: String,
    },
    Cancel {
        reason: Option<String>,
    },
    /// Time has passed.
    Time,
}

/// What is to be appended to the log, all of it or nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// How many entries the log must have before. If it has others, somebody else runs this run.
    pub expected: u64,
    pub entries: Vec<Entry>,
    pub shown: Shown,
}

/// What is to be done once a turn is written down.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// One attempt. Its key is made of the run and `seq`: the same for all attempts.
    Attempt { seq: u32, activity: Activity },
    Child {
        seq: u32,
        name: String,
        input: String,
    },
    Signal {
        seq: u32,
        target: String,
        name: String,
        data: String,
    },
    /// Nobody waits for it any more.
    Stop { seq: u32 },
}

impl<S: Session> Run<S> {
    /// A new one.
    pub fn begin(session: S, name: &str, input: &str, seed: u64, now_ms: u64) -> (Self, Turn) {
        let mut run = Self {
            session,
            ledger: Ledger::default(),
            length: 0,
            shown: Shown::default(),
            doing: BTreeMap::new(),
        };
        let started = Entry::Started {
            name: name.to_owned(),
            input: input.to_owned(),
            seed,
        };
        let turn = run.take(vec![Entry::Turn { at_ms: now_ms }, started], now_ms);
        (run, turn)
    }

    /// Brings one back from its log, which is not over. What was under way is begun again.
    pub fn recover(session: S, log: &[Entry], shown: Shown, now_ms: u64) -> (Self, Turn) {
        let mut run = Self {
            session,
            ledger: Ledger::of(log),
            length: log.len() as u64,
            shown,
            doing: BTreeMap::new(),
        };
        let recovered = Entry::Recovered { at_ms: now_ms };
        run.ledger.apply(&recovered);
        let decided = if run.ledger.recoveries() > RECOVERIES {
            Err(Failure::new(
                "recovery-limit",
                format!("the host came back {RECOVERIES} times, and nothing happened in this run"),
            ))
        } else {
            run.session
                .step(log.iter().filter_map(Entry::seen).collect())
        };
        let turn = run.close(vec![recovered], decided, now_ms);
        (run, turn)
    }

    /// What `inputs` come to. `None`: nobody waits for any of them.
    ///
    /// The run is then where it is when the turn is written down; if that fails, it is to be dropped.
    pub fn turn(&mut self, inputs: Vec<Input>, now_ms: u64) -> Option<Turn> {
        if self.ledger.ending().is_some() {
            return None;
        }
        let mut entries = vec![Entry::Turn { at_ms: now_ms }];
        for input in inputs {
            for entry in self.happened(input, now_ms) {
                // At once: the next input may be about the same.
                self.ledger.apply(&entry);
                entries.push(entry);
            }
        }
        (entries.len() > 1).then(|| self.take(entries, now_ms))
    }

    /// What is to be done that is not being done. To be asked for when a turn has been written down.
    pub fn work(&mut self) -> Vec<Work> {
        let open = self.ledger.open();
        let mut work = Vec::new();
        self.doing.retain(|seq, _| {
            let goes_on = open.contains_key(seq);
            if !goes_on {
                work.push(Work::Stop { seq: *seq });
            }
            goes_on
        });
        for (seq, open) in open {
            let seq = *seq;
            let (attempt, begin) = match open.clone() {
                Open::Activity(activity) => (activity.attempt, Work::Attempt { seq, activity }),
                Open::Child { name, input } => (1, Work::Child { seq, name, input }),
                Open::Signal { target, name, data } => (
                    1,
                    Work::Signal {
                        seq,
                        target,
                        name,
                        data,
                    },
                ),
                Open::Timer { .. } | Open::Question { .. } => continue,
            };
            if self.doing.insert(seq, attempt) != Some(attempt) {
                work.push(begin);
            }
        }
        work
    }

    /// What is open, when it wakes, and how it ended.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What onlookers see.
    pub fn shown(&self) -> &Shown {
        &self.shown
    }

    fn happened(&self, input: Input, now_ms: u64) -> Vec<Entry> {
        let open = self.ledger.open();
        let one = match input {
            Input::Attempt {
                seq,
                attempt,
                outcome,
            } => self.ledger.attempted(seq, attempt, outcome, now_ms),
            Input::Child { seq, outcome } => matches!(open.get(&seq), Some(Open::Child { .. }))
                .then_some(Entry::ChildEnded { seq, outcome }),
            Input::Answer { key, outcome } => {
                let seq = self.ledger.question(&key);
                seq.map(|seq| Entry::Answered { seq, outcome })
            }
            Input::Delivered { seq } => matches!(open.get(&seq), Some(Open::Signal { .. }))
                .then_some(Entry::SignalDelivered { seq }),
            Input::Signal { name, data } => Some(Entry::SignalReceived { name, data }),
            Input::Cancel { reason } => Some(Entry::CancelRequested { reason }),
            Input::Time => {
                let due = |(seq, open): (&u32, &Open)| {
                    let is_due = matches!(open, Open::Timer { due_ms } if *due_ms <= now_ms);
                    is_due.then_some(Entry::TimerFired { seq: *seq })
                };
                return open.iter().filter_map(due).collect();
            }
        };
        one.into_iter().collect()
    }

    /// Shows the code what `entries` has, and writes down what it decides.
    fn take(&mut self, entries: Vec<Entry>, now_ms: u64) -> Turn {
        let decided = self
            .session
            .step(entries.iter().filter_map(Entry::seen).collect());
        self.close(entries, decided, now_ms)
    }

    fn close(
        &mut self,
        mut entries: Vec<Entry>,
        decided: Result<Vec<Command>, Failure>,
        now_ms: u64,
    ) -> Turn {
        // The time of the turn is the time of what is decided in it.
        for entry in entries
            .iter()
            .filter(|entry| matches!(entry, Entry::Turn { .. }))
        {
            self.ledger.apply(entry);
        }
        let decided = decided.unwrap_or_else(|failure| {
            vec![Command::Finish(taskhost_flow::Ending::Failed(failure))]
        });
        for command in decided {
            match command {
                Command::SetStatus(status) => self.shown.status = Some(status),
                Command::SetProgress(progress) => self.shown.progress = Some(progress),
                decision => {
                    if let Some(entry) = Entry::decided(decision, now_ms) {
                        self.ledger.apply(&entry);
                        entries.push(entry);
                    }
                }
            }
        }
        let expected = self.length;
        self.length += entries.len() as u64;
        Turn {
            expected,
            entries,
            shown: self.shown.clone(),
        }
    }
}
