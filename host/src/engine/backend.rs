//! A backend component at work.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wasmtime::Store;
use wasmtime::component::{Accessor, Component as Code, HasSelf, Linker};

use super::actor::{Health, World};
use super::answer::CallError;
use super::component::Kind;
use super::linked::{self, LinkedComponent};
use super::slot::Slot;
use crate::capability::bindings::backend::exports::taskhost::plugin::backend as wire_backend;
use crate::capability::bindings::backend::{BackendPlugin, BackendPluginPre};
use crate::capability::bindings::host::types as wire;
use crate::capability::bindings::{engine, host};
use crate::capability::{Guest, Meter, Ports, convert};
use crate::config::limits;
use crate::error::Report;
use crate::task::{self, Definition, Json, Observation, Response, TaskId};

/// A backend component, linked and not running.
pub type LinkedBackend = LinkedComponent<BackendPlugin>;

impl LinkedBackend {
    /// Starts it. The caller joins the task; `stop` ends it.
    pub fn run(
        &self,
        name: &str,
        ports: Ports,
        config: &Json,
        stop: CancellationToken,
    ) -> (RunningBackend, JoinHandle<()>) {
        let (slot, task) = self.spawn(name, ports, config, stop);
        (RunningBackend { slot }, task)
    }
}

impl World for BackendPlugin {
    type Linked = BackendPluginPre<Guest>;

    const KIND: Kind = Kind::Backend;

    fn link(mut linker: Linker<Guest>, code: &Code) -> wasmtime::Result<Self::Linked> {
        linked::add_reach(&mut linker)?;
        host::events::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
        engine::journal::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
        engine::dispatch::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
        linker.instantiate_pre(code).and_then(BackendPluginPre::new)
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
        Box::pin(async move { self.taskhost_plugin_backend().call_describe(accessor).await })
    }

    fn init<'a>(
        &'a self,
        accessor: &'a Accessor<Guest>,
        config: &'a str,
    ) -> BoxFuture<'a, wasmtime::Result<Result<(), wire::Error>>> {
        Box::pin(async move {
            self.taskhost_plugin_backend()
                .call_init(accessor, config.to_owned())
                .await
        })
    }
}

/// A backend at work. Cheap to clone.
#[derive(Clone)]
pub struct RunningBackend {
    slot: Slot<BackendPlugin>,
}

/// A wish to begin some work.
#[derive(Clone, Debug)]
pub struct StartWork {
    /// The task's name, and the key of idempotency.
    pub id: TaskId,
    /// Name of the definition.
    pub task: String,
    /// Valid against its schema.
    pub arguments: Json,
    /// When nobody wants the result any more, in milliseconds since the Unix epoch.
    pub deadline_ms: Option<u64>,
    /// Options of the backend.
    pub options: Json,
}

/// One piece of work as both sides know it.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// The host's name for it.
    pub id: TaskId,
    /// The backend's.
    pub handle: task::Handle,
}

impl Work {
    fn to_wire(&self) -> wire::Work {
        wire::Work {
            id: self.id.to_string(),
            handle: self.handle.0.clone(),
        }
    }
}

/// What came of asking to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelAnswer {
    /// Heard.
    Accepted,
    /// It was over already.
    AlreadyFinished,
    /// Nobody was there to hear it.
    NotDelivered,
    /// It cannot be stopped.
    Unsupported,
}

