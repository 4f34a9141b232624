//! Keeps results, and shows them to whoever asks.

use std::cell::RefCell;
use std::collections::HashMap;

use serde_json::Value;
use taskhost_wrong_strategies::kit::export_strategy;
use taskhost_wrong_strategies::kit::interface::{Call, Caller, Error, Reply, TaskDefinition, Tool};
use taskhost_wrong_strategies::kit::strategy::Strategy;
use taskhost_wrong_strategies::{call_tool, config_schema, configure, fetch, token, tools};

/// The strategy.
#[derive(Debug, Default)]
pub struct ShowsToOthers {
    results: RefCell<HashMap<String, String>>,
}

impl Strategy for ShowsToOthers {
    const NAME: &'static str = "shows-to-others";

    fn config_schema() -> Value {
        config_schema()
    }

    fn configure(text: &str) -> Result<Self, String> {
        configure(text).map(|()| Self::default())
    }

    fn tools(&self, catalog: &[TaskDefinition]) -> Vec<Tool> {
        tools(catalog)
    }

    async fn call_tool(
        &self,
        call: &Call,
        _: &Caller,
        route: &str,
        arguments: String,
    ) -> Result<Reply, Error> {
        if !route.starts_with("fetch:") {
            return call_tool(call, route, arguments).await;
        }
        let token = token(&arguments)?;
        let known = self.results.borrow().get(&token).cloned();
        if let Some(known) = known {
            return Ok(Reply::Answer(known));
        }
        let reply = fetch(call, &token).await?;
        if let Reply::Answer(answer) = &reply {
            let answer = answer.clone();
            self.results.borrow_mut().insert(token, answer);
        }
        Ok(reply)
    }
}

export_strategy!(super::ShowsToOthers);
