//! `tasks`: what a strategy may do on behalf of one caller.
//!
//! One instance of a strategy answers many callers at once, so the authority to act comes as a
//! resource with each call. It knows its caller, and it is dead when the call has been answered: a
//! strategy that keeps it can do nothing with it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use wasmtime::component::{Accessor, HasSelf, Resource};

use super::bindings::host::types as wire;
use super::bindings::tasks::{self, StartOptions};
use super::{Guest, convert};
use crate::config::limits;
use crate::error::Report;
use crate::task::{Json, Principal, Progress, Record, Response, TaskId};

/// The lifecycle, as far as strategies may use it. The service implements it.
pub trait Tasks: Send + Sync {
    /// Validates, stores, hands over. Durable when it resolves.
    fn start(
        &self,
        caller: &Caller,
        start: Start,
    ) -> BoxFuture<'static, Result<Snapshot, TaskError>>;
    /// Where a task of the caller's stands.
    fn get(&self, caller: &Caller, id: &str) -> Result<Snapshot, TaskError>;
    /// Resolves when the revision is above `since`, or after `timeout`.
    fn wait(
        &self,
        caller: &Caller,
        id: &str,
        since: u64,
        timeout: Duration,
    ) -> BoxFuture<'static, Result<Snapshot, TaskError>>;
    /// Records the wish to stop, durably, and passes it on.
    fn cancel(
        &self,
        caller: &Caller,
        id: &str,
        reason: Option<String>,
    ) -> BoxFuture<'static, Result<Snapshot, TaskError>>;
    /// Answers a question.
    fn answer(
        &self,
        caller: &Caller,
        id: &str,
        key: String,
        response: Response,
    ) -> BoxFuture<'static, Result<Snapshot, TaskError>>;
    /// The end of a task as MCP `CallToolResult`.
    fn result(&self, caller: &Caller, id: &str) -> Result<Json, TaskError>;
    /// Lines that the work printed, and the position of the last.
    fn output(
        &self,
        caller: &Caller,
        id: &str,
        after: u64,
        limit: usize,
    ) -> Result<(Vec<String>, u64), TaskError>;
    /// The caller's own tasks that are not over, newest first.
    fn list_active(
        &self,
        caller: &Caller,
        task: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Snapshot>, TaskError>;
    /// Tools, prompts and documents are to be asked for again.
    fn lists_changed(&self);
    /// Whoever subscribed to the document is to be told.
    fn document_changed(&self, uri: &str);
}

/// On whose behalf, and how to tell them of progress.
#[derive(Clone)]
pub struct Caller {
    /// Whose tasks these are.
    pub principal: Principal,
    /// Where progress on the call goes; `None` where nobody listens. Must not block.
    pub progress: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
    /// The tool or method by which they ask: for the log.
    pub via: Arc<str>,
    /// The program at the other end; `None` where nobody can be asked.
    pub client: Option<Arc<dyn Client>>,
    /// What the client wants of a task that the call starts, where the strategy wants nothing else.
    pub wishes: Wishes,
    /// Tasks that are to end with the call.
    pub bound: Bound,
}

impl Caller {
    /// Somebody who is not there to be told or asked anything.
    pub fn absent(principal: Principal) -> Self {
        Self {
            principal,
            progress: None,
            via: "the host".into(),
            client: None,
            wishes: Wishes::default(),
            bound: Bound::default(),
        }
    }
}

/// The program at the other end of a call.
pub trait Client: Send + Sync {
    /// Sends it a `notifications/message`. Must not block.
    fn log(&self, level: String, logger: Option<String>, data: Json);
    /// Sends it a request, and gives the method's result.
    fn ask(&self, method: String, params: Json) -> BoxFuture<'static, Result<Json, TaskError>>;
}

/// What a client wants of a task that its call starts.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Good for the first start of the call.
    pub idempotency_key: Option<String>,
    /// How long the record is to be kept.
    pub retention_ms: Option<u64>,
}

