//! What every strategy must do.

mod bench;
mod companion;
mod course;
mod gallery;
mod hand;
mod listener;
mod metered;
mod refusal;
mod strangers;

pub(super) use bench::Bench;

use super::{Scenario, Workbench, config, describe};

impl Workbench for Bench {
    const SCENARIOS: &'static [Scenario<Self>] = &[
        Scenario {
            name: "describe",
            claim: "It says the same of itself each time, and what it says is in order.",
            run: |bench| Box::pin(describe::strategy(bench)),
        },
        Scenario {
            name: "malformed-configuration",
            claim: "A configuration that does not fit is refused in words, and traps nothing.",
            run: |bench| Box::pin(config::strategy(bench)),
        },
        Scenario {
            name: "list-tools",
            claim: "It shows the same tools for the same tasks, also after a restart.",
            run: |bench| Box::pin(gallery::stable(bench)),
        },
        Scenario {
            name: "tools",
            claim: "The names of tools are unique, and their schemas compile and describe objects.",
            run: |bench| Box::pin(gallery::in_order(bench)),
        },
        Scenario {
            name: "many-tasks",
            claim: "None, one, and a thousand tasks are shown.",
            run: |bench| Box::pin(gallery::many(bench)),
        },
        Scenario {
            name: "prompts-and-documents",
            claim: "Each prompt and each document that it lists can be had.",
            run: |bench| Box::pin(gallery::library(bench)),
        },
        Scenario {
            name: "every-tool",
            claim: "Each tool answers the smallest arguments that fit its schema.",
            run: |bench| Box::pin(course::every_tool(bench)),
        },
        Scenario {
            name: "task-and-result",
            claim: "By what the tools say a task can be started and its result be had.",
            run: |bench| Box::pin(course::task_and_result(bench)),
        },
        Scenario {
            name: "restart-before-the-result",
            claim: "A task that was started before a restart of the host can be fetched after it.",
            run: |bench| Box::pin(course::restart(bench)),
        },
        Scenario {
            name: "slow-backend",
            claim: "A task that its backend has not yet taken is not lost to the client.",
            run: |bench| Box::pin(course::slow_backend(bench)),
        },
        Scenario {
            name: "huge-result",
            claim: "A large result is shown, in part or by a link.",
            run: |bench| Box::pin(course::huge_result(bench)),
        },
        Scenario {
            name: "question",
            claim: "A question of a task reaches the client.",
            run: |bench| Box::pin(course::question(bench)),
        },
        Scenario {
            name: "call-taken-back",
            claim: "A call that the client takes back ends nothing but itself.",
            run: |bench| Box::pin(course::taken_back(bench)),
        },
        Scenario {
            name: "no-room",
            claim: "While the host takes no more tasks a start is refused, and starts none.",
            run: |bench| Box::pin(refusal::no_room(bench)),
        },
        Scenario {
            name: "unknown-route",
            claim: "A route that it has not given out is answered with an error.",
            run: |bench| Box::pin(refusal::unknown_route(bench)),
        },
        Scenario {
            name: "unknown-task",
            claim: "A token that never was is answered in words.",
            run: |bench| Box::pin(strangers::unknown_task(bench)),
        },
        Scenario {
            name: "other-callers",
            claim: "Nobody is shown the task of somebody else.",
            run: |bench| Box::pin(strangers::other_callers(bench)),
        },
    ];

    fn room(&self) -> &super::Room {
        &self.room
    }
}
