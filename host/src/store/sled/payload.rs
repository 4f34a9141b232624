//! Records and journal entries as values, the large parts of them as files.
//!
//! ```text
//! record  ≤ 8 KiB                          one value
//!         arguments and options > 4 KiB    ─▶ file `<id>.request`             never changes
//!         still > 8 KiB: the state         ─▶ file `<id>.state-<revision>`
//! entry   > 8 KiB                          ─▶ file `<id>.entry-<revision>`
//!         the outcome the record has too   ─▶ nowhere: read from the record
//! ```
//!
//! What stays in the tree is a record of the same shape with the large places emptied, so status,
//! owner and revision are known without opening a file, and lists can filter before they read.
//!
//! Files belong to one task and are named after it, not after their content: removing a task removes
//! exactly its files, with nothing to count. The price is that equal results are stored twice.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::blob::{Name, Part};
use super::codec::{BODY, Fault, Opened};
use super::key;
use crate::store::{StoreError, limit};
use crate::task::{
    Cancel, Dispatch, Entry, Event, Failure, Handle, Json, Open, Outcome, Phase, Record, State,
    TaskId,
};

/// Arguments and options live in a file.
pub(super) const REQUEST_APART: u8 = 1;
/// The record's state, or the entry's event, lives in a file.
pub(super) const APART: u8 = 2;
/// The entry's outcome is that of the record.
pub(super) const IN_RECORD: u8 = 4;

/// Leaves half of a value for everything else in a record.
const REQUEST_INLINE: usize = 4 * 1024;

/// A record or entry, ready to be written.
pub(super) struct Sealed {
    pub(super) flags: u8,
    pub(super) body: Vec<u8>,
    pub(super) state: Option<Part>,
}

/// The value of a record. [`request`] gives the file that goes with [`REQUEST_APART`].
pub(super) fn seal_record(record: &Record) -> Result<Sealed, StoreError> {
    let mut flags = 0;
    let mut slim = Cow::Borrowed(record);
    if request_size(record) > REQUEST_INLINE {
        flags |= REQUEST_APART;
        let origin = &mut slim.to_mut().origin;
        origin.arguments = Json::null();
        origin.options = Json::null();
    }
    let mut body = json(&slim)?;
    let mut state = None;
    if body.len() > BODY {
        flags |= APART;
        state = Some(Part {
            name: Name::state(record.id(), record.revision),
            body: bounded(limit::STATE, json(&record.state)?)?,
        });
        slim.to_mut().state = slim_state(&record.state);
        body = json(&slim)?;
    }
    if body.len() > BODY {
        return Err(StoreError::TooLarge {
            what: "a record without arguments and state",
            size: body.len(),
            limit: BODY,
        });
    }
    Ok(Sealed { flags, body, state })
}

/// The file of a record with [`REQUEST_APART`].
pub(super) fn request(record: &Record) -> Result<Part, StoreError> {
    Ok(Part {
        name: Name::request(record.id()),
        body: bounded(
            limit::ARGUMENTS,
            json(&Request {
                arguments: record.origin.arguments.clone(),
                options: record.origin.options.clone(),
            })?,
        )?,
    })
}

/// The value of an entry that came with `record`.
pub(super) fn seal_entry(record: &Record, entry: &Entry) -> Result<Sealed, StoreError> {
    let body = json(entry)?;
    if body.len() <= BODY {
        return Ok(Sealed {
            flags: 0,
            body,
            state: None,
        });
    }
    let known =
        matches!(&entry.event, Event::Finished(outcome) if record.outcome() == Some(outcome));
    let slim = Entry {
        event: slim_event(&entry.event),
        ..*entry
    };
    let part = if known {
        None
    } else {
        Some(Part {
            name: Name::entry(record.id(), entry.revision),
            body: bounded("an event", json(&entry.event)?)?,
        })
    };
    Ok(Sealed {
        flags: if known { IN_RECORD } else { APART },
        body: json(&slim)?,
        state: part,
    })
}

/// A record as it stands in the tree: complete but for what lives in files.
pub(super) struct Slim {
    pub(super) record: Record,
    pub(super) flags: u8,
}

impl Slim {
    pub(super) fn decode(key: &[u8], opened: &Opened<'_>) -> Result<Self, Fault> {
        let record: Record = serde_json::from_slice(opened.body)
            .map_err(|error| Fault::at(key, &error.to_string()))?;
        // The checksum binds the value to its key; this binds the key to what the host will call it.
        if key != key::record(record.id()) {
            return Err(Fault::at(key, "names another task"));
        }
        Ok(Self {
            record,
            flags: opened.flags,
        })
    }

