//! Shows tools that depend on when it was started.

use std::cell::Cell;

use serde_json::Value;
use taskhost_wrong_strategies::kit::export_strategy;
use taskhost_wrong_strategies::kit::interface::{
    Call, Caller, Error, Reply, TaskDefinition, Tool, timers,
};
use taskhost_wrong_strategies::kit::strategy::Strategy;
use taskhost_wrong_strategies::{call_tool, config_schema, configure, tools};

/// The strategy.
#[derive(Debug)]
pub struct ChangesAfterRestart {
    started_ms: Cell<u64>,
}

impl Strategy for ChangesAfterRestart {
    const NAME: &'static str = "changes-after-restart";

    fn config_schema() -> Value {
        config_schema()
    }

    fn configure(text: &str) -> Result<Self, String> {
        let started_ms = Cell::new(timers::now_ms());
        configure(text).map(|()| Self { started_ms })
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

export_strategy!(super::ChangesAfterRestart);
