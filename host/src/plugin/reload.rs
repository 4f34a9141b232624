//! Another build of a component in the place of the one that runs, without anybody noticing.
//!
//! ```text
//! configuration ─▶ digests ─▶ compile ─▶ link ─▶ asks ─▶ configuration fits? ─▶ `init` in scratch ─▶ start ─▶ swap
//!                    └ nothing is new: unchanged   └ asks for more than it is granted: held
//! ```
//!
//! **The old build serves until the new one is proven.** Whatever fails on the way is remembered with the
//! component and changes nothing. Of the configuration only what concerns the component is taken up: its
//! source, its table, its grants and its limits. What is new or gone in the file waits for a restart.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::admission::{Admitted, Sources};
use super::flows;
use super::load::{Loaded, prepare_admitted, values};
use super::placed::{Build, Placed};
use super::reach::Missing;
use crate::config::secret::SecretSource;
use crate::config::{ComponentConfig, Config, Flags};
use crate::engine::Engine;
use crate::engine::actor::Health;
use crate::engine::cache::Cache;
use crate::engine::component::Kind;
use crate::error::{Code, Report};

/// All components of a running host. Cheap to clone.
#[derive(Clone)]
pub struct Components(Arc<Inner>);

struct Inner {
    placed: Vec<Arc<Placed>>,
    flags: Flags,
    engine: Engine,
    cache: Option<Cache>,
    /// An attempt goes to its end whatever becomes of whoever asked for it.
    attempts: TaskTracker,
}

/// One attempt to reload a component.
#[derive(Clone, Debug, PartialEq)]
pub struct Reload {
    /// When it ended, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The new build serves.
    Swapped {
        /// Its first.
        generation: u64,
    },
    /// Neither the component nor its configuration is another.
    Unchanged,
    /// The old build serves. This is why.
    Failed(Report),
    /// The old build serves: the new one asks for more than the operator has granted.
    Held(Vec<Missing>),
}

impl Components {
    /// These, which were made of `flags`.
    pub fn new(placed: Vec<Placed>, flags: Flags, engine: Engine, cache: Option<Cache>) -> Self {
        Self(Arc::new(Inner {
            placed: placed.into_iter().map(Arc::new).collect(),
            flags,
            engine,
            cache,
            attempts: TaskTracker::new(),
        }))
    }

    /// Those of one kind, in the order of the configuration.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Arc<Placed>> {
        (self.0.placed.iter()).filter(move |placed| placed.kind() == kind)
    }

    /// The one of this name.
    pub fn find(&self, kind: Kind, name: &str) -> Option<&Arc<Placed>> {
        self.of(kind).find(|placed| placed.name() == name)
    }

    /// Reloads one, and says what came of it.
    pub async fn reload(&self, placed: &Arc<Placed>) -> Reload {
        let (components, placed) = (self.clone(), placed.clone());
        let attempt = self.0.attempts.spawn(async move {
            let turn = placed.turn.lock().await;
            let outcome = components.attempt(&placed).await;
            let reload = Reload {
                at_ms: placed.now_ms(),
                outcome,
            };
            log(&placed, &reload.outcome);
            placed.remember(reload.clone());
            drop(turn);
            reload
        });
        attempt.await.unwrap_or_else(|error| Reload {
            at_ms: 0,
            outcome: Outcome::Failed(defect(&error)),
        })
    }

    /// Reloads all, one after the other.
    pub async fn reload_all(&self) {
        for placed in &self.0.placed {
            self.reload(placed).await;
        }
    }

    /// Reloads what is made of these files: the configuration concerns all.
    pub async fn reload_from(&self, changed: &[PathBuf]) {
        if (self.0.flags.config.as_ref()).is_some_and(|config| changed.contains(config)) {
            return self.reload_all().await;
        }
        for placed in &self.0.placed {
            if (placed.files().iter()).any(|file| changed.contains(file)) {
                self.reload(placed).await;
            }
        }
    }

    /// The files that the components, and their configuration, come from.
    pub fn files(&self) -> Vec<PathBuf> {
        (self.0.placed.iter())
            .flat_map(|placed| placed.files())
            .chain(self.0.flags.config.clone())
            .collect()
    }

    /// Waits for the attempts that are under way. There must be no new ones.
    pub async fn end(&self) {
        self.0.attempts.close();
        self.0.attempts.wait().await;
    }

    async fn attempt(&self, placed: &Placed) -> Outcome {
        let old = placed.build();
        let kind = placed.kind();
        let wanted = match self.wanted(placed) {
            Ok(wanted) => wanted,
            Err(report) => return Outcome::Failed(report),
        };
        let config = wanted.config.clone();
        placed.look_in(flows::sources(&config));
        let admitted = match wanted.sources.admit(&config).await {
            Ok(admitted) => admitted,
            Err(error) => return Outcome::Failed(Report::from(&error)),
        };
        match is_unchanged(&old, &wanted, &admitted).await {
            // One that is broken may be so for a reason that lies elsewhere, and has gone.
            Ok(true) if !matches!(*placed.health().borrow(), Health::Broken { .. }) => {
                return Outcome::Unchanged;
            }
            Ok(_) => {}
            Err(report) => return Outcome::Failed(report),
        }
        let loaded = match self.load(kind, wanted, admitted).await {
            Ok(loaded) => loaded,
            Err(report) => return Outcome::Failed(report),
        };
        let asks = newly_asked(&old.loaded, &loaded);
        if !asks.is_empty() {
            return Outcome::Held(asks);
        }
        match placed.replace(Build { config, loaded }).await {
            Ok(generation) => Outcome::Swapped { generation },
            Err(report) => Outcome::Failed(report),
        }
    }

    /// What the file and the flags say of it now.
    fn wanted(&self, placed: &Placed) -> Result<Wanted, Report> {
        let config = Config::resolve(&self.0.flags).map_err(|error| Report::from(&error))?;
        let sources = Sources::of(&config).map_err(|error| Report::from(&error))?;
        let components = match placed.kind() {
            Kind::Backend => config.backends,
            Kind::Strategy => config.strategies,
        };
        let mine = (components.into_iter()).find(|component| component.name == placed.name());
        match mine {
            Some(mine) => Ok(Wanted {
                config: mine,
                secrets: config.secrets,
                sources,
            }),
            None => Err(Report::new(
                Code(145),
                format!("`{}` is in the configuration no more", placed.name()),
            )
            .help("restart the host: until then it serves as before")),
        }
    }

    /// Compiles on a thread of its own: nobody's calls wait for that.
    async fn load(&self, kind: Kind, wanted: Wanted, admitted: Admitted) -> Result<Loaded, Report> {
        let (engine, cache) = (self.0.engine.clone(), self.0.cache.clone());
        let runtime = tokio::runtime::Handle::current();
        let loading = tokio::task::spawn_blocking(move || {
            let Wanted {
                config,
                secrets,
                sources,
            } = &wanted;
            let cache = cache.as_ref();
            runtime.block_on(prepare_admitted(
                &engine, cache, sources, kind, config, secrets, admitted,
            ))
        });
        match loading.await {
            Ok(loaded) => loaded.map_err(|error| error.report()),
            Err(error) => Err(defect(&error)),
        }
    }
}

