//! One line of the log of a run. Written as JSON: people read it, in `taskhost tasks history`.

use serde::{Deserialize, Serialize};
use taskhost_flow::{
    ActivityCall, Answer, ChildCall, Command, Continuation, Ending, Event, Failure, Question,
    Retry, Signal, SignalCall, Start, Timer, replay,
};

/// What is written down. Its order is what the code sees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Entry {
    /// A turn begins.
    Turn {
        /// Milliseconds since the Unix epoch: the time that the code sees.
        at_ms: u64,
    },
    /// The first, but for its turn.
    Started {
        name: String,
        input: String,
        seed: u64,
        /// How often the run has begun anew.
        #[serde(default, skip_serializing_if = "is_zero")]
        generation: u32,
        /// Whose child it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<Parent>,
        /// Signals of other runs that were received before it began anew: see `SignalReceived`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        heard: Vec<String>,
    },
    /// An activity is to be done.
    ActivityCalled {
        seq: u32,
        name: String,
        input: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry: Option<RetryRule>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt_ms: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total_ms: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        heartbeat_ms: Option<u64>,
    },
    /// One attempt has failed, and there will be another. The code does not see it.
    AttemptFailed {
        seq: u32,
        /// Which one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<u32>,
        failure: Why,
        /// When the next one begins.
        next_ms: u64,
        /// What it said last: the next one is told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<String>,
    },
    /// Activities, children and questions have an outcome.
    ActivityEnded {
        seq: u32,
        /// Which attempt had it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<u32>,
        outcome: Outcome,
    },
    ChildCalled {
        seq: u32,
        name: String,
        input: String,
    },
    ChildEnded {
        seq: u32,
        outcome: Outcome,
    },
    /// Time is to pass.
    TimerStarted {
        seq: u32,
        /// When it will have.
        due_ms: u64,
    },
    TimerFired {
        seq: u32,
    },
    /// Another run is to be told something.
    SignalSent {
        seq: u32,
        target: String,
        name: String,
        data: String,
    },
    /// It was sent before the run began anew, and is still on its way. The code does not see that.
    SignalOwed {
        generation: u32,
        seq: u32,
        target: String,
        name: String,
        data: String,
    },
    /// The other run has it. The code does not see that. It may follow the end of the run.
    SignalDelivered {
        seq: u32,
        /// Where it was sent before the run began anew.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        generation: Option<u32>,
    },
    SignalReceived {
        name: String,
        data: String,
        /// What it is known by, where its sender may send it again: it is received once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
    },
    Asked {
        seq: u32,
        key: String,
        message: String,
        schema: String,
    },
    Answered {
        seq: u32,
        outcome: Outcome,
    },
    /// The code waits for it no more.
    GivenUp {
        seq: u32,
    },
    /// The code takes the new way at this change of it.
    Marked {
        change: String,
    },
    CancelRequested {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// When that was, where it was before the run began anew.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since_ms: Option<u64>,
    },
    /// What happens from this turn on is written down, and the code does not see it. Nothing is begun.
    Suspended {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The code sees what has happened meanwhile.
    Resumed,
    /// The host came back, and what was under way then is begun again. The code does not see it.
    Recovered {
        at_ms: u64,
    },
    /// The last: the code has come to its end.
    Finished {
        ending: End,
    },
    /// The last: the run was ended without its code.
    Terminated {
        ending: End,
        /// Where somebody wanted it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// Who began a child.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    pub run: String,
    /// Its decision.
    pub seq: u32,
}

/// What something came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// A JSON document.
    Done(String),
    Failed(Why),
}

/// Why something failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    pub code: String,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    #[serde(default)]
    pub retryable: bool,
}

/// How often an activity is tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryRule {
    pub attempts: u32,
    pub first_ms: u64,
    pub factor_permille: u32,
    pub longest_ms: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub final_codes: Vec<String>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    Completed(String),
    Failed(Why),
    Cancelled,
    /// Begun anew with this input.
    Continued(Anew),
}

/// What a run goes on with that begins anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anew {
    pub input: String,
    /// Signals that nobody has taken: name and data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<(String, String)>,
}

impl Entry {
    /// What the code decided. `None`: it is for onlookers, and is not written down.
    pub fn decided(command: Command, now_ms: u64) -> Option<Self> {
        Some(match command {
            Command::CallActivity(call) => Self::ActivityCalled {
                seq: call.seq,
                name: call.name,
                input: call.input,
                retry: call.retry.map(RetryRule::from),
                attempt_ms: call.attempt_ms,
                total_ms: call.total_ms,
                heartbeat_ms: call.heartbeat_ms,
            },
            Command::CallChild(ChildCall { seq, name, input }) => {
                Self::ChildCalled { seq, name, input }
            }
            Command::StartTimer(Timer { seq, ms }) => Self::TimerStarted {
                seq,
                // Later than now, since what is due now has been looked after already.
                due_ms: now_ms.saturating_add(ms.max(1)),
            },
            Command::SendSignal(SignalCall {
                seq,
                target,
                name,
                data,
            }) => Self::SignalSent {
                seq,
                target,
                name,
                data,
            },
            Command::Ask(Question {
                seq,
                key,
                message,
                schema,
            }) => Self::Asked {
                seq,
                key,
                message,
                schema,
            },
            Command::GiveUp(seq) => Self::GivenUp { seq },
            Command::Mark(change) => Self::Marked { change },
            Command::Finish(ending) => Self::Finished {
                ending: ending.into(),
            },
            Command::SetStatus(_) | Command::SetProgress(_) => return None,
        })
    }

