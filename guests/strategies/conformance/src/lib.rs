//! What the MCP conformance suite asks of a server, as a strategy.
//!
//! The suite names tools, prompts and resources, and says what each has to do. This component does
//! it, so that what the suite finds is the host's: the protocol in all its revisions, and nothing of
//! it in here. Names and words are the suite's. It is for tests, and not part of the binary.
//!
//! ```text
//! content     tools that answer at once        jobs        tasks of the `conformance` backend
//! notices     … that log and report            documents   resources and templates
//! questions   … that ask within the call       prompts     prompts and completion
//! rounds      … that ask by being called again tool, reply what all of them are made of
//! lists       … that change the lists
//! ```
//!
//! **Invariant:** nothing is kept between calls but which of the two lists is longer by one, and that
//! may be lost.

#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(
        dead_code,
        reason = "natively there are no exports, and the tests reach a part only"
    )
)]

mod content;
mod documents;
mod jobs;
mod lists;
mod notices;
mod prompts;
mod questions;
mod reply;
mod rounds;
mod tool;

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
    use super::Conformance;
    #[cfg(target_arch = "wasm32")]
    export!(Conformance);
}

use bindings::exports::taskhost::plugin::strategy::{
    Call, Caller, Document, DocumentBody, Error, Guest, PluginInfo, Prompt, Reference, Reply,
    TaskDefinition, Tool,
};
use tool::Route;

struct Conformance;

impl Guest for Conformance {
    fn describe() -> PluginInfo {
        PluginInfo {
            name: "conformance".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: Some(env!("CARGO_PKG_DESCRIPTION").into()),
            config_schema: None,
            observe_every_ms: None,
        }
    }

    async fn init(_config: String) -> Result<(), Error> {
        Ok(())
    }

    async fn list_tools(catalog: Vec<TaskDefinition>) -> Result<Vec<Tool>, Error> {
        let mut tools = content::tools();
        tools.extend(notices::tools());
        tools.extend(questions::tools());
        tools.extend(rounds::tools());
        tools.extend(jobs::tools(&catalog));
        tools.extend(lists::tools());
        Ok(tools)
    }

    async fn call_tool(
        call: Call,
        caller: Caller,
        route: String,
        arguments: String,
    ) -> Result<Reply, Error> {
        let (route, name) = Route::read(&route)?;
        match route {
            Route::Content => content::call(name, &arguments),
            Route::Notices => notices::call(&call, name).await,
            Route::Questions => questions::call(&call, &caller, name, &arguments).await,
            Route::Rounds => rounds::call(&caller, name),
            Route::Jobs => jobs::call(&call, &caller, name, arguments).await,
            Route::Lists => lists::call(&call, name),
        }
    }

    async fn list_resources() -> Result<Vec<Document>, Error> {
        Ok(documents::list())
    }

    async fn list_resource_templates() -> Result<Vec<Document>, Error> {
        Ok(documents::templates())
    }

    async fn read_resource(_call: Call, uri: String) -> Result<(Document, DocumentBody), Error> {
        documents::read(&uri)
    }

    async fn list_prompts() -> Result<Vec<Prompt>, Error> {
        Ok(prompts::list())
    }

    async fn get_prompt(
        _call: Call,
        caller: Caller,
        name: String,
        arguments: String,
    ) -> Result<Reply, Error> {
        prompts::get(&caller, &name, &arguments)
    }

    async fn complete(
        _call: Call,
        reference: Reference,
        argument: String,
        value: String,
    ) -> Result<Vec<String>, Error> {
        Ok(prompts::complete(&reference, &argument, &value))
    }
}
