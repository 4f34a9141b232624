//! Has two tools of one name.

use taskhost_sdk::strategy::{Call, Caller, Reply, Strategy, Tool};
use taskhost_sdk::{Error, NoSettings, TaskDefinition, export_strategy};
use taskhost_wrong_strategies::{call_tool, tools};

/// The strategy.
#[derive(Debug)]
pub struct TwoOfOneName;

impl Strategy for TwoOfOneName {
    const NAME: &'static str = "two-of-one-name";
    type Config = NoSettings;

    fn new(_: NoSettings) -> Result<Self, Error> {
        Ok(Self)
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

export_strategy!(TwoOfOneName);