impl RunningBackend {
    /// Puts `linked` in its place, when it is ready: returns its generation, or why nothing has changed. Calls
    /// under way end where they began.
    pub async fn replace(
        &self,
        linked: &LinkedBackend,
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

    /// All tasks it can run now.
    pub async fn list_tasks(&self) -> Result<Vec<Definition>, CallError> {
        let definitions = self
            .slot
            .call("list-tasks", |accessor, world| {
                Box::pin(async move {
                    world
                        .taskhost_plugin_backend()
                        .call_list_tasks(accessor)
                        .await
                })
            })
            .await?;
        let rubbish = |what: String| self.rubbish("list-tasks", what);
        if definitions.len() > limits::DEFINITIONS {
            return Err(rubbish(format!(
                "{} definitions, at most {} are allowed",
                definitions.len(),
                limits::DEFINITIONS
            )));
        }
        let bytes: usize = definitions.iter().map(size).sum();
        if bytes > limits::CATALOGUE {
            return Err(rubbish(format!(
                "definitions of {bytes} bytes, at most {} are allowed",
                limits::CATALOGUE
            )));
        }
        definitions
            .into_iter()
            .map(|definition| definition_in(definition).map_err(|error| rubbish(error.0)))
            .collect()
    }

    /// Begins some work.
    pub async fn start(&self, start: StartWork) -> Result<task::Handle, CallError> {
        let request = wire_backend::StartRequest {
            id: start.id.to_string(),
            task: start.task,
            arguments: start.arguments.text().to_owned(),
            deadline_ms: start.deadline_ms,
            options: start.options.text().to_owned(),
        };
        let handle = self
            .slot
            .call("start", |accessor, world| {
                Box::pin(async move {
                    world
                        .taskhost_plugin_backend()
                        .call_start(accessor, request)
                        .await
                })
            })
            .await?;
        if handle.len() > limits::HANDLE {
            return Err(self.rubbish("start", format!("a handle of {} bytes", handle.len())));
        }
        Ok(task::Handle(handle))
    }

    /// What has become of `works`: as many, in the same order. One that is rubbish is only that one's
    /// loss.
    pub async fn observe(
        &self,
        works: &[Work],
    ) -> Result<Vec<Result<Observation, CallError>>, CallError> {
        let wire: Vec<_> = works.iter().map(Work::to_wire).collect();
        let observations = self
            .slot
            .call("observe", |accessor, world| {
                Box::pin(async move {
                    world
                        .taskhost_plugin_backend()
                        .call_observe(accessor, wire)
                        .await
                })
            })
            .await?;
        if observations.len() != works.len() {
            return Err(self.rubbish(
                "observe",
                format!(
                    "{} observations of {} works",
                    observations.len(),
                    works.len()
                ),
            ));
        }
        Ok(observations
            .into_iter()
            .map(|observation| {
                convert::observation_in(observation, self.slot.limits().document)
                    .map_err(|error| self.rubbish("observe", error.0))
            })
            .collect())
    }

    /// Asks it to stop some work.
    pub async fn cancel(
        &self,
        work: &Work,
        reason: Option<String>,
    ) -> Result<CancelAnswer, CallError> {
        let work = work.to_wire();
        let answer = self
            .slot
            .call("cancel", |accessor, world| {
                Box::pin(async move {
                    world
                        .taskhost_plugin_backend()
                        .call_cancel(accessor, work, reason)
                        .await
                })
            })
            .await?;
        Ok(match answer {
            wire_backend::CancelAnswer::Accepted => CancelAnswer::Accepted,
            wire_backend::CancelAnswer::AlreadyFinished => CancelAnswer::AlreadyFinished,
            wire_backend::CancelAnswer::NotDelivered => CancelAnswer::NotDelivered,
            wire_backend::CancelAnswer::Unsupported => CancelAnswer::Unsupported,
        })
    }

    /// Answers a question of some work.
    pub async fn answer(
        &self,
        work: &Work,
        key: String,
        response: &Response,
    ) -> Result<(), CallError> {
        let work = work.to_wire();
        let response = convert::response_out(response);
        self.slot
            .call("answer", |accessor, world| {
                Box::pin(async move {
                    world
                        .taskhost_plugin_backend()
                        .call_answer(accessor, work, key, response)
                        .await
                })
            })
            .await
    }

    /// The outcome is stored: whatever is kept for the work may go.
    pub async fn release(&self, work: &Work) -> Result<(), CallError> {
        let work = work.to_wire();
        self.slot
            .call("release", |accessor, world| {
                Box::pin(async move {
                    world
                        .taskhost_plugin_backend()
                        .call_release(accessor, work)
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

/// Bytes of text in a definition.
fn size(definition: &wire::TaskDefinition) -> usize {
    let optional = [
        &definition.title,
        &definition.description,
        &definition.output_schema,
        &definition.strategy,
    ];
    let optional = optional.into_iter().flatten().map(String::len);
    definition.name.len() + definition.input_schema.len() + optional.sum::<usize>()
}

/// What a backend says it can run.
pub(super) fn definition_in(
    definition: wire::TaskDefinition,
) -> Result<Definition, convert::Rubbish> {
    let name = definition.name;
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if name.is_empty() || name.len() > 96 || !name.chars().all(plain) {
        return Err(convert::Rubbish(format!(
            "`{}` is no name for a task: letters, digits, `_`, `-` and `.`, at most 96",
            name.escape_debug()
        )));
    }
    Ok(Definition {
        input_schema: convert::object_in(
            &format!("the input schema of `{name}`"),
            definition.input_schema,
            limits::SCHEMA,
        )?,
        output_schema: definition
            .output_schema
            .map(|schema| {
                let what = format!("the output schema of `{name}`");
                convert::object_in(&what, schema, limits::SCHEMA)
            })
            .transpose()?,
        title: definition.title,
        description: definition.description,
        cancellable: definition.cancellable,
        idempotent: definition.idempotent,
        estimate_ms: definition.estimate_ms,
        timeout_ms: definition.timeout_ms,
        strategy: definition.strategy,
        name,
    })
}

/// The same, for a strategy.
pub(super) fn definition_out(definition: &Definition) -> wire::TaskDefinition {
    let text = |json: &Json| json.text().to_owned();
    wire::TaskDefinition {
        name: definition.name.clone(),
        title: definition.title.clone(),
        description: definition.description.clone(),
        input_schema: text(&definition.input_schema),
        output_schema: definition.output_schema.as_ref().map(text),
        cancellable: definition.cancellable,
        idempotent: definition.idempotent,
        estimate_ms: definition.estimate_ms,
        timeout_ms: definition.timeout_ms,
        strategy: definition.strategy.clone(),
    }
}
