//! What asks for it: the words of the interface that a scenario tries.

use std::fmt;

/// Some words of one file of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clause {
    /// In `wit/`.
    pub file: &'static str,
    /// As they stand there.
    pub words: &'static str,
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wit/{}: \"{}\"", self.file, self.words)
    }
}

const fn backend(words: &'static str) -> Clause {
    Clause {
        file: "backend.wit",
        words,
    }
}

const fn strategy(words: &'static str) -> Clause {
    Clause {
        file: "strategy.wit",
        words,
    }
}

const fn types(words: &'static str) -> Clause {
    Clause {
        file: "types.wit",
        words,
    }
}

const fn host(words: &'static str) -> Clause {
    Clause {
        file: "host.wit",
        words,
    }
}

pub(super) const TRAP: Clause = backend("A trap ends the instance too (`TH0402`)");
pub(super) const BLOCKING: Clause =
    backend("wait with async imports only, since a blocking wait stops every other call");
pub(super) const NOTHING_HELD: Clause = backend("an instance holds nothing that matters");
pub(super) const CALL: Clause = backend("A call: 60 s.");
pub(super) const DESCRIBE: Clause = backend("Pure, and called before `init`");
pub(super) const INIT: Clause = backend("Once per instance, before anything else.");
pub(super) const NO_NETWORK_IN_INIT: Clause = backend(
    "a backend that cannot reach its engine says so in the calls that need it, and goes on trying by itself",
);
pub(super) const LIST_TASKS: Clause =
    backend("All tasks this backend can run now, in a stable order, 10,000 at most");
pub(super) const START: Clause = backend("Begin the work and return as soon as a handle exists");
pub(super) const START_AGAIN: Clause =
    backend("A known id gets the handle it got before, and nothing runs twice.");
pub(super) const START_ERROR: Clause = backend(
    "Any other error than `busy` and `unavailable` says that nothing has been started, and ends the task.",
);
pub(super) const OBSERVE: Clause =
    backend("What has become of these. Same length and order as `works`, at most 256.");
pub(super) const OBSERVE_AFTER_RESTART: Clause =
    backend("Called after a restart for every live task");
pub(super) const CANCEL: Clause = backend(
    "Ask it to stop. Idempotent, and repeated by the host until it is not `not-delivered`.",
);
pub(super) const CANCEL_ACCEPTED: Clause = backend("Heard. `observe` says when it has stopped.");
pub(super) const CANCEL_NOT_DELIVERED: Clause =
    backend("Nobody was there to hear it. The host keeps the wish and asks again.");
pub(super) const CANCEL_UNSUPPORTED: Clause =
    backend("This work cannot be stopped. It runs to its end.");
pub(super) const ANSWER: Clause = backend("Keys that are unknown or answered already are ignored.");
pub(super) const RELEASE: Clause = backend("whatever is kept for the task may go");
pub(super) const UNKNOWN: Clause = types(
    "The backend knows no such work. The host decides what that means; it is never \"pending\".",
);
pub(super) const JSON: Clause = types("A JSON document, UTF-8, at most 16 MiB.");
pub(super) const FINAL: Clause = types(
    "How a task ended. Final: the host ignores everything that a backend says of the task later.",
);
pub(super) const DEFINITION: Clause =
    types("Unique within the backend. Strategies derive tool names from it");
pub(super) const INPUT_SCHEMA: Clause = types("JSON Schema 2020-12 of the arguments object.");
pub(super) const CONFIG: Clause = types(
    "The host checks the operator's configuration against it first, so that a wrong key is an error with a name and a place.",
);
pub(super) const VERSION: Clause =
    types("Semantic version of the component, not of the interface.");
