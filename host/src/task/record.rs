//! Everything the host knows of one task: where it came from, and where it stands.

use serde::{Deserialize, Serialize};

use super::{
    Cancel, Dispatch, Event, Handle, Json, Open, Outcome, Phase, Principal, Refused, State, TaskId,
};

/// One task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Where it came from. Never changes.
    pub origin: Origin,
    /// Where it stands.
    pub state: State,
    /// Rises by one with every change.
    pub revision: u64,
    /// When the state last changed, in milliseconds since the Unix epoch. Never goes back.
    pub updated_ms: u64,
    /// When the record may go. Set by the end of the task: retention never ends a running one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
    /// Somebody asked to stop it. Stays, whatever came of that: protocol 2025-11-25 has promised its
    /// client by then that the task is cancelled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
}

/// Where a task came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Its name.
    pub id: TaskId,
    /// Configured name of the backend that runs it.
    pub backend: String,
    /// Name of the task definition.
    pub task: String,
    /// Whose it is.
    pub owner: Principal,
    /// Valid against the definition's schema at the time.
    pub arguments: Json,
    /// Options for the backend.
    pub options: Json,
    /// Whether the definition could be cancelled at the time.
    pub cancellable: bool,
    /// Whether the definition was idempotent at the time.
    pub idempotent: bool,
    /// The client's own name for this start, unique within `owner`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// When it is ended if it still runs, in milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// How long the record is kept after the end, in milliseconds.
    pub retention_ms: u64,
}

impl Record {
    /// A task that has just been accepted.
    pub fn accepted(origin: Origin) -> Self {
        Self {
            updated_ms: origin.created_ms,
            origin,
            state: State::accepted(),
            revision: 1,
            expires_ms: None,
            withdrawn: false,
        }
    }

    /// The record after `event`, which the host learnt of at `now_ms`.
    pub fn after(&self, event: &Event, now_ms: u64) -> Result<Self, Refused> {
        let state = self.state.apply(event)?;
        let updated_ms = now_ms.max(self.updated_ms);
        Ok(Self {
            expires_ms: state
                .is_done()
                .then(|| updated_ms.saturating_add(self.origin.retention_ms)),
            origin: self.origin.clone(),
            withdrawn: self.withdrawn || matches!(event, Event::CancelRequested(_)),
            state,
            revision: self.revision + 1,
            updated_ms,
        })
    }

    /// Its name.
    pub fn id(&self) -> TaskId {
        self.origin.id
    }

    /// What is known while it is not over.
    pub fn open(&self) -> Option<&Open> {
        match &self.state {
            State::Open(open) => Some(open),
            State::Done(_) => None,
        }
    }

    /// How it ended.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.state {
            State::Open(_) => None,
            State::Done(outcome) => Some(outcome),
        }
    }

    /// The backend's name for it, where one is known and it is not over.
    pub fn handle(&self) -> Option<&Handle> {
        match &self.open()?.dispatch {
            Dispatch::Intent => None,
            Dispatch::Confirmed(handle) => Some(handle),
        }
    }

    /// Whether somebody asked to stop it and it is not over.
    pub fn cancel_requested(&self) -> bool {
        self.open().is_some_and(|open| open.cancel != Cancel::None)
    }

    /// The canonical name of where it stands.
    pub fn status(&self) -> Status {
        match &self.state {
            State::Open(open) => match open.phase {
                Phase::Pending => Status::Pending,
                Phase::Running(_) => Status::Running,
                Phase::Retrying(_) => Status::Retrying,
                Phase::AwaitingInput(_) => Status::InputRequired,
            },
            State::Done(Outcome::Completed(_)) => Status::Completed,
            State::Done(Outcome::Failed(_)) => Status::Failed,
            State::Done(Outcome::Cancelled(_)) => Status::Cancelled,
        }
    }
}

/// The canonical lifecycle, as shown to people and in tool payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Accepted, not begun.
    Pending,
    /// At work.
    Running,
    /// Failed once, will be tried again.
    Retrying,
    /// Waits for an answer.
    InputRequired,
    /// Over: a result.
    Completed,
    /// Over: an error.
    Failed,
    /// Over: stopped.
    Cancelled,
}

impl Status {
    /// All of them, in order of life.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Running,
        Self::Retrying,
        Self::InputRequired,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// As in tool payloads.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Retrying => "RETRYING",
            Self::InputRequired => "INPUT_REQUIRED",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Whether it is an end.
    pub fn is_done(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_goes_back_in_a_record() {
        let record = Record::accepted(origin());
        let next = record
            .after(&Event::Observed(Phase::Running(None)), 1)
            .unwrap();
        assert_eq!(next.updated_ms, record.updated_ms);
        assert_eq!(next.revision, record.revision + 1);
    }

    #[test]
    fn only_the_end_starts_the_retention() {
        let record = Record::accepted(origin());
        let running = record
            .after(&Event::Observed(Phase::Running(None)), 2_000)
            .unwrap();
        assert_eq!(running.expires_ms, None);
        let done = running
            .after(&Event::Finished(Outcome::Cancelled(None)), 3_000)
            .unwrap();
        assert_eq!(done.expires_ms, Some(3_000 + 60_000));
    }

    #[test]
    fn a_record_survives_serialization() {
        let record = Record::accepted(origin())
            .after(&Event::Submitted(Handle("h".into())), 5)
            .unwrap();
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
    }

    fn origin() -> Origin {
        Origin {
            id: TaskId::new(1_000, 0, [7; 16]),
            backend: "mock".into(),
            task: "count".into(),
            owner: Principal::local(),
            arguments: Json::empty_object(),
            options: Json::empty_object(),
            cancellable: true,
            idempotent: false,
            idempotency_key: None,
            created_ms: 1_000,
            deadline_ms: None,
            retention_ms: 60_000,
        }
    }
}
