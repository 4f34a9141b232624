//! From what a call names to the task that it means.
//!
//! What the model can put right itself comes back as a payload: an unknown token, an answer that
//! does not fit. Everything else goes up as an error, and the host shows it.

use std::time::Duration;

use crate::action::Action;
use crate::config::DEFAULT_HEARTBEAT_SECONDS;
use crate::follow::follow;
use crate::guide::Guide;
use crate::input::Answer;
use crate::interface::{Call, Caller, Error, Observation, Response, Snapshot, timers};
use crate::payload::Payload;
use crate::pulse::Pulse;

/// Why a call ends without a task to show.
#[derive(Debug)]
pub enum Refusal {
    /// The model can put it right, and reads how.
    Tell(Box<Payload>),
    /// It cannot.
    Fail(Error),
}

impl Refusal {
    /// With something to read.
    pub fn tell(payload: Payload) -> Self {
        Self::Tell(Box::new(payload))
    }

    /// The payload, where there is one.
    pub fn payload(self) -> Result<Payload, Error> {
        match self {
            Self::Tell(payload) => Ok(*payload),
            Self::Fail(error) => Err(error),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Fail(error)
    }
}

/// The task behind an id.
pub async fn find(call: &Call, id: String, guide: &Guide) -> Result<Snapshot, Refusal> {
    heard(call.get(id).await, guide)
}

/// The task after one of its questions was answered.
pub async fn answer(
    call: &Call,
    snapshot: Snapshot,
    answer: Answer,
    guide: &Guide,
) -> Result<Snapshot, Refusal> {
    let response = Response::Accepted(answer.response.get().to_owned());
    let answered = call.answer(snapshot.id.clone(), answer.key, response).await;
    match answered {
        Err(Error::InvalidInput(why)) => {
            Err(Refusal::tell(Payload::unfit(&snapshot, &why, guide)?))
        }
        other => heard(other, guide),
    }
}

/// The task after it was asked to stop.
pub async fn cancel(
    call: &Call,
    snapshot: Snapshot,
    reason: Option<String>,
    guide: &Guide,
) -> Result<Snapshot, Refusal> {
    match call.cancel(snapshot.id.clone(), reason).await {
        Err(Error::Unsupported(why)) => {
            let payload = Payload::of(Action::Cancel, &snapshot, guide)?;
            let next = payload.next().to_owned();
            Err(Refusal::tell(payload.and_wrong(
                "NotCancellable",
                &why,
                next,
            )))
        }
        other => heard(other, guide),
    }
}

/// The task after the next change, or after `seconds`, unless the next move is the client's.
pub async fn news(
    call: &Call,
    caller: &Caller,
    snapshot: Snapshot,
    seconds: f64,
    guide: &Guide,
) -> Result<Snapshot, Refusal> {
    let patience = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let now_ms = timers::now_ms();
    let until_ms = now_ms.saturating_add(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX));
    let mut pulse = Pulse::new(u64::from(DEFAULT_HEARTBEAT_SECONDS) * 1000, now_ms);
    let since = snapshot.revision;
    let newest = follow(call, caller, snapshot, until_ms, &mut pulse, |snapshot| {
        snapshot.revision > since
            || matches!(
                snapshot.observation,
                Observation::Finished(_) | Observation::InputRequired(_)
            )
    });
    heard(newest.await, guide)
}

/// An unknown task here is an unknown id, and the client is told what that means.
fn heard(answer: Result<Snapshot, Error>, guide: &Guide) -> Result<Snapshot, Refusal> {
    answer.map_err(|error| match error {
        Error::UnknownTask(_) => Refusal::tell(Payload::unknown(guide)),
        other => Refusal::Fail(other),
    })
}
