//! Polling: four plain tools for each task, for any client that can call a tool.
//!
//! `count` becomes `count_start`, which answers at once with a token, and `count_status`,
//! `count_result` and `count_cancel`, which take that token. No client needs to know of MCP tasks,
//! and none has to stand a call longer than it likes.
//!
//! What goes wrong with such tools is the model: it starts the work a second time while the first
//! runs, asks twenty times a minute, or takes a question for a failure. So each answer says in
//! `next` what to do now, and `status` can wait for news.
//!
//! ```text
//! naming, config   what the operator sets            action    the four things a tool can do
//! tools            definition → tools                call      one tools/call → tasks → payload
//! payload, next    snapshot → what the client reads  schema    the shape of it, as promised
//! ```
//!
//! **Invariant:** nothing is kept between calls but the configuration. A route names action and
//! task, a token is the task's id, and everything else is asked of the host.

#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(
        dead_code,
        reason = "natively there are no exports, and the tests reach a part only"
    )
)]

mod action;
mod call;
mod config;
mod naming;
mod next;
mod payload;
mod schema;
mod tools;

#[allow(
    unsafe_code,
    missing_docs,
    clippy::all,
    clippy::pedantic,
    unreachable_pub,
    reason = "generated"
)]
mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit",
        world: "strategy-plugin",
        generate_all,
        additional_derives: [PartialEq],
    });

    // The names of the exports are no names to a native linker.
    #[cfg(target_arch = "wasm32")]
    use super::Polling;
    #[cfg(target_arch = "wasm32")]
    export!(Polling);
}

use std::cell::RefCell;
use std::rc::Rc;

use bindings::exports::taskhost::plugin::strategy::{
    Call, Caller, Document, DocumentBody, Error, Guest, PluginInfo, Prompt, Reference, Reply,
    TaskDefinition, Tool,
};
use bindings::taskhost::plugin::logging::{self, Level};
use config::Config;

struct Polling;

thread_local! {
    /// Written by `init` alone; a call keeps the one it began with.
    static CONFIG: RefCell<Rc<Config>> = RefCell::default();
}

impl Guest for Polling {
    fn describe() -> PluginInfo {
        PluginInfo {
            name: "polling".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: Some(env!("CARGO_PKG_DESCRIPTION").into()),
            config_schema: Some(config::schema()),
            observe_every_ms: None,
        }
    }

    async fn init(config: String) -> Result<(), Error> {
        let config = Config::read(&config).map_err(Error::InvalidInput)?;
        CONFIG.set(Rc::new(config));
        Ok(())
    }

    async fn list_tools(catalog: Vec<TaskDefinition>) -> Result<Vec<Tool>, Error> {
        let config = config();
        let mut tools = Vec::new();
        for definition in &catalog {
            match tools::of(definition, &config) {
                Ok(more) => tools.extend(more),
                // One definition that cannot be shown must not hide the others.
                Err(why) => logging::log(
                    Level::Warn,
                    "a task is not offered",
                    &[
                        ("task".into(), definition.name.clone()),
                        ("why".into(), why),
                    ],
                ),
            }
        }
        Ok(tools)
    }

    async fn call_tool(
        call: Call,
        caller: Caller,
        route: String,
        arguments: String,
    ) -> Result<Reply, Error> {
        let payload = call::carry_out(&config(), &call, &caller, &route, arguments).await?;
        Ok(Reply::Answer(payload.into_result()?))
    }

    async fn list_resources() -> Result<Vec<Document>, Error> {
        Ok(Vec::new())
    }

    async fn list_prompts() -> Result<Vec<Prompt>, Error> {
        Ok(Vec::new())
    }

    async fn get_prompt(
        _call: Call,
        _caller: Caller,
        name: String,
        _arguments: String,
    ) -> Result<Reply, Error> {
        Err(Error::UnknownTask(format!("there is no prompt `{name}`")))
    }

    async fn complete(
        _call: Call,
        _reference: Reference,
        _argument: String,
        _value: String,
    ) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    async fn list_resource_templates() -> Result<Vec<Document>, Error> {
        Ok(Vec::new())
    }

    async fn read_resource(_call: Call, uri: String) -> Result<(Document, DocumentBody), Error> {
        Err(Error::UnknownTask(format!("there is no `{uri}` here")))
    }
}

fn config() -> Rc<Config> {
    CONFIG.with_borrow(Rc::clone)
}
