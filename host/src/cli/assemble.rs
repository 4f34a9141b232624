//! Putting a host together from its configuration.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::capability::Ports;
use crate::clock::{Clock, SystemClock};
use crate::config::{ComponentConfig, Config, env};
use crate::engine::Engine;
use crate::engine::cache::Cache;
use crate::engine::component::Kind;
use crate::error::{Code, Report};
use crate::plugin::load::{Linked, Loaded, prepare};
use crate::plugin::{Backend, EventSink, Strategy};
use crate::service::exhibit::Exhibit;
use crate::service::follow::Mailbox;
use crate::service::storage::StoredMaps;
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
}

/// A host that runs.
pub(super) struct Running {
    pub(super) service: Service,
    components: Vec<JoinHandle<()>>,
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
pub(super) async fn load(mut config: Config) -> Result<Prepared, Report> {
    let (engine, cache) = engine()?;
    let mut backends = Vec::new();
    let mut strategies = Vec::new();
    for (kind, components, loaded) in [
        (Kind::Backend, &mut config.backends, &mut backends),
        (Kind::Strategy, &mut config.strategies, &mut strategies),
    ] {
        for component in components {
            let ready = prepare(&engine, cache.as_ref(), kind, component, &config.secrets)
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
    })
}

impl Prepared {
    /// Opens the store and sets everything going.
    pub(super) fn start(self) -> Result<Running, Report> {
        let store = open(&self.config.data_dir, &self.config)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let stop_components = CancellationToken::new();
        let mut components = Vec::new();
        let maps = Arc::new(StoredMaps(store.clone()));
        let ports = |component: &ComponentConfig, loaded: &Loaded, events| Ports {
            clock: clock.clone(),
            storage: maps.clone(),
            events,
            secrets: Arc::new(loaded.secrets.clone()),
            grants: Arc::new(loaded.reach.grants.clone()),
            denials: Arc::default(),
            limits: component.limits.clone(),
            meter: Arc::default(),
            rehearsal: false,
        };
        let mut backends = Vec::new();
        let mut strategies = Vec::new();
        for (component, loaded) in self.config.backends.iter().zip(&self.backends) {
            let Linked::Backend(linked) = &loaded.linked else {
                continue;
            };
            let mailbox = Arc::new(Mailbox::default());
            let sink: Arc<dyn EventSink> = mailbox.clone();
            let ports = ports(component, loaded, Some(sink));
            let (backend, task) = linked.run(
                &component.name,
                ports,
                &loaded.config,
                stop_components.clone(),
            );
            components.push(task);
            let backend: Arc<dyn Backend> = Arc::new(backend);
            let every = loaded
                .info
                .observe_every
                .unwrap_or(OBSERVE_EVERY)
                .max(Duration::from_millis(100));
            backends.push(Attached::new(backend, mailbox, every));
        }
        for (component, loaded) in self.config.strategies.iter().zip(&self.strategies) {
            let Linked::Strategy(linked) = &loaded.linked else {
                continue;
            };
            let ports = ports(component, loaded, None);
            let (strategy, task) = linked.run(
                &component.name,
                ports,
                &loaded.config,
                stop_components.clone(),
            );
            components.push(task);
            let strategy: Arc<dyn Strategy> = Arc::new(strategy);
            strategies.push(Exhibit {
                strategy,
                tasks: component.tasks.clone(),
            });
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
            components,
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
        for component in self.components {
            _ = component.await;
        }
        closed
    }
}

fn open(data_dir: &Path, config: &Config) -> Result<Arc<dyn Store>, Report> {
    let store =
        SledStore::open(data_dir, config.durability).map_err(|error| Report::from(&error))?;
    Ok(Arc::new(store))
}
