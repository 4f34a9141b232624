//! What exposure strategies share.
//!
//! A strategy is a component of its own, and says in a page or two how tasks look over MCP. What all
//! of them need is here, so that a token, a question or a failure reads the same wherever it comes
//! from:
//!
//! ```text
//! strategy   the interface, with defaults          interface  its words
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

/// The interface, by the names it is used by here.
pub mod interface {
    pub use taskhost_sdk::host::timers;
    pub use taskhost_sdk::strategy::{
        Call, Caller, Document, DocumentBody, InputRequired, Prompt, PromptArgument, Reference,
        Reply, RpcError, Snapshot, StartOptions, TaskSupport, Tool,
    };
    pub use taskhost_sdk::{
        Error, Failure, Observation, Outcome, Progress, Question, Response, TaskDefinition,
    };
}

pub use taskhost_sdk::{NoSettings, Settings, export_strategy, manifest};

#[cfg(not(target_family = "wasm"))]
pub use taskhost_sdk::mock;
