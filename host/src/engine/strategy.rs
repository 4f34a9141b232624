//! A strategy component at work.

pub mod words;

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wasmtime::Store;
use wasmtime::component::{Accessor, Component as Code, HasSelf, Linker, Resource};

use super::actor::{Health, World};
use super::answer::CallError;
use super::backend::definition_out;
use super::component::Kind;
use super::linked::LinkedComponent;
use super::slot::Slot;
use crate::capability::bindings::host::types as wire;
use crate::capability::bindings::strategy::exports::taskhost::plugin::strategy as wire_strategy;
use crate::capability::bindings::strategy::{StrategyPlugin, StrategyPluginPre};
use crate::capability::bindings::tasks;
use crate::capability::tasks::Call;
use crate::capability::{CallPort, Guest, Meter, Ports};
use crate::config::limits;
use crate::error::Report;
use crate::task::{Definition, Json};
use words::{
    Document, DocumentBody, Reference, Reply, Shown, ToolCaller, caller_out, document_in,
    prompt_in, reply_in, tool_in,
};

/// A strategy component, linked and not running.
pub type LinkedStrategy = LinkedComponent<StrategyPlugin>;

impl LinkedStrategy {
    /// Starts it. The caller joins the task; `stop` ends it.
    pub fn run(
        &self,
        name: &str,
        ports: Ports,
        config: &Json,
        stop: CancellationToken,
    ) -> (RunningStrategy, JoinHandle<()>) {
        let (slot, task) = self.spawn(name, ports, config, stop);
        (RunningStrategy { slot }, task)
    }
}

impl World for StrategyPlugin {
    type Linked = StrategyPluginPre<Guest>;

    const KIND: Kind = Kind::Strategy;

    fn link(mut linker: Linker<Guest>, code: &Code) -> wasmtime::Result<Self::Linked> {
        tasks::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
        linker
            .instantiate_pre(code)
            .and_then(StrategyPluginPre::new)
    }

    async fn instantiate(
        linked: &Self::Linked,
        store: &mut Store<Guest>,
    ) -> wasmtime::Result<Self> {
        linked.instantiate_async(store).await
    }

    fn describe<'a>(
        &'a self,
        accessor: &'a Accessor<Guest>,
    ) -> BoxFuture<'a, wasmtime::Result<wire::PluginInfo>> {
        Box::pin(async move {
            self.taskhost_plugin_strategy()
                .call_describe(accessor)
                .await
        })
    }

    fn init<'a>(
        &'a self,
        accessor: &'a Accessor<Guest>,
        config: &'a str,
    ) -> BoxFuture<'a, wasmtime::Result<Result<(), wire::Error>>> {
        Box::pin(async move {
            self.taskhost_plugin_strategy()
                .call_init(accessor, config.to_owned())
                .await
        })
    }
}

/// A strategy at work. Cheap to clone.
#[derive(Clone)]
pub struct RunningStrategy {
    slot: Slot<StrategyPlugin>,
}

impl RunningStrategy {
    /// Puts `linked` in its place, when it is ready: returns its generation, or why nothing has changed. Calls
    /// under way end where they began.
    pub async fn replace(
        &self,
        linked: &LinkedStrategy,
        ports: Ports,
        config: &Json,
    ) -> Result<u64, Report> {
        linked.take(&self.slot, ports, config).await
    }

    /// Configured name of the component.
    pub fn name(&self) -> &Arc<str> {
        self.slot.name()
    }

