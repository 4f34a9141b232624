//! Dispatcher: four tools for everything, however many kinds of tasks there are.
//!
//! For catalogues that would drown a client in tools, and for clients that read the list of tools
//! only once: the names of the tools stay, and the kinds of tasks are an argument. What a kind takes
//! is said in a description, and no schema holds the client to it: so arguments that do not fit are
//! answered with those that would.

mod call;
mod catalogue;
mod config;
mod tools;

use std::cell::RefCell;
use std::rc::Rc;

use taskhost_strategy_kit::interface::{Call, Caller, Error, Reply, TaskDefinition, Tool};
use taskhost_strategy_kit::strategy::Strategy;
use taskhost_strategy_kit::{export_strategy, manifest};

use catalogue::Catalogue;
use config::Config;

/// The strategy.
pub struct Dispatcher {
    config: Config,
    /// As the host told it last. For words only: what is started is for the host to judge.
    catalogue: RefCell<Rc<Catalogue>>,
}

impl Strategy for Dispatcher {
    const NAME: &'static str = "dispatcher";
    type Config = Config;

    fn new(config: Config) -> Result<Self, Error> {
        Ok(Self {
            config,
            catalogue: RefCell::default(),
        })
    }

    fn tools(&self, catalog: &[TaskDefinition]) -> Vec<Tool> {
        let catalogue = Rc::new(Catalogue::of(catalog));
        self.catalogue.replace(Rc::clone(&catalogue));
        tools::of(&catalogue, &self.config)
    }

    async fn call_tool(
        &self,
        call: &Call,
        caller: &Caller,
        route: &str,
        arguments: String,
    ) -> Result<Reply, Error> {
        let catalogue = Rc::clone(&self.catalogue.borrow());
        call::carry_out(&self.config, &catalogue, call, caller, route, &arguments)
            .await?
            .into_reply()
    }
}

export_strategy!(Dispatcher);
manifest!();
