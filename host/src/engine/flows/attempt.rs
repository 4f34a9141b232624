//! One attempt of an activity.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Inner;
use super::instance::Instance;
use crate::capability::attempt::AttemptState;
use crate::capability::bindings::engine::dispatch::{Attempt, Ended};
use crate::capability::bindings::engine::types::Failure;
use crate::capability::guest::MemoryExceeded;
use crate::engine::stderr::Stderr;
use crate::engine::trap;

/// How long an attempt may take where nobody says so: longer than any that should not send heartbeats instead.
const LONGEST: Duration = Duration::from_hours(1);

/// How long it goes on that is not wanted any more: enough for a heartbeat and some cleaning up.
const GRACE: Duration = Duration::from_secs(10);

/// Runs it to its end, whatever that is.
pub(super) async fn run(
    flows: &Arc<Inner>,
    attempt: Attempt,
    unwanted: CancellationToken,
) -> Ended {
    let state = AttemptState::new(attempt.key, attempt.number, attempt.last, unwanted.clone());
    let limit = attempt.attempt_ms.map_or(LONGEST, Duration::from_millis);
    let silence = attempt.heartbeat_ms.map(Duration::from_millis);
    let outcome = tokio::select! {
        biased;
        outcome = called(flows, &attempt.name, attempt.input, &state) => outcome,
        () = tokio::time::sleep(limit) => Err(failure(
            "timed-out",
            format!("`{}` was not done after {}", attempt.name, humantime::format_duration(limit)),
        )),
        () = silent(&state, silence) => Err(failure(
            "silent",
            format!(
                "`{}` gave no sign of life for {}",
                attempt.name,
                humantime::format_duration(silence.unwrap_or_default())
            ),
        )),
        () = late(&unwanted) => Err(failure(
            "stopped",
            format!("`{}` was not wanted any more, and did not come to an end", attempt.name),
        )),
    };
    Ended {
        ticket: attempt.ticket,
        outcome,
        last: state.last(),
    }
}

async fn called(
    flows: &Inner,
    name: &str,
    input: String,
    state: &AttemptState,
) -> Result<String, Failure> {
    let known = flows.described().await?;
    let Some(activities) = (flows.linked.activities.as_ref()).filter(|_| {
        known
            .activities
            .iter()
            .any(|activity| activity.name == name)
    }) else {
        let known: Vec<_> = (known.activities.iter())
            .map(|activity| activity.name.as_str())
            .collect();
        return Err(Failure {
            retryable: false,
            ..failure(
                "unknown-activity",
                format!(
                    "there is no activity `{name}`; there {}",
                    if known.is_empty() {
                        "are none".to_owned()
                    } else {
                        format!("are {}", known.join(", "))
                    }
                ),
            )
        });
    };
    let mut instance = if let Some(instance) = flows.idle.take() {
        instance
    } else {
        let stderr = Stderr::default();
        let fresh = Instance::new(flows, activities, stderr.clone()).await;
        fresh.map_err(|error| ended(flows, name, &error, &stderr))?
    };
    match instance.run(state, name.to_owned(), input).await {
        Ok(Ok(result)) => {
            flows.idle.put(instance);
            Ok(result)
        }
        Ok(Err(failure)) => Err(failure),
        Err(error) => Err(ended(flows, name, &error, &instance.stderr)),
    }
}

/// Resolves when it has been silent for that long.
async fn silent(state: &AttemptState, limit: Option<Duration>) {
    let Some(limit) = limit else {
        return pending().await;
    };
    let mut beats = state.beats();
    loop {
        let last = Instant::from_std(*beats.borrow_and_update());
        tokio::select! {
            biased;
            changed = beats.changed() => if changed.is_err() { return pending().await },
            () = tokio::time::sleep_until(last + limit) => return,
        }
    }
}

async fn late(unwanted: &CancellationToken) {
    unwanted.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

fn ended(flows: &Inner, activity: &str, error: &wasmtime::Error, stderr: &Stderr) -> Failure {
    if let Some(memory) = error.downcast_ref::<MemoryExceeded>() {
        return failure(
            "out-of-memory",
            format!(
                "`{activity}` {memory}; help: raise [backends.{}.limits] memory",
                flows.name
            ),
        );
    }
    let report = trap::explain(&flows.name, error, stderr);
    failure(
        "trapped",
        format!("`{activity}` ended itself: {}", report.causes.join("; ")),
    )
}

fn failure(code: &str, message: String) -> Failure {
    Failure {
        code: code.to_owned(),
        message,
        detail: None,
        retryable: true,
    }
}
