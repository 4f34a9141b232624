//! Panics at a route that it does not know.

use serde_json::Value;
use taskhost_wrong_strategies::kit::export_strategy;
use taskhost_wrong_strategies::kit::interface::{Call, Caller, Error, Reply, TaskDefinition, Tool};
use taskhost_wrong_strategies::kit::strategy::Strategy;
use taskhost_wrong_strategies::{call_tool, config_schema, configure, tools};

/// The strategy.
#[derive(Debug)]
pub struct TrapsOnRoute;

impl Strategy for TrapsOnRoute {
    const NAME: &'static str = "traps-on-route";

    fn config_schema() -> Value {
        config_schema()
    }

    fn configure(text: &str) -> Result<Self, String> {
        configure(text).map(|()| Self)
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

export_strategy!(super::TrapsOnRoute);
