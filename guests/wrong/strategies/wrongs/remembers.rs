//! Knows only the tokens that it has given out itself, and forgets them with the instance.

use std::cell::RefCell;
use std::collections::HashSet;

use taskhost_sdk::strategy::{Call, Caller, Reply, Strategy, Tool};
use taskhost_sdk::{Error, NoSettings, TaskDefinition, export_strategy};
use taskhost_wrong_strategies::{call_tool, token, tools};

/// The strategy.
#[derive(Debug, Default)]
pub struct Remembers {
    tokens: RefCell<HashSet<String>>,
}

impl Strategy for Remembers {
    const NAME: &'static str = "remembers";
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
        if route.starts_with("fetch:") && !self.tokens.borrow().contains(&token(&arguments)?) {
            return Err(Error::UnknownTask("not one of mine".into()));
        }
        let reply = call_tool(call, route, arguments).await?;
        if let (true, Reply::Answer(answer)) = (route.starts_with("start:"), &reply) {
            let id = answer.split(['"', '\\']).find(|word| word.len() == 40);
            self.tokens.borrow_mut().extend(id.map(str::to_owned));
        }
        Ok(reply)
    }
}

export_strategy!(Remembers);
