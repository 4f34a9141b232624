//! One run at work: from what happens to what is to be written down, and what is to be done then.
//!
//! ```text
//! happened ─▶ decide ─▶ write ─▶ append ─▶ written ─▶ work      the caller's order: nothing is done that is
//!                │                  └ failed: drop the run, recover it from the log          not written down
//!                └ `Decided::Again`: what happened is kept, until another session decides
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use taskhost_flow::{Command, Ending, Event, Failure, Progress};

use crate::bindings::journal;
use crate::check::decides_nothing;
use crate::entry::{Anew, End, Entry, Parent};
use crate::input::Input;
use crate::ledger::Ledger;
use crate::summary;
use crate::work::{Doing, Place};
use crate::world::Session;

/// How often the host may come back before something happens: then the run is what brings it down.
const RECOVERIES: u32 = 10;

/// The host takes 50,000 entries. The end must fit too.
const ENTRIES: u64 = 49_900;

/// The host takes 16 MiB.
const BYTES: u64 = 15 << 20;

/// One run.
#[derive(Debug)]
pub struct Run<S> {
    pub(crate) name: Rc<str>,
    /// Its code. None: it is brought to where it was when it is needed.
    session: Option<S>,
    pub(crate) ledger: Ledger,
    /// How many entries the log has, and bytes.
    length: u64,
    bytes: u64,
    /// How many entries of the log the code has seen.
    seen: u64,
    /// What it has not: the run was suspended.
    late: Vec<Event>,
    /// In the ledger, and not in the log.
    pending: Vec<Entry>,
    /// What is pending replaces the log.
    anew: bool,
    /// Being written: entries and bytes.
    writing: (u64, u64),
    pub(crate) shown: Shown,
    /// What is being done.
    pub(crate) doing: BTreeMap<Place, Doing>,
    /// Signals that are on their way.
    pub(crate) sending: BTreeSet<Place>,
    /// Its code is known to be the one that wrote its log.
    checked: bool,
    /// When it was looked after: what was due then has happened.
    pub(crate) looked_ms: u64,
    /// What may have something to be done for, or to be stopped.
    pub(crate) touched: Vec<u32>,
    /// Its place among those that wait with their code at hand.
    pub(crate) ready: Option<u64>,
}

/// What onlookers see. Kept beside the log, and never part of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    /// An object.
    pub status: Option<String>,
    /// How far it is.
    pub progress: Option<Progress>,
}

/// What a run is begun with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begin {
    pub orchestration: String,
    pub input: String,
    pub seed: u64,
    pub parent: Option<Parent>,
}

/// What is to be done next.
#[derive(Debug)]
pub enum Decided {
    /// Nothing has happened.
    Nothing,
    /// To be written down.
    Write(journal::Turn),
    /// To be begun anew with this, and decided again.
    Anew(Anew),
    /// The host could not run the code. To be decided again, later.
    Again(Failure),
}

impl<S: Session> Run<S> {
    /// A new one.
    pub fn begin(name: Rc<str>, begin: Begin, now_ms: u64) -> Self {
        let mut run = Self {
            name,
            session: None,
            ledger: Ledger::default(),
            length: 0,
            bytes: 0,
            seen: 0,
            late: Vec::new(),
            pending: Vec::new(),
            anew: false,
            writing: (0, 0),
            shown: Shown::default(),
            doing: BTreeMap::new(),
            sending: BTreeSet::new(),
            looked_ms: 0,
            checked: true,
            touched: Vec::new(),
            ready: None,
        };
        let started = Entry::Started {
            name: begin.orchestration,
            input: begin.input,
            seed: begin.seed,
            generation: 0,
            parent: begin.parent,
            heard: Vec::new(),
        };
        run.note(started, now_ms);
        run
    }

