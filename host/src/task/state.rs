//! The life of one task, as a pure function of its events.
//!
//! ```text
//!             dispatch:  Intent ──Submitted──▶ Confirmed(handle)
//! Accepted ▶  phase:     Pending ⇄ Running ⇄ Retrying ⇄ AwaitingInput     ──Finished──▶ Done(outcome)
//!             cancel:    None ──CancelRequested──▶ Wished ──CancelHeard──▶ Heard
//! ```
//!
//! The three columns are independent: a worker may report progress before the backend's `start` has
//! returned, and a wish to cancel stands beside whatever the work is doing, because it may still
//! complete.
//!
//! **Invariant:** `Done` absorbs. A late cancel, a late progress report or a second result is refused,
//! never applied, so what a client has read stays true.

use serde::{Deserialize, Serialize};

use super::{Event, Outcome, Phase};

/// Where a task stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Not over.
    Open(Open),
    /// Over. Kept until its retention ends.
    Done(Outcome),
}

/// What there is to know of a task that is not over. Every combination can occur.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// Whether a backend is known to have it.
    pub dispatch: Dispatch,
    /// How far it is.
    pub phase: Phase,
    /// Whether somebody wants it stopped.
    pub cancel: Cancel,
}

/// Whether a backend is known to have the work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dispatch {
    /// It may or may not have arrived. A restart starts it again under the same id.
    Intent,
    /// It has arrived. A restart asks for it under this name.
    Confirmed(Handle),
}

/// A wish to stop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cancel {
    /// Nobody asked.
    None,
    /// Asked, and not yet heard by whoever runs it. A restart goes on asking.
    Wished(Option<String>),
    /// Heard, or found to be something that cannot be stopped. The outcome will tell.
    Heard(Option<String>),
}

/// A backend's own name for the work, opaque to the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Handle(pub String);

/// Why an event was not applied. The state is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The task is over. Callers that race with the end treat this as success.
    #[error("the task is over")]
    AlreadyDone,
    /// It says nothing new.
    #[error("nothing new")]
    Unchanged,
    /// No well-behaved backend sends this now.
    #[error("out of order")]
    OutOfOrder,
}

impl State {
    /// Where a task begins.
    pub fn accepted() -> Self {
        Self::Open(Open {
            dispatch: Dispatch::Intent,
            phase: Phase::Pending,
            cancel: Cancel::None,
        })
    }

    /// The state after `event`, or why the event does not apply.
    pub fn apply(&self, event: &Event) -> Result<Self, Refused> {
        let Self::Open(open) = self else {
            return Err(Refused::AlreadyDone);
        };
        match event {
            Event::Finished(outcome) => Ok(Self::Done(outcome.clone())),
            Event::Accepted => Err(Refused::OutOfOrder),
            Event::Submitted(handle) => open.submitted(handle),
            Event::Observed(phase) => open.observed(phase),
            Event::Answered(key) => open.answered(key),
            Event::CancelRequested(reason) => open.cancel_requested(reason.clone()),
            Event::CancelHeard => open.cancel_heard(),
        }
    }

    /// Whether it is over.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

impl Open {
    fn submitted(&self, handle: &Handle) -> Result<State, Refused> {
        match &self.dispatch {
            Dispatch::Intent => Ok(State::Open(Self {
                dispatch: Dispatch::Confirmed(handle.clone()),
                ..self.clone()
            })),
            Dispatch::Confirmed(known) if known == handle => Err(Refused::Unchanged),
            // The contract of `start` is the same handle for the same id.
            Dispatch::Confirmed(_) => Err(Refused::OutOfOrder),
        }
    }

    fn observed(&self, phase: &Phase) -> Result<State, Refused> {
        if &self.phase == phase {
            return Err(Refused::Unchanged);
        }
        if matches!(phase, Phase::AwaitingInput(questions) if questions.is_empty()) {
            return Err(Refused::OutOfOrder);
        }
        Ok(State::Open(Self {
            phase: phase.clone(),
            ..self.clone()
        }))
    }

    fn answered(&self, key: &str) -> Result<State, Refused> {
        let Phase::AwaitingInput(questions) = &self.phase else {
            return Err(Refused::OutOfOrder);
        };
        let left: Vec<_> = questions
            .iter()
            .filter(|question| question.key != key)
            .cloned()
            .collect();
        if left.len() == questions.len() {
            return Err(Refused::Unchanged);
        }
        let phase = if left.is_empty() {
            Phase::Running(None)
        } else {
            Phase::AwaitingInput(left)
        };
        Ok(State::Open(Self {
            phase,
            ..self.clone()
        }))
    }

    fn cancel_requested(&self, reason: Option<String>) -> Result<State, Refused> {
        match &self.cancel {
            Cancel::None => Ok(State::Open(Self {
                cancel: Cancel::Wished(reason),
                ..self.clone()
            })),
            Cancel::Wished(_) | Cancel::Heard(_) => Err(Refused::Unchanged),
        }
    }

