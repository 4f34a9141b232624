//! Who did what to which task: one line for each start, cancellation and answer, done or refused, and for
//! each time that somebody asked for a task that is not theirs.
//!
//! At the target `audit`, so that it can be told from the rest: `--log info,audit=off`, or a subscriber
//! of its own. An id is a key, so a line has only its [`TaskId::stem`]: enough for `taskhost tasks show`,
//! and nothing to come in with.

use crate::plugin::{Caller, Snapshot, TaskError};
use crate::task::TaskId;

/// What somebody wanted of a task.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    Start,
    Cancel,
    Answer,
}

impl Act {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Cancel => "cancel",
            Self::Answer => "answer",
        }
    }
}

/// `caller`, or the operator, wanted `act` of the task `id`, or of one that `result` names.
pub(super) fn acted(
    caller: Option<&Caller>,
    act: Act,
    id: Option<&str>,
    result: &Result<Snapshot, TaskError>,
) {
    let (principal, via) = names(caller);
    let act = act.name();
    match result {
        Ok(snapshot) => {
            let task = &snapshot.record.origin.task;
            let task_id = snapshot.record.id().stem();
            tracing::info!(target: "audit", principal, via, act, task, task_id, verdict = "done", "audit");
        }
        Err(error) => {
            // Whatever is no id is not repeated: nobody knows what it is, nor how long.
            let id = id.and_then(|id| id.parse().ok());
            let task_id = id.map(|id: TaskId| id.stem());
            let code = error.report().code;
            tracing::warn!(target: "audit", principal, via, act, task_id, verdict = "refused", %code, "audit");
        }
    }
}

/// `caller` asked for the task `id`, and there is none, or it is someone else's. Which of the two is not
/// said here either: telling them apart would take the longer, and so tell the caller.
pub(super) fn turned_away(caller: Option<&Caller>, id: TaskId) {
    // The operator may ask for all; what is gone by then is no trespass.
    if caller.is_none() {
        return;
    }
    let (principal, via) = names(caller);
    let task_id = id.stem();
    tracing::warn!(target: "audit", principal, via, act = "ask", task_id, verdict = "refused", "audit");
}

fn names(caller: Option<&Caller>) -> (&str, &str) {
    caller.map_or(("operator", "taskhost tasks"), |caller| {
        (caller.principal.name(), &*caller.via)
    })
}
