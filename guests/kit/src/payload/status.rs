//! Where a task stands, in one word.

use serde::Serialize;

use crate::interface::{Error, Observation, Outcome};

/// Where a task stands, in the words of polling clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Accepted, not begun.
    Pending,
    /// At work.
    Running,
    /// Failed once, and tried again by itself.
    Retrying,
    /// Asks something.
    InputRequired,
    /// Over, with a result.
    Completed,
    /// Over, without one.
    Failed,
    /// Over, because somebody asked for that.
    Cancelled,
}

impl Status {
    /// The status of what was observed.
    pub fn of(observation: &Observation) -> Result<Self, Error> {
        Ok(match observation {
            Observation::Pending => Self::Pending,
            Observation::Running(_) => Self::Running,
            Observation::Retrying(_) => Self::Retrying,
            Observation::InputRequired(_) => Self::InputRequired,
            Observation::Finished(Outcome::Completed(_)) => Self::Completed,
            Observation::Finished(Outcome::Failed(_)) => Self::Failed,
            Observation::Finished(Outcome::Cancelled(_)) => Self::Cancelled,
            Observation::Unknown => {
                return Err(Error::Internal("a snapshot says `unknown`".into()));
            }
        })
    }
}