    /// Brings one back from its log. What was under way is begun again, unless the run is over.
    ///
    /// Its code is not needed for that: what it has decided is written down with what led to it.
    pub fn recover(name: Rc<str>, log: &[Entry], bytes: u64, shown: Shown, now_ms: u64) -> Self {
        let ledger = Ledger::of(log);
        let suspended = ledger.suspended().map(|suspended| suspended.unseen);
        let mut run = Self {
            name,
            session: None,
            length: ledger.length(),
            bytes,
            seen: suspended.unwrap_or(ledger.length()),
            late: Vec::new(),
            pending: Vec::new(),
            anew: false,
            writing: (0, 0),
            shown,
            doing: BTreeMap::new(),
            sending: BTreeSet::new(),
            looked_ms: 0,
            checked: false,
            touched: ledger.open().keys().copied().collect(),
            ready: None,
            ledger,
        };
        if run.ledger.is_under_way(now_ms) {
            run.push(Entry::Recovered { at_ms: now_ms });
        }
        if run.ledger.recoveries() > RECOVERIES {
            let message =
                format!("the host came back {RECOVERIES} times, and nothing happened in this run");
            run.terminate(Failure::new("recovery-limit", message), now_ms);
        }
        run
    }

    /// Whether `decide` needs its code.
    pub fn wants_code(&self) -> bool {
        // The time alone is none of its business before something happens.
        let sees = |entry: &Entry| !matches!(entry, Entry::Turn { .. }) && entry.is_seen();
        self.goes_on() && (self.seen < self.length || self.pending.iter().any(sees))
    }

    /// Whether its code is to be compared with its log before anything is begun.
    pub fn is_to_be_checked(&self) -> bool {
        !self.checked && self.goes_on()
    }

    /// Neither over nor suspended.
    pub fn goes_on(&self) -> bool {
        self.ledger.ending().is_none() && self.ledger.suspended().is_none()
    }

    /// Whether something is being done for it.
    pub fn is_busy(&self) -> bool {
        !self.doing.is_empty()
    }

    /// Its code is at hand.
    pub fn has_code(&self) -> bool {
        self.session.is_some()
    }

    /// Its code needs no history to be where the run is.
    pub fn is_fresh(&self) -> bool {
        self.length == 0 || self.anew
    }

    /// How many entries its log has.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Saves memory until it is needed again.
    pub fn drop_code(&mut self) {
        self.session = None;
        self.late = Vec::new();
    }

    /// Gives it code to which nothing has happened, and leads that to where the run is.
    ///
    /// # Errors
    /// Where the code is not the one that wrote the log.
    pub async fn catch_up(&mut self, mut session: S, log: Vec<Entry>) -> Result<(), Failure> {
        let mut history = Vec::with_capacity(log.len());
        let mut late = Vec::new();
        for (place, entry) in (0..).zip(log) {
            let events = if place < self.seen {
                &mut history
            } else {
                &mut late
            };
            events.extend(entry.into_seen());
        }
        if !history.is_empty() {
            decides_nothing(&session.step(history).await?)?;
        }
        self.session = Some(session);
        self.checked = true;
        self.late = late;
        Ok(())
    }

    /// Takes up what happened. Nothing is decided yet.
    pub fn happened(&mut self, inputs: Vec<Input>, now_ms: u64, grace_ms: u64) {
        for input in inputs {
            if let Some(entry) = self.taken(input, now_ms) {
                self.note(entry, now_ms);
            }
        }
        self.time_passed(now_ms, grace_ms);
    }

    /// Shows the code what happened, and takes up what it decides.
    pub async fn decide(&mut self) -> Decided {
        if self.pending.is_empty() {
            return Decided::Nothing;
        }
        if self.wants_code() {
            let Some(session) = &mut self.session else {
                return Decided::Again(Failure::new("no-session", "its code is not at hand"));
            };
            let mut events = std::mem::take(&mut self.late);
            events.extend(self.pending.iter().filter_map(Entry::seen));
            match session.step(events).await {
                Err(failure) if failure.retryable => {
                    self.drop_code();
                    return Decided::Again(failure);
                }
                Err(failure) => self.terminate(failure, self.ledger.now_ms()),
                Ok(commands) => {
                    if let Some(anew) = self.take_up(commands) {
                        return Decided::Anew(anew);
                    }
                }
            }
        }
        let log = if self.anew { 0 } else { self.length };
        if self.ledger.ending().is_none()
            && (log + self.pending.len() as u64 > ENTRIES || self.bytes > BYTES)
        {
            self.terminate(history_full(""), self.ledger.now_ms());
        }
        if !self.goes_on() {
            self.drop_code();
        }
        Decided::Write(self.write())
    }

