//! A strategy whose calls are counted.

use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;
use tokio::sync::watch;

use super::super::usage::Usage;
use crate::plugin::{
    CallError, CallPort, Document, DocumentBody, Health, Reference, Reply, Shown, Strategy,
    ToolCaller,
};
use crate::task::{Definition, Json};

/// Writes down how long each call takes.
pub(super) struct Metered {
    inner: Box<dyn Strategy>,
    usage: Arc<Usage>,
}

impl Metered {
    pub(super) fn new(inner: impl Strategy, usage: Arc<Usage>) -> Self {
        Self {
            inner: Box::new(inner),
            usage,
        }
    }

    fn timed<'a, T: Send + 'a>(
        &'a self,
        function: &'static str,
        call: BoxFuture<'a, T>,
    ) -> BoxFuture<'a, T> {
        let began = Instant::now();
        Box::pin(async move {
            let answer = call.await;
            self.usage.called(function, began.elapsed());
            answer
        })
    }
}

impl Strategy for Metered {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.inner.health()
    }

    fn show<'a>(&'a self, catalog: &'a [Definition]) -> BoxFuture<'a, Result<Shown, CallError>> {
        self.timed("list-tools", self.inner.show(catalog))
    }

    fn call_tool<'a>(
        &'a self,
        port: CallPort,
        caller: ToolCaller,
        route: String,
        arguments: &'a Json,
    ) -> BoxFuture<'a, Result<Reply, CallError>> {
        let call = self.inner.call_tool(port, caller, route, arguments);
        self.timed("call-tool", call)
    }

    fn get_prompt<'a>(
        &'a self,
        port: CallPort,
        caller: ToolCaller,
        name: String,
        arguments: &'a Json,
    ) -> BoxFuture<'a, Result<Reply, CallError>> {
        let call = self.inner.get_prompt(port, caller, name, arguments);
        self.timed("get-prompt", call)
    }

    fn read_resource(
        &self,
        port: CallPort,
        uri: String,
    ) -> BoxFuture<'_, Result<(Document, DocumentBody), CallError>> {
        self.timed("read-resource", self.inner.read_resource(port, uri))
    }

    fn complete(
        &self,
        port: CallPort,
        reference: Reference,
        argument: String,
        value: String,
    ) -> BoxFuture<'_, Result<Vec<String>, CallError>> {
        let call = self.inner.complete(port, reference, argument, value);
        self.timed("complete", call)
    }
}