/// Tasks that are to end when their call is taken back. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Bound(Arc<Mutex<Vec<TaskId>>>);

impl Bound {
    fn add(&self, id: TaskId) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(id);
    }

    /// All of them, once.
    pub fn take(&self) -> Vec<TaskId> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A wish to start a task.
#[derive(Clone, Debug)]
pub struct Start {
    /// Name of the definition.
    pub task: String,
    /// An object, not yet checked.
    pub arguments: Json,
    /// See the interface.
    pub idempotency_key: Option<String>,
    /// See the interface.
    pub retention_ms: Option<u64>,
    /// See the interface.
    pub timeout_ms: Option<u64>,
    /// Options of the backend: an object.
    pub options: Json,
}

/// A task at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// As it was stored.
    pub record: Arc<Record>,
    /// Why it does not move, where that is known.
    pub note: Option<String>,
}

/// Why nothing was done to a task.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TaskError {
    /// Nothing happened; it would not work the next time either.
    #[error("{0}")]
    Invalid(Report),
    /// Never existed, expired, or not the caller's.
    #[error("{0}")]
    Unknown(Report),
    /// Not possible with this task.
    #[error("{0}")]
    Unsupported(Report),
    /// Nothing happened. Worth repeating after so many milliseconds.
    #[error("{0}")]
    Busy(Report, Option<u32>),
    /// Whether it happened is not known. Worth repeating.
    #[error("{0}")]
    Unavailable(Report, Option<u32>),
    /// A defect of the host, or its disk.
    #[error("{0}")]
    Internal(Report),
}

impl TaskError {
    /// The error in its final form.
    pub fn report(&self) -> &Report {
        match self {
            Self::Invalid(report)
            | Self::Unknown(report)
            | Self::Unsupported(report)
            | Self::Busy(report, _)
            | Self::Unavailable(report, _)
            | Self::Internal(report) => report,
        }
    }
}

impl From<TaskError> for wire::Error {
    fn from(error: TaskError) -> Self {
        match error {
            TaskError::Invalid(report) => Self::InvalidInput(report.to_string()),
            TaskError::Unknown(report) => Self::UnknownTask(report.to_string()),
            TaskError::Unsupported(report) => Self::Unsupported(report.to_string()),
            TaskError::Busy(_, after) => Self::Busy(after),
            TaskError::Unavailable(report, after) => Self::Unavailable((report.to_string(), after)),
            TaskError::Internal(report) => Self::Internal(report.to_string()),
        }
    }
}

/// The host's side of one `tools/call`.
#[derive(Clone)]
pub struct CallPort {
    tasks: Arc<dyn Tasks>,
    caller: Caller,
    open: Arc<AtomicBool>,
    /// Why there was no room, for whoever asked: the interface has no place for the words.
    no_room: Arc<OnceLock<Report>>,
    /// Somebody has started a task with the client's idempotency key.
    key_used: Arc<AtomicBool>,
}

impl CallPort {
    /// Authority to act for `caller` until [`CallPort::end`].
    pub fn new(tasks: Arc<dyn Tasks>, caller: Caller) -> Self {
        Self {
            tasks,
            caller,
            open: Arc::new(AtomicBool::new(true)),
            no_room: Arc::default(),
            key_used: Arc::default(),
        }
    }

    /// Why the first start that found no room found none.
    pub fn no_room(&self) -> Option<&Report> {
        self.no_room.get()
    }

    /// The call has been answered: nothing more may be done in its name.
    pub fn end(&self) {
        self.open.store(false, Ordering::Release);
    }

    /// Ends it when what this returns is dropped.
    #[must_use]
    pub fn ending(&self) -> impl Drop + use<> {
        struct Ending(CallPort);
        impl Drop for Ending {
            fn drop(&mut self) {
                self.0.end();
            }
        }
        Ending(self.clone())
    }

