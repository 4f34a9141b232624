//! Records in the host's storage, one key for each task.

use std::time::Duration;

use taskhost_sdk::storage::Table;
use taskhost_sdk::{Error, time, tracing};

use crate::course;
use crate::record::Record;

/// By the task's id.
pub(crate) const RECORDS: Table<Record> = Table::new("task/");

/// How often records are looked through for abandoned ones. They take room and do no other harm.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// Lets `change` work on the record, and keeps what it made of it.
///
/// `change` is called again when somebody else wrote in between, so it must not have effects.
pub(crate) async fn update<T>(
    id: &str,
    change: impl FnMut(&mut Record) -> T,
) -> Result<(Record, T), Error> {
    let changed = RECORDS.update(id, change).await?;
    changed.ok_or_else(|| Error::UnknownTask(format!("`mock` knows no `{id}`")))
}

/// Removes, now and then, what a lost `release` left behind. Runs as long as the instance.
pub(crate) async fn sweep_for_ever() {
    loop {
        if let Err(error) = sweep().await {
            let error = error.words();
            tracing::warn!(error, "abandoned records could not be removed");
        }
        time::sleep(SWEEP_EVERY).await;
    }
}

async fn sweep() -> Result<(), Error> {
    // Ids rise with time, so these are the oldest.
    for id in RECORDS.keys().await? {
        if let Some(record) = RECORDS.get(&id).await?
            && course::is_abandoned(&record, time::now_ms())
        {
            RECORDS.remove(&id).await?;
        }
    }
    Ok(())
}