/// The files that a host of this configuration comes from.
pub fn files(config: &Config, flags: &Flags) -> Vec<PathBuf> {
    (config.backends.iter())
        .chain(&config.strategies)
        .flat_map(flows::sources)
        .filter_map(|source| source.file())
        .chain(flags.config.clone())
        .collect()
}

/// What a place is to hold.
struct Wanted {
    config: ComponentConfig,
    /// Where secrets come from.
    secrets: BTreeMap<String, SecretSource>,
    sources: Sources,
}

/// Whether the build in the place is what the configuration and the files amount to.
async fn is_unchanged(old: &Build, wanted: &Wanted, admitted: &Admitted) -> Result<bool, Report> {
    let is_same =
        old.config.is_same(&wanted.config) && admitted.digest.hex() == old.loaded.component.digest;
    if !is_same {
        return Ok(false);
    }
    if let Some(named) = &old.loaded.flows {
        let now = flows::admit(&wanted.sources, &wanted.config, named).await;
        let now = now.map_err(|error| Report::from(&error))?;
        if now.digest != named.locked.digest {
            return Ok(false);
        }
    }
    let name = &wanted.config.name;
    let values = values(name, &old.loaded.reach.grants, &wanted.secrets);
    Ok(values.map_err(|error| error.report())? == old.loaded.secrets)
}

/// What `new` asks for that `old` did not, that it is not granted, and that it does not go without.
fn newly_asked(old: &Loaded, new: &Loaded) -> Vec<Missing> {
    let before = old
        .manifest
        .as_ref()
        .map(|manifest| manifest.asks.as_slice());
    let is_new = |missing: &&Missing| {
        let asked = before.is_some_and(|asks| asks.iter().any(|ask| ask.what == missing.ask.what));
        !asked && !missing.ask.optional
    };
    new.reach.missing.iter().filter(is_new).cloned().collect()
}

fn log(placed: &Placed, outcome: &Outcome) {
    let (component, kind) = (placed.name(), placed.kind());
    match outcome {
        Outcome::Swapped { generation } => {
            let digest = &placed.build().loaded.component.digest;
            tracing::info!(component, %kind, generation, digest, "reloaded");
        }
        Outcome::Unchanged => tracing::debug!(component, %kind, "nothing to reload"),
        Outcome::Failed(report) => {
            tracing::error!(component, %kind, code = %report.code, "not reloaded, the old build serves: {report}");
        }
        Outcome::Held(asks) => {
            let asks: Vec<_> = asks.iter().map(|ask| ask.grant.as_str()).collect();
            tracing::warn!(
                component, %kind,
                "an update is held, the old build serves: it asks for {}; taskhost grant {component} {}",
                asks.join(", "),
                asks.join(" ")
            );
        }
    }
}

fn defect(error: &tokio::task::JoinError) -> Report {
    Report::new(Code(699), format!("a defect of the host: {error}"))
}
