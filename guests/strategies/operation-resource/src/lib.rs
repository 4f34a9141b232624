//! Operation as resource: one tool for each task, which answers at once with the task's address.
//!
//! A client that speaks native tasks gets one, with the address in its `_meta`. Any other gets an
//! answer that names the task, links to its result, and says how to read and subscribe to it: the
//! host shows every task as `task://ID`, and its result as `task://ID/result`.
//!
//! Many clients let no model read resources. For them there are tools that look at a task, answer it
//! and cancel it, unless the operator turns them off.

mod config;
mod handle;
mod tools;

use taskhost_strategy_kit::action::Action;
use taskhost_strategy_kit::config::Native;
use taskhost_strategy_kit::inline;
use taskhost_strategy_kit::interface::{Call, Caller, Error, Reply, TaskDefinition, Tool};
use taskhost_strategy_kit::strategy::{Strategy, each};
use taskhost_strategy_kit::{export_strategy, manifest};

use config::Config;

/// The strategy.
pub struct OperationResource {
    config: Config,
}

impl Strategy for OperationResource {
    const NAME: &'static str = "operation-resource";
    type Config = Config;

    fn new(config: Config) -> Result<Self, Error> {
        Ok(Self { config })
    }

    fn tools(&self, catalog: &[TaskDefinition]) -> Vec<Tool> {
        let mut tools = each(catalog, |definition| {
            Ok(vec![tools::of(definition, &self.config)?])
        });
        if let Some(companions) = &self.config.companions {
            tools.extend(companions.tools());
        }
        tools
    }

    async fn call_tool(
        &self,
        call: &Call,
        caller: &Caller,
        route: &str,
        arguments: String,
    ) -> Result<Reply, Error> {
        if let Some(companions) = &self.config.companions
            && let Some(action) = companions.read(route)
        {
            let name = |task: &str| self.config.naming.task(task);
            return companions
                .carry_out(action, call, caller, &arguments, name)
                .await;
        }
        let Some((Action::Start, task)) = Action::read(route) else {
            return Err(Error::Internal(format!(
                "`{route}` is no route of `operation-resource`"
            )));
        };
        let options = inline::options(false);
        let snapshot = call.start(task.into(), arguments, options).await?;
        if caller.accepts_task && self.config.native != Native::Forbidden {
            return Ok(handle::native(caller, &snapshot, &self.config));
        }
        handle::plain(&snapshot, &self.config)
    }
}

export_strategy!(OperationResource);
manifest!();
