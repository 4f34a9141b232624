//! Something that was begun and has no outcome yet.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context as Polling, Poll};

use serde::de::DeserializeOwned;

use crate::state::{Outcome, Shared, Wait};
use crate::{ActivityCall, ChildCall, Command, Failure, Question, Timer};

/// Something that was begun, until its outcome is there. Dropped before that, it is given up.
#[derive(Debug)]
pub struct Awaited<T> {
    state: Shared,
    place: Place,
    /// What was begun behind a shield goes on when the run is asked to stop.
    shielded: bool,
    value: PhantomData<fn() -> T>,
}

#[derive(Debug)]
enum Place {
    /// With this number.
    Begun(u32),
    /// It never was: this is why.
    Refused(Failure),
    /// Its outcome was taken.
    Over,
}

impl<T> Awaited<T> {
    /// Begins what `command` says, unless the run is to stop.
    pub(crate) fn begin(state: &Shared, command: Result<Begun, Failure>) -> Self {
        let mut inner = state.borrow_mut();
        let place = match (inner.stopped(), command) {
            (Some(failure), _) | (None, Err(failure)) => Place::Refused(failure),
            (None, Ok(begun)) => Place::Begun(inner.begin(|seq| begun.command(seq))),
        };
        Self {
            place,
            shielded: inner.shields > 0,
            state: state.clone(),
            value: PhantomData,
        }
    }
}

impl<T: DeserializeOwned> Future for Awaited<T> {
    type Output = Result<T, Failure>;

    fn poll(mut self: Pin<&mut Self>, polling: &mut Polling<'_>) -> Poll<Self::Output> {
        let seq = match &self.place {
            Place::Begun(seq) => *seq,
            Place::Refused(failure) => {
                let failure = failure.clone();
                self.place = Place::Over;
                return Poll::Ready(Err(failure));
            }
            // A future that has given its value has none; nobody wakes it.
            Place::Over => return Poll::Pending,
        };
        let state = self.state.clone();
        let mut state = state.borrow_mut();
        if let Some(outcome) = state.take(seq) {
            self.place = Place::Over;
            return Poll::Ready(read(outcome));
        }
        if let Some(failure) = state.stopped()
            && !self.shielded
        {
            state.give_up(seq);
            self.place = Place::Over;
            return Poll::Ready(Err(failure));
        }
        state.wait(Wait::Outcome(seq), polling.waker());
        Poll::Pending
    }
}

impl<T> Drop for Awaited<T> {
    fn drop(&mut self) {
        if let Place::Begun(seq) = self.place {
            self.state.borrow_mut().give_up(seq);
        }
    }
}

/// A decision without its number.
#[derive(Debug)]
pub(crate) enum Begun {
    Activity(ActivityCall),
    Child(ChildCall),
    Timer(Timer),
    Question(Question),
}

impl Begun {
    fn command(self, seq: u32) -> Command {
        match self {
            Self::Activity(call) => Command::CallActivity(ActivityCall { seq, ..call }),
            Self::Child(call) => Command::CallChild(ChildCall { seq, ..call }),
            Self::Timer(timer) => Command::StartTimer(Timer { seq, ..timer }),
            Self::Question(question) => Command::Ask(Question { seq, ..question }),
        }
    }
}

pub(crate) fn read<T: DeserializeOwned>(outcome: Outcome) -> Result<T, Failure> {
    let text = outcome?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::new("unreadable", format!("it is not what was awaited: {error}")))
}
