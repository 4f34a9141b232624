//! How tasks are shown, as the service sees it.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::watch;

use super::{
    CallError, CallPort, Document, DocumentBody, Health, Meter, Reference, Reply, Shown, ToolCaller,
};
use crate::engine::strategy::RunningStrategy;
use crate::task::{Definition, Json};

/// Turns tasks into tools. The contract is that of `taskhost:plugin/strategy`.
pub trait Strategy: Send + Sync + 'static {
    /// Configured name.
    fn name(&self) -> &str;
    /// How it is, now and from now on.
    fn health(&self) -> watch::Receiver<Health>;
    /// What it has used, and may use.
    fn meter(&self) -> Arc<Meter>;
    /// All that is shown for this catalogue.
    fn show<'a>(&'a self, catalog: &'a [Definition]) -> BoxFuture<'a, Result<Shown, CallError>>;
    /// Answers one `tools/call` with the authority in `port`.
    fn call_tool<'a>(
        &'a self,
        port: CallPort,
        caller: ToolCaller,
        route: String,
        arguments: &'a Json,
    ) -> BoxFuture<'a, Result<Reply, CallError>>;
    /// Answers one `prompts/get`.
    fn get_prompt<'a>(
        &'a self,
        port: CallPort,
        caller: ToolCaller,
        name: String,
        arguments: &'a Json,
    ) -> BoxFuture<'a, Result<Reply, CallError>>;
    /// What is in a document.
    fn read_resource(
        &self,
        port: CallPort,
        uri: String,
    ) -> BoxFuture<'_, Result<(Document, DocumentBody), CallError>>;
    /// Values for an argument.
    fn complete(
        &self,
        port: CallPort,
        reference: Reference,
        argument: String,
        value: String,
    ) -> BoxFuture<'_, Result<Vec<String>, CallError>>;
}

impl Strategy for RunningStrategy {
    fn name(&self) -> &str {
        Self::name(self)
    }

    fn health(&self) -> watch::Receiver<Health> {
        Self::health(self)
    }

    fn meter(&self) -> Arc<Meter> {
        Self::meter(self).clone()
    }

    fn show<'a>(&'a self, catalog: &'a [Definition]) -> BoxFuture<'a, Result<Shown, CallError>> {
        Box::pin(Self::show(self, catalog))
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

    fn get_prompt<'a>(
        &'a self,
        port: CallPort,
        caller: ToolCaller,
        name: String,
        arguments: &'a Json,
    ) -> BoxFuture<'a, Result<Reply, CallError>> {
        Box::pin(Self::get_prompt(self, port, caller, name, arguments))
    }

    fn read_resource(
        &self,
        port: CallPort,
        uri: String,
    ) -> BoxFuture<'_, Result<(Document, DocumentBody), CallError>> {
        Box::pin(Self::read_resource(self, port, uri))
    }

    fn complete(
        &self,
        port: CallPort,
        reference: Reference,
        argument: String,
        value: String,
    ) -> BoxFuture<'_, Result<Vec<String>, CallError>> {
        Box::pin(Self::complete(self, port, reference, argument, value))
    }
}