    /// Ends the run without its code.
    pub fn terminate(&mut self, failure: Failure, now_ms: u64) {
        self.drop_code();
        let (ending, reason) = (End::Failed(failure.into()), None);
        self.note(Entry::Terminated { ending, reason }, now_ms);
    }

    /// What is pending from now on is a new history.
    pub fn begin_anew(&mut self, anew: Anew, seed: u64, now_ms: u64) {
        self.drop_code();
        let before = std::mem::take(&mut self.ledger);
        self.pending.clear();
        self.touched.clear();
        self.seen = 0;
        self.anew = true;
        let started = Entry::Started {
            name: before.name().to_owned(),
            input: anew.input,
            seed,
            generation: before.generation() + 1,
            parent: before.parent().cloned(),
            heard: before.heard().iter().cloned().collect(),
        };
        self.note(started, now_ms);
        for (name, data) in anew.unread {
            let from = None;
            self.push(Entry::SignalReceived { name, data, from });
        }
        for (place, signal) in before.owed() {
            self.push(Entry::SignalOwed {
                generation: place.generation,
                seq: place.seq,
                target: signal.target.clone(),
                name: signal.name.clone(),
                data: signal.data.clone(),
            });
        }
        if let Some(cancelled) = before.cancelled() {
            self.push(Entry::CancelRequested {
                reason: cancelled.reason.clone(),
                since_ms: Some(cancelled.since_ms),
            });
        }
    }

    /// The turn that was to be written down is.
    pub fn written(&mut self) {
        let (entries, bytes) = std::mem::take(&mut self.writing);
        if std::mem::take(&mut self.anew) {
            (self.length, self.bytes) = (0, 0);
        }
        self.length += entries;
        self.bytes += bytes;
        self.seen = match self.ledger.suspended() {
            Some(suspended) => suspended.unseen,
            None => self.length,
        };
    }

    fn take_up(&mut self, commands: Vec<Command>) -> Option<Anew> {
        let now_ms = self.ledger.now_ms();
        for command in commands {
            match command {
                Command::SetStatus(status) => self.shown.status = Some(status),
                Command::SetProgress(progress) => self.shown.progress = Some(progress),
                Command::Finish(Ending::Continued(continuation)) => {
                    return Some(continuation.into());
                }
                decision => {
                    if let Some(entry) = Entry::decided(decision, now_ms) {
                        self.push(entry);
                    }
                }
            }
        }
        None
    }

    fn write(&mut self) -> journal::Turn {
        let entries: Vec<_> = std::mem::take(&mut self.pending)
            .iter()
            .filter_map(|entry| serde_json::to_string(entry).ok())
            .collect();
        let bytes = entries.iter().map(|entry| entry.len() as u64).sum();
        self.writing = (entries.len() as u64, bytes);
        journal::Turn {
            run: self.name.to_string(),
            expected: self.length,
            entries,
            summary: summary::write(&self.ledger, &self.shown, self.bytes + bytes),
            over: self.ledger.is_over(),
            anew: self.anew && self.length > 0,
        }
    }

    /// An entry of a turn that begins now, unless one has begun.
    pub(crate) fn note(&mut self, entry: Entry, now_ms: u64) {
        let is_turn = |entry: &Entry| matches!(entry, Entry::Turn { .. });
        // Before it there may be that the host came back.
        if !self.pending.iter().take(2).any(is_turn) {
            self.push(Entry::Turn { at_ms: now_ms });
        }
        self.push(entry);
    }

    fn push(&mut self, entry: Entry) {
        self.ledger.apply(&entry);
        self.touched.extend(entry.seq());
        self.pending.push(entry);
    }
}

/// What a history comes to that is too long.
pub(crate) fn history_full(limit: &str) -> Failure {
    let limit = if limit.is_empty() {
        String::new()
    } else {
        format!(" ({limit})")
    };
    Failure::new(
        "history-full",
        format!(
            "the history of this run is too long{limit}: what never ends returns `begin_anew` now and then, and \
             goes on with an empty one"
        ),
    )
}
