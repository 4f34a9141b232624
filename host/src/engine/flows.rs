//! A component of orchestrations at work: instances that reach nothing, and instances that do things.
//!
//! ```text
//! component ─┬─ bare ────────▶ session    one for each run: nothing is in its reach but what it is shown
//!            └─ with grants ─▶ instance   attempts of activities, one after another
//! ```
//!
//! Both are made of one file, so what its author writes together is built, signed and replaced together. What
//! keeps orchestrations from reaching out is how they are linked ([`bare`]), not what they are made of.

mod attempt;
mod bare;
mod desk;
mod instance;
mod session;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::OnceCell;
use wasmtime::component::HasSelf;

use super::component::Component;
use super::load::LoadError;
use super::stderr::Stderr;
use super::{Engine, linked, scratch, trap, watchdog};
use crate::capability::bindings::activity::ActivityPre;
use crate::capability::bindings::attempt as attempt_words;
use crate::capability::bindings::engine::types::Failure;
use crate::capability::bindings::orchestrations::{Orchestrations, OrchestrationsPre};
use crate::capability::dispatch::{Activity, Described, Desk, Orchestration, Session, unavailable};
use crate::capability::{Flows, Guest, Ports};
use crate::config::limits::Limits;
use crate::error::{Code, Report};

/// What a component exports besides orchestrations where it has activities too.
const ACTIVITIES: &str = "taskhost:durable/activities@0.1.0";

/// Threads for what runs of a component. What waits costs none; what computes gets two processors at most.
const THREADS: usize = 2;

/// A component of orchestrations, linked in both ways and not running. Cheap to clone.
#[derive(Clone)]
pub struct LinkedFlows {
    engine: Engine,
    digest: String,
    orchestrations: OrchestrationsPre<Guest>,
    activities: Option<ActivityPre<Guest>>,
    /// Asked for once: what it lists is a matter of the file.
    described: Arc<OnceCell<Described>>,
}

impl LinkedFlows {
    /// Checks `component` import by import and export by export. Nothing of it runs.
    pub fn link(engine: &Engine, component: &Component) -> Result<Self, LoadError> {
        let orchestrations = bare::linker(engine, &component.code)
            .and_then(|linker| linker.instantiate_pre(&component.code))
            .and_then(OrchestrationsPre::new)
            .map_err(|error| LoadError::misfit(&error))?;
        let has_activities = component.exports.iter().any(|export| export == ACTIVITIES);
        let activities = has_activities.then(|| {
            let mut linker = linked::common_linker(engine)?;
            linked::add_reach(&mut linker)?;
            attempt_words::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
            (linker.instantiate_pre(&component.code)).and_then(ActivityPre::new)
        });
        Ok(Self {
            engine: engine.clone(),
            digest: component.digest.clone(),
            orchestrations,
            activities: (activities.transpose()).map_err(|error| LoadError::misfit(&error))?,
            described: Arc::default(),
        })
    }

    /// What it has. In instances of their own that are dropped afterwards, with nothing in their reach.
    pub async fn describe(&self, limits: &Limits) -> Result<&Described, LoadError> {
        (self.described.get_or_try_init(|| self.ask(limits))).await
    }

    async fn ask(&self, limits: &Limits) -> Result<Described, LoadError> {
        let this = self.clone();
        let ports = scratch::nothing(limits);
        let limit = limits.silence;
        let asked = super::alone::alone("describe", async move {
            tokio::time::timeout(limit, this.described(&ports)).await
        });
        match asked.await.ok().flatten() {
            Some(Ok(described)) => described,
            Some(Err(_)) => Err(LoadError::Trapped {
                function: "list-orchestrations",
                why: Report::new(
                    Code(404),
                    format!("no answer within {:.1} s", limit.as_secs_f32()),
                ),
            }),
            None => Err(LoadError::no_thread("list-orchestrations")),
        }
    }

    async fn described(&self, ports: &Ports) -> Result<Described, LoadError> {
        Ok(Described {
            digest: self.digest.clone(),
            orchestrations: self.list_orchestrations(ports).await?,
            activities: self.list_activities(ports).await?,
        })
    }

