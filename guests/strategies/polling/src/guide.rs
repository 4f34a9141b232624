//! What is said of the next step with a task.

use taskhost_strategy_kit::action::Action;
use taskhost_strategy_kit::guide::{Guide, Id};

use crate::config::Config;

/// How a client goes on with `task`.
pub(crate) fn of(config: &Config, task: &str) -> Guide {
    let tool = |action| config.naming.tool(task, action);
    Guide {
        id: Id::Token,
        follow: follow(config, task),
        then: format!(", and `{}` when it is COMPLETED", tool(Action::Result)),
        fetch: format!(
            "Call `{}` with this token for the result.",
            tool(Action::Result)
        ),
        answer: if config.answer {
            format!(
                "call `{}` with this token, `key` and `response`",
                tool(Action::Answer)
            )
        } else {
            String::new()
        },
        start: format!("`{}`", tool(Action::Start)),
    }
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
