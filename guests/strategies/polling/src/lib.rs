//! Polling: plain tools for each task, for any client that can call a tool.
//!
//! `count` becomes `count_start`, which answers at once with a token, and `count_status`,
//! `count_result`, `count_answer` and `count_cancel`, which take that token. No client needs to know
//! of MCP tasks, and none has to stand a call longer than it likes.
//!
//! What goes wrong with such tools is the model: it starts the work a second time while the first
//! runs, asks twenty times a minute, or takes a question for a failure. So each answer says in
//! `next` what to do now, and `status` can wait for news.
//!
//! ```text
//! config   what the operator sets          tools   definition → tools
//! guide    what is said of the next step   call    one tools/call → tasks → payload
//! schemas  what the tools have in common
//! ```

mod call;
mod config;
mod guide;
mod schemas;
mod tools;

use taskhost_strategy_kit::interface::{Call, Caller, Error, Reply, TaskDefinition, Tool};
use taskhost_strategy_kit::strategy::{Strategy, each};
use taskhost_strategy_kit::{export_strategy, manifest};

use config::Config;
use schemas::Schemas;

/// The strategy.
pub struct Polling {
    config: Config,
    schemas: Schemas,
}

impl Strategy for Polling {
    const NAME: &'static str = "polling";
    type Config = Config;

    fn new(config: Config) -> Result<Self, Error> {
        let schemas = Schemas::new(config.max_wait_seconds);
        Ok(Self { config, schemas })
    }

    fn tools(&self, catalog: &[TaskDefinition]) -> Vec<Tool> {
        each(catalog, |definition| {
            tools::of(definition, &self.config, &self.schemas)
        })
    }

    async fn call_tool(
        &self,
        call: &Call,
        caller: &Caller,
        route: &str,
        arguments: String,
    ) -> Result<Reply, Error> {
        call::carry_out(&self.config, call, caller, route, arguments)
            .await?
            .into_reply()
    }
}

export_strategy!(Polling);
manifest!();
