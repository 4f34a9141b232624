//! What exposure strategies share.
//!
//! A strategy is a component of its own, and says in a page or two how tasks look over MCP. What all
//! of them need is here, so that a token, a question or a failure reads the same wherever it comes
//! from:
//!
//! ```text
//! strategy   the interface, with defaults          bindings   the same, as generated
//! action     what can be done with a task          naming     how tools are called
//! guide      how a client goes on, in words        payload    a task → what the client reads
//! input      arguments: schemas, and reading       lookup     token, answer, cancellation → task
//! pulse      what is reported, and when            follow     waiting, with heartbeats
//! question   questions → elicitation, and back     inline     waiting until there is an answer
//! companion  generic tools beside a strategy's     native     tasks of the protocol itself
//! duration   times in words                        description   tasks in words
//! config     what operators set                    limits     how long calls wait
//! sample     a task for tests
//! ```
//!
//! **Invariant:** nothing is kept between calls. A token is the task's id, and everything else is
//! asked of the host.

pub mod action;
pub mod companion;
pub mod config;
pub mod description;
pub mod duration;
pub mod follow;
pub mod guide;
pub mod inline;
pub mod input;
pub mod limits;
pub mod lookup;
pub mod naming;
pub mod native;
pub mod payload;
pub mod pulse;
pub mod question;
pub mod sample;
pub mod strategy;

#[allow(
    unsafe_code,
    missing_docs,
    clippy::all,
    clippy::pedantic,
    unreachable_pub,
    reason = "generated"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "strategy-plugin",
        generate_all,
        additional_derives: [PartialEq],
        pub_export_macro: true,
        default_bindings_module: "taskhost_strategy_kit::bindings",
    });
}

/// The interface, by the names it is used by here.
pub mod interface {
    pub use crate::bindings::exports::taskhost::plugin::strategy::{
        Call, Caller, Document, DocumentBody, Guest, InputRequired, Prompt, Reference, Reply,
        TaskSupport, Tool,
    };
    pub use crate::bindings::taskhost::plugin::tasks::{Snapshot, StartOptions};
    pub use crate::bindings::taskhost::plugin::types::{
        Error, Failure, Observation, Outcome, PluginInfo, Progress, Question, Response,
        TaskDefinition,
    };
    pub use crate::bindings::taskhost::plugin::{logging, timers};
}

#[doc(hidden)]
pub use wit_bindgen;
