//! Records in the host's storage, one key for each task.

use crate::bindings::taskhost::plugin::storage;
use crate::bindings::taskhost::plugin::types::Error;
use crate::course::Record;

/// Keeps `record`, unless the task is known already, and answers with the one that is kept.
pub(crate) async fn insert(id: &str, record: Record) -> Result<Record, Error> {
    if storage::compare_and_set(key(id), None, Some(encode(&record)?)).await? {
        return Ok(record);
    }
    Ok(load(id).await?.unwrap_or(record))
}

pub(crate) async fn load(id: &str) -> Result<Option<Record>, Error> {
    let bytes = storage::get(key(id)).await?;
    bytes.as_deref().map(decode).transpose()
}

/// Lets `change` work on the record, and keeps what it made of it.
///
/// `change` is called again when somebody else wrote in between, so it must not have effects.
pub(crate) async fn update<T>(
    id: &str,
    mut change: impl FnMut(&mut Record) -> T,
) -> Result<(Record, T), Error> {
    loop {
        let before = storage::get(key(id)).await?;
        let mut record = before
            .as_deref()
            .map(decode)
            .transpose()?
            .ok_or_else(|| Error::UnknownTask(format!("`conformance` knows no `{id}`")))?;
        let answer = change(&mut record);
        if storage::compare_and_set(key(id), before, Some(encode(&record)?)).await? {
            return Ok((record, answer));
        }
    }
}

pub(crate) async fn remove(id: &str) -> Result<(), Error> {
    storage::set(key(id), None).await
}

fn key(id: &str) -> String {
    format!("task/{id}")
}

fn encode(record: &Record) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(record).map_err(|error| Error::Internal(error.to_string()))
}

fn decode(bytes: &[u8]) -> Result<Record, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::Internal(error.to_string()))
}
