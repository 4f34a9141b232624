//! What every backend must do.

mod batch;
mod bench;
mod cancel;
mod catalogue;
mod course;
mod identity;
mod network;
mod payload;
mod pressure;
mod proxy;
mod pushes;
mod restart;
pub(super) mod scout;
mod storage;
mod time;
mod unknown;

pub(super) use bench::Bench;

use super::{Scenario, Workbench, config, describe};

impl Workbench for Bench {
    const SCENARIOS: &'static [Scenario<Self>] = &[
        Scenario {
            name: "describe",
            claim: "It says the same of itself each time, and what it says is in order.",
            run: |bench| Box::pin(describe::backend(bench)),
        },
        Scenario {
            name: "list-tasks",
            claim: "It lists the same tasks in the same order, until it says that they have changed.",
            run: |bench| Box::pin(catalogue::list_tasks(bench)),
        },
        Scenario {
            name: "definitions",
            claim: "The names of tasks are unique, and their schemas compile and describe objects.",
            run: |bench| Box::pin(catalogue::definitions(bench)),
        },
        Scenario {
            name: "malformed-configuration",
            claim: "A configuration that does not fit is refused in words, and traps nothing.",
            run: |bench| Box::pin(config::backend(bench)),
        },
        Scenario {
            name: "start-to-end",
            claim: "A task that is started ends, its result is JSON, and its end stays as it is.",
            run: |bench| Box::pin(course::start_to_end(bench)),
        },
        Scenario {
            name: "same-id-same-handle",
            claim: "A second start with an id gets the handle of the first, also after a restart.",
            run: |bench| Box::pin(identity::same_handle(bench)),
        },
        Scenario {
            name: "same-id-runs-once",
            claim: "A second start with an id runs nothing a second time.",
            run: |bench| Box::pin(identity::runs_once(bench)),
        },
        Scenario {
            name: "ids-are-independent",
            claim: "What is done to one task changes nothing of another.",
            run: |bench| Box::pin(identity::independent(bench)),
        },
        Scenario {
            name: "cancel-at-once",
            claim: "A task that is cancelled right after its start does what the answer says.",
            run: |bench| Box::pin(cancel::at_once(bench)),
        },
        Scenario {
            name: "cancel-while-running",
            claim: "A task that is cancelled while it runs does what the answer says.",
            run: |bench| Box::pin(cancel::while_running(bench)),
        },
        Scenario {
            name: "cancel-after-the-end",
            claim: "Cancelling a task that is over says so, and changes nothing.",
            run: |bench| Box::pin(cancel::after_the_end(bench)),
        },
        Scenario {
            name: "restart-while-running",
            claim: "A fresh instance knows the work of the one before it, and can stop it.",
            run: |bench| Box::pin(restart::while_running(bench)),
        },
        Scenario {
            name: "restart-after-the-end",
            claim: "A fresh instance knows how work has ended that has not been released.",
            run: |bench| Box::pin(restart::after_the_end(bench)),
        },
        Scenario {
            name: "unknown-work",
            claim: "Work that was never started is unknown, never pending, and traps nothing.",
            run: |bench| Box::pin(unknown::work(bench)),
        },
        Scenario {
            name: "release",
            claim: "Work that was released is forgotten, or is as it was.",
            run: |bench| Box::pin(unknown::released(bench)),
        },
        Scenario {
            name: "stray-answer",
            claim: "An answer to a question that nobody asked is ignored.",
            run: |bench| Box::pin(unknown::stray_answer(bench)),
        },
        Scenario {
            name: "observe-many",
            claim: "An observation of 256 works has 256 answers, in the order of the works.",
            run: |bench| Box::pin(batch::many(bench)),
        },
        Scenario {
            name: "observe-nothing",
            claim: "An observation of no works has no answers.",
            run: |bench| Box::pin(batch::nothing(bench)),
        },
        Scenario {
            name: "quiet-after-the-end",
            claim: "Nothing is pushed for a task after its end.",
            run: |bench| Box::pin(pushes::quiet_after_the_end(bench)),
        },
        Scenario {
            name: "others-are-served",
            claim: "A call that takes long does not hold up other calls.",
            run: |bench| Box::pin(pressure::others_are_served(bench)),
        },
        Scenario {
            name: "many-at-once",
            claim: "A hundred starts at once are all answered, and all end.",
            run: |bench| Box::pin(pressure::many_at_once(bench)),
        },
        Scenario {
            name: "slow-host",
            claim: "While the host is slow to write, tasks start and end as ever.",
            run: |bench| Box::pin(pressure::slow_host(bench)),
        },
        Scenario {
            name: "huge-arguments",
            claim: "Arguments of many mebibytes are taken or refused, and trap nothing.",
            run: |bench| Box::pin(payload::arguments(bench)),
        },
        Scenario {
            name: "huge-result",
            claim: "A large result arrives whole, or the task says why it does not.",
            run: |bench| Box::pin(payload::result(bench)),
        },
        Scenario {
            name: "storage-fails",
            claim: "While storage fails calls answer with errors, and afterwards all is as before.",
            run: |bench| Box::pin(storage::fails(bench)),
        },
        Scenario {
            name: "clock-jumps",
            claim: "A clock that jumps traps nothing, and no work is forgotten over it.",
            run: |bench| Box::pin(time::jumps(bench)),
        },
        Scenario {
            name: "network-denied",
            claim: "Without its grants it answers with errors, and goes on living.",
            run: |bench| Box::pin(network::denied(bench)),
        },
        Scenario {
            name: "network-away",
            claim: "While nobody answers at its endpoint it is unavailable, and tries again with pauses.",
            run: |bench| Box::pin(network::away(bench)),
        },
        Scenario {
            name: "network-cut",
            claim: "A connection that is cut in the middle of a reply is made again.",
            run: |bench| Box::pin(network::cut(bench)),
        },
    ];

    fn room(&self) -> &super::Room {
        &self.room
    }
}
