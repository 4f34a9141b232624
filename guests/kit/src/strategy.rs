//! The interface of a strategy, with an answer for what most of them do not offer.

use serde_json::Value;

use crate::interface::logging::{self, Level};
use crate::interface::{
    Call, Caller, Document, DocumentBody, Error, Prompt, Reference, Reply, TaskDefinition, Tool,
};

/// One exposure strategy: a configuration, and what it does with a catalogue and with calls.
///
/// Made by `init`, and replaced when `init` is called again; a call keeps the one it began with.
pub trait Strategy: Sized + 'static {
    /// Under which it is embedded.
    const NAME: &'static str;

    /// JSON Schema of the configuration: every key with a description and a default.
    fn config_schema() -> Value;

    /// The strategy with the configuration `text`, or what is wrong with it.
    fn configure(text: &str) -> Result<Self, String>;

    /// The tools for these tasks, in their order.
    fn tools(&self, catalog: &[TaskDefinition]) -> Vec<Tool>;

    /// Answers one `tools/call`.
    fn call_tool(
        &self,
        call: &Call,
        caller: &Caller,
        route: &str,
        arguments: String,
    ) -> impl Future<Output = Result<Reply, Error>>;

    /// Documents beside those of the host, which shows every task as `task://…` by itself.
    fn list_resources(&self) -> Vec<Document> {
        Vec::new()
    }

    /// Templates of such documents.
    fn list_resource_templates(&self) -> Vec<Document> {
        Vec::new()
    }

    /// One of these documents.
    fn read_resource(
        &self,
        _call: &Call,
        uri: String,
    ) -> impl Future<Output = Result<(Document, DocumentBody), Error>> {
        async move { Err(Error::UnknownTask(format!("there is no `{uri}` here"))) }
    }

    /// Prompts.
    fn list_prompts(&self) -> Vec<Prompt> {
        Vec::new()
    }

    /// One of these prompts.
    fn get_prompt(
        &self,
        _call: &Call,
        _caller: &Caller,
        name: String,
        _arguments: String,
    ) -> impl Future<Output = Result<Reply, Error>> {
        async move { Err(Error::InvalidInput(format!("there is no prompt `{name}`"))) }
    }

    /// Values for an argument of a prompt or a template.
    fn complete(
        &self,
        _call: &Call,
        _reference: Reference,
        _argument: String,
        _value: String,
    ) -> impl Future<Output = Vec<String>> {
        async { Vec::new() }
    }
}

/// The tools that `of` makes of each task. One that cannot be shown must not hide the others.
pub fn each(
    catalog: &[TaskDefinition],
    of: impl Fn(&TaskDefinition) -> Result<Vec<Tool>, String>,
) -> Vec<Tool> {
    let mut tools = Vec::new();
    for definition in catalog {
        match of(definition) {
            Ok(more) => tools.extend(more),
            Err(why) => skipped(&definition.name, why),
        }
    }
    tools
}

/// Says that a task has no tool, and why.
pub fn skipped(task: &str, why: String) {
    logging::log(
        Level::Warn,
        "a task is not offered",
        &[("task".into(), task.into()), ("why".into(), why)],
    );
}

/// Makes the component's exports of a [`Strategy`].
///
/// Nothing natively: the names of the exports are no names to a native linker.
#[macro_export]
macro_rules! export_strategy {
    ($strategy:ty) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "generated")]
        mod exported {
            use std::cell::RefCell;
            use std::rc::Rc;

            use $crate::interface::{
                Call, Caller, Document, DocumentBody, Error, Guest, PluginInfo, Prompt, Reference,
                Reply, TaskDefinition, Tool,
            };
            use $crate::strategy::Strategy;

            struct Component;

            type Exported = $strategy;

            thread_local! {
                static STRATEGY: RefCell<Option<Rc<Exported>>> = const { RefCell::new(None) };
            }

            fn strategy() -> Result<Rc<Exported>, Error> {
                STRATEGY
                    .with_borrow(Clone::clone)
                    .ok_or_else(|| Error::Internal("called before `init`".into()))
            }

            impl Guest for Component {
                fn describe() -> PluginInfo {
                    PluginInfo {
                        name: Exported::NAME.into(),
                        version: env!("CARGO_PKG_VERSION").into(),
                        description: Some(env!("CARGO_PKG_DESCRIPTION").into()),
                        config_schema: Some(Exported::config_schema().to_string()),
                        observe_every_ms: None,
                    }
                }

                async fn init(config: String) -> Result<(), Error> {
                    let configured = Exported::configure(&config).map_err(Error::InvalidInput)?;
                    STRATEGY.set(Some(Rc::new(configured)));
                    Ok(())
                }

                async fn list_tools(catalog: Vec<TaskDefinition>) -> Result<Vec<Tool>, Error> {
                    Ok(strategy()?.tools(&catalog))
                }

                async fn call_tool(
                    call: Call,
                    caller: Caller,
                    route: String,
                    arguments: String,
                ) -> Result<Reply, Error> {
                    strategy()?
                        .call_tool(&call, &caller, &route, arguments)
                        .await
                }

                async fn list_resources() -> Result<Vec<Document>, Error> {
                    Ok(strategy()?.list_resources())
                }

                async fn list_resource_templates() -> Result<Vec<Document>, Error> {
                    Ok(strategy()?.list_resource_templates())
                }

                async fn read_resource(
                    call: Call,
                    uri: String,
                ) -> Result<(Document, DocumentBody), Error> {
                    strategy()?.read_resource(&call, uri).await
                }

                async fn list_prompts() -> Result<Vec<Prompt>, Error> {
                    Ok(strategy()?.list_prompts())
                }

                async fn get_prompt(
                    call: Call,
                    caller: Caller,
                    name: String,
                    arguments: String,
                ) -> Result<Reply, Error> {
                    strategy()?.get_prompt(&call, &caller, name, arguments).await
                }

                async fn complete(
                    call: Call,
                    reference: Reference,
                    argument: String,
                    value: String,
                ) -> Result<Vec<String>, Error> {
                    Ok(strategy()?.complete(&call, reference, argument, value).await)
                }
            }

            $crate::bindings::export!(Component with_types_in $crate::bindings);
        }
    };
}
