//! Why a call to a component has no result.

use std::time::Duration;

use crate::capability::bindings::host::types as wire;
use crate::capability::logging::{cut, plain};
use crate::config::limits;
use crate::error::{Code, Explain, Report};

/// Why a call has no result, and whether it may be repeated.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// The component answered that it will not.
    #[error("{message}")]
    Refused {
        /// In which way.
        kind: Refusal,
        /// In its own words.
        message: String,
    },
    /// The component is not able to now. Nothing is known about whether the call took effect.
    #[error("{message}")]
    Unavailable {
        /// In its own words.
        message: String,
        /// When to repeat it, in milliseconds.
        retry_ms: Option<u32>,
    },
    /// The component, or the queue before it, has no room. Nothing happened.
    #[error("`{component}` has no room for another call")]
    Busy {
        /// Configured name of the component.
        component: String,
        /// When to repeat it, in milliseconds.
        retry_ms: Option<u32>,
    },
    /// The instance ended before it answered. Nothing is known about whether the call took effect.
    #[error("`{component}` ended during the call and is started again{}", because(.why.as_deref()))]
    Gone {
        /// Configured name of the component.
        component: String,
        /// What ended it, where that is known.
        why: Option<Box<Report>>,
    },
    /// No answer in time. The guest goes on; its answer will be ignored.
    #[error("`{component}` did not answer `{function}` within {} s", .after.as_secs())]
    TimedOut {
        /// Configured name of the component.
        component: String,
        /// The function called.
        function: &'static str,
        /// How long it had.
        after: Duration,
    },
    /// The component has used up its restarts, or cannot be started. Nothing happened.
    #[error("`{component}` is broken: {}", .why.message)]
    Broken {
        /// Configured name of the component.
        component: String,
        /// What ended it last.
        why: Box<Report>,
    },
    /// It answered something that the interface does not allow.
    #[error("`{component}` answered `{function}` with rubbish: {what}")]
    Rubbish {
        /// Configured name of the component.
        component: String,
        /// The function called.
        function: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// The host is going down. Nothing happened.
    #[error("the host is shutting down")]
    Stopping,
}

/// A definite no: nothing happened, and the same call would be refused again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The input does not fit.
    InvalidInput,
    /// No such task.
    UnknownTask,
    /// Not possible with this component.
    Unsupported,
    /// A grant is missing.
    Denied,
    /// A defect of the component.
    Internal,
}

impl CallError {
    /// Whether the call may be made again: it did not happen, or nobody knows.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::Rubbish { .. } => false,
            Self::Unavailable { .. }
            | Self::Busy { .. }
            | Self::Gone { .. }
            | Self::TimedOut { .. }
            | Self::Broken { .. }
            | Self::Stopping => true,
        }
    }

    /// When the component would like to be asked again, in milliseconds.
    pub fn retry_ms(&self) -> Option<u32> {
        match self {
            Self::Unavailable { retry_ms, .. } | Self::Busy { retry_ms, .. } => *retry_ms,
            _ => None,
        }
    }

    /// What the component called `component` said instead of a result.
    pub(crate) fn from_wire(component: &str, error: wire::Error) -> Self {
        // It is logged, stored, and read by models.
        let said = |message: String| cut(plain(&message.replace('\n', " | ")), limits::ERROR);
        let refused = |kind, message| Self::Refused {
            kind,
            message: said(message),
        };
        match error {
            wire::Error::InvalidInput(message) => refused(Refusal::InvalidInput, message),
            wire::Error::UnknownTask(message) => refused(Refusal::UnknownTask, message),
            wire::Error::Unsupported(message) => refused(Refusal::Unsupported, message),
            wire::Error::Denied(message) => refused(Refusal::Denied, message),
            wire::Error::Internal(message) => refused(Refusal::Internal, message),
            wire::Error::Busy(retry_ms) => Self::Busy {
                component: component.to_owned(),
                retry_ms,
            },
            wire::Error::Unavailable((message, retry_ms)) => {
                let message = said(message);
                Self::Unavailable { message, retry_ms }
            }
        }
    }
}

fn because(why: Option<&Report>) -> String {
    why.map(|why| format!(": {}", why.message))
        .unwrap_or_default()
}

impl Explain for CallError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Refused { kind, .. } => match kind {
                Refusal::InvalidInput => 802,
                Refusal::UnknownTask => 803,
                Refusal::Unsupported => 804,
                Refusal::Denied => 805,
                Refusal::Internal => 806,
            },
            Self::Unavailable { .. } => 801,
            Self::Busy { .. } => 408,
            Self::Gone { why, .. } => return why.as_ref().map_or(Code(402), |why| why.code),
            Self::TimedOut { .. } => 405,
            Self::Rubbish { .. } => 406,
            Self::Broken { .. } => 407,
            Self::Stopping => 701,
        })
    }

    fn help(&self) -> Vec<String> {
        match self {
            Self::Broken { why, .. } | Self::Gone { why: Some(why), .. } => why.help.clone(),
            _ => Vec::new(),
        }
    }
}