    /// How it is, now and from now on.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.slot.health()
    }

    /// What it has used.
    pub fn meter(&self) -> &Arc<Meter> {
        self.slot.meter()
    }

    /// All that is shown for this catalogue.
    pub async fn show(&self, catalog: &[Definition]) -> Result<Shown, CallError> {
        let catalog: Vec<_> = catalog.iter().map(definition_out).collect();
        let tools = self
            .slot
            .call("list-tools", |accessor, world| {
                Box::pin(async move {
                    world
                        .taskhost_plugin_strategy()
                        .call_list_tools(accessor, catalog)
                        .await
                })
            })
            .await?;
        let prompts = self
            .slot
            .call("list-prompts", |accessor, world| {
                Box::pin(async move {
                    world
                        .taskhost_plugin_strategy()
                        .call_list_prompts(accessor)
                        .await
                })
            })
            .await?;
        let documents = self
            .slot
            .call("list-resources", |accessor, world| {
                Box::pin(async move {
                    world
                        .taskhost_plugin_strategy()
                        .call_list_resources(accessor)
                        .await
                })
            })
            .await?;
        let templates = self
            .slot
            .call("list-resource-templates", |accessor, world| {
                Box::pin(async move {
                    world
                        .taskhost_plugin_strategy()
                        .call_list_resource_templates(accessor)
                        .await
                })
            })
            .await?;
        for (function, number, most) in [
            ("list-tools", tools.len(), limits::TOOLS),
            ("list-prompts", prompts.len(), limits::DOCUMENTS),
            ("list-resources", documents.len(), limits::DOCUMENTS),
            (
                "list-resource-templates",
                templates.len(),
                limits::DOCUMENTS,
            ),
        ] {
            if number > most {
                return Err(self.rubbish(
                    function,
                    format!("{number} items, at most {most} are allowed"),
                ));
            }
        }
        Ok(Shown {
            tools: tools
                .into_iter()
                .map(|tool| tool_in(tool).map_err(|error| self.rubbish("list-tools", error.0)))
                .collect::<Result<_, _>>()?,
            prompts: prompts.into_iter().map(prompt_in).collect(),
            documents: documents.into_iter().map(document_in).collect(),
            templates: templates.into_iter().map(document_in).collect(),
        })
    }

    /// Answers one `tools/call` with the authority in `port`, which ends with the answer.
    pub async fn call_tool(
        &self,
        port: CallPort,
        caller: ToolCaller,
        route: String,
        arguments: &Json,
    ) -> Result<Reply, CallError> {
        let arguments = arguments.text().to_owned();
        let caller = caller_out(caller);
        let _ending = port.ending();
        let reply = self
            .slot
            .call("call-tool", move |accessor, world| {
                Box::pin(async move {
                    let call = lend(accessor, port)?;
                    world
                        .taskhost_plugin_strategy()
                        .call_call_tool(accessor, call, caller, route, arguments)
                        .await
                })
            })
            .await?;
        reply_in(reply, self.slot.limits().document)
            .map_err(|error| self.rubbish("call-tool", error.0))
    }

    /// Answers one `prompts/get` with the authority in `port`, which ends with the answer.
    pub async fn get_prompt(
        &self,
        port: CallPort,
        caller: ToolCaller,
        name: String,
        arguments: &Json,
    ) -> Result<Reply, CallError> {
        let arguments = arguments.text().to_owned();
        let caller = caller_out(caller);
        let _ending = port.ending();
        let reply = self
            .slot
            .call("get-prompt", move |accessor, world| {
                Box::pin(async move {
                    let call = lend(accessor, port)?;
                    world
                        .taskhost_plugin_strategy()
                        .call_get_prompt(accessor, call, caller, name, arguments)
                        .await
                })
            })
            .await?;
        reply_in(reply, self.slot.limits().document)
            .map_err(|error| self.rubbish("get-prompt", error.0))
    }

    /// What is in a document, for whoever is behind `port`.
    pub async fn read_resource(
        &self,
        port: CallPort,
        uri: String,
    ) -> Result<(Document, DocumentBody), CallError> {
        let _ending = port.ending();
        let (document, body) = self
            .slot
            .call("read-resource", move |accessor, world| {
                Box::pin(async move {
                    let call = lend(accessor, port)?;
                    world
                        .taskhost_plugin_strategy()
                        .call_read_resource(accessor, call, uri)
                        .await
                })
            })
            .await?;
        Ok((
            document_in(document),
            match body {
                wire_strategy::DocumentBody::Text(text) => DocumentBody::Text(text),
                wire_strategy::DocumentBody::Blob(bytes) => DocumentBody::Blob(bytes),
            },
        ))
    }

    /// Values for an argument.
    pub async fn complete(
        &self,
        port: CallPort,
        reference: Reference,
        argument: String,
        value: String,
    ) -> Result<Vec<String>, CallError> {
        let reference = match reference {
            Reference::Prompt(name) => wire_strategy::Reference::Prompt(name),
            Reference::Document(template) => wire_strategy::Reference::Document(template),
        };
        let _ending = port.ending();
        self.slot
            .call("complete", move |accessor, world| {
                Box::pin(async move {
                    let call = lend(accessor, port)?;
                    world
                        .taskhost_plugin_strategy()
                        .call_complete(accessor, call, reference, argument, value)
                        .await
                })
            })
            .await
    }

    fn rubbish(&self, function: &'static str, what: String) -> CallError {
        CallError::Rubbish {
            component: self.name().to_string(),
            function,
            what,
        }
    }
}

/// The resource that a guest acts with.
fn lend(accessor: &Accessor<Guest>, port: CallPort) -> wasmtime::Result<Resource<Call>> {
    Ok(accessor.with(|mut access| access.get().table.push(Call(port)))?)
}
