//! From a history to what the code decides next.
//!
//! ```text
//! event ─ of a decision ─▶ the oldest decision that was not met must be it      ─ differs ─▶ non-deterministic
//!       └ of anything else ─▶ the code is polled ─▶ decisions, in the order in which it makes them
//! ```
//!
//! The same procedure serves a run that is at work and one that is brought back: what is left when the events
//! are used up is what has not been written down yet.
//!
//! **Cost:** one poll of the code for each event that it may wait for; a few map operations for each.

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as Polling, Poll, Wake, Waker};

use crate::context::BEGIN_ANEW;
use crate::random::Random;
use crate::state::{Shared, State};
use crate::{Begin, Command, Context, Continuation, Decision, Ending, Event, Failure, Start};

/// The code of one run, under way.
pub type Code = Pin<Box<dyn Future<Output = Result<String, Failure>>>>;

/// One run: its code, and how far its history has led it.
pub struct Run {
    known: &'static [Begin],
    state: Shared,
    code: Option<Code>,
    /// What ended it. There is no going on from there.
    ended: Option<Failure>,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("state", &self.state)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl Run {
    /// To which nothing has happened yet, of one of these orchestrations.
    pub fn new(known: &'static [Begin]) -> Self {
        Self {
            known,
            state: Rc::new(RefCell::new(State::default())),
            code: None,
            ended: None,
        }
    }

    /// Takes up `events`, oldest first, and returns what is decided beyond them.
    ///
    /// # Errors
    /// When the events are not of this code. Each call after that says the same.
    pub fn step(&mut self, events: Vec<Event>) -> Result<Vec<Command>, Failure> {
        if let Some(failure) = &self.ended {
            return Err(failure.clone());
        }
        let taken = self.take(events);
        if let Err(failure) = &taken {
            self.ended = Some(failure.clone());
            self.state.borrow_mut().over = true;
            self.code = None;
        }
        taken
    }

    fn take(&mut self, events: Vec<Event>) -> Result<Vec<Command>, Failure> {
        for event in &events {
            if let Event::Marked(change) = event {
                self.state.borrow_mut().know(change);
            }
        }
        let decided_before = events.iter().rposition(is_decision);
        for (place, event) in events.into_iter().enumerate() {
            self.state.borrow_mut().replaying = decided_before.is_some_and(|last| place < last);
            self.apply(event)?;
        }
        Ok(self.state.borrow_mut().decided.drain(..).collect())
    }

    fn apply(&mut self, event: Event) -> Result<(), Failure> {
        if is_decision(&event) {
            return self.meet(&event);
        }
        match event {
            Event::Turn(now_ms) => {
                self.state.borrow_mut().now_ms = now_ms;
                return Ok(());
            }
            Event::Started(start) => self.begin(&start)?,
            Event::ActivityEnded(answer) | Event::ChildEnded(answer) | Event::Answered(answer) => {
                wake(self.state.borrow_mut().settle(answer.seq, answer.outcome));
            }
            Event::TimerFired(seq) => {
                wake(self.state.borrow_mut().settle(seq, Ok("null".to_owned())));
            }
            Event::SignalReceived(signal) => {
                let woken = self.state.borrow_mut().receive(signal.name, signal.data);
                wake(woken);
            }
            Event::CancelRequested(reason) => {
                let woken = self.state.borrow_mut().cancel(reason);
                wake(woken);
            }
            // Those of decisions were met above.
            _ => return Ok(()),
        }
        self.poll()
    }

    fn begin(&mut self, start: &Start) -> Result<(), Failure> {
        let Some(begin) = self.known.iter().find(|begin| begin.name == start.name) else {
            let known: Vec<_> = self.known.iter().map(|begin| begin.name).collect();
            return Err(Failure::new(
                "unknown-orchestration",
                format!(
                    "there is no `{}`; there are {}",
                    start.name,
                    known.join(", ")
                ),
            ));
        };
        self.state.borrow_mut().random = Random::new(start.seed);
        match begin.begin(Context(self.state.clone()), &start.input) {
            Ok(code) => self.code = Some(code),
            Err(failure) => self.finish(Err(failure)),
        }
        Ok(())
    }

    /// Until the code waits. What it wakes itself meanwhile, by a lock or a channel between its parts, has its
    /// turn at once: no event will come for it.
    fn poll(&mut self) -> Result<(), Failure> {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(woken.clone());
        while woken.0.swap(false, Ordering::Relaxed) {
            let Some(code) = &mut self.code else {
                return Ok(());
            };
            if let Poll::Ready(result) = code.as_mut().poll(&mut Polling::from_waker(&waker)) {
                self.finish(result);
                return Ok(());
            }
        }
        if self.state.borrow().is_waited_for() {
            return Ok(());
        }
        Err(Failure::new(
            "waits-for-nothing",
            "the code waits for something that no event brings: wait only for what the context gives, and do \
             everything else in an activity",
        ))
    }

    fn finish(&mut self, result: Result<String, Failure>) {
        let mut state = self.state.borrow_mut();
        let ending = match result {
            Ok(output) => Ending::Completed(output),
            Err(failure) if failure.code == BEGIN_ANEW => Ending::Continued(Continuation {
                input: failure.detail.unwrap_or_else(|| "null".to_owned()),
                unread: state.unread(),
            }),
            Err(failure) if failure.is_cancelled() && state.is_cancelled() => Ending::Cancelled,
            Err(failure) => Ending::Failed(failure),
        };
        state.say(Command::Finish(ending));
        state.over = true;
        drop(state);
        // What it still held is dropped here: that decides nothing any more.
        self.code = None;
    }

    /// The oldest decision that was not met must be the one that `event` records.
    fn meet(&mut self, event: &Event) -> Result<(), Failure> {
        loop {
            let decided = self.state.borrow_mut().decided.pop_front();
            let Some(command) = decided else {
                let instead = if self.state.borrow().over {
                    "has come to its end"
                } else {
                    "waits"
                };
                return Err(different(event, instead));
            };
            // What is for onlookers is no decision.
            let Some(recorded) = record(&command) else {
                continue;
            };
            if recorded == *event {
                return Ok(());
            }
            return Err(different(event, &format!("does {}", words(&recorded))));
        }
    }
}

/// The code was woken.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn wake(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        waker.wake();
    }
}

