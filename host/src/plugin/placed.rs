//! One configured component at work: what it is now, how it fares, and what came of reloading it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::ask::Ask;
use super::flows;
use super::load::{Linked, Loaded};
use super::reach::Missing;
use super::reload::Reload;
use super::source::Reference;
use crate::capability::denials::{Denial, Denials};
use crate::capability::meter::{Meter, Usage};
use crate::capability::{ComponentMap, EventSink, Ports, RunLogs};
use crate::clock::Clock;
use crate::config::ComponentConfig;
use crate::engine::actor::Health;
use crate::engine::backend::RunningBackend;
use crate::engine::component::Kind;
use crate::engine::load::LoadError;
use crate::engine::strategy::RunningStrategy;
use crate::error::Report;

/// A component in its place, which outlives every build of it. Its identity is the configured name.
pub struct Placed {
    kind: Kind,
    name: String,
    running: Running,
    ways: Ways,
    tally: Tally,
    build: Mutex<Arc<Build>>,
    /// Where the next build would come from.
    sources: Mutex<Vec<Reference>>,
    last: Mutex<Option<Reload>>,
    /// Held by whoever reloads it.
    pub(super) turn: tokio::sync::Mutex<()>,
}

/// What is in the place now.
pub struct Build {
    /// As the file and the flags have it.
    pub config: ComponentConfig,
    /// What became of that.
    pub loaded: Loaded,
}

/// A component at work, of either kind.
pub enum Running {
    /// It runs tasks.
    Backend(RunningBackend),
    /// It shows tasks.
    Strategy(RunningStrategy),
}

/// The ways out of a component that are the same for every build of it.
#[derive(Clone)]
pub struct Ways {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The maps of all components.
    pub storage: Arc<dyn ComponentMap>,
    /// Logs of runs, for engines of orchestrations.
    pub journal: Arc<dyn RunLogs>,
    /// Where a backend pushes.
    pub events: Option<Arc<dyn EventSink>>,
}

/// What is counted over all builds.
#[derive(Default)]
struct Tally {
    denials: Arc<Denials>,
    meter: Arc<Meter>,
}

impl Ways {
    /// With what the operator allows this build.
    fn ports(&self, build: &Build, tally: &Tally) -> Ports {
        Ports {
            clock: self.clock.clone(),
            storage: self.storage.clone(),
            events: self.events.clone(),
            journal: Some(self.journal.clone()),
            flows: None,
            secrets: Arc::new(build.loaded.secrets.clone()),
            grants: Arc::new(build.loaded.reach.grants.clone()),
            denials: tally.denials.clone(),
            limits: build.config.limits.clone(),
            meter: tally.meter.clone(),
            rehearsal: false,
        }
    }
}

impl Build {
    /// What it may reach, in the words of grants.
    pub fn grants(&self) -> Vec<String> {
        let words = self.loaded.reach.grants.words();
        words.iter().map(ToString::to_string).collect()
    }

    /// What it asks for. None: it does not say.
    pub fn asks(&self) -> Option<&[Ask]> {
        let manifest = self.loaded.manifest.as_ref()?;
        Some(&manifest.asks)
    }

    /// What it asks for and is not granted.
    pub fn missing(&self) -> &[Missing] {
        &self.loaded.reach.missing
    }
}

impl Placed {
    /// Starts the first build. The caller joins the task; `stop` ends it.
    pub fn start(
        config: ComponentConfig,
        loaded: Loaded,
        ways: Ways,
        stop: CancellationToken,
    ) -> (Self, JoinHandle<()>) {
        let name = config.name.clone();
        let sources = flows::sources(&config);
        let build = Build { config, loaded };
        let tally = Tally::default();
        let ports = ways.ports(&build, &tally);
        let settings = &build.loaded.config;
        let (kind, running, task) = match &build.loaded.linked {
            Linked::Backend(linked) => {
                let (backend, task) = linked.run(&name, ports, settings, stop);
                (Kind::Backend, Running::Backend(backend), task)
            }
            Linked::Strategy(linked) => {
                let (strategy, task) = linked.run(&name, ports, settings, stop);
                (Kind::Strategy, Running::Strategy(strategy), task)
            }
        };
        let placed = Self {
            kind,
            name,
            running,
            ways,
            tally,
            build: Mutex::new(Arc::new(build)),
            sources: Mutex::new(sources),
            last: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        };
        (placed, task)
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What it is called here.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it is called, whichever build of it is there.
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// The build that new calls go to.
    pub fn build(&self) -> Arc<Build> {
        locked(&self.build).clone()
    }

    /// What came of the last attempt to reload it.
    pub fn last(&self) -> Option<Reload> {
        locked(&self.last).clone()
    }

    /// How it is, now and from now on.
    pub fn health(&self) -> watch::Receiver<Health> {
        match &self.running {
            Running::Backend(backend) => backend.health(),
            Running::Strategy(strategy) => strategy.health(),
        }
    }

    /// What it was denied, all builds of it.
    pub fn denials(&self) -> Vec<Denial> {
        self.tally.denials.snapshot()
    }

    /// What it uses, beside what it may use.
    pub fn usage(&self) -> Usage {
        self.tally.meter.usage()
    }

    /// Puts `build` here when it is ready: returns its generation, or why nothing has changed.
    pub(super) async fn replace(&self, build: Build) -> Result<u64, Report> {
        let ports = self.ways.ports(&build, &self.tally);
        let settings = &build.loaded.config;
        let generation = match (&self.running, &build.loaded.linked) {
            (Running::Backend(backend), Linked::Backend(linked)) => {
                backend.replace(linked, ports, settings).await?
            }
            (Running::Strategy(strategy), Linked::Strategy(linked)) => {
                strategy.replace(linked, ports, settings).await?
            }
            // Whoever loads it loads it as what it is here.
            (Running::Backend(_), Linked::Strategy(_))
            | (Running::Strategy(_), Linked::Backend(_)) => {
                return Err(Report::from(&LoadError::WrongKind {
                    found: build.loaded.linked.kind(),
                    wanted: self.kind,
                }));
            }
        };
        *locked(&self.build) = Arc::new(build);
        Ok(generation)
    }

    /// The files that the next build would come from: the one that is here may come from elsewhere, if the
    /// new one is not good enough yet.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        locked(&self.sources)
            .iter()
            .filter_map(Reference::file)
            .collect()
    }

    pub(super) fn look_in(&self, sources: Vec<Reference>) {
        *locked(&self.sources) = sources;
    }

    pub(super) fn remember(&self, reload: Reload) {
        *locked(&self.last) = Some(reload);
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.ways.clock.now_ms()
    }
}

fn locked<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
