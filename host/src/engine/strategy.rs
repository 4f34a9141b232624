//! A strategy component at work.

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
use crate::capability::{CallPort, Guest, Meter, Ports, convert};
use crate::config::limits;
use crate::error::Report;
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
    /// MCP `_meta`: an object.
    pub meta: Option<Json>,
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
    /// Negotiated protocol revision.
    pub protocol: Option<String>,
    /// MCP `ClientCapabilities`: an object.
    pub capabilities: Option<Json>,
    /// Answers to an earlier [`Reply::InputRequired`]: an object.
    pub input_responses: Option<Json>,
    /// The state of that reply, checked to be the strategy's own.
    pub request_state: Option<String>,
}

/// The answer to one `tools/call`.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// MCP `CallToolResult`: an object.
    Answer(Json),
    /// This task answers natively. The text is a task id, not yet checked.
    Task(String, Option<Json>),
    /// The client is to call again, with answers.
    InputRequired {
        /// Method and parameters by key.
        requests: Vec<(String, Json)>,
        /// Given back with the answers.
        state: Option<String>,
    },
    /// A JSON-RPC error.
    Refused {
        /// Of JSON-RPC.
        code: i32,
        /// For the author of the client.
        message: String,
        /// Anything else.
        data: Option<Json>,
    },
}

/// A document that a strategy has, or a template of such.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Where, or the template of where.
    pub uri: String,
    /// For lists.
    pub name: String,
    /// What it is.
    pub mime_type: Option<String>,
    /// For models.
    pub description: Option<String>,
}

/// What is in a document.
#[derive(Clone, Debug, PartialEq)]
pub enum DocumentBody {
    /// Text.
    Text(String),
    /// Anything else.
    Blob(Vec<u8>),
}

/// A prompt that a strategy offers.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    /// Unique over all strategies of a host.
    pub name: String,
    /// For lists.
    pub title: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// In order.
    pub arguments: Vec<PromptArgument>,
}

/// One argument of a prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptArgument {
    /// Unique within the prompt.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Must be given.
    pub required: bool,
}

/// What is being completed.
#[derive(Clone, Debug, PartialEq)]
pub enum Reference {
    /// A prompt, by name.
    Prompt(String),
    /// A resource template.
    Document(String),
}

/// All that a strategy shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    /// In a stable order.
    pub tools: Vec<Tool>,
    /// In a stable order.
    pub prompts: Vec<Prompt>,
    /// In a stable order.
    pub documents: Vec<Document>,
    /// In a stable order.
    pub templates: Vec<Document>,
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

fn caller_out(caller: ToolCaller) -> wire_strategy::Caller {
    let text = |json: Json| json.text().to_owned();
    wire_strategy::Caller {
        accepts_task: caller.accepts_task,
        wants_progress: caller.wants_progress,
        client_name: caller.client_name,
        protocol: caller.protocol,
        capabilities: caller.capabilities.map_or_else(|| "{}".to_owned(), text),
        input_responses: caller.input_responses.map(text),
        request_state: caller.request_state,
    }
}

fn reply_in(reply: wire_strategy::Reply, most: usize) -> Result<Reply, convert::Rubbish> {
    Ok(match reply {
        wire_strategy::Reply::Answer(answer) => {
            Reply::Answer(convert::object_in("the answer", answer, most)?)
        }
        wire_strategy::Reply::Task((id, meta)) => Reply::Task(
            id,
            meta.map(|meta| convert::object_in("`_meta`", meta, most))
                .transpose()?,
        ),
        wire_strategy::Reply::InputRequired(wanted) => {
            if wanted
                .state
                .as_ref()
                .is_some_and(|state| state.len() > STATE)
            {
                return Err(convert::Rubbish(format!(
                    "the state of `input-required` has more than {STATE} bytes"
                )));
            }
            Reply::InputRequired {
                requests: wanted
                    .requests
                    .into_iter()
                    .map(|(key, request)| {
                        Ok((key, convert::object_in("a request", request, most)?))
                    })
                    .collect::<Result<_, _>>()?,
                state: wanted.state,
            }
        }
        wire_strategy::Reply::Refused(error) => Reply::Refused {
            code: error.code,
            message: error.message,
            data: error
                .data
                .map(|data| convert::json_in("the data of an error", data, most))
                .transpose()?,
        },
    })
}

/// What a strategy may have the client keep, in bytes: it travels twice with each round.
const STATE: usize = 4 << 10;

fn document_in(document: wire_strategy::Document) -> Document {
    Document {
        uri: document.uri,
        name: document.name,
        mime_type: document.mime_type,
        description: document.description,
    }
}

fn prompt_in(prompt: wire_strategy::Prompt) -> Prompt {
    Prompt {
        name: prompt.name,
        title: prompt.title,
        description: prompt.description,
        arguments: prompt
            .arguments
            .into_iter()
            .map(|argument| PromptArgument {
                name: argument.name,
                description: argument.description,
                required: argument.required,
            })
            .collect(),
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
    let object = |what: &str, text: String| {
        convert::object_in(&format!("the {what} of `{name}`"), text, limits::SCHEMA)
    };
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
        meta: tool.meta.map(|meta| object("`_meta`", meta)).transpose()?,
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
