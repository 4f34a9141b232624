//! Keeps results, and shows them to whoever asks.

use std::cell::RefCell;
use std::collections::HashMap;

use taskhost_sdk::strategy::{Call, Caller, Reply, Strategy, Tool};
use taskhost_sdk::{Error, NoSettings, TaskDefinition, export_strategy};
use taskhost_wrong_strategies::{call_tool, fetch, token, tools};

/// The strategy.
#[derive(Debug, Default)]
pub struct ShowsToOthers {
    results: RefCell<HashMap<String, String>>,
}

impl Strategy for ShowsToOthers {
    const NAME: &'static str = "shows-to-others";
    type Config = NoSettings;

    fn new(_: NoSettings) -> Result<Self, Error> {
        Ok(Self::default())
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

export_strategy!(ShowsToOthers);
