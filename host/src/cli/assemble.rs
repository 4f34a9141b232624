//! Putting a host together from its configuration.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Flags, env};
use crate::engine::Engine;
use crate::engine::cache::Cache;
use crate::engine::component::Kind;
use crate::error::{Code, Report};
use crate::plugin::admission::Sources;
use crate::plugin::load::{Loaded, prepare};
use crate::plugin::placed::{self, Placed, Ways};
use crate::plugin::reload::Components;
use crate::plugin::source::shelf::Shelf;
use crate::plugin::source::{Pin, Reference};
use crate::plugin::{Backend, EventSink, Strategy};
use crate::service::exhibit::Exhibit;
use crate::service::follow::Mailbox;
use crate::service::storage::{StoredLogs, StoredMaps};
use crate::service::{Attached, Service};
use crate::store::Store;
use crate::store::sled::SledStore;

/// How often a task is observed whose backend says nothing about that.
const OBSERVE_EVERY: Duration = Duration::from_secs(1);

/// Everything loaded, nothing running.
pub(super) struct Prepared {
    /// With what the flags and the schemas made of the components' tables.
    pub(super) config: Config,
    pub(super) backends: Vec<Loaded>,
    pub(super) strategies: Vec<Loaded>,
    /// As the file and the flags have it.
    written: Config,
    engine: Engine,
    cache: Option<Cache>,
}

/// A host that runs.
pub(super) struct Running {
    pub(super) service: Service,
    pub(super) components: Components,
    tasks: Vec<JoinHandle<()>>,
    stop_components: CancellationToken,
}

/// Starts the engine, with its cache where that can be had.
pub(super) fn engine() -> Result<(Engine, Option<Cache>), Report> {
    let engine = Engine::start().map_err(|error| {
        Report::new(
            Code(399),
            format!("the Wasm engine does not start: {error}"),
        )
    })?;
    let cache = env::cache_dir().and_then(|directory| match Cache::open(&directory) {
        Ok(cache) => Some(cache),
        Err(error) => {
            tracing::warn!(path = %directory.display(), "components are compiled at each start: {error}");
            None
        }
    });
    Ok((engine, cache))
}

/// Loads all components of `config`.
pub(super) async fn load(config: Config) -> Result<Prepared, Report> {
    let sources = Sources::of(&config).map_err(|error| Report::from(&error))?;
    load_from(config, &sources).await
}

/// The same, from what `sources` lets in.
pub(super) async fn load_from(mut config: Config, sources: &Sources) -> Result<Prepared, Report> {
    let (engine, cache) = engine()?;
    let written = config.clone();
    let mut backends = Vec::new();
    let mut strategies = Vec::new();
    for (kind, components, loaded) in [
        (Kind::Backend, &mut config.backends, &mut backends),
        (Kind::Strategy, &mut config.strategies, &mut strategies),
    ] {
        for component in components {
            let ready = prepare(
                &engine,
                cache.as_ref(),
                sources,
                kind,
                component,
                &config.secrets,
            )
            .await
            .map_err(|error| error.report())?;
            component.grants = ready.granted.clone();
            component.config = serde_json::from_str(ready.config.text()).map_err(|error| {
                Report::new(Code(111), format!("`{}`: {error}", component.name))
            })?;
            loaded.push(ready);
        }
    }
    config
        .unique_names()
        .map_err(|error| Report::from(&error))?;
    Ok(Prepared {
        config,
        backends,
        strategies,
        written,
        engine,
        cache,
    })
}

/// The bytes of a component that no configuration names.
pub(super) async fn bytes(reference: &str) -> Result<Cow<'static, [u8]>, Report> {
    let shelf = env::downloads_dir().map(|directory| Shelf::new(&directory));
    let fetched = Reference(reference.to_owned())
        .read(shelf.as_ref(), Pin::Unsaid)
        .await
        .map_err(|error| Report::from(&error))?;
    Ok(fetched.bytes)
}

impl Prepared {
    /// Opens the store and sets everything going. Made of `flags`, of which it is made again what is reloaded.
    pub(super) fn start(self, flags: Flags) -> Result<Running, Report> {
        let store = open(&self.config.data_dir, &self.config)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let stop_components = CancellationToken::new();
        let mut placed = Vec::new();
        let mut tasks = Vec::new();
        let ways = Ways {
            clock: clock.clone(),
            storage: Arc::new(StoredMaps(store.clone())),
            journal: Arc::new(StoredLogs(store.clone())),
            events: None,
        };
        let mut backends = Vec::new();
        let mut strategies = Vec::new();
        for (component, loaded) in self.written.backends.into_iter().zip(self.backends) {
            let mailbox = Arc::new(Mailbox::default());
            let sink: Arc<dyn EventSink> = mailbox.clone();
            let ways = Ways {
                events: Some(sink),
                ..ways.clone()
            };
            let every = loaded
                .info
                .observe_every
                .unwrap_or(OBSERVE_EVERY)
                .max(Duration::from_millis(100));
            let (place, task) = Placed::start(component, loaded, ways, stop_components.clone());
            if let placed::Running::Backend(backend) = place.running() {
                let backend: Arc<dyn Backend> = Arc::new(backend.clone());
                backends.push(Attached::new(backend, mailbox, every));
            }
            placed.push(place);
            tasks.push(task);
        }
        for (component, loaded) in self.written.strategies.into_iter().zip(self.strategies) {
            let shows = component.tasks.clone();
            let (place, task) =
                Placed::start(component, loaded, ways.clone(), stop_components.clone());
            if let placed::Running::Strategy(strategy) = place.running() {
                let strategy: Arc<dyn Strategy> = Arc::new(strategy.clone());
                strategies.push(Exhibit {
                    strategy,
                    tasks: shows,
                });
            }
            placed.push(place);
            tasks.push(task);
        }
        let service = Service::new(
            store,
            clock,
            self.config.settings.clone(),
            backends,
            strategies,
        );
        service.begin().map_err(|error| Report::from(&error))?;
        Ok(Running {
            service,
            components: Components::new(placed, flags, self.engine, self.cache),
            tasks,
            stop_components,
        })
    }
}

impl Running {
    /// Ends everything in order: tasks are written, components stopped, the store closed.
    pub(super) async fn end(self) -> Result<(), Report> {
        let closed = self
            .service
            .end()
            .await
            .map_err(|error| Report::from(&error));
        self.stop_components.cancel();
        self.components.end().await;
        for task in self.tasks {
            _ = task.await;
        }
        closed
    }
}

fn open(data_dir: &Path, config: &Config) -> Result<Arc<dyn Store>, Report> {
    let store =
        SledStore::open(data_dir, config.durability).map_err(|error| Report::from(&error))?;
    Ok(Arc::new(store))
}
