//! Single tool: one tool for each task, which does all there is to do with it.
//!
//! `count` takes an `action`, and what that action needs: `arguments` to start it, a `token` to check
//! it, fetch its result, cancel it or answer it. A fifth as many tools as with polling, for clients
//! that allow few, at the price of a schema that cannot say which arguments go together: a call that
//! lacks one is answered with its name.

mod call;
mod config;
mod need;
mod nested;
mod schemas;
mod tools;
mod verb;

use taskhost_strategy_kit::interface::{Call, Caller, Error, Reply, TaskDefinition, Tool};
use taskhost_strategy_kit::strategy::{Strategy, each};
use taskhost_strategy_kit::{export_strategy, manifest};

use config::Config;
use schemas::Schemas;

/// The strategy.
pub struct SingleTool {
    config: Config,
    schemas: Schemas,
}

impl Strategy for SingleTool {
    const NAME: &'static str = "single-tool";
    type Config = Config;

    fn new(config: Config) -> Result<Self, Error> {
        let schemas = Schemas::new(config.max_wait_seconds);
        Ok(Self { config, schemas })
    }

    fn tools(&self, catalog: &[TaskDefinition]) -> Vec<Tool> {
        each(catalog, |definition| {
            Ok(vec![tools::of(definition, &self.config, &self.schemas)?])
        })
    }

    async fn call_tool(
        &self,
        call: &Call,
        caller: &Caller,
        route: &str,
        arguments: String,
    ) -> Result<Reply, Error> {
        call::carry_out(&self.config, call, caller, route, &arguments)
            .await?
            .into_reply()
    }
}

export_strategy!(SingleTool);
manifest!();
