//! Values of the interface, made the way one thinks of them.
//!
//! Nothing here panics. What cannot be written as JSON becomes a failure that says so.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Failure, Observation, Outcome, Progress, Question, Response, schema};

impl Error {
    /// The arguments, or what was configured, do not fit. Says what would fit.
    pub fn invalid(why: impl Into<String>) -> Self {
        Self::InvalidInput(why.into())
    }

    /// There is no such task, or no such kind of task.
    pub fn unknown(what: impl Into<String>) -> Self {
        Self::UnknownTask(what.into())
    }

    /// Something cannot be reached, and nothing is known about whether the call took effect. The host
    /// asks again.
    pub fn unavailable(why: impl Into<String>) -> Self {
        Self::Unavailable((why.into(), None))
    }

    /// A defect of the component.
    pub fn internal(why: impl Into<String>) -> Self {
        Self::Internal(why.into())
    }

    /// The same, and when it is worth trying again; for the two errors that are.
    #[must_use]
    pub fn again_in(self, duration: Duration) -> Self {
        let ms = u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
        match self {
            Self::Busy(_) => Self::Busy(Some(ms)),
            Self::Unavailable((why, _)) => Self::Unavailable((why, Some(ms))),
            other => other,
        }
    }

    /// In words. (Its `Display` is the one of its debugger.)
    pub fn words(&self) -> &str {
        match self {
            Self::InvalidInput(words)
            | Self::UnknownTask(words)
            | Self::Unsupported(words)
            | Self::Denied(words)
            | Self::Internal(words)
            | Self::Unavailable((words, _)) => words,
            Self::Busy(_) => "busy",
        }
    }
}

/// For what could not be read or written elsewhere.
impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::unavailable(error.to_string())
    }
}

/// For what a component itself writes and reads; arguments and configuration have words of their own.
impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(format!("a JSON document is not what it should be: {error}"))
    }
}

impl Failure {
    /// Work that was carried out and did not succeed. `code` is short and stable, for programs.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            retryable: false,
            system: false,
            detail: None,
        }
    }

    /// Starting the same task again may succeed.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// Not the work's own verdict: whoever should have carried it out was lost, or refused.
    #[must_use]
    pub fn system(mut self) -> Self {
        self.system = true;
        self
    }

    /// Anything else worth keeping, an object: traceback, cause, exit status.
    #[must_use]
    pub fn with_detail(mut self, detail: &impl Serialize) -> Self {
        self.detail = serde_json::to_string(detail).ok();
        self
    }
}

impl Outcome {
    /// What the work returned. `null` is a result like any other.
    pub fn completed(result: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_string(result) {
            Ok(json) => Self::Completed(json),
            Err(error) => Self::Failed(
                Failure::new("unserializable", format!("the result is no JSON: {error}")).system(),
            ),
        }
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Observation {
    /// It runs, and nothing is known of how far it is.
    pub fn running() -> Self {
        Self::Running(None)
    }

    /// It has ended with this.
    pub fn completed(result: &(impl Serialize + ?Sized)) -> Self {
        Self::Finished(Outcome::completed(result))
    }

    /// It has ended without success.
    pub fn failed(code: impl Into<String>, message: impl Into<String>) -> Self {
        Failure::new(code, message).into()
    }

    /// It was stopped because somebody asked for that.
    pub fn cancelled(reason: Option<String>) -> Self {
        Self::Finished(Outcome::Cancelled(reason))
    }

    /// It is over.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Finished(_))
    }
}

impl From<Outcome> for Observation {
    fn from(outcome: Outcome) -> Self {
        Self::Finished(outcome)
    }
}

impl From<Failure> for Observation {
    fn from(failure: Failure) -> Self {
        Self::Finished(failure.into())
    }
}

impl From<Progress> for Observation {
    fn from(progress: Progress) -> Self {
        Self::Running(Some(progress))
    }
}

impl Progress {
    /// So far, with no end known.
    pub fn new(current: f64) -> Self {
        Self {
            current,
            total: None,
            message: None,
            detail: None,
        }
    }

    /// So far of so much.
    pub fn of(current: f64, total: f64) -> Self {
        Self {
            total: Some(total),
            ..Self::new(current)
        }
    }

    /// With a sentence for a person.
    #[must_use]
    pub fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// With anything else worth showing, an object.
    #[must_use]
    pub fn with_detail(mut self, detail: &impl Serialize) -> Self {
        self.detail = serde_json::to_string(detail).ok();
        self
    }
}

impl Question {
    /// A question whose answer is an `Answer`. `key` is never used again in the life of the task.
    ///
    /// Clients can show a person an object of simple values, and little else.
    pub fn new<Answer: JsonSchema>(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            message: message.into(),
            schema: schema::of::<Answer>().to_string(),
        }
    }
}

impl Response {
    /// The answer, typed; nothing where a person did not want to give one.
    pub fn accepted<T: DeserializeOwned>(&self) -> Result<Option<T>, Error> {
        match self {
            Self::Accepted(json) => serde_json::from_str(json)
                .map(Some)
                .map_err(|error| Error::invalid(format!("the answer: {error}"))),
            Self::Declined | Self::Dismissed => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_json_is_a_failure_that_says_so() {
        let map = BTreeMap::from([((1, 2), 3)]);
        let Outcome::Failed(failure) = Outcome::completed(&map) else {
            panic!("it was written");
        };
        assert!(failure.system, "{failure:?}");
        assert_eq!(
            Observation::completed(&json!(null)),
            Observation::Finished(Outcome::Completed("null".into()))
        );
    }

    #[test]
    fn a_hint_goes_with_what_is_worth_repeating() {
        let second = Duration::from_secs(1);
        assert_eq!(Error::Busy(None).again_in(second), Error::Busy(Some(1000)));
        assert_eq!(
            Error::unavailable("gone").again_in(second),
            Error::Unavailable(("gone".into(), Some(1000)))
        );
        assert_eq!(Error::invalid("no").again_in(second), Error::invalid("no"));
    }

    #[test]
    fn an_answer_is_typed_and_a_refusal_is_none() {
        let accepted = Response::Accepted(r#"{"text":"yes"}"#.into());
        let answer: BTreeMap<String, String> = accepted.accepted().unwrap().unwrap();
        assert_eq!(answer["text"], "yes");
        assert_eq!(Response::Declined.accepted::<String>(), Ok(None));
        assert!(accepted.accepted::<u32>().is_err());
    }
}