    /// What the code sees of it. `None`: nothing.
    pub fn seen(&self) -> Option<Event> {
        self.clone().into_seen()
    }

    /// The same, of an entry that is not needed any more.
    pub fn into_seen(self) -> Option<Event> {
        let command = match self {
            Self::AttemptFailed { .. }
            | Self::SignalOwed { .. }
            | Self::SignalDelivered { .. }
            | Self::Suspended { .. }
            | Self::Resumed
            | Self::Recovered { .. }
            | Self::Terminated { .. } => return None,
            Self::Turn { at_ms } => return Some(Event::Turn(at_ms)),
            Self::Started {
                name, input, seed, ..
            } => return Some(Event::Started(Start { name, input, seed })),
            Self::ActivityEnded { seq, outcome, .. } => {
                return Some(Event::ActivityEnded(outcome.answer(seq)));
            }
            Self::ChildEnded { seq, outcome } => {
                return Some(Event::ChildEnded(outcome.answer(seq)));
            }
            Self::Answered { seq, outcome } => return Some(Event::Answered(outcome.answer(seq))),
            Self::TimerFired { seq } => return Some(Event::TimerFired(seq)),
            Self::SignalReceived { name, data, .. } => {
                return Some(Event::SignalReceived(Signal { name, data }));
            }
            Self::CancelRequested { reason, .. } => return Some(Event::CancelRequested(reason)),
            Self::ActivityCalled {
                seq, name, input, ..
            } => Command::CallActivity(ActivityCall {
                seq,
                name,
                input,
                retry: None,
                attempt_ms: None,
                total_ms: None,
                heartbeat_ms: None,
            }),
            Self::ChildCalled { seq, name, input } => {
                Command::CallChild(ChildCall { seq, name, input })
            }
            Self::TimerStarted { seq, .. } => Command::StartTimer(Timer { seq, ms: 0 }),
            Self::SignalSent {
                seq,
                target,
                name,
                data,
            } => Command::SendSignal(SignalCall {
                seq,
                target,
                name,
                data,
            }),
            Self::Asked {
                seq,
                key,
                message,
                schema,
            } => Command::Ask(Question {
                seq,
                key,
                message,
                schema,
            }),
            Self::GivenUp { seq } => Command::GiveUp(seq),
            Self::Marked { change } => Command::Mark(change),
            Self::Finished { ending } => Command::Finish(ending.into()),
        };
        replay::record(&command)
    }

    /// Whether the code sees anything of it.
    pub fn is_seen(&self) -> bool {
        !matches!(
            self,
            Self::AttemptFailed { .. }
                | Self::SignalOwed { .. }
                | Self::SignalDelivered { .. }
                | Self::Suspended { .. }
                | Self::Resumed
                | Self::Recovered { .. }
                | Self::Terminated { .. }
        )
    }

    /// The decision that it is about.
    pub fn seq(&self) -> Option<u32> {
        match self {
            Self::ActivityCalled { seq, .. }
            | Self::AttemptFailed { seq, .. }
            | Self::ActivityEnded { seq, .. }
            | Self::ChildCalled { seq, .. }
            | Self::ChildEnded { seq, .. }
            | Self::TimerStarted { seq, .. }
            | Self::TimerFired { seq }
            | Self::Asked { seq, .. }
            | Self::Answered { seq, .. }
            | Self::GivenUp { seq } => Some(*seq),
            _ => None,
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Outcome {
    fn answer(self, seq: u32) -> Answer {
        let outcome = match self {
            Self::Done(value) => Ok(value),
            Self::Failed(why) => Err(why.into()),
        };
        Answer { seq, outcome }
    }
}

impl From<Result<String, Failure>> for Outcome {
    fn from(outcome: Result<String, Failure>) -> Self {
        match outcome {
            Ok(value) => Self::Done(value),
            Err(failure) => Self::Failed(failure.into()),
        }
    }
}

impl From<Failure> for Why {
    fn from(failure: Failure) -> Self {
        let Failure {
            code,
            message,
            detail,
            retryable,
        } = failure;
        Self {
            code,
            message,
            detail,
            retryable,
        }
    }
}

impl From<Why> for Failure {
    fn from(why: Why) -> Self {
        let Why {
            code,
            message,
            detail,
            retryable,
        } = why;
        Self {
            code,
            message,
            detail,
            retryable,
        }
    }
}

impl From<Retry> for RetryRule {
    fn from(retry: Retry) -> Self {
        let Retry {
            attempts,
            first_ms,
            factor_permille,
            longest_ms,
            final_codes,
        } = retry;
        Self {
            attempts,
            first_ms,
            factor_permille,
            longest_ms,
            final_codes,
        }
    }
}

impl From<Continuation> for Anew {
    fn from(Continuation { input, unread }: Continuation) -> Self {
        let unread = unread.into_iter();
        Self {
            input,
            unread: unread.map(|signal| (signal.name, signal.data)).collect(),
        }
    }
}

impl From<Ending> for End {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Completed(output) => Self::Completed(output),
            Ending::Failed(failure) => Self::Failed(failure.into()),
            Ending::Cancelled => Self::Cancelled,
            Ending::Continued(continuation) => Self::Continued(continuation.into()),
        }
    }
}

impl From<End> for Ending {
    fn from(end: End) -> Self {
        match end {
            End::Completed(output) => Self::Completed(output),
            End::Failed(why) => Self::Failed(why.into()),
            End::Cancelled => Self::Cancelled,
            End::Continued(Anew { input, unread }) => Self::Continued(Continuation {
                input,
                unread: unread
                    .into_iter()
                    .map(|(name, data)| Signal { name, data })
                    .collect(),
            }),
        }
    }
}
