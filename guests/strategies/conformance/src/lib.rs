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

use taskhost_sdk::{
    Call, Caller, Document, DocumentBody, Error, NoSettings, Prompt, Reference, Reply, Strategy,
    TaskDefinition, Tool, export_strategy, manifest,
};
use tool::Route;

/// The strategy.
pub struct Conformance;

impl Strategy for Conformance {
    const NAME: &'static str = "conformance";
    type Config = NoSettings;

    fn new(_config: NoSettings) -> Result<Self, Error> {
        Ok(Self)
    }

    fn tools(&self, catalog: &[TaskDefinition]) -> Vec<Tool> {
        let mut tools = content::tools();
        tools.extend(notices::tools());
        tools.extend(questions::tools());
        tools.extend(rounds::tools());
        tools.extend(jobs::tools(catalog));
        tools.extend(lists::tools());
        tools
    }

    async fn call_tool(
        &self,
        call: &Call,
        caller: &Caller,
        route: &str,
        arguments: String,
    ) -> Result<Reply, Error> {
        let (route, name) = Route::read(route)?;
        match route {
            Route::Content => content::call(name, &arguments),
            Route::Notices => notices::call(call, name).await,
            Route::Questions => questions::call(call, caller, name, &arguments).await,
            Route::Rounds => rounds::call(caller, name),
            Route::Jobs => jobs::call(call, caller, name, arguments).await,
            Route::Lists => lists::call(call, name),
        }
    }

    fn list_resources(&self) -> Vec<Document> {
        documents::list()
    }

    fn list_resource_templates(&self) -> Vec<Document> {
        documents::templates()
    }

    async fn read_resource(
        &self,
        _call: &Call,
        uri: String,
    ) -> Result<(Document, DocumentBody), Error> {
        documents::read(&uri)
    }

    fn list_prompts(&self) -> Vec<Prompt> {
        prompts::list()
    }

    async fn get_prompt(
        &self,
        _call: &Call,
        caller: &Caller,
        name: String,
        arguments: String,
    ) -> Result<Reply, Error> {
        prompts::get(caller, &name, &arguments)
    }

    async fn complete(
        &self,
        _call: &Call,
        reference: Reference,
        argument: String,
        value: String,
    ) -> Vec<String> {
        prompts::complete(&reference, &argument, &value)
    }
}

export_strategy!(Conformance);
manifest!();
