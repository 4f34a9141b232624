//! What is answered to each request, whatever it came through.
//!
//! rmcp makes one of these for each HTTP session and for each stateless request, so it is two pointers.
//! What each protocol revision has of its own is elsewhere: [`super::legacy`] for the tasks of
//! 2025-11-25, [`super::subscriptions`] for the streams of 2026-07-28.

#![allow(
    deprecated,
    reason = "log messages and sampling are deprecated from 2026-07-28 on, and clients of older revisions use them"
)]

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::FutureExt as _;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelTaskParams, ClientCapabilities,
    CompleteRequestParams, CompleteResult, CompletionInfo, CustomRequest, CustomResult,
    DetailedTask, ErrorCode, GetPromptRequestParams, GetPromptResponse, GetTaskParams,
    GetTaskResult, Implementation, InitializeRequestParams, InitializeResult, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, Reference, ServerCapabilities, ServerConfig,
    SetLevelRequestParams, SubscribeRequestParams, Tool, UnsubscribeRequestParams,
    UpdateTaskParams,
};
use rmcp::service::{NotificationContext, RequestContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::audience::{Audience, Changes};
use super::counterpart::{Counterpart, is_modern, severity};
use super::ending::Ending;
use super::progress::Relay;
use super::reroute::{Era, Reroute};
use super::seal::Seal;
use super::session::Session;
use super::speaker::Way;
use super::{convert, documents, legacy, page, projection, question, subscriptions};
use crate::error::Report;
use crate::plugin::{
    self, CallError, Caller, Reply, TaskError, TaskSupport, Tasks as _, ToolCaller, Wishes,
};
use crate::service::Service;
use crate::service::toolbox::Toolbox;
use crate::task::{Json, Open, Phase};

/// The handler of all requests of one connection. Cheap to clone.
#[derive(Clone)]
pub(super) struct Server {
    inner: Arc<Inner>,
    session: Arc<Session>,
}

struct Inner {
    service: Service,
    way: Way,
    audience: Audience,
    ending: Ending,
    reroute: Reroute,
    seal: Seal,
    /// Calls that have no answer yet.
    calls: TaskTracker,
    /// What goes on after an answer: telling sessions of their tasks and documents.
    followers: TaskTracker,
    /// Until when incomplete tools are waited for.
    complete_by: OnceLock<Instant>,
}

/// A call of 2025-11-25 that asks for a task.
#[derive(Clone, Copy, Debug)]
pub(super) struct Augmented {
    /// How long the client wants it kept, from its creation on.
    pub(super) ttl_ms: Option<u64>,
}

/// How long the first client waits for a backend that is still starting. One that takes longer, or is
/// down, holds up nobody after that: its tools come with a notification.
const PATIENCE: Duration = Duration::from_secs(5);
/// The key of a client's own name for what it starts, in `_meta` of a call.
const IDEMPOTENCY_KEY: &str = "taskhost/idempotencyKey";
/// Tasks that are looked through to complete the name of one.
const NAMES: usize = 1_000;

/// What models are told of this server as a whole.
const INSTRUCTIONS: &str = "\
Runs long tasks in the background. A tool that starts a task gives its result or a token; the task then \
goes on by itself, also when this conversation ends. Keep the token, and ask for the status with it until the \
task is over, letting the tool wait for you where it offers to rather than asking again and again. Never \
start the same work a second time because an answer is late: look at the tasks that are active first.";

impl Server {
    pub(super) fn new(service: Service, way: Way, ending: Ending, reroute: Reroute) -> Self {
        Self {
            inner: Arc::new(Inner {
                service,
                way,
                audience: Audience::default(),
                ending,
                reroute,
                seal: Seal::default(),
                calls: TaskTracker::new(),
                followers: TaskTracker::new(),
                complete_by: OnceLock::new(),
            }),
            session: Arc::default(),
        }
    }

    /// The same server for another connection.
    pub(super) fn in_session(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            session: Arc::default(),
        }
    }

    /// Tells clients of new tools, for ever.
    pub(super) async fn keep_informed(&self) {
        let inner = &self.inner;
        inner.audience.keep_informed(inner.service.toolbox()).await;
        std::future::pending::<()>().await;
    }

    /// Resolves when no call is waiting for its answer.
    pub(super) async fn all_answered(&self) {
        self.inner.calls.close();
        self.inner.calls.wait().await;
    }

    /// Resolves when nobody is told of anything any more. Nothing new begins by then.
    pub(super) async fn none_followed(&self) {
        self.inner.followers.close();
        self.inner.followers.wait().await;
    }

    /// The private names that this server knows.
    pub(super) fn reroute(&self) -> &Reroute {
        &self.inner.reroute
    }

    pub(super) fn service(&self) -> &Service {
        &self.inner.service
    }

    /// How often the lists have changed, now and from now on.
    pub(super) fn changes(&self) -> watch::Receiver<Changes> {
        self.inner.audience.changes()
    }

    /// Resolves when nothing new begins.
    pub(super) async fn closing(&self) {
        self.inner.ending.closing.cancelled().await;
    }

    /// Cancelled when this connection ends, or the server.
    pub(super) fn session_ends(&self) -> CancellationToken {
        self.session.ends()
    }

    /// Runs `telling` beside the requests, until it ends or the server does.
    pub(super) fn follow(&self, telling: impl Future<Output = ()> + Send + 'static) {
        let closing = self.inner.ending.closing.clone();
        self.inner.followers.spawn(async move {
            closing.run_until_cancelled(telling).await;
        });
    }

    /// Whoever asks, with nothing but the right to ask.
    pub(super) fn caller(&self, context: &RequestContext<RoleServer>) -> Caller {
        Caller {
            via: "the protocol".into(),
            ..Caller::absent(self.inner.way.speaker(&context.extensions))
        }
    }

    /// Whether this caller can be told apart from others, and so may have a list of its own.
    pub(super) fn lists(caller: &Caller) -> bool {
        !caller.principal.is_nobody()
    }

    /// The tools, complete unless that takes too long.
    async fn toolbox(&self) -> Arc<Toolbox> {
        let inner = &self.inner;
        let mut toolbox = inner.service.toolbox();
        let until = *(inner.complete_by).get_or_init(|| Instant::now() + PATIENCE);
        tokio::select! {
            _ = timeout_at(until, toolbox.wait_for(|toolbox| toolbox.complete)) => {}
            () = inner.ending.overdue.cancelled() => {}
        }
        toolbox.borrow().clone()
    }

    /// One page of the tools.
    pub(super) async fn list_tools_page(
        &self,
        request: Option<PaginatedRequestParams>,
    ) -> Result<ListToolsResult, ErrorData> {
        let toolbox = self.toolbox().await;
        self.inner.audience.shown(&toolbox);
        let tools = toolbox.tools().filter_map(convert::tool_out).collect();
        let (tools, next) = page::cut(tools, request)?;
        let mut result = ListToolsResult::with_all_items(tools);
        result.next_cursor = next;
        Ok(result)
    }

    /// Answers a `tools/call`. `augmented`: it asks for a task as 2025-11-25 does.
    pub(super) async fn answer(
        &self,
        request: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
        augmented: Option<Augmented>,
    ) -> Result<Reply, ErrorData> {
        let name = request.name;
        let early = {
            let toolbox = self.inner.service.toolbox();
            let toolbox = toolbox.borrow();
            !toolbox.complete && toolbox.find(&name).is_none()
        };
        if early {
            self.toolbox().await;
        }
        let native = augmented.is_some() || speaks_tasks(context);
        self.check_support(&name, native, context)?;
        let seal = self.inner.seal.of(self, context, "tools/call", &name);
        let (mut caller, mut who, relay) = self.introduce(context);
        caller.wishes.retention_ms = augmented.and_then(|augmented| augmented.ttl_ms);
        caller.via = name.as_ref().into();
        who.accepts_task = native;
        (who.input_responses, who.request_state) = seal
            .open(request.input_responses, request.request_state)
            .await?;
        let arguments = convert::arguments_in(request.arguments);
        let bound = caller.clone();
        let call = self.inner.service.call_tool(caller, who, &name, &arguments);
        let reply = tokio::select! {
            reply = relay.during(call) => convert::reply_in(&name, reply)?,
            () = context.ct.cancelled() => {
                self.inner.service.abandon(&bound);
                // Nobody reads this one.
                return Err(ErrorData::internal_error("cancelled", None));
            }
        };
        seal.close(reply).await
    }

    /// Refuses calls for which the tool has no answer in this protocol.
    fn check_support(
        &self,
        name: &str,
        native: bool,
        context: &RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let support = (self.inner.service.toolbox().borrow())
            .find(name)
            .map(|tool| tool.task_support);
        if native || support != Some(TaskSupport::Required) {
            return Ok(());
        }
        if is_modern(context) {
            return Err(tasks_not_declared());
        }
        Err(ErrorData::new(
            ErrorCode::METHOD_NOT_FOUND,
            format!("`{name}` can only be called as a task"),
            None,
        ))
    }

    /// The caller of `context` as strategies and the service know it, and the relay that runs its call.
    fn introduce(&self, context: &RequestContext<RoleServer>) -> (Caller, ToolCaller, Relay) {
        let (client, logs) = Counterpart::of(context, self.session.level());
        let token = context.meta.get_progress_token();
        let listens = token.is_some();
        let (progress, relay) = Relay::new(context.peer.clone(), token, logs);
        let meta = serde_json::to_value(&context.meta).unwrap_or_default();
        let caller = Caller {
            progress: listens.then_some(progress),
            client: Some(Arc::new(client)),
            wishes: Wishes {
                idempotency_key: meta[IDEMPOTENCY_KEY].as_str().map(str::to_owned),
                retention_ms: None,
            },
            ..self.caller(context)
        };
        let who = ToolCaller {
            accepts_task: false,
            wants_progress: listens,
            client_name: context.client_info().map(|client| client.name),
            protocol: (context.protocol_version()).map(|version| version.to_string()),
            capabilities: (context.client_capabilities())
                .and_then(|capabilities| serde_json::to_value(capabilities).ok())
                .map(|capabilities| Json::of(&capabilities)),
            ..ToolCaller::default()
        };
        (caller, who, relay)
    }

    /// Runs `answering` so that whoever asked gets an answer in any case.
    async fn answered<T>(
        &self,
        context: &RequestContext<RoleServer>,
        answering: impl Future<Output = Result<T, ErrorData>>,
        leaving: impl FnOnce() -> Result<T, ErrorData>,
    ) -> Result<T, ErrorData> {
        let _unanswered = self.inner.calls.token();
        tokio::select! {
            biased;
            answer = AssertUnwindSafe(answering).catch_unwind() => {
                answer.unwrap_or_else(|_| Err(ErrorData::internal_error("a defect of the host", None)))
            }
            () = context.ct.cancelled() => Err(ErrorData::internal_error("cancelled", None)),
            () = self.inner.ending.overdue.cancelled() => leaving(),
        }
    }

    /// The task of 2026-07-28 with this id.
    fn task(
        &self,
        id: &str,
        context: &RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        modern_only(context, "tasks/get")?;
        let snapshot = (self.inner.service.get(&self.caller(context), id))
            .map_err(|error| convert::protocol_error(&error))?;
        let task: DetailedTask = serde_json::from_value(projection::v2_detailed(&snapshot))
            .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        let mut result = GetTaskResult::new(task);
        convert::sign(&mut result.meta, &myself());
        Ok(result)
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_prompts()
            .enable_prompts_list_changed()
            .enable_resources()
            .enable_resources_list_changed()
            .enable_resources_subscribe()
            .enable_completions()
            .enable_logging()
            .enable_tasks()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(myself())
            .with_instructions(INSTRUCTIONS)
    }

    /// The extension is of 2026-07-28: whoever says `initialize` must not see it.
    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        context.peer.set_peer_info(request.clone());
        let mut result = self.negotiate_initialize(&request)?;
        result.capabilities.extensions = None;
        Ok(result)
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut result = self.list_tools_page(request).await?;
        sign(&context, &mut result.meta);
        Ok(result)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let toolbox = self.inner.service.toolbox();
        let toolbox = toolbox.borrow();
        toolbox.find(name).and_then(convert::tool_out)
    }

    /// # Cancel safety
    ///
    /// A client that takes back its request ends the waiting. What the call has started goes on, unless
    /// the strategy has bound it to the call.
    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let name = request.name.clone();
        let answering = async {
            let reply = self.answer(request, &context, None).await?;
            if let Reply::Task(id, meta) = reply {
                let snapshot = (self.inner.service.get(&self.caller(&context), &id))
                    .map_err(|error| convert::protocol_error(&error))?;
                return convert::task_out(&snapshot, meta);
            }
            convert::answer_out(&name, reply)
        };
        let leaving = || Ok(convert::failed(&leaving()).into());
        let mut response = self.answered(&context, answering, leaving).await?;
        match &mut response {
            CallToolResponse::Complete(result) => sign(&context, &mut result.meta),
            CallToolResponse::InputRequired(result) => sign(&context, &mut result.meta),
            CallToolResponse::Task(result) => sign(&context, &mut result.meta),
            _ => {}
        }
        Ok(response)
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let toolbox = self.toolbox().await;
        let prompts = toolbox.prompts().map(documents::prompt_out).collect();
        let (prompts, next) = page::cut(prompts, request)?;
        let mut result = ListPromptsResult::with_all_items(prompts);
        result.next_cursor = next;
        sign(&context, &mut result.meta);
        Ok(result)
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let name = request.name.clone();
        let answering = async {
            let seal = self.inner.seal.of(self, &context, "prompts/get", &name);
            let (caller, mut who, relay) = self.introduce(&context);
            (who.input_responses, who.request_state) = seal
                .open(request.input_responses, request.request_state)
                .await?;
            let arguments = convert::arguments_in(request.arguments);
            let service = &self.inner.service;
            let reply = relay
                .during(service.get_prompt(caller, who, &name, &arguments))
                .await
                .map_err(|error| convert::protocol_error(&error))?;
            convert::prompt_answer_out(&name, seal.close(reply).await?)
        };
        let leaving = || Err(convert::protocol_error(&leaving()));
        let mut response = self.answered(&context, answering, leaving).await?;
        match &mut response {
            GetPromptResponse::Complete(result) => sign(&context, &mut result.meta),
            GetPromptResponse::InputRequired(result) => sign(&context, &mut result.meta),
            _ => {}
        }
        Ok(response)
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let toolbox = self.toolbox().await;
        let resources = toolbox.documents().map(documents::resource_out).collect();
        let (resources, next) = page::cut(resources, request)?;
        let mut result = ListResourcesResult::with_all_items(resources);
        result.next_cursor = next;
        sign(&context, &mut result.meta);
        Ok(result)
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let toolbox = self.toolbox().await;
        let own = documents::templates().into_iter();
        let templates = own.chain(toolbox.templates().map(documents::template_out));
        let (templates, next) = page::cut(templates.collect(), request)?;
        let mut result = ListResourceTemplatesResult::with_all_items(templates);
        result.next_cursor = next;
        sign(&context, &mut result.meta);
        Ok(result)
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let caller = self.caller(&context);
        let reading = documents::read(&self.inner.service, &caller, &request.uri);
        let leaving = || Err(convert::protocol_error(&leaving()));
        let mut result = self.answered(&context, reading, leaving).await?;
        sign(&context, &mut result.meta);
        Ok(result.into())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let caller = self.caller(&context);
        let argument = request.argument;
        let values = match request.r#ref {
            Reference::Resource(template) if template.uri.starts_with("task:") => {
                self.names(&caller, &argument.value)?
            }
            Reference::Resource(template) => {
                let reference = plugin::Reference::Document(template.uri);
                let service = &self.inner.service;
                let values = service.complete(&caller, reference, argument.name, argument.value);
                values
                    .await
                    .map_err(|error| convert::protocol_error(&error))?
            }
            Reference::Prompt(prompt) => {
                let reference = plugin::Reference::Prompt(prompt.name);
                let service = &self.inner.service;
                let values = service.complete(&caller, reference, argument.name, argument.value);
                values
                    .await
                    .map_err(|error| convert::protocol_error(&error))?
            }
            _ => {
                return Err(ErrorData::invalid_params(
                    "`ref` is a prompt or a resource template",
                    None,
                ));
            }
        };
        let more = values.len() > CompletionInfo::MAX_VALUES;
        let shown = values
            .into_iter()
            .take(CompletionInfo::MAX_VALUES)
            .collect();
        let mut completion =
            CompletionInfo::new(shown).map_err(|error| ErrorData::internal_error(error, None))?;
        completion.has_more = Some(more);
        let mut result = CompleteResult::new(completion);
        sign(&context, &mut result.meta);
        Ok(result)
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let caller = self.caller(&context);
        if let Some((id, _)) = documents::of_task(&request.uri) {
            (self.inner.service.get(&caller, id)).map_err(|error| {
                let data = Some(json!({"uri": request.uri}));
                ErrorData::resource_not_found(error.report().to_string(), data)
            })?;
        }
        let Some(until) = self.session.subscribe(&request.uri) else {
            return Err(ErrorData::invalid_params(
                "this session follows too many documents: unsubscribe from some",
                None,
            ));
        };
        self.follow(subscriptions::follow_document(
            self.inner.service.clone(),
            caller,
            request.uri,
            context.peer,
            until,
        ));
        Ok(())
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.session.unsubscribe(&request.uri);
        Ok(())
    }

    async fn set_level(
        &self,
        request: SetLevelRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let level = serde_json::to_value(request.level).unwrap_or_default();
        if let Some(level) = level.as_str().and_then(severity) {
            self.session.set_level(level);
        }
        Ok(())
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        self.task(&request.task_id, &context)
    }

    /// Keys that are unknown or answered already are ignored; an answer that does not fit is refused.
    async fn update_task(
        &self,
        request: UpdateTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        modern_only(&context, "tasks/update")?;
        let caller = self.caller(&context);
        let service = &self.inner.service;
        let id = &request.task_id;
        let snapshot =
            (service.get(&caller, id)).map_err(|error| convert::protocol_error(&error))?;
        let Some(Open {
            phase: Phase::AwaitingInput(questions),
            ..
        }) = snapshot.record.open()
        else {
            return Ok(());
        };
        for open in questions {
            let Some(result) = request.input_responses.get(&open.key) else {
                continue;
            };
            let response = question::response(open, result).map_err(|why| {
                ErrorData::invalid_params(format!("the answer to `{}`: {why}", open.key), None)
            })?;
            let answered = service.answer(&caller, id, open.key.clone(), response);
            answered
                .await
                .map_err(|error| convert::protocol_error(&error))?;
        }
        Ok(())
    }

    /// Acknowledged whatever comes of it: cancellation is a wish.
    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        modern_only(&context, "tasks/cancel")?;
        let caller = self.caller(&context);
        match (self.inner.service)
            .cancel(&caller, &request.task_id, None)
            .await
        {
            // A task that cannot be stopped runs to its end.
            Ok(_) | Err(TaskError::Unsupported(_)) => Ok(()),
            Err(error) => Err(convert::protocol_error(&error)),
        }
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        self.inner.audience.join(context.peer);
    }

    /// Whatever rmcp does not know, which includes what it knows with parameters that it cannot read.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let params = request.params.unwrap_or_else(|| json!({}));
        let leaving = || Err(convert::protocol_error(&leaving()));
        let result = match self.inner.reroute.outbound(&request.method) {
            Some((Era::V1, method)) => {
                let answering = legacy::answer(self, method, &params, &context);
                self.answered(&context, answering, leaving).await?
            }
            Some((Era::V2, _)) => {
                let caller = self.caller(&context);
                let native = speaks_tasks(&context);
                let mut result =
                    subscriptions::listen(self, &caller, &params, native, &context).await?;
                result["_meta"]["io.modelcontextprotocol/serverInfo"] =
                    serde_json::to_value(myself()).unwrap_or_default();
                result
            }
            None if is_known(&request.method, &context) => {
                return Err(ErrorData::invalid_params(
                    format!("the parameters of `{}` do not fit", request.method),
                    None,
                ));
            }
            None => {
                return Err(ErrorData::new(
                    ErrorCode::METHOD_NOT_FOUND,
                    request.method,
                    None,
                ));
            }
        };
        Ok(CustomResult(result))
    }
}