fn different(event: &Event, instead: &str) -> Failure {
    Failure::new(
        "non-deterministic",
        format!(
            "history has {}, but the code now {instead}. It is not the code that wrote this history: let runs \
             under way have the old way with `Context::version`, or run them with the old component",
            words(event)
        ),
    )
}

/// The event that records this decision. `None`: it is for onlookers, and is not recorded.
pub fn record(command: &Command) -> Option<Event> {
    let decision = |seq: u32, name: &str, input: &str| Decision {
        seq,
        name: name.to_owned(),
        input: fingerprint(input),
    };
    Some(match command {
        Command::CallActivity(call) => {
            Event::ActivityCalled(decision(call.seq, &call.name, &call.input))
        }
        Command::CallChild(call) => Event::ChildCalled(decision(call.seq, &call.name, &call.input)),
        // How long it was to be can be changed: the timer that was started keeps its time.
        Command::StartTimer(timer) => Event::TimerStarted(timer.seq),
        Command::SendSignal(call) => Event::SignalSent(decision(call.seq, &call.name, &call.data)),
        // Words for people can be changed.
        Command::Ask(question) => Event::Asked(decision(question.seq, &question.key, "")),
        Command::GiveUp(seq) => Event::GivenUp(*seq),
        Command::Mark(change) => Event::Marked(change.clone()),
        Command::Finish(ending) => Event::Finished(ending.clone()),
        Command::SetStatus(_) | Command::SetProgress(_) => return None,
    })
}

/// FNV-1a, 64 bits (draft-eastlake-fnv). It finds changes, not forgeries.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn is_decision(event: &Event) -> bool {
    match event {
        Event::ActivityCalled(_)
        | Event::ChildCalled(_)
        | Event::TimerStarted(_)
        | Event::SignalSent(_)
        | Event::Asked(_)
        | Event::GivenUp(_)
        | Event::Marked(_)
        | Event::Finished(_) => true,
        Event::Turn(_)
        | Event::Started(_)
        | Event::ActivityEnded(_)
        | Event::ChildEnded(_)
        | Event::TimerFired(_)
        | Event::SignalReceived(_)
        | Event::Answered(_)
        | Event::CancelRequested(_) => false,
    }
}

/// A decision, as people read it.
fn words(event: &Event) -> String {
    let of = |what: &str, decision: &Decision| {
        let Decision { seq, name, input } = decision;
        format!("step {seq}: {what} `{name}` with input {input:016x}")
    };
    match event {
        Event::ActivityCalled(decision) => of("activity", decision),
        Event::ChildCalled(decision) => of("child", decision),
        Event::SignalSent(decision) => of("signal", decision),
        Event::Asked(decision) => format!("step {}: question `{}`", decision.seq, decision.name),
        Event::TimerStarted(seq) => format!("step {seq}: a timer"),
        Event::GivenUp(seq) => format!("giving up step {seq}"),
        Event::Marked(change) => format!("the new way at `{change}`"),
        Event::Finished(Ending::Completed(output)) => {
            format!("its end, with result {:016x}", fingerprint(output))
        }
        Event::Finished(Ending::Failed(failure)) => {
            format!("its end, as failed: {}: {}", failure.code, failure.message)
        }
        Event::Finished(Ending::Cancelled) => "its end, as cancelled".to_owned(),
        Event::Finished(Ending::Continued(_)) => "its end, to begin anew".to_owned(),
        other => format!("{other:?}"),
    }
}
