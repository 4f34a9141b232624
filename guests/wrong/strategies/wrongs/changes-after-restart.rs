//! Shows tools that depend on when it was started.

use std::cell::Cell;

use taskhost_sdk::host::timers;
use taskhost_sdk::strategy::{Call, Caller, Reply, Strategy, Tool};
use taskhost_sdk::{Error, NoSettings, TaskDefinition, export_strategy};
use taskhost_wrong_strategies::{call_tool, tools};

/// The strategy.
#[derive(Debug)]
pub struct ChangesAfterRestart {
    started_ms: Cell<u64>,
}

impl Strategy for ChangesAfterRestart {
    const NAME: &'static str = "changes-after-restart";
    type Config = NoSettings;

    fn new(_: NoSettings) -> Result<Self, Error> {
        let started_ms = Cell::new(timers::now_ms());
        Ok(Self { started_ms })
    }

    fn tools(&self, catalog: &[TaskDefinition]) -> Vec<Tool> {
        let mut tools = tools(catalog);
        for tool in &mut tools {
            tool.description = Some(format!("Since {}.", self.started_ms.get()));
        }
        tools
    }

    async fn call_tool(
        &self,
        call: &Call,
        _: &Caller,
        route: &str,
        arguments: String,
    ) -> Result<Reply, Error> {
        call_tool(call, route, arguments).await
    }
}

export_strategy!(ChangesAfterRestart);
