//! What is said of work that was given up.

use taskhost_strategy_kit::action::Action;
use taskhost_strategy_kit::duration::so_far;
use taskhost_strategy_kit::guide::Guide;
use taskhost_strategy_kit::interface::{Error, Observation, Snapshot};
use taskhost_strategy_kit::payload::{Payload, Status};

/// Why it was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It took longer than this, in milliseconds.
    TimedOut(u64),
    /// It asks these questions, and nobody can answer here.
    Asks(String),
    /// What was answered does not fit, and why.
    Unfit(String),
}

impl Reason {
    /// For a task that asks. `unfit`: what is wrong with the answer that there was.
    pub(crate) fn asks(snapshot: &Snapshot, unfit: Option<String>) -> Self {
        if let Some(why) = unfit {
            return Self::Unfit(why);
        }
        let Observation::InputRequired(questions) = &snapshot.observation else {
            return Self::Asks(String::new());
        };
        let messages: Vec<&str> = questions
            .iter()
            .map(|question| question.message.as_str())
            .collect();
        Self::Asks(messages.join("; "))
    }

    /// For the people who look at the task later, and for the model.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::TimedOut(limit_ms) => format!("it took longer than {}", so_far(*limit_ms)),
            Self::Asks(questions) => {
                format!("it asks something that this client cannot be asked: {questions}")
            }
            Self::Unfit(why) => format!("the answer to its question was not taken: {why}"),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::TimedOut(_) => "TimedOut",
            Self::Asks(_) => "InputRequired",
            Self::Unfit(_) => "InvalidInput",
        }
    }

    /// What may help.
    fn remedy(&self, start: &str) -> String {
        match self {
            Self::TimedOut(_) => format!(
                "Calling {start} again with the same arguments would take as long: ask for less \
                 work at a time, or tell the user that it takes longer than this tool may wait."
            ),
            Self::Asks(_) => {
                "Tell the user: the work needs an answer, and this client has no way to give one."
                    .into()
            }
            Self::Unfit(_) => format!("Call {start} again, and answer as the form demands."),
        }
    }
}

/// The answer: the task as it stands after it was asked to stop, as an error.
pub(crate) fn payload(
    snapshot: &Snapshot,
    reason: &Reason,
    guide: &Guide,
) -> Result<Payload, Error> {
    let remedy = reason.remedy(&guide.start);
    let (end, next) = match Status::of(&snapshot.observation)? {
        Status::Cancelled => (
            "and was cancelled",
            format!("There will be no result. {remedy}"),
        ),
        _ if snapshot.cancel_requested => (
            "and was asked to stop",
            format!("It has not stopped yet, and there will be no result here. {remedy}"),
        ),
        _ => (
            "and cannot be cancelled",
            format!(
                "It goes on by itself, and there will be no result here. Do not start it again. \
                 {remedy}"
            ),
        ),
    };
    let why = format!("{}, {end}", reason.words());
    Ok(Payload::of(Action::Start, snapshot, guide)?.and_wrong(reason.kind(), &why, next))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use taskhost_strategy_kit::interface::Outcome;
    use taskhost_strategy_kit::sample::{asking, snapshot};

    use super::*;

    #[test]
    fn what_took_too_long_is_an_error_that_says_what_became_of_it() {
        let cancelled = snapshot(Observation::Finished(Outcome::Cancelled(None)));
        let payload = told(&cancelled, &Reason::TimedOut(50_000));
        assert_eq!(
            payload["error"],
            "TimedOut: it took longer than 50 s, and was cancelled"
        );
        assert_eq!(payload["status"], "CANCELLED");
        assert_eq!(payload["is_error"], true);
    }

    #[test]
    fn what_has_not_stopped_or_cannot_stop_is_not_called_cancelled() {
        let stopping = Snapshot {
            cancel_requested: true,
            ..snapshot(Observation::Running(None))
        };
        let payload = told(&stopping, &Reason::TimedOut(1000));
        assert!(
            payload["next"]
                .as_str()
                .unwrap()
                .contains("not stopped yet")
        );
        let payload = told(
            &snapshot(Observation::Running(None)),
            &Reason::TimedOut(1000),
        );
        assert!(payload["next"].as_str().unwrap().contains("goes on"));
    }

    #[test]
    fn a_question_that_nobody_can_answer_is_repeated() {
        let reason = Reason::asks(&asking(), None);
        assert!(reason.words().ends_with("which?"), "{}", reason.words());
        let unfit = Reason::asks(&asking(), Some("no text".into()));
        assert!(unfit.words().contains("no text"));
    }

    fn told(snapshot: &Snapshot, reason: &Reason) -> Value {
        let guide = Guide {
            start: "`render`".into(),
            ..Guide::default()
        };
        serde_json::to_value(payload(snapshot, reason, &guide).unwrap()).unwrap()
    }
}
