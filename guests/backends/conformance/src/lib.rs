//! The tasks that the MCP conformance suite asks for: slow ones, failing ones, and ones that ask.
//!
//! A task is a pure function of its record and the clock, as in the `mock` backend, which says more
//! about why. It is for tests, and not part of the binary: records that a lost `release` leaves
//! behind go with the test's data directory.
//!
//! ```text
//! catalogue   tasks, in words and schemas      course   record and time → observation
//! job         what one task was told to do
//! ```

mod catalogue;
mod course;
mod job;

use std::time::Duration;

use course::Record;
use job::Job;
use taskhost_sdk::storage::Table;
use taskhost_sdk::{
    Backend, CancelAnswer, Error, Handle, NoSettings, Observation, Response, StartRequest, Task,
    Work, events, export_backend, manifest, spawn, time,
};

/// By the task's id.
const RECORDS: Table<Record> = Table::new("task/");

/// The backend.
pub struct Conformance;

impl Backend for Conformance {
    const NAME: &'static str = "conformance";
    // Changes are pushed when they happen; after a restart, this finds them.
    const OBSERVE_EVERY: Option<Duration> = Some(Duration::from_secs(1));
    type Config = NoSettings;

    fn new(_config: NoSettings) -> Result<Self, Error> {
        Ok(Self)
    }

    async fn tasks(&self) -> Result<Vec<Task>, Error> {
        Ok(catalogue::tasks())
    }

    async fn start(&self, request: StartRequest) -> Result<Handle, Error> {
        let job = Job::read(&request.task, &request.arguments)?;
        let record = Record::new(time::now_ms(), job);
        let known = RECORDS.insert(&request.id, &record).await?;
        let record = known.unwrap_or(record);
        tell(&request.id, &record);
        spawn(tell_at_the_end(request.id.clone(), record));
        Ok(format!("conformance:{}", request.id))
    }

    async fn observe(&self, work: &Work) -> Result<Observation, Error> {
        let record = RECORDS.get(&work.id).await?;
        Ok(record.map_or(Observation::Unknown, |record| {
            course::at(&record, time::now_ms())
        }))
    }

    async fn cancel(&self, work: &Work, reason: Option<String>) -> Result<CancelAnswer, Error> {
        update(work, |record| {
            course::cancel(record, time::now_ms(), reason.clone())
        })
        .await
    }

    async fn answer(&self, work: &Work, key: String, response: Response) -> Result<(), Error> {
        let accepted = response.accepted()?;
        update(work, |record| {
            course::answer(record, &key, accepted.clone());
        })
        .await
    }

    async fn release(&self, work: &Work) -> Result<(), Error> {
        RECORDS.remove(&work.id).await
    }
}

/// Lets `change` work on the record, and tells what it made of it.
async fn update<T>(work: &Work, change: impl FnMut(&mut Record) -> T) -> Result<T, Error> {
    let changed = RECORDS.update(&work.id, change).await?;
    let (record, answer) =
        changed.ok_or_else(|| Error::unknown(format!("`conformance` knows no `{}`", work.id)))?;
    tell(&work.id, &record);
    Ok(answer)
}

fn tell(id: &str, record: &Record) {
    events::observed(id, &course::at(record, time::now_ms()));
}

/// For jobs that end by themselves. What is cancelled meanwhile has told so, and is over for the
/// host.
async fn tell_at_the_end(id: String, record: Record) {
    if let Some(end_ms) = course::end_ms(&record) {
        time::sleep_until(end_ms).await;
        tell(&id, &record);
    }
}

export_backend!(Conformance);
manifest!();