    fn idempotency_key(&self) -> Option<String> {
        let key = self.caller.wishes.idempotency_key.clone()?;
        (!self.key_used.swap(true, Ordering::AcqRel)).then_some(key)
    }
}

/// The resource behind `tasks.call`.
pub struct Call(pub CallPort);

impl tasks::Host for Guest {}

impl tasks::HostCall for Guest {
    fn report(&mut self, call: Resource<Call>, progress: wire::Progress) {
        let Ok(Call(port)) = self.table.get(&call) else {
            return;
        };
        let (true, Some(listener)) = (
            port.open.load(Ordering::Acquire),
            port.caller.progress.clone(),
        ) else {
            return;
        };
        match convert::progress_in(progress) {
            Ok(progress) => listener(progress),
            Err(rubbish) => {
                if self.may_be_mentioned() {
                    tracing::warn!(component = %self.name, "reported rubbish: {rubbish} [TH0406]");
                }
            }
        }
    }

    fn log(&mut self, call: Resource<Call>, level: String, logger: Option<String>, data: String) {
        let Ok(Call(port)) = self.table.get(&call) else {
            return;
        };
        let (true, Some(client)) = (
            port.open.load(Ordering::Acquire),
            port.caller.client.clone(),
        ) else {
            return;
        };
        match convert::json_in(
            "the data of a log message",
            data,
            self.ports.limits.document,
        ) {
            Ok(data) => client.log(level, logger, data),
            Err(rubbish) => {
                if self.may_be_mentioned() {
                    tracing::warn!(component = %self.name, "logged rubbish: {rubbish} [TH0406]");
                }
            }
        }
    }

    fn lists_changed(&mut self, call: Resource<Call>) {
        if let Ok(Call(port)) = self.table.get(&call) {
            port.tasks.lists_changed();
        }
    }

    fn document_changed(&mut self, call: Resource<Call>, uri: String) {
        if let Ok(Call(port)) = self.table.get(&call) {
            port.tasks.document_changed(&uri);
        }
    }

    fn drop(&mut self, call: Resource<Call>) -> wasmtime::Result<()> {
        self.table.delete(call)?;
        Ok(())
    }
}

/// The authority behind `call`, and how long a document of this component may be.
fn port<T: Send>(
    host: &Accessor<T, HasSelf<Guest>>,
    call: &Resource<Call>,
) -> Result<(CallPort, usize), wire::Error> {
    let (port, most) = host.with(|mut access| {
        let guest = access.get();
        let port = guest.table.get(call).map(|Call(port)| port.clone());
        (port, guest.ports.limits.document)
    });
    match port {
        Ok(port) if port.open.load(Ordering::Acquire) => Ok((port, most)),
        Ok(_) => Err(wire::Error::Denied(
            "the call has been answered: its authority ended with it [TH0505]".to_owned(),
        )),
        Err(error) => Err(wire::Error::Internal(error.to_string())),
    }
}

fn wire_snapshot(result: Result<Snapshot, TaskError>) -> Result<tasks::Snapshot, wire::Error> {
    Ok(convert::snapshot_out(&result?))
}

fn invalid(rubbish: convert::Rubbish) -> wire::Error {
    wire::Error::InvalidInput(rubbish.0)
}

impl<T: Send> tasks::HostCallWithStore<T> for HasSelf<Guest> {
    async fn start(
        host: &Accessor<T, Self>,
        call: Resource<Call>,
        task: String,
        arguments: String,
        options: StartOptions,
    ) -> Result<tasks::Snapshot, wire::Error> {
        let (port, most) = port(host, &call)?;
        let start = Start {
            task,
            arguments: convert::object_in("the arguments", arguments, most).map_err(invalid)?,
            idempotency_key: options.idempotency_key.or_else(|| port.idempotency_key()),
            retention_ms: options.retention_ms.or(port.caller.wishes.retention_ms),
            timeout_ms: options.timeout_ms,
            options: match options.options {
                Some(options) => {
                    convert::object_in("the options", options, most).map_err(invalid)?
                }
                None => Json::empty_object(),
            },
        };
        let started = port.tasks.start(&port.caller, start).await;
        if let Err(TaskError::Busy(report, _)) = &started {
            _ = port.no_room.set(report.clone());
        }
        if let (true, Ok(snapshot)) = (options.with_call, &started) {
            port.caller.bound.add(snapshot.record.id());
        }
        wire_snapshot(started)
    }

