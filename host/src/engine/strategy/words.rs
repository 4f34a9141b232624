//! What a strategy says and is told, in words of the host's own.
//!
//! What comes from a guest is checked here, once: names that clients take, JSON that is JSON, and nothing longer
//! than it may be. What is not is [`convert::Rubbish`], which says so of the place.

use crate::capability::bindings::strategy::exports::taskhost::plugin::strategy as wire_strategy;
use crate::capability::convert;
use crate::config::limits;
use crate::task::Json;

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

pub(super) fn caller_out(caller: ToolCaller) -> wire_strategy::Caller {
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

pub(super) fn reply_in(
    reply: wire_strategy::Reply,
    most: usize,
) -> Result<Reply, convert::Rubbish> {
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

pub(super) fn document_in(document: wire_strategy::Document) -> Document {
    Document {
        uri: document.uri,
        name: document.name,
        mime_type: document.mime_type,
        description: document.description,
    }
}

pub(super) fn prompt_in(prompt: wire_strategy::Prompt) -> Prompt {
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

pub(super) fn tool_in(tool: wire_strategy::Tool) -> Result<Tool, convert::Rubbish> {
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
