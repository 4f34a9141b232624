//! What is to be done for a run, once the turn that says so is written down.

use std::cell::Cell;
use std::rc::Rc;

use crate::ledger::{Activity, Open, Signal};
use crate::run::Run;
use crate::world::Session;

/// A decision of a run. Its number is used again when the run begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub generation: u32,
    pub seq: u32,
}

/// What is being done.
#[derive(Clone, Debug)]
pub enum Doing {
    /// One attempt of an activity.
    Attempt { attempt: u32, ticket: u64 },
    /// The run of a child.
    Child { run: String, given_up: Flag },
}

/// Nobody waits for it any more.
#[derive(Clone, Debug, Default)]
pub struct Flag(Rc<Cell<bool>>);

impl Flag {
    pub fn set(&self) {
        self.0.set(true);
    }

    pub fn is_set(&self) -> bool {
        self.0.get()
    }
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Work {
    /// One attempt. Its key is the same for all attempts.
    Attempt {
        place: Place,
        ticket: u64,
        activity: Activity,
    },
    Child {
        seq: u32,
        run: String,
        name: String,
        input: String,
        given_up: Flag,
    },
    Signal {
        place: Place,
        signal: Signal,
    },
    /// Nobody waits for it any more.
    Stop(Doing),
}

impl<S: Session> Run<S> {
    /// What is to be done that is not being done. To be asked for when a turn has been written down, and when
    /// [`wakes_ms`](Self::wakes_ms) has come. Each attempt gets a ticket.
    pub fn work(&mut self, now_ms: u64, mut ticket: impl FnMut() -> u64) -> Vec<Work> {
        let mut work = Vec::new();
        for (place, signal) in self.ledger.owed() {
            let (place, signal) = (*place, signal.clone());
            if self.sending.insert(place) {
                work.push(Work::Signal { place, signal });
            }
        }
        let generation = self.ledger.generation();
        let open = self.ledger.open();
        if self.ledger.ending().is_some() {
            let stopped = std::mem::take(&mut self.doing).into_values();
            work.extend(stopped.map(Work::Stop));
            return work;
        }
        while let Some(first) = self.doing.first_entry() {
            if first.key().generation == generation {
                break;
            }
            work.push(Work::Stop(first.remove()));
        }
        if self.ledger.suspended().is_some() {
            return work;
        }
        self.touched.extend(self.ledger.due(now_ms));
        for seq in std::mem::take(&mut self.touched) {
            let place = Place { generation, seq };
            let Some(open) = open.get(&seq) else {
                work.extend(self.doing.remove(&place).map(Work::Stop));
                continue;
            };
            let known = self.doing.get(&place);
            let begun = match (open, known) {
                (Open::Activity(activity), Some(Doing::Attempt { attempt, .. }))
                    if *attempt == activity.attempt =>
                {
                    None
                }
                (Open::Activity(activity), _) => {
                    (activity.begins_ms <= now_ms).then(|| attempt(place, activity, ticket()))
                }
                (Open::Child { name, input }, None) => {
                    let run = child_of(&self.name, place);
                    Some(child(seq, run, name, input))
                }

                _ => None,
            };
            if let Some((doing, begin)) = begun {
                self.doing.insert(place, doing);
                work.push(begin);
            }
        }
        work
    }

    /// Whether it waits for the child of this name.
    pub fn waits_for(&self, child: &str) -> bool {
        let seq = child.rsplit('.').next().and_then(|seq| seq.parse().ok());
        seq.is_some_and(|seq| {
            matches!(self.ledger.open().get(&seq), Some(Open::Child { .. }))
                && self.child(seq) == child
        })
    }

    pub fn place(&self, seq: u32) -> Place {
        let generation = self.ledger.generation();
        Place { generation, seq }
    }

    /// The name of the run of a child.
    pub fn child(&self, seq: u32) -> String {
        child_of(&self.name, self.place(seq))
    }

    /// What a decision is known by everywhere, after any crash.
    pub fn key(&self, place: Place) -> String {
        format!("{}/{}", generation_of(&self.name, place), place.seq)
    }

    /// What a question is known by: unique for the life of the task.
    pub fn question_key(&self, seq: u32, key: &str) -> String {
        /// The host takes 256 bytes.
        const LONGEST: usize = 200;
        let short = key.get(..key.floor_char_boundary(LONGEST)).unwrap_or(key);
        match self.ledger.generation() {
            0 => format!("{short}.{seq}"),
            generation => format!("{short}.{generation}.{seq}"),
        }
    }
}

fn child_of(run: &str, place: Place) -> String {
    format!("{}.{}", generation_of(run, place), place.seq)
}

fn generation_of(run: &str, place: Place) -> String {
    match place.generation {
        0 => run.to_owned(),
        generation => format!("{run}#{generation}"),
    }
}

fn attempt(place: Place, activity: &Activity, ticket: u64) -> (Doing, Work) {
    let doing = Doing::Attempt {
        attempt: activity.attempt,
        ticket,
    };
    let activity = activity.clone();
    let work = Work::Attempt {
        place,
        ticket,
        activity,
    };
    (doing, work)
}

fn child(seq: u32, run: String, name: &str, input: &str) -> (Doing, Work) {
    let given_up = Flag::default();
    let work = Work::Child {
        seq,
        run: run.clone(),
        name: name.to_owned(),
        input: input.to_owned(),
        given_up: given_up.clone(),
    };
    (Doing::Child { run, given_up }, work)
}
