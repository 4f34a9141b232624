//! Panics at a route that it does not know.

use taskhost_sdk::strategy::{Call, Caller, Reply, Strategy, Tool};
use taskhost_sdk::{Error, NoSettings, TaskDefinition, export_strategy};
use taskhost_wrong_strategies::{call_tool, tools};

/// The strategy.
#[derive(Debug)]
pub struct TrapsOnRoute;

impl Strategy for TrapsOnRoute {
    const NAME: &'static str = "traps-on-route";
    type Config = NoSettings;

    fn new(_: NoSettings) -> Result<Self, Error> {
        Ok(Self)
    }

    fn tools(&self, catalog: &[TaskDefinition]) -> Vec<Tool> {
        tools(catalog)
    }

    #[expect(clippy::unwrap_used, reason = "this is what is wrong with it")]
    async fn call_tool(
        &self,
        call: &Call,
        _: &Caller,
        route: &str,
        arguments: String,
    ) -> Result<Reply, Error> {
        route.split_once(':').unwrap();
        call_tool(call, route, arguments).await
    }
}

export_strategy!(TrapsOnRoute);
