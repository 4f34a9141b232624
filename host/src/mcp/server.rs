//! What is answered to each request, whatever it came through.
//!
//! rmcp makes one of these for each HTTP session and for each stateless request, so it is one pointer.
//!
//! **Limit:** the tools are shown on one page. A few hundred are less than a client may receive at once,
//! and nobody can choose between more.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::FutureExt as _;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CustomRequest, CustomResult, ErrorCode,
    Implementation, ListToolsResult, PaginatedRequestParams, ProtocolVersion, ServerCapabilities,
    ServerConfig, SubscriptionFilter, Tool,
};
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;

use super::audience::Audience;
use super::convert;
use super::ending::Ending;
use super::progress::Relay;
use crate::error::Report;
use crate::plugin::{CallError, Caller, TaskError, ToolCaller};
use crate::service::Service;
use crate::service::toolbox::Toolbox;
use crate::task::Principal;

/// The handler of all requests. Cheap to clone.
#[derive(Clone)]
pub(super) struct Server(Arc<Inner>);

struct Inner {
    service: Service,
    audience: Audience,
    ending: Ending,
    /// Calls that have no answer yet.
    calls: TaskTracker,
    /// Until when incomplete tools are waited for.
    complete_by: OnceLock<Instant>,
}

/// How long the first client waits for a backend that is still starting. One that takes longer, or is
/// down, holds up nobody after that: its tools come with a notification.
const PATIENCE: Duration = Duration::from_secs(5);

/// What models are told of this server as a whole.
const INSTRUCTIONS: &str = "\
Runs long tasks in the background. Tools that start a task answer at once with its token; the task goes \
on by itself, also when this conversation ends. Keep the token, and ask for the status with it until the \
task is over, letting the tool wait for you where it offers to rather than asking again and again. Never \
start the same work a second time because an answer is late: look at the tasks that are active first.";

impl Server {
    pub(super) fn new(service: Service, ending: Ending) -> Self {
        Self(Arc::new(Inner {
            service,
            audience: Audience::default(),
            ending,
            calls: TaskTracker::new(),
            complete_by: OnceLock::new(),
        }))
    }

    /// Tells clients of new tools, for ever.
    pub(super) async fn keep_informed(&self) {
        self.0
            .audience
            .keep_informed(self.0.service.toolbox())
            .await;
        std::future::pending::<()>().await;
    }

    /// Resolves when no call is waiting for its answer.
    pub(super) async fn all_answered(&self) {
        self.0.calls.close();
        self.0.calls.wait().await;
    }

    /// The tools, complete unless that takes too long.
    async fn toolbox(&self) -> Arc<Toolbox> {
        let mut toolbox = self.0.service.toolbox();
        let until = *self.0.complete_by.get_or_init(|| Instant::now() + PATIENCE);
        tokio::select! {
            _ = timeout_at(until, toolbox.wait_for(|toolbox| toolbox.complete)) => {}
            () = self.0.ending.overdue.cancelled() => {}
        }
        toolbox.borrow().clone()
    }

    async fn answer(
        &self,
        request: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let name = request.name;
        let early = {
            let toolbox = self.0.service.toolbox();
            let toolbox = toolbox.borrow();
            !toolbox.complete && toolbox.find(&name).is_none()
        };
        if early {
            self.toolbox().await;
        }
        let (progress, relay) = match context.meta.get_progress_token() {
            Some(token) => {
                let (progress, relay) = Relay::new(context.peer.clone(), token);
                (Some(progress), Some(relay))
            }
            None => (None, None),
        };
        let who = ToolCaller {
            accepts_task: false,
            wants_progress: progress.is_some(),
            client_name: context.client_info().map(|client| client.name),
            ..ToolCaller::default()
        };
        let caller = Caller {
            progress,
            ..Caller::absent(Principal::local())
        };
        let arguments = convert::arguments_in(request.arguments);
        let call = self.0.service.call_tool(caller, who, &name, &arguments);
        let answer = match relay {
            Some(relay) => relay.during(call).await,
            None => call.await,
        };
        convert::answer_out(&name, answer)
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(myself())
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        if request.and_then(|request| request.cursor).is_some() {
            return Err(ErrorData::invalid_params(
                "unknown cursor: the list has one page",
                None,
            ));
        }
        let toolbox = self.toolbox().await;
        self.0.audience.shown(&toolbox);
        let tools = toolbox.tools().filter_map(convert::tool_out).collect();
        let mut result = ListToolsResult::with_all_items(tools);
        if is_modern(&context) {
            convert::sign(&mut result.meta, &myself());
        }
        Ok(result)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let toolbox = self.0.service.toolbox();
        let toolbox = toolbox.borrow();
        toolbox.find(name).and_then(convert::tool_out)
    }

    /// # Cancel safety
    ///
    /// A client that takes back its request ends the waiting. What the call has started goes on.
    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let _unanswered = self.0.calls.token();
        let mut response = tokio::select! {
            answer = AssertUnwindSafe(self.answer(request, &context)).catch_unwind() => {
                answer.unwrap_or_else(|_| Err(ErrorData::internal_error("a defect of the host", None)))
            }
            // Nobody reads this one.
            () = context.ct.cancelled() => Err(ErrorData::internal_error("cancelled", None)),
            () = self.0.ending.overdue.cancelled() => Ok(convert::failed(&leaving()).into()),
        }?;
        if let (CallToolResponse::Complete(result), true) = (&mut response, is_modern(&context)) {
            convert::sign(&mut result.meta, &myself());
        }
        Ok(response)
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        self.0.audience.join(context.peer);
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.intersection(&SubscriptionFilter::builder().tools_list_changed().build()))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.0.audience.changes();
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                () = self.0.ending.closing.cancelled() => return Ok(()),
                news = changes.changed() => if news.is_err() { return Ok(()) },
            }
            if context.accepted().tools_list_changed == Some(true)
                && let Err(error) = context.sink().notify_tool_list_changed().await
            {
                tracing::debug!("a subscriber did not hear of new tools: {error}");
                return Ok(());
            }
        }
    }

    /// Whatever rmcp does not know, which includes what it knows with parameters that it cannot read.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        if ["initialize", "tools/call", "tools/list"].contains(&request.method.as_str()) {
            return Err(ErrorData::invalid_params(
                format!("the parameters of `{}` do not fit", request.method),
                None,
            ));
        }
        Err(ErrorData::new(
            ErrorCode::METHOD_NOT_FOUND,
            request.method,
            None,
        ))
    }
}

fn myself() -> Implementation {
    Implementation::new("taskhost", env!("CARGO_PKG_VERSION"))
}

fn is_modern(context: &RequestContext<RoleServer>) -> bool {
    context
        .protocol_version()
        .is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str())
}

fn leaving() -> TaskError {
    TaskError::Unavailable(
        Report::from(&CallError::Stopping)
            .help("tasks that have been started go on; ask for them when it is back"),
        None,
    )
}
