//! Has two tools of one name.

use serde_json::Value;
use taskhost_wrong_strategies::kit::export_strategy;
use taskhost_wrong_strategies::kit::interface::{Call, Caller, Error, Reply, TaskDefinition, Tool};
use taskhost_wrong_strategies::kit::strategy::Strategy;
use taskhost_wrong_strategies::{call_tool, config_schema, configure, tools};

/// The strategy.
#[derive(Debug)]
pub struct TwoOfOneName;

impl Strategy for TwoOfOneName {
    const NAME: &'static str = "two-of-one-name";

    fn config_schema() -> Value {
        config_schema()
    }

    fn configure(text: &str) -> Result<Self, String> {
        configure(text).map(|()| Self)
    }

    fn tools(&self, catalog: &[TaskDefinition]) -> Vec<Tool> {
        let mut tools = tools(catalog);
        for tool in &mut tools {
            tool.name = tool.name.replace("_fetch", "_start");
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

export_strategy!(super::TwoOfOneName);