    async fn get(
        host: &Accessor<T, Self>,
        call: Resource<Call>,
        id: String,
    ) -> Result<tasks::Snapshot, wire::Error> {
        let (port, _) = port(host, &call)?;
        wire_snapshot(port.tasks.get(&port.caller, &id))
    }

    async fn wait(
        host: &Accessor<T, Self>,
        call: Resource<Call>,
        id: String,
        since: u64,
        timeout_ms: u32,
    ) -> Result<tasks::Snapshot, wire::Error> {
        let (port, _) = port(host, &call)?;
        let timeout = Duration::from_millis(u64::from(timeout_ms)).min(LONGEST_WAIT);
        wire_snapshot(port.tasks.wait(&port.caller, &id, since, timeout).await)
    }

    async fn cancel(
        host: &Accessor<T, Self>,
        call: Resource<Call>,
        id: String,
        reason: Option<String>,
    ) -> Result<tasks::Snapshot, wire::Error> {
        let (port, _) = port(host, &call)?;
        let reason = reason.map(|reason| super::logging::cut(reason, limits::MESSAGE));
        wire_snapshot(port.tasks.cancel(&port.caller, &id, reason).await)
    }

    async fn answer(
        host: &Accessor<T, Self>,
        call: Resource<Call>,
        id: String,
        key: String,
        response: wire::Response,
    ) -> Result<tasks::Snapshot, wire::Error> {
        let (port, most) = port(host, &call)?;
        let response = convert::response_in(response, most).map_err(invalid)?;
        wire_snapshot(port.tasks.answer(&port.caller, &id, key, response).await)
    }

    async fn result(
        host: &Accessor<T, Self>,
        call: Resource<Call>,
        id: String,
    ) -> Result<String, wire::Error> {
        let (port, _) = port(host, &call)?;
        let result = port.tasks.result(&port.caller, &id)?;
        Ok(result.text().to_owned())
    }

    async fn ask(
        host: &Accessor<T, Self>,
        call: Resource<Call>,
        method: String,
        params: String,
    ) -> Result<String, wire::Error> {
        let (port, most) = port(host, &call)?;
        let params = convert::object_in("the parameters", params, most).map_err(invalid)?;
        let Some(client) = port.caller.client.clone() else {
            return Err(wire::Error::Unsupported(
                "nobody can be asked by way of this call".to_owned(),
            ));
        };
        Ok(client.ask(method, params).await?.text().to_owned())
    }

    async fn output(
        host: &Accessor<T, Self>,
        call: Resource<Call>,
        id: String,
        after: u64,
        limit: u32,
    ) -> Result<(Vec<String>, u64), wire::Error> {
        let (port, _) = port(host, &call)?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(1_000);
        Ok(port.tasks.output(&port.caller, &id, after, limit)?)
    }

    async fn list_active(
        host: &Accessor<T, Self>,
        call: Resource<Call>,
        task: Option<String>,
        limit: u32,
    ) -> Result<Vec<tasks::Snapshot>, wire::Error> {
        let (port, _) = port(host, &call)?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(1_000);
        let snapshots = port
            .tasks
            .list_active(&port.caller, task.as_deref(), limit)?;
        Ok(snapshots.iter().map(convert::snapshot_out).collect())
    }
}

/// The longest `wait`: below the time that any call of a strategy may take.
const LONGEST_WAIT: Duration = Duration::from_secs(55);
