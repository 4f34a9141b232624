//! What code can wait for. Each is a future; none begins before it is polled, or before `start`.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context as Polling, Poll};
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::state::{Outcome, Shared, Wait};
use crate::{ActivityCall, ChildCall, Command, Failure, Question, Retry, Timer};

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
    fn begin(state: &Shared, command: Result<Begun, Failure>) -> Self {
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
enum Begun {
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

/// Waits for an outcome; what is to be begun for it is told first.
macro_rules! begins {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name<T> {
            state: Shared,
            begun: Option<Result<Begun, Failure>>,
            awaited: Option<Awaited<T>>,
        }

        impl<T> $name<T> {
            fn of(state: &Shared, begun: Result<Begun, Failure>) -> Self {
                Self {
                    state: state.clone(),
                    begun: Some(begun),
                    awaited: None,
                }
            }

            /// Begins it now. What this returns is to be waited for: dropped, it gives up.
            #[must_use]
            pub fn start(mut self) -> Awaited<T> {
                self.awaited()
            }

            fn awaited(&mut self) -> Awaited<T> {
                let begun = self.begun.take();
                let none = || Err(Failure::new("begun-twice", "it has begun before"));
                Awaited::begin(&self.state, begun.unwrap_or_else(none))
            }
        }

        impl<T: DeserializeOwned> Future for $name<T> {
            type Output = Result<T, Failure>;

            fn poll(mut self: Pin<&mut Self>, polling: &mut Polling<'_>) -> Poll<Self::Output> {
                if self.begun.is_some() {
                    let awaited = self.awaited();
                    self.awaited = Some(awaited);
                }
                match &mut self.awaited {
                    Some(awaited) => Pin::new(awaited).poll(polling),
                    None => Poll::Pending,
                }
            }
        }
    };
}

begins! {
    /// An activity: something is done outside.
    Activity
}
begins! {
    /// Another orchestration.
    Child
}
begins! {
    /// A question to the client.
    Asked
}
begins! {
    /// Time.
    Sleep
}

impl<T> Activity<T> {
    pub(crate) fn new(state: &Shared, name: &str, input: Result<String, Failure>) -> Self {
        let call = input.map(|input| {
            Begun::Activity(ActivityCall {
                seq: 0,
                name: name.to_owned(),
                input,
                retry: None,
                attempt_ms: None,
                total_ms: None,
                heartbeat_ms: None,
            })
        });
        Self::of(state, call)
    }

    /// Tries it so often in all, with these pauses. Without this the engine's own rule holds.
    #[must_use]
    pub fn retry(self, attempts: u32, pauses: Backoff) -> Self {
        self.with(|call| {
            let before = call.retry.take();
            call.retry = Some(Retry {
                attempts: attempts.max(1),
                first_ms: milliseconds(pauses.first),
                factor_permille: pauses.factor_permille,
                longest_ms: milliseconds(pauses.longest),
                final_codes: before.map(|retry| retry.final_codes).unwrap_or_default(),
            });
        })
    }

    /// A failure with this code is final: it is not tried again. To be said after `retry`.
    #[must_use]
    pub fn unless(self, code: &str) -> Self {
        self.with(|call| {
            if let Some(retry) = &mut call.retry {
                retry.final_codes.push(code.to_owned());
            }
        })
    }

    /// How long one attempt may take.
    #[must_use]
    pub fn attempt_within(self, limit: Duration) -> Self {
        self.with(|call| call.attempt_ms = Some(milliseconds(limit)))
    }

    /// How long all attempts may take, with the pauses between them.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        self.with(|call| call.total_ms = Some(milliseconds(limit)))
    }

    /// How long an attempt may give no sign of life.
    #[must_use]
    pub fn heartbeat_every(self, limit: Duration) -> Self {
        self.with(|call| call.heartbeat_ms = Some(milliseconds(limit)))
    }

    fn with(mut self, change: impl FnOnce(&mut ActivityCall)) -> Self {
        if let Some(Ok(Begun::Activity(call))) = &mut self.begun {
            change(call);
        }
        self
    }
}

impl<T> Child<T> {
    pub(crate) fn new(state: &Shared, name: &str, input: Result<String, Failure>) -> Self {
        let call = input.map(|input| {
            Begun::Child(ChildCall {
                seq: 0,
                name: name.to_owned(),
                input,
            })
        });
        Self::of(state, call)
    }
}

impl<T> Asked<T> {
    pub(crate) fn new(state: &Shared, key: &str, message: String, schema: String) -> Self {
        let question = Question {
            seq: 0,
            key: key.to_owned(),
            message,
            schema,
        };
        Self::of(state, Ok(Begun::Question(question)))
    }
}

impl Sleep<()> {
    pub(crate) fn new(state: &Shared, time: Duration) -> Self {
        let ms = milliseconds(time);
        Self::of(state, Ok(Begun::Timer(Timer { seq: 0, ms })))
    }
}

/// The pauses between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    factor_permille: u32,
    longest: Duration,
}

impl Backoff {
    /// The same each time.
    pub fn constant(pause: Duration) -> Self {
        Self {
            first: pause,
            factor_permille: 1000,
            longest: pause,
        }
    }

    /// Each twice as long as the one before, up to the longest.
    pub fn doubling(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            factor_permille: 2000,
            longest,
        }
    }
}

/// The next signal of one name.
#[derive(Debug)]
pub struct Received<T> {
    state: Shared,
    name: String,
    wait: Option<Wait>,
    value: PhantomData<fn() -> T>,
}

impl<T> Received<T> {
    pub(crate) fn new(state: &Shared, name: &str) -> Self {
        Self {
            state: state.clone(),
            name: name.to_owned(),
            wait: None,
            value: PhantomData,
        }
    }
}

impl<T: DeserializeOwned> Future for Received<T> {
    type Output = Result<T, Failure>;

    fn poll(mut self: Pin<&mut Self>, polling: &mut Polling<'_>) -> Poll<Self::Output> {
        let state = self.state.clone();
        let mut state = state.borrow_mut();
        if let Some(failure) = state.stopped() {
            return Poll::Ready(Err(failure));
        }
        if let Some(data) = state.take_signal(&self.name) {
            return Poll::Ready(read(Ok(data)));
        }
        let wait = match self.wait.take() {
            Some(wait) => wait,
            None => state.waiter(&self.name),
        };
        state.wait(wait.clone(), polling.waker());
        self.wait = Some(wait);
        Poll::Pending
    }
}

impl<T> Drop for Received<T> {
    fn drop(&mut self) {
        if let Some(wait) = &self.wait {
            self.state.borrow_mut().leave(wait);
        }
    }
}

/// Goes on when the run is asked to stop: for what cleans up.
#[derive(Debug)]
pub struct Shielded<F> {
    state: Shared,
    inner: Pin<Box<F>>,
}

impl<F> Shielded<F> {
    pub(crate) fn new(state: &Shared, inner: F) -> Self {
        Self {
            state: state.clone(),
            inner: Box::pin(inner),
        }
    }
}

impl<F: Future> Future for Shielded<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, polling: &mut Polling<'_>) -> Poll<F::Output> {
        self.state.borrow_mut().shields += 1;
        let polled = self.inner.as_mut().poll(polling);
        self.state.borrow_mut().shields -= 1;
        polled
    }
}

fn read<T: DeserializeOwned>(outcome: Outcome) -> Result<T, Failure> {
    let text = outcome?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::new("unreadable", format!("it is not what was awaited: {error}")))
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
