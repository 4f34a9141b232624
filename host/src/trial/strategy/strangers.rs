//! Tokens of nobody, and of somebody else.

use serde_json::json;

use super::super::clause;
use super::super::text::shortened;
use super::super::verdict::{Claim, failed};
use super::Bench;
use super::bench::Wanted;
use super::course::{MARK, Visit};
use crate::task::TaskId;

pub(super) async fn unknown_task(bench: &Bench) -> Claim {
    let host = bench.host(Wanted::tasks(&["echo"])).await?;
    let visit = Visit::new(&host, "alice", "echo", json!({ "value": MARK }));
    let never = TaskId::new(1, 1, [1; 16]).to_string();
    for token in [never.as_str(), "no-such-token", "task://", "é\u{0}"] {
        // Whoever dies of it ends the scenario in there.
        _ = visit.seek(token, |_| false).await?;
    }
    Ok(())
}

pub(super) async fn other_callers(bench: &Bench) -> Claim {
    let host = bench.host(Wanted::tasks(&["echo"])).await?;
    let alice = Visit::new(&host, "alice", "echo", json!({ "value": MARK }));
    let started = alice.start().await?;
    alice.until_over(&started.token).await?;
    // What is shown to one must not be kept for others.
    _ = alice
        .seek(&started.token, |reply| reply.contains(MARK))
        .await?;
    let bob = Visit::new(&host, "bob", "echo", json!({ "value": "another" }));
    match bob
        .seek(&started.token, |reply| reply.contains(MARK))
        .await?
    {
        Err(_) => Ok(()),
        Ok(reply) => failed(
            "nothing of the task of another caller",
            format!("its result: {}", shortened(&reply)),
            clause::AUTHORITY,
        ),
    }
}
