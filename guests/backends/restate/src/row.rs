//! How Restate's tables show an invocation.

use serde::Deserialize;
use taskhost_sdk::{Error, Work, tracing};

use crate::server::Server;

/// What is asked for of each.
const COLUMNS: &str = "id, status, retry_count, last_failure, last_failure_error_code, next_retry_at, \
                       journal_size";

/// One row of `sys_invocation`. Columns that are null are absent.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) status: Status,
    #[serde(default)]
    pub(crate) retry_count: Option<u64>,
    #[serde(default)]
    pub(crate) last_failure: Option<String>,
    #[serde(default)]
    pub(crate) last_failure_error_code: Option<String>,
    #[serde(default)]
    pub(crate) next_retry_at: Option<String>,
    #[serde(default)]
    pub(crate) journal_size: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    /// Waits for those before it at the same object.
    Pending,
    /// For later.
    Scheduled,
    /// To be run at once.
    Ready,
    Running,
    /// Waits for a timer, another invocation or an awakeable, and takes no worker meanwhile.
    Suspended,
    BackingOff,
    Paused,
    Completed,
    /// One that a later Restate has.
    #[serde(other)]
    Other,
}

/// The invocation that a work is, where its handle could be one of ours.
///
/// What goes into a query has passed here.
pub(crate) fn invocation(work: &Work) -> Option<&str> {
    let is_plain = |rest: &str| {
        (8..=128).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let rest = work.handle.strip_prefix("inv_")?;
    is_plain(rest).then_some(work.handle.as_str())
}

/// The rows of these invocations, as far as they are there.
///
/// One id that Restate cannot read fails a query for all of them: they are then asked for one by one.
pub(crate) async fn rows(server: &Server, ids: &[&str]) -> Result<Vec<Row>, Error> {
    let all = match query(server, ids).await {
        Err(error) if is_about_ids(&error) => {
            let mut all = Vec::new();
            for id in ids {
                match query(server, &[id]).await {
                    Err(error) if is_about_ids(&error) => {
                        tracing::debug!(id, "Restate cannot read the id of an invocation");
                    }
                    rows => all.extend(rows?),
                }
            }
            all
        }
        all => all?,
    };
    Ok(all)
}

async fn query(server: &Server, ids: &[&str]) -> Result<Vec<Row>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids = quoted(ids);
    let sql = format!("SELECT {COLUMNS} FROM sys_invocation WHERE id IN ({ids})");
    server.query(&sql).await
}

/// For `IN (…)`. They have passed [`invocation`].
pub(crate) fn quoted(ids: &[&str]) -> String {
    let quoted: Vec<_> = ids.iter().map(|id| format!("'{id}'")).collect();
    quoted.join(", ")
}

fn is_about_ids(error: &Error) -> bool {
    error.words().contains("non valid invocation id")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_an_invocation_comes_into_a_query() {
        let is_one = |handle: &str| invocation(&Work::sample("t", handle)).is_some();
        assert!(is_one("inv_1hWIrfRYPDCC2eGZLI7kRrDVuVUFYAYnNZ"));
        for strange in ["", "inv_", "inv_1'; DROP TABLE x; --", "no-such-handle"] {
            assert!(!is_one(strange), "{strange}");
        }
        assert_eq!(quoted(&["a", "b"]), "'a', 'b'");
    }

    #[test]
    fn a_status_that_is_not_known_yet_is_read() {
        let row: Row = serde_json::from_str(r#"{"id":"inv_1","status":"backing-off"}"#).unwrap();
        assert_eq!(row.status, Status::BackingOff);
        let row: Row = serde_json::from_str(r#"{"id":"inv_1","status":"dreaming"}"#).unwrap();
        assert_eq!(row.status, Status::Other);
    }
}