pub(super) const WORK: Clause = types("One piece of work as both sides know it.");
pub(super) const PUSH: Clause = host(
    "For the host only the newest observation of a task counts; a `finished` is never overtaken.",
);
pub(super) const CATALOG_CHANGED: Clause = host("`list-tasks` would answer differently now.");
pub(super) const STORAGE: Clause = host("A small durable map of this component alone");
pub(super) const CONNECT: Clause = host(
    "`denied` names the grant that would allow it; `unavailable`: no such name, refused, no answer within ten seconds",
);
pub(super) const CLOCK: Clause = host("Never goes back within one instance.");
pub(super) const TOOLS: Clause = strategy(
    "The tools for these tasks: deterministic, the same for every client, in a stable order.",
);
pub(super) const TOOL_NAME: Clause = strategy(
    "Unique over all strategies of a host: letters, digits, `_`, `-` and `.`, at most 128 characters.",
);
pub(super) const ROUTE: Clause =
    strategy("given back to `call-tool`, so that answering needs no memory of `list-tools`");
pub(super) const CALL_TOOL: Clause = strategy("Answer one `tools/call`.");
pub(super) const CALL_ERROR: Clause =
    strategy("An `error` becomes a tool result with `isError`, so that the model can read it.");
pub(super) const NO_STATE: Clause = strategy(
    "A strategy owns no task state. All it knows it asks of `tasks`, so it may be swapped or restarted at any moment.",
);
pub(super) const CALL_TRAP: Clause = strategy(
    "A trap fails the call with a coded error; the task that it started, if any, goes on.",
);
pub(super) const DOCUMENTS: Clause = strategy("Documents that there are now, in a stable order.");
pub(super) const NO_DOCUMENT: Clause =
    strategy("`unknown-task` where there is no such document, or not for this caller.");
pub(super) const AUTHORITY: Clause = host("a task of someone else is `unknown-task` here");
pub(super) const RESULT: Clause =
    host("one of more than 64 KiB is a preview and a link to its resource");
pub(super) const PENDING_NOTE: Clause = host(
    "Where the backend cannot be reached, the task is `pending` with a `note`, and the host goes on trying.",
);
pub(super) const BUSY: Clause =
    types("No room. Nothing happened. The number is a retry hint in milliseconds.");
pub(super) const QUESTION: Clause = types("Something only the client can say.");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interface_says_what_verdicts_quote() {
        let files = [
            ("backend.wit", include_str!("../../../wit/backend.wit")),
            ("strategy.wit", include_str!("../../../wit/strategy.wit")),
            ("types.wit", include_str!("../../../wit/types.wit")),
            ("host.wit", include_str!("../../../wit/host.wit")),
        ];
        for clause in [
            TRAP,
            BLOCKING,
            NOTHING_HELD,
            CALL,
            DESCRIBE,
            INIT,
            NO_NETWORK_IN_INIT,
            LIST_TASKS,
            START,
            START_AGAIN,
            START_ERROR,
            OBSERVE,
            OBSERVE_AFTER_RESTART,
            CANCEL,
            CANCEL_ACCEPTED,
            CANCEL_NOT_DELIVERED,
            CANCEL_UNSUPPORTED,
            ANSWER,
            RELEASE,
            UNKNOWN,
            JSON,
            FINAL,
            DEFINITION,
            INPUT_SCHEMA,
            CONFIG,
            VERSION,
            WORK,
            PUSH,
            CATALOG_CHANGED,
            STORAGE,
            CONNECT,
            CLOCK,
            TOOLS,
            TOOL_NAME,
            ROUTE,
            CALL_TOOL,
            CALL_ERROR,
            NO_STATE,
            CALL_TRAP,
            DOCUMENTS,
            NO_DOCUMENT,
            AUTHORITY,
            RESULT,
            PENDING_NOTE,
            BUSY,
            QUESTION,
        ] {
            let (_, text) = files.iter().find(|(name, _)| *name == clause.file).unwrap();
            let plain: Vec<_> = text
                .lines()
                .flat_map(|line| line.trim().trim_start_matches("///").split_whitespace())
                .collect();
            assert!(plain.join(" ").contains(clause.words), "{clause}");
        }
    }
}
