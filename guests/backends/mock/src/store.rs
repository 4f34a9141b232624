//! Records in the host's storage, one key for each task.
//!
//! **Invariant:** a record is only ever replaced by comparing it with what was read, so two calls
//! for one task that cross each other both count.

use crate::bindings::taskhost::plugin::logging::{self, Level};
use crate::bindings::taskhost::plugin::types::Error;
use crate::bindings::taskhost::plugin::{storage, timers};
use crate::course;
use crate::record::Record;

/// What one value of the host's storage may weigh.
const MOST_BYTES: usize = 64 * 1024;

/// How often records are looked through for abandoned ones. They take room and do no other harm.
const SWEEP_EVERY_MS: u64 = 60 * 60 * 1000;

/// Refuses what would not fit into a record, before it is read: reading takes several times its size, and an
/// instance that runs out of memory takes the calls of others with it.
pub(crate) fn check_size(arguments: &str) -> Result<(), Error> {
    if arguments.len() > MOST_BYTES {
        return Err(too_large(arguments.len()));
    }
    Ok(())
}

/// Keeps `record`, unless the task is known already. Answers with the record that is kept, and
/// whether that is the new one.
pub(crate) async fn insert(id: &str, record: Record) -> Result<(Record, bool), Error> {
    if storage::compare_and_set(key(id), None, Some(encode(&record)?)).await? {
        return Ok((record, true));
    }
    let known = load(id).await?.ok_or_else(|| {
        Error::Unavailable((format!("`{id}` was released while it was started"), Some(0)))
    })?;
    Ok((known, false))
}

/// What is known of a task. A record that cannot be read is none.
pub(crate) async fn load(id: &str) -> Result<Option<Record>, Error> {
    Ok(storage::get(key(id))
        .await?
        .and_then(|bytes| decode(id, &bytes)))
}

/// Lets `change` work on the record, and keeps what it made of it.
///
/// `change` is called again when somebody else wrote in between, so it must not have effects.
pub(crate) async fn update<T>(
    id: &str,
    mut change: impl FnMut(&mut Record) -> T,
) -> Result<(Record, T), Error> {
    loop {
        let bytes = storage::get(key(id)).await?;
        let before = bytes
            .as_ref()
            .and_then(|bytes| decode(id, bytes))
            .ok_or_else(|| Error::UnknownTask(format!("`mock` knows no `{id}`")))?;
        let mut record = before.clone();
        let answer = change(&mut record);
        if record == before
            || storage::compare_and_set(key(id), bytes, Some(encode(&record)?)).await?
        {
            return Ok((record, answer));
        }
    }
}

/// Forgets a task. One that is not there is forgotten already.
pub(crate) async fn remove(id: &str) -> Result<(), Error> {
    storage::set(key(id), None).await
}

/// Removes, now and then, what a lost `release` left behind. Runs as long as the instance.
pub(crate) async fn sweep_for_ever() {
    loop {
        if let Err(error) = sweep().await {
            logging::log(
                Level::Warn,
                "abandoned records could not be removed",
                &[("error".into(), format!("{error:?}"))],
            );
        }
        timers::sleep(SWEEP_EVERY_MS).await;
    }
}

async fn sweep() -> Result<(), Error> {
    // Ids rise with time, so these are the oldest.
    for key in storage::keys(PREFIX.into(), 1000).await? {
        let Some(id) = key.strip_prefix(PREFIX) else {
            continue;
        };
        if let Some(record) = load(id).await?
            && course::is_abandoned(&record, timers::now_ms())
        {
            remove(id).await?;
        }
    }
    Ok(())
}

const PREFIX: &str = "task/";

fn key(id: &str) -> String {
    format!("{PREFIX}{id}")
}

fn encode(record: &Record) -> Result<Vec<u8>, Error> {
    let bytes = serde_json::to_vec(record).map_err(|error| Error::Internal(error.to_string()))?;
    if bytes.len() > MOST_BYTES {
        return Err(too_large(bytes.len()));
    }
    Ok(bytes)
}

fn too_large(bytes: usize) -> Error {
    Error::InvalidInput(format!(
        "{bytes} bytes are too many: `mock` keeps at most {MOST_BYTES} for a task"
    ))
}

fn decode(id: &str, bytes: &[u8]) -> Option<Record> {
    match serde_json::from_slice(bytes) {
        Ok(record) => Some(record),
        Err(error) => {
            logging::log(
                Level::Warn,
                "a record cannot be read, and counts as none",
                &[
                    ("task".into(), id.into()),
                    ("error".into(), error.to_string()),
                ],
            );
            None
        }
    }
}