    fn cancel_heard(&self) -> Result<State, Refused> {
        match &self.cancel {
            Cancel::Wished(reason) => Ok(State::Open(Self {
                cancel: Cancel::Heard(reason.clone()),
                ..self.clone()
            })),
            Cancel::Heard(_) => Err(Refused::Unchanged),
            Cancel::None => Err(Refused::OutOfOrder),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Json, Progress, Question};

    #[test]
    fn done_absorbs_every_event() {
        let done = State::Done(Outcome::Completed(Json::null()));
        for event in every_event() {
            assert_eq!(done.apply(&event), Err(Refused::AlreadyDone), "{event:?}");
        }
    }

    #[test]
    fn every_open_state_can_finish_any_way() {
        for state in every_open_state() {
            for outcome in [
                Outcome::Completed(Json::null()),
                Outcome::Failed(failure()),
                Outcome::Cancelled(None),
            ] {
                let finished = state.apply(&Event::Finished(outcome.clone()));
                assert_eq!(finished, Ok(State::Done(outcome)));
            }
        }
    }

    #[test]
    fn a_refused_event_would_change_nothing_and_an_applied_one_does() {
        for state in every_open_state() {
            for event in every_event() {
                if let Ok(next) = state.apply(&event) {
                    assert_ne!(
                        next, state,
                        "{event:?} on {state:?} must be refused as unchanged"
                    );
                }
            }
        }
    }

    #[test]
    fn a_worker_may_report_before_start_has_returned() {
        let state = run(&[
            Event::Observed(Phase::Running(None)),
            Event::Submitted(handle()),
        ]);
        let State::Open(open) = state else {
            panic!("open")
        };
        assert_eq!(open.phase, Phase::Running(None));
        assert_eq!(open.dispatch, Dispatch::Confirmed(handle()));
    }

    #[test]
    fn work_may_complete_although_somebody_asked_to_stop_it() {
        let state = run(&[
            Event::Submitted(handle()),
            Event::CancelRequested(None),
            Event::CancelHeard,
            Event::Finished(Outcome::Completed(Json::null())),
        ]);
        assert_eq!(state, State::Done(Outcome::Completed(Json::null())));
    }

    #[test]
    fn the_first_reason_to_cancel_is_kept() {
        let state = run(&[Event::CancelRequested(Some("first".into()))]);
        assert_eq!(
            state.apply(&Event::CancelRequested(Some("second".into()))),
            Err(Refused::Unchanged)
        );
    }

    #[test]
    fn work_goes_on_when_the_last_question_is_answered() {
        let asked = run(&[Event::Observed(Phase::AwaitingInput(vec![
            question("a"),
            question("b"),
        ]))]);
        let half = asked.apply(&Event::Answered("a".into())).unwrap();
        let State::Open(open) = &half else {
            panic!("open")
        };
        assert_eq!(open.phase, Phase::AwaitingInput(vec![question("b")]));
        let State::Open(open) = half.apply(&Event::Answered("b".into())).unwrap() else {
            panic!("open")
        };
        assert_eq!(open.phase, Phase::Running(None));
    }

    fn run(events: &[Event]) -> State {
        events.iter().fold(State::accepted(), |state, event| {
            state.apply(event).unwrap()
        })
    }

    fn every_open_state() -> Vec<State> {
        let mut states = Vec::new();
        for dispatch in [Dispatch::Intent, Dispatch::Confirmed(handle())] {
            for phase in phases() {
                for cancel in [Cancel::None, Cancel::Wished(None), Cancel::Heard(None)] {
                    states.push(State::Open(Open {
                        dispatch: dispatch.clone(),
                        phase: phase.clone(),
                        cancel,
                    }));
                }
            }
        }
        states
    }

    fn every_event() -> Vec<Event> {
        let mut events = vec![
            Event::Accepted,
            Event::Submitted(handle()),
            Event::Submitted(Handle("other".into())),
            Event::Answered("a".into()),
            Event::Answered("unknown".into()),
            Event::CancelRequested(None),
            Event::CancelHeard,
            Event::Observed(Phase::AwaitingInput(Vec::new())),
        ];
        events.extend(phases().into_iter().map(Event::Observed));
        events
    }

    fn phases() -> Vec<Phase> {
        let progress = Progress {
            current: 0.5,
            total: Some(1.0),
            message: None,
            detail: None,
        };
        vec![
            Phase::Pending,
            Phase::Running(None),
            Phase::Running(Some(progress)),
            Phase::Retrying(failure()),
            Phase::AwaitingInput(vec![question("a")]),
        ]
    }

    fn failure() -> Failure {
        Failure {
            code: "ValueError".into(),
            message: "kaput".into(),
            retryable: false,
            system: false,
            detail: None,
        }
    }

    fn question(key: &str) -> Question {
        Question {
            key: key.into(),
            message: "really?".into(),
            schema: Json::empty_object(),
        }
    }

    fn handle() -> Handle {
        Handle("celery:7f".into())
    }

    use crate::task::Failure;
}