    async fn list_orchestrations(&self, ports: &Ports) -> Result<Vec<Orchestration>, LoadError> {
        let stderr = Stderr::default();
        let mut store = self.store(&"orchestrations".into(), ports, &stderr);
        let listed: wasmtime::Result<_> = async {
            let world = self.orchestrations.instantiate_async(&mut store).await?;
            let exported = world.taskhost_durable_orchestrator();
            exported.call_list_orchestrations(&mut store).await
        }
        .await;
        listed.map_err(|error| LoadError::Trapped {
            function: "list-orchestrations",
            why: trap::explain("component", &error, &stderr),
        })
    }

    async fn list_activities(&self, ports: &Ports) -> Result<Vec<Activity>, LoadError> {
        let Some(activities) = &self.activities else {
            return Ok(Vec::new());
        };
        let stderr = Stderr::default();
        let mut store = self.store(&"activities".into(), ports, &stderr);
        let listed: wasmtime::Result<_> = async {
            let world = activities.instantiate_async(&mut store).await?;
            (store.run_concurrent(async |accessor| {
                let exported = world.taskhost_durable_activities();
                exported.call_list_activities(accessor).await
            }))
            .await?
        }
        .await;
        listed.map_err(|error| LoadError::Trapped {
            function: "list-activities",
            why: trap::explain("component", &error, &stderr),
        })
    }

    /// Ready to be used by an engine. `ports` are those of its activities: what the component is granted.
    pub fn at_work(&self, name: &Arc<str>, ports: Ports) -> Arc<dyn Flows> {
        let mut sessions = scratch::nothing(&ports.limits);
        sessions.limits.without_yield = TURN;
        Arc::new(AtWork(Arc::new(Inner {
            linked: self.clone(),
            name: name.clone(),
            threads: Threads::start(name),
            sessions,
            activities: ports,
            idle: instance::Idle::default(),
        })))
    }

    /// How many attempts of an activity may run at once, as far as the component has a say in it.
    fn at_once(&self, name: &str) -> usize {
        let described = self.described.get();
        let mut activities = described.iter().flat_map(|described| &described.activities);
        let activity = activities.find(|activity| activity.name == name);
        let most = activity.and_then(|activity| activity.at_once);
        most.map_or(usize::MAX, |most| {
            usize::try_from(most).unwrap_or(usize::MAX).max(1)
        })
    }

    fn store(&self, name: &Arc<str>, ports: &Ports, stderr: &Stderr) -> wasmtime::Store<Guest> {
        watchdog::store(&self.engine, name.clone(), ports.clone(), stderr)
    }
}

/// How long a turn of an orchestration may compute. What an orchestration is for is deciding what happens
/// next: ten thousand decisions of a replay take 5 ms.
const TURN: Duration = Duration::from_secs(1);

/// A component as engines use it.
struct AtWork(Arc<Inner>);

struct Inner {
    linked: LinkedFlows,
    name: Arc<str>,
    threads: Threads,
    sessions: Ports,
    activities: Ports,
    idle: instance::Idle,
}

impl Inner {
    async fn described(&self) -> Result<&Described, Failure> {
        let described = self.linked.describe(&self.sessions.limits).await;
        described.map_err(|error| unavailable(error.report().to_string()))
    }
}

impl Flows for AtWork {
    fn describe(&self) -> BoxFuture<'static, Result<Described, Failure>> {
        let inner = self.0.clone();
        Box::pin(async move { inner.described().await.cloned() })
    }

    fn open(&self) -> BoxFuture<'static, Result<Box<dyn Session>, Failure>> {
        let inner = self.0.clone();
        Box::pin(async move {
            let session = session::Elsewhere::open(inner).await?;
            Ok(Box::new(session) as Box<dyn Session>)
        })
    }

    fn desk(&self) -> Arc<dyn Desk> {
        Arc::new(desk::Attempts::new(self.0.clone()))
    }
}

/// Threads of their own: what computes in activities costs the host some of its processors, and nothing else.
struct Threads(Option<Runtime>);

impl Threads {
    fn start(name: &str) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name(name.chars().take(15).collect::<String>())
            .enable_all()
            .build();
        Self(match runtime {
            Ok(runtime) => Some(runtime),
            Err(error) => {
                tracing::error!(component = name, "the system gives it no threads: {error}");
                None
            }
        })
    }

    /// None: there are none.
    fn handle(&self) -> Option<&Handle> {
        self.0.as_ref().map(Runtime::handle)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Guest code that computes yields every ten milliseconds, and is dropped then.
            runtime.shutdown_background();
        }
    }
}
