//! What code can have done, and wait for. Each is a future; none begins before it is polled, or before `start`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as Polling, Poll};
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::awaited::{Awaited, Begun};
use crate::state::Shared;
use crate::{ActivityCall, ChildCall, Failure, Question, Retry, Timer};

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

    /// Tries it so often in all, with these pauses: `retry(3, Duration::from_secs(1))`, or a [`Backoff`].
    /// Without this a failure of the first attempt is the outcome, and so it is where a failure does not say
    /// that it is `retryable`.
    #[must_use]
    pub fn retry(self, attempts: u32, pauses: impl Into<Backoff>) -> Self {
        let pauses = pauses.into();
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

    /// A failure with this code is final: it is not tried again, whatever it says of itself.
    #[must_use]
    pub fn unless(self, code: &str) -> Self {
        self.with(|call| {
            let retry = call.retry.get_or_insert(Retry {
                attempts: 1,
                first_ms: 0,
                factor_permille: 1000,
                longest_ms: 0,
                final_codes: Vec::new(),
            });
            retry.final_codes.push(code.to_owned());
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
///
/// ```
/// use std::time::Duration;
///
/// use taskhost_flow::Backoff;
///
/// // 1 s, 2 s, 4 s, … 60 s, 60 s
/// let doubling = Backoff::doubling(Duration::from_secs(1), Duration::from_mins(1));
/// assert_eq!(doubling, Backoff::growing(Duration::from_secs(1), 2000, Duration::from_mins(1)));
/// // 5 s each time
/// assert_eq!(Backoff::from(Duration::from_secs(5)), Backoff::constant(Duration::from_secs(5)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    factor_permille: u32,
    longest: Duration,
}

impl Backoff {
    /// None: tries again at once.
    pub const NONE: Self = Self::constant(Duration::ZERO);

    /// The same each time.
    pub const fn constant(pause: Duration) -> Self {
        Self::growing(pause, 1000, pause)
    }

    /// Each twice as long as the one before, up to the longest.
    pub const fn doubling(first: Duration, longest: Duration) -> Self {
        Self::growing(first, 2000, longest)
    }

    /// Each so many thousandths of the one before, up to the longest.
    pub const fn growing(first: Duration, factor_permille: u32, longest: Duration) -> Self {
        Self {
            first,
            factor_permille,
            longest,
        }
    }
}

impl From<Duration> for Backoff {
    fn from(pause: Duration) -> Self {
        Self::constant(pause)
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
