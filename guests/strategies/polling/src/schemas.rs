//! The schemas that all tools of one action share, printed once.
//!
//! They depend on the configuration alone. A catalogue of a thousand tasks has five thousand tools, and
//! to make each of them its own costs more than all the rest of the list.

use serde_json::Value;
use taskhost_strategy_kit::guide::Id;
use taskhost_strategy_kit::input;
use taskhost_strategy_kit::payload::schema;

/// What the tools take and what they answer, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schemas {
    pub(crate) status: String,
    pub(crate) result: String,
    pub(crate) answer: String,
    pub(crate) cancel: String,
    /// Of every tool.
    pub(crate) output: String,
}

impl Schemas {
    /// `max_wait_seconds` is the longest that `status` waits; zero: it does not offer to.
    pub(crate) fn new(max_wait_seconds: u32) -> Self {
        let waiting = input::wait_seconds(max_wait_seconds);
        let answer = [token()].into_iter().chain(input::answer());
        Self {
            status: input::object([token()].into_iter().chain(waiting), &["token"]).to_string(),
            result: input::object([token()], &["token"]).to_string(),
            answer: input::object(answer, &["token", "key", "response"]).to_string(),
            cancel: input::object([token(), input::reason()], &["token"]).to_string(),
            output: schema::output(Id::Token).to_string(),
        }
    }
}

fn token() -> (&'static str, Value) {
    input::id(Id::Token, "the start tool")
}