    /// The files that hold the rest.
    pub(super) fn files(&self) -> Vec<Name> {
        let id = self.record.id();
        let request = (self.flags & REQUEST_APART != 0).then(|| Name::request(id));
        let state = (self.flags & APART != 0).then(|| Name::state(id, self.record.revision));
        request.into_iter().chain(state).collect()
    }

    /// The whole record, given what reads a file.
    pub(super) fn fill<E: From<Fault>>(
        mut self,
        read: impl Fn(Name) -> Result<Vec<u8>, E>,
    ) -> Result<Record, E> {
        let id = self.record.id();
        if self.flags & REQUEST_APART != 0 {
            let request: Request = parse(Name::request(id), &read)?;
            self.record.origin.arguments = request.arguments;
            self.record.origin.options = request.options;
        }
        if self.flags & APART != 0 {
            self.record.state = parse(Name::state(id, self.record.revision), &read)?;
        }
        Ok(self.record)
    }
}

/// The entry in the tree, and whether the rest of it is elsewhere.
pub(super) fn decode_entry(key: &[u8], opened: &Opened<'_>) -> Result<Entry, Fault> {
    serde_json::from_slice(opened.body).map_err(|error| Fault::at(key, &error.to_string()))
}

/// The event that an entry with [`APART`] left in a file.
pub(super) fn event<E: From<Fault>>(
    id: TaskId,
    revision: u64,
    read: impl Fn(Name) -> Result<Vec<u8>, E>,
) -> Result<Event, E> {
    parse(Name::entry(id, revision), &read)
}

#[derive(Serialize, Deserialize)]
struct Request {
    arguments: Json,
    options: Json,
}

fn request_size(record: &Record) -> usize {
    record.origin.arguments.text().len() + record.origin.options.text().len()
}

fn parse<T: for<'de> Deserialize<'de>, E: From<Fault>>(
    name: Name,
    read: impl Fn(Name) -> Result<Vec<u8>, E>,
) -> Result<T, E> {
    let body = read(name)?;
    serde_json::from_slice(&body)
        .map_err(|error| Fault::Damaged(format!("file {name}: {error}")).into())
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| StoreError::Write(error.to_string()))
}

fn bounded(what: &'static str, body: Vec<u8>) -> Result<Vec<u8>, StoreError> {
    limit::payload(what, body.len())?;
    Ok(body)
}

/// The same shape without anything that can be large.
fn slim_state(state: &State) -> State {
    match state {
        State::Open(open) => State::Open(Open {
            dispatch: match &open.dispatch {
                Dispatch::Intent => Dispatch::Intent,
                Dispatch::Confirmed(_) => Dispatch::Confirmed(Handle(String::new())),
            },
            phase: slim_phase(&open.phase),
            cancel: match &open.cancel {
                Cancel::None => Cancel::None,
                Cancel::Wished(_) => Cancel::Wished(None),
                Cancel::Heard(_) => Cancel::Heard(None),
            },
        }),
        State::Done(outcome) => State::Done(slim_outcome(outcome)),
    }
}

fn slim_event(event: &Event) -> Event {
    match event {
        Event::Accepted => Event::Accepted,
        Event::Submitted(_) => Event::Submitted(Handle(String::new())),
        Event::Observed(phase) => Event::Observed(slim_phase(phase)),
        Event::Answered(_) => Event::Answered(String::new()),
        Event::CancelRequested(_) => Event::CancelRequested(None),
        Event::CancelHeard => Event::CancelHeard,
        Event::Finished(outcome) => Event::Finished(slim_outcome(outcome)),
    }
}

fn slim_phase(phase: &Phase) -> Phase {
    match phase {
        Phase::Pending => Phase::Pending,
        Phase::Running(_) => Phase::Running(None),
        Phase::Retrying(failure) => Phase::Retrying(slim_failure(failure)),
        Phase::AwaitingInput(_) => Phase::AwaitingInput(Vec::new()),
    }
}

fn slim_outcome(outcome: &Outcome) -> Outcome {
    match outcome {
        Outcome::Completed(_) => Outcome::Completed(Json::null()),
        Outcome::Failed(failure) => Outcome::Failed(slim_failure(failure)),
        Outcome::Cancelled(_) => Outcome::Cancelled(None),
    }
}

fn slim_failure(failure: &Failure) -> Failure {
    Failure {
        code: String::new(),
        message: String::new(),
        retryable: failure.retryable,
        system: failure.system,
        detail: None,
    }
}