impl Server {
    /// Names of the caller's own tasks that begin like `begin`, the newest first.
    fn names(&self, caller: &Caller, begin: &str) -> Result<Vec<String>, ErrorData> {
        if !Self::lists(caller) {
            return Ok(Vec::new());
        }
        let tasks = (self.inner.service)
            .tasks_of(caller, None, NAMES)
            .map_err(|error| convert::protocol_error(&error))?;
        Ok(tasks
            .iter()
            .map(|snapshot| snapshot.record.id().to_string())
            .filter(|id| id.starts_with(begin))
            .collect())
    }
}

/// Whether it is there, and rmcp could not read its parameters.
fn is_known(method: &str, context: &RequestContext<RoleServer>) -> bool {
    let is_gone = method == "initialize" && is_modern(context);
    KNOWN.contains(&method) && !is_gone
}

/// Methods that rmcp hands on as unknown when it cannot read their parameters.
const KNOWN: [&str; 9] = [
    "initialize",
    "tools/call",
    "tools/list",
    "prompts/get",
    "resources/read",
    "completion/complete",
    "tasks/get",
    "tasks/update",
    "tasks/cancel",
];

/// Whether this request declares the tasks of 2026-07-28. What an older session declared does not count.
fn speaks_tasks(context: &RequestContext<RoleServer>) -> bool {
    is_modern(context)
        && (context.client_capabilities()).is_some_and(|capabilities| capabilities.supports_tasks())
}

/// The answer to whoever needs to have declared tasks and has not.
pub(super) fn tasks_not_declared() -> ErrorData {
    ErrorData::missing_required_client_capability(
        ClientCapabilities::builder().enable_tasks().build(),
    )
}

fn modern_only(context: &RequestContext<RoleServer>, method: &str) -> Result<(), ErrorData> {
    if is_modern(context) {
        return Ok(());
    }
    Err(ErrorData::new(
        ErrorCode::METHOD_NOT_FOUND,
        method.to_owned(),
        None,
    ))
}

/// Adds who answered, for clients that expect it.
fn sign(context: &RequestContext<RoleServer>, meta: &mut Option<rmcp::model::MetaObject>) {
    if is_modern(context) {
        convert::sign(meta, &myself());
    }
}

fn myself() -> Implementation {
    Implementation::new("taskhost", env!("CARGO_PKG_VERSION"))
}

fn leaving() -> TaskError {
    TaskError::Unavailable(
        Report::from(&CallError::Stopping)
            .help("tasks that have been started go on; ask for them when it is back"),
        None,
    )
}
