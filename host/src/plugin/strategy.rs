//! How tasks are shown, as the service sees it.

use futures::future::BoxFuture;
use tokio::sync::watch;

use super::{CallError, CallPort, Health, Reply, Tool, ToolCaller};
use crate::engine::strategy::RunningStrategy;
use crate::task::{Definition, Json};

/// Turns tasks into tools. The contract is that of `taskhost:plugin/strategy`.
pub trait Strategy: Send + Sync + 'static {
    /// Configured name.
    fn name(&self) -> &str;
    /// How it is, now and from now on.
    fn health(&self) -> watch::Receiver<Health>;
    /// The tools for this catalogue, in a stable order.
    fn list_tools<'a>(
        &'a self,
        catalog: &'a [Definition],
    ) -> BoxFuture<'a, Result<Vec<Tool>, CallError>>;
    /// Answers one `tools/call` with the authority in `port`.
    fn call_tool<'a>(
        &'a self,
        port: CallPort,
        caller: ToolCaller,
        route: String,
        arguments: &'a Json,
    ) -> BoxFuture<'a, Result<Reply, CallError>>;
}

impl Strategy for RunningStrategy {
    fn name(&self) -> &str {
        Self::name(self)
    }

    fn health(&self) -> watch::Receiver<Health> {
        Self::health(self)
    }

    fn list_tools<'a>(
        &'a self,
        catalog: &'a [Definition],
    ) -> BoxFuture<'a, Result<Vec<Tool>, CallError>> {
        Box::pin(Self::list_tools(self, catalog))
    }

    fn call_tool<'a>(
        &'a self,
        port: CallPort,
        caller: ToolCaller,
        route: String,
        arguments: &'a Json,
    ) -> BoxFuture<'a, Result<Reply, CallError>> {
        Box::pin(Self::call_tool(self, port, caller, route, arguments))
    }
}
