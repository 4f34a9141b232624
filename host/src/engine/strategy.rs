//! A strategy component at work.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wasmtime::Store;
use wasmtime::component::{Accessor, Component as Code, HasSelf, Linker, Resource};

use super::actor::{Handle, Health, World};
use super::answer::CallError;
use super::backend::definition_out;
use super::component::Kind;
use super::linked::LinkedComponent;
use crate::capability::bindings::host::types as wire;
use crate::capability::bindings::strategy::exports::taskhost::plugin::strategy as wire_strategy;
use crate::capability::bindings::strategy::{StrategyPlugin, StrategyPluginPre};
use crate::capability::bindings::tasks;
use crate::capability::tasks::Call;
use crate::capability::{CallPort, Guest, Ports, convert};
use crate::task::{Definition, Json};

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
        let (handle, task) = self.spawn(name, ports, config, stop);
        (RunningStrategy { handle }, task)
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
    handle: Handle<StrategyPlugin>,
}

/// One tool, as a strategy wants it shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Unique over all strategies of a host.
    pub name: String,
    /// The strategy's own word for what it does.
    pub route: String,
    /// For lists.
    pub title: Option<String>,
    /// For models.
    pub description: Option<String>,
    /// An object.
    pub input_schema: Json,
    /// An object.
    pub output_schema: Option<Json>,
    /// MCP tool annotations: an object.
    pub annotations: Option<Json>,
    /// What clients that speak native tasks may do with it.
    pub task_support: TaskSupport,
}

/// What a client that speaks native tasks may do with a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskSupport {
    /// Nothing.
    Forbidden,
    /// Have it answered by a task.
    Optional,
    /// Nothing else than that.
    Required,
}

/// Who calls a tool, as far as a strategy may know.
#[derive(Clone, Debug, Default)]
pub struct ToolCaller {
    /// The client accepts a native task as the answer.
    pub accepts_task: bool,
    /// The client listens for progress of this call.
    pub wants_progress: bool,
    /// What the client calls itself.
    pub client_name: Option<String>,
}

/// The answer to one `tools/call`.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// MCP `CallToolResult`: an object.
    Answer(Json),
    /// This task answers natively. The text is a task id, not yet checked.
    Task(String, Option<Json>),
}

impl RunningStrategy {
    /// Configured name of the component.
    pub fn name(&self) -> &Arc<str> {
        self.handle.name()
    }

    /// How it is, now and from now on.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.handle.health()
    }

    /// The tools for this catalogue.
    pub async fn list_tools(&self, catalog: &[Definition]) -> Result<Vec<Tool>, CallError> {
        let catalog: Vec<_> = catalog.iter().map(definition_out).collect();
        let tools = self
            .handle
            .call("list-tools", |accessor, world| {
                Box::pin(async move {
                    world
                        .taskhost_plugin_strategy()
                        .call_list_tools(accessor, catalog)
                        .await
                })
            })
            .await?;
        tools
            .into_iter()
            .map(|tool| tool_in(tool).map_err(|error| self.rubbish("list-tools", error.0)))
            .collect()
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
        let caller = wire_strategy::Caller {
            accepts_task: caller.accepts_task,
            wants_progress: caller.wants_progress,
            client_name: caller.client_name,
        };
        let held = port.clone();
        let answer = self
            .handle
            .call("call-tool", move |accessor, world| {
                Box::pin(async move {
                    let call: Resource<Call> =
                        accessor.with(|mut access| access.get().table.push(Call(held)))?;
                    world
                        .taskhost_plugin_strategy()
                        .call_call_tool(accessor, call, caller, route, arguments)
                        .await
                })
            })
            .await;
        port.end();
        let rubbish = |error: convert::Rubbish| self.rubbish("call-tool", error.0);
        Ok(match answer? {
            wire_strategy::Reply::Answer(answer) => {
                Reply::Answer(convert::object_in("the answer", answer).map_err(rubbish)?)
            }
            wire_strategy::Reply::Task((id, meta)) => Reply::Task(
                id,
                meta.map(|meta| convert::object_in("`_meta`", meta))
                    .transpose()
                    .map_err(rubbish)?,
            ),
        })
    }

    fn rubbish(&self, function: &'static str, what: String) -> CallError {
        CallError::Rubbish {
            component: self.name().to_string(),
            function,
            what,
        }
    }
}

fn tool_in(tool: wire_strategy::Tool) -> Result<Tool, convert::Rubbish> {
    let name = tool.name;
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if name.is_empty() || name.len() > 128 || !name.chars().all(plain) {
        return Err(convert::Rubbish(format!(
            "`{}` is no name for a tool: letters, digits, `_`, `-` and `.`, at most 128",
            name.escape_debug()
        )));
    }
    let object =
        |what: &str, text: String| convert::object_in(&format!("the {what} of `{name}`"), text);
    Ok(Tool {
        input_schema: object("input schema", tool.input_schema)?,
        output_schema: tool
            .output_schema
            .map(|schema| object("output schema", schema))
            .transpose()?,
        annotations: tool
            .annotations
            .map(|annotations| object("annotations", annotations))
            .transpose()?,
        route: tool.route,
        title: tool.title,
        description: tool.description,
        task_support: match tool.task_support {
            wire_strategy::TaskSupport::Forbidden => TaskSupport::Forbidden,
            wire_strategy::TaskSupport::Optional => TaskSupport::Optional,
            wire_strategy::TaskSupport::Required => TaskSupport::Required,
        },
        name,
    })
}
