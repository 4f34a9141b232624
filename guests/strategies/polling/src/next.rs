//! What the model should do now, in words.
//!
//! The most expensive mistake is to start the work again while it runs, so everything that is said
//! of a live task forbids it.

use crate::action::Action;
use crate::bindings::taskhost::plugin::tasks::Snapshot;
use crate::config::Config;
use crate::payload::Status;

/// The next step after `action` has found the task as `snapshot` says.
pub(crate) fn step(action: Action, status: Status, snapshot: &Snapshot, config: &Config) -> String {
    let task = snapshot.task.as_str();
    let tool = |action| config.naming.tool(task, action);
    match (status, action) {
        (Status::Pending | Status::Running | Status::Retrying, _) => {
            live(action, status, snapshot, config)
        }
        (Status::InputRequired, _) => format!(
            "The task waits for an answer. Ask the user, unless you know it, and call `{}` with \
             this token and `answer` {{key, response}} for each of `questions`; the response must \
             fit the question's schema. Do not start it again.",
            tool(Action::Status)
        ),
        (Status::Completed, Action::Result) => "Done. No further call is needed.".into(),
        (Status::Completed, Action::Cancel) => format!(
            "It completed before it could be cancelled. Call `{}` with this token for the result.",
            tool(Action::Result)
        ),
        (Status::Completed, Action::Start | Action::Status) => {
            format!(
                "Call `{}` with this token for the result.",
                tool(Action::Result)
            )
        }
        (Status::Failed, _) => failed(snapshot, config),
        (Status::Cancelled, _) => format!(
            "It was cancelled, and there will be no result. Call `{}` only if the work is wanted \
             after all.",
            tool(Action::Start)
        ),
    }
}

/// After a token that names nothing.
pub(crate) fn after_unknown(task: &str, config: &Config) -> String {
    format!(
        "Check that the token is exactly the one that `{start}` gave. Tasks that are over expire. \
         Call `{start}` only if the work is still wanted and not running already.",
        start = config.naming.tool(task, Action::Start)
    )
}

/// After a token of another task than the tool's.
pub(crate) fn after_other(action: Action, owner: &str, config: &Config) -> String {
    format!(
        "Call `{}` with this token.",
        config.naming.tool(owner, action)
    )
}

/// After an answer that was not taken.
pub(crate) fn after_unfit(task: &str, config: &Config) -> String {
    format!(
        "The task still waits. Call `{}` again with an `answer` whose key is one of `questions` and \
         whose response fits the schema there.",
        config.naming.tool(task, Action::Status)
    )
}

/// How to follow a task, as the beginning of a sentence.
pub(crate) fn follow(config: &Config, task: &str) -> String {
    let status = config.naming.tool(task, Action::Status);
    match config.max_wait_seconds {
        0 => format!("Call `{status}` with the token every few seconds to follow it"),
        seconds => {
            format!("Call `{status}` with the token and wait_seconds {seconds} to follow it")
        }
    }
}

/// The task is neither over nor asking.
fn live(action: Action, status: Status, snapshot: &Snapshot, config: &Config) -> String {
    let task = snapshot.task.as_str();
    let follow = follow(config, task);
    let result = config.naming.tool(task, Action::Result);
    let never = "Do not start it again while it runs.";
    if snapshot.cancel_requested {
        return format!(
            "Cancellation is requested: it will show CANCELLED when it has stopped, and may still \
             complete. {follow}. {never}"
        );
    }
    let situation = match (action, status) {
        (Action::Cancel, _) => "It was not asked to stop, and goes on.",
        (Action::Result, _) => "The result is not ready.",
        (_, Status::Retrying) => "An attempt failed, and the task will be tried again by itself.",
        (_, Status::Pending) => "It is accepted, and has not begun.",
        _ => "It runs.",
    };
    format!("{situation} {follow}, and `{result}` when it is COMPLETED. {never}")
}

fn failed(snapshot: &Snapshot, config: &Config) -> String {
    use crate::bindings::taskhost::plugin::types::{Observation, Outcome};

    let start = config.naming.tool(&snapshot.task, Action::Start);
    match &snapshot.observation {
        Observation::Finished(Outcome::Failed(failure)) if failure.retryable => {
            format!("It failed. Calling `{start}` again with the same arguments may succeed.")
        }
        _ => format!(
            "It failed, and would probably fail again in the same way. Tell the user, or change \
             the arguments before you call `{start}` again."
        ),
    }
}
