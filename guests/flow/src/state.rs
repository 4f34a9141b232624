//! What a run knows: shared by its code, which asks and decides, and by the replay, which tells and checks.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::task::Waker;

use crate::random::Random;
use crate::{Command, Ending, Failure, Signal};

/// One run has one; its code runs on one thread.
pub(crate) type Shared = Rc<RefCell<State>>;

/// What became of something that was begun.
pub(crate) type Outcome = Result<String, Failure>;

#[derive(Debug, Default)]
pub(crate) struct State {
    /// The number of the last decision.
    last: u32,
    pub(crate) now_ms: u64,
    pub(crate) random: Random,
    /// Decided, and not yet met in the history. Oldest first.
    pub(crate) decided: VecDeque<Command>,
    /// Begun, and neither over nor given up.
    open: BTreeSet<u32>,
    /// Over, and not yet taken.
    outcomes: BTreeMap<u32, Outcome>,
    signals: BTreeMap<String, VecDeque<String>>,
    /// Changes of the code that the history knows.
    marks: BTreeSet<String>,
    /// Which way was taken at a change of the code.
    ways: BTreeMap<String, bool>,
    /// The history goes on behind this place: what is decided here was decided before.
    pub(crate) replaying: bool,
    /// It was asked to stop.
    cancelled: Option<Stop>,
    /// How many shields the code that is polled is behind.
    pub(crate) shields: u32,
    /// Who is to be polled when something comes.
    waiting: BTreeMap<Wait, Waker>,
    /// How many have waited for signals.
    waits: u64,
    /// The code has come to its end: nothing is decided any more.
    pub(crate) over: bool,
}

/// Somebody wants it to stop.
#[derive(Debug)]
struct Stop {
    reason: Option<String>,
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wait {
    /// The outcome of a decision.
    Outcome(u32),
    /// The next signal of this name, and who waits.
    Signal(String, u64),
}

impl State {
    /// Writes down what the code decides, with the number that it gets.
    pub(crate) fn decide(&mut self, command: impl FnOnce(u32) -> Command) -> u32 {
        self.last += 1;
        let seq = self.last;
        self.say(command(seq));
        seq
    }

    /// The same for what has an outcome.
    pub(crate) fn begin(&mut self, command: impl FnOnce(u32) -> Command) -> u32 {
        let seq = self.decide(command);
        self.open.insert(seq);
        seq
    }

    /// For what has no number of its own.
    pub(crate) fn say(&mut self, command: Command) {
        if !self.over {
            self.decided.push_back(command);
        }
    }

    /// Nobody waits for it any more.
    pub(crate) fn give_up(&mut self, seq: u32) {
        self.waiting.remove(&Wait::Outcome(seq));
        self.outcomes.remove(&seq);
        if self.open.remove(&seq) {
            self.say(Command::GiveUp(seq));
        }
    }

    pub(crate) fn take(&mut self, seq: u32) -> Option<Outcome> {
        self.outcomes.remove(&seq)
    }

    pub(crate) fn take_signal(&mut self, name: &str) -> Option<String> {
        self.signals.get_mut(name)?.pop_front()
    }

    /// Signals that nobody has taken: by name, and those of one name in the order in which they came.
    pub(crate) fn unread(&self) -> Vec<Signal> {
        let of = |(name, data): (&String, &VecDeque<String>)| {
            let name = name.clone();
            data.clone().into_iter().map(move |data| Signal {
                name: name.clone(),
                data,
            })
        };
        self.signals.iter().flat_map(of).collect()
    }

    /// A signal that comes between the decision to begin anew and its being written down goes on too.
    fn hand_on(&mut self) {
        if !self.over {
            return;
        }
        let unread = self.unread();
        if let Some(Command::Finish(Ending::Continued(to))) = self.decided.back_mut() {
            to.unread = unread;
        }
    }

    /// A name for one who waits for a signal.
    pub(crate) fn waiter(&mut self, name: &str) -> Wait {
        self.waits += 1;
        Wait::Signal(name.to_owned(), self.waits)
    }

    pub(crate) fn wait(&mut self, what: Wait, waker: &Waker) {
        self.waiting.insert(what, waker.clone());
    }

    pub(crate) fn leave(&mut self, what: &Wait) {
        self.waiting.remove(what);
    }

    pub(crate) fn is_waited_for(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Why the code that is polled is to stop, if it is.
    pub(crate) fn stopped(&self) -> Option<Failure> {
        let stop = self.cancelled.as_ref()?;
        (self.shields == 0).then(|| Failure::cancelled(stop.reason.as_deref()))
    }

    /// Whether it was asked to stop.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.is_some()
    }

    /// Which way to take at the change `name` of the code.
    pub(crate) fn way(&mut self, name: &str) -> bool {
        if let Some(way) = self.ways.get(name) {
            return *way;
        }
        // What was decided before without the mark was decided by the code without the change.
        let way = self.marks.contains(name) || !self.replaying;
        self.ways.insert(name.to_owned(), way);
        if way {
            self.say(Command::Mark(name.to_owned()));
        }
        way
    }

    /// Whoever waits for `seq` learns of it. What nobody waits for any more is nobody's.
    pub(crate) fn settle(&mut self, seq: u32, outcome: Outcome) -> Option<Waker> {
        if !self.open.remove(&seq) {
            return None;
        }
        self.outcomes.insert(seq, outcome);
        self.waiting.remove(&Wait::Outcome(seq))
    }

    pub(crate) fn receive(&mut self, name: String, data: String) -> Vec<Waker> {
        let waits: Vec<_> = (self.waiting.keys())
            .filter(|wait| matches!(wait, Wait::Signal(of, _) if *of == name))
            .cloned()
            .collect();
        self.signals.entry(name).or_default().push_back(data);
        self.hand_on();
        let wakers = waits.iter().map(|wait| self.waiting.remove(wait));
        wakers.flatten().collect()
    }

    pub(crate) fn cancel(&mut self, reason: Option<String>) -> Vec<Waker> {
        self.cancelled.get_or_insert(Stop { reason });
        std::mem::take(&mut self.waiting).into_values().collect()
    }

    pub(crate) fn know(&mut self, mark: &str) {
        self.marks.insert(mark.to_owned());
    }
}
