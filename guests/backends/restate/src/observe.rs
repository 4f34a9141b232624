//! How work stands: one query for all of it, and the ingress for what is over or not there.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use taskhost_sdk::{Error, Failure, Observation, Progress, Question, Work, time, tracing};

use crate::Backend;
use crate::mark::{self, Mark};
use crate::outcome::{self, Said};
use crate::questions;
use crate::row::{self, Row, Status, invocation};

/// Results that are fetched at the same time: each may be large.
const AT_ONCE: usize = 2;

/// A journal that does not fit the code. Restate would try again for ever.
const MISMATCH: &str = "RT0016";

pub(crate) async fn observe(backend: &Backend, works: &[Work]) -> Result<Vec<Observation>, Error> {
    let ids: Vec<&str> = works.iter().filter_map(invocation).collect();
    let rows = row::rows(&backend.server, &ids).await?;
    let mut open = questions::open(backend, &rows).await?;
    let rows: BTreeMap<&str, &Row> = rows.iter().map(|row| (row.id.as_str(), row)).collect();
    let looks: Vec<_> = works
        .iter()
        .map(|work| {
            let row = rows.get(work.handle.as_str()).copied();
            let open = open.remove(&work.handle).unwrap_or_default();
            look(backend, work, row, open)
        })
        .collect();
    stream::iter(looks).buffered(AT_ONCE).try_collect().await
}

async fn look(
    backend: &Backend,
    work: &Work,
    row: Option<&Row>,
    open: Vec<Question>,
) -> Result<Observation, Error> {
    let Some(invocation) = invocation(work) else {
        return Ok(Observation::Unknown);
    };
    let mark = mark::get(&work.id).await?;
    if let Some(row) = row.filter(|row| row.status != Status::Completed) {
        if let Some(end) = put_an_end(backend, work, row, mark.as_ref()).await? {
            return Ok(end);
        }
        return Ok(if open.is_empty() {
            shown(row)
        } else {
            Observation::InputRequired(open)
        });
    }
    let said = outcome::ask(&backend.server, invocation, mark.as_ref()).await?;
    Ok(match said {
        Said::Over(outcome) => outcome.into(),
        Said::NotOver => Observation::running(),
        Said::Missing => outcome::missing(mark.as_ref()),
    })
}

/// Stops what would not stop by itself. Returns how it has ended, where that is certain now.
async fn put_an_end(
    backend: &Backend,
    work: &Work,
    row: &Row,
    mark: Option<&Mark>,
) -> Result<Option<Observation>, Error> {
    let is_stuck = matches!(row.status, Status::BackingOff | Status::Paused)
        && row.last_failure_error_code.as_deref() == Some(MISMATCH);
    let stopped = mark.and_then(|mark| mark.mismatch.clone());
    let cancelled = mark.and_then(|mark| mark.cancel_ms);
    if let Some(since) = cancelled.filter(|_| stopped.is_none()) {
        let grace = backend.config.grace_ms();
        // What is stuck cannot hear that it is cancelled.
        if is_stuck || time::now_ms() >= since.saturating_add(grace) {
            kill(backend, &row.id).await;
        }
        return Ok(None);
    }
    if !is_stuck && stopped.is_none() {
        return Ok(None);
    }
    let words = stopped.or_else(|| row.last_failure.clone());
    let words = words.unwrap_or_else(|| MISMATCH.to_owned());
    let short: String = words.chars().take(2000).collect();
    // Before it is killed: afterwards Restate says no more than that it was.
    mark::change(&work.id, |mark| mark.mismatch = Some(short.clone())).await?;
    kill(backend, &row.id).await;
    Ok(Some(outcome::mismatch(&short).into()))
}

/// The next look tries again where this does not come through, and so does the release.
async fn kill(backend: &Backend, invocation: &str) {
    if let Err(error) = backend.server.tell(invocation, "kill").await {
        tracing::warn!(invocation, error = error.words(), "it could not be killed");
    }
}

/// What a row says of work that is not over.
fn shown(row: &Row) -> Observation {
    let so_far = Progress::new(f64::from(row.journal_size.unwrap_or_default()));
    let failure = row.last_failure.as_deref();
    match row.status {
        Status::Scheduled | Status::Pending => Observation::Pending,
        Status::Ready if row.journal_size.unwrap_or_default() <= 1 => Observation::Pending,
        Status::Suspended => so_far
            .saying("suspended: it waits for a timer, another invocation or an awakeable")
            .into(),
        Status::Paused => so_far
            .saying(match failure {
                Some(why) => format!("paused, until somebody resumes it in Restate: {why}"),
                None => "paused, until somebody resumes it in Restate".to_owned(),
            })
            .into(),
        Status::BackingOff => {
            let attempt = row.retry_count.unwrap_or(1);
            let next = match &row.next_retry_at {
                Some(moment) => format!("; again at {moment}"),
                None => String::new(),
            };
            let why = failure.unwrap_or("no reason is known");
            let code = row.last_failure_error_code.as_deref();
            Observation::Retrying(
                Failure::new(
                    code.unwrap_or("backing-off"),
                    format!("attempt {attempt} has failed{next}: {why}"),
                )
                .retryable(),
            )
        }
        Status::Ready | Status::Running | Status::Completed | Status::Other => so_far.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_state_is_shown_with_its_reason() {
        let shown = |value: serde_json::Value| {
            let mut row = json!({ "id": "inv_1", "journal_size": 3, "last_failure": "no disk" });
            let fields = row.as_object_mut().unwrap();
            fields.extend(value.as_object().unwrap().clone());
            super::shown(&serde_json::from_value(row).unwrap())
        };
        assert_eq!(
            shown(json!({ "status": "scheduled" })),
            Observation::Pending
        );
        assert_eq!(
            shown(json!({ "status": "running" })),
            Progress::new(3.0).into()
        );
        let Observation::Running(Some(paused)) = shown(json!({ "status": "paused" })) else {
            panic!("it does not run");
        };
        assert!(paused.message.unwrap().contains("no disk"));
        let Observation::Retrying(failure) =
            shown(json!({ "status": "backing-off", "retry_count": 4 }))
        else {
            panic!("it is not retried");
        };
        assert_eq!(failure.message, "attempt 4 has failed: no disk");
    }
}
