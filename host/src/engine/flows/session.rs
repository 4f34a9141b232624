//! An instance that has one run.
//!
//! **Cost:** 60 to 120 µs to open one; about 60 KiB while it is open.

use std::sync::Arc;

use futures::future::BoxFuture;
use wasmtime::Store;
use wasmtime::component::ResourceAny;

use super::{Inner, LinkedFlows, Orchestrations, bare};
use crate::capability::bindings::engine::types::{Command, Event, Failure};
use crate::capability::dispatch::{Session, unavailable};
use crate::capability::guest::MemoryExceeded;
use crate::capability::{Guest, Ports};
use crate::engine::stderr::Stderr;
use crate::engine::trap::{self, NoProgress};

/// An instance that runs on the threads of its component.
///
/// Not on the thread of the engine that asks, although that waits: an instance cannot be run within another one's
/// call. So a step waits for another thread, and steps of several runs are made at once.
pub(super) struct Elsewhere {
    flows: Arc<Inner>,
    /// None: a step was begun, and its end not waited for.
    session: Option<RunSession>,
}

impl Elsewhere {
    /// A fresh one, to which nothing has happened.
    pub(super) async fn open(flows: Arc<Inner>) -> Result<Self, Failure> {
        let within = flows.clone();
        let session = on(&flows, async move {
            open(&within.linked, &within.name, &within.sessions).await
        });
        let session = session.await??;
        Ok(Self {
            flows,
            session: Some(session),
        })
    }
}

impl Session for Elsewhere {
    fn step(&mut self, events: Vec<Event>) -> BoxFuture<'_, Result<Vec<Command>, Failure>> {
        Box::pin(async move {
            let Some(mut session) = self.session.take() else {
                return Err(unavailable(
                    "the step before it was not waited for".to_owned(),
                ));
            };
            let stepped = on(&self.flows, async move {
                let decided = session.step(events).await;
                (session, decided)
            });
            let (session, decided) = stepped.await?;
            self.session = Some(session);
            decided
        })
    }
}

/// Runs `work` on the threads of a component.
async fn on<T: Send + 'static>(
    flows: &Inner,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Failure> {
    let threads = flows.threads.handle();
    let threads =
        threads.ok_or_else(|| unavailable("the system gives it no threads".to_owned()))?;
    let done = threads.spawn(work).await;
    done.map_err(|error| unavailable(format!("it was not run to its end: {error}")))
}

/// The instance. After a failure it is of no more use.
struct RunSession {
    name: Arc<str>,
    store: Store<Guest>,
    world: Orchestrations,
    run: ResourceAny,
    stderr: Stderr,
}

async fn open(linked: &LinkedFlows, name: &Arc<str>, ports: &Ports) -> Result<RunSession, Failure> {
    let stderr = Stderr::default();
    let mut store = linked.store(name, ports, &stderr);
    let opened: wasmtime::Result<_> = async {
        let world = linked.orchestrations.instantiate_async(&mut store).await?;
        let exported = world.taskhost_durable_orchestrator();
        let run = exported.run().call_constructor(&mut store).await?;
        Ok((world, run))
    }
    .await;
    match opened {
        Ok((world, run)) => Ok(RunSession {
            name: name.clone(),
            store,
            world,
            run,
            stderr,
        }),
        Err(error) => Err(match ended(name, &error, &stderr) {
            // It did not begin: what the system has not got now, it may have later.
            failure
                if failure.code == "trapped"
                    && error.downcast_ref::<wasmtime::Trap>().is_none() =>
            {
                unavailable(failure.message)
            }
            failure => failure,
        }),
    }
}

impl RunSession {
    async fn step(&mut self, events: Vec<Event>) -> Result<Vec<Command>, Failure> {
        self.store.data().busy.reset();
        let exported = self.world.taskhost_durable_orchestrator();
        let run = exported.run();
        let stepped = run.call_step(&mut self.store, self.run, &events).await;
        stepped.unwrap_or_else(|error| Err(ended(&self.name, &error, &self.stderr)))
    }
}

/// What ended the run, for whoever wrote its code.
fn ended(name: &str, error: &wasmtime::Error, stderr: &Stderr) -> Failure {
    let (code, message) = if let Some(import) = bare::missing(error) {
        let instead = bare::instead(import);
        (
            "not-in-an-orchestration",
            format!(
                "the orchestration has called `{import}`, which its history does not know, so that a replay would \
                 go another way: {instead}"
            ),
        )
    } else if error.is::<NoProgress>() {
        (
            "no-end-of-turn",
            "the orchestration computed for a second without waiting for anything: is there a loop that does not \
             end? Move what takes long into an activity"
                .to_owned(),
        )
    } else if let Some(memory) = error.downcast_ref::<MemoryExceeded>() {
        (
            "out-of-memory",
            format!(
                "the orchestration {memory}: keep large values in activities and hand over where they are, or \
                 raise [backends.{name}.limits] memory"
            ),
        )
    } else {
        let report = trap::explain(name, error, stderr);
        let causes = report.causes.join("; ");
        (
            "trapped",
            format!("the orchestration ended itself: {causes}"),
        )
    };
    Failure {
        code: code.to_owned(),
        message,
        detail: None,
        retryable: false,
    }
}
