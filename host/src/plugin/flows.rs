//! Components of orchestrations, and the engine that runs them.
//!
//! ```text
//! --backend flows.wasm                          it exports orchestrations ─▶ in the engine that comes with taskhost
//! --backend durable --set durable.flows=…       the engine, named: it imports what has orchestrations
//! ```
//!
//! Either way the backend is the engine, and what an operator grants is for the activities: an engine reaches
//! its logs and nothing else.
//!
//! **What a setting names is a component like any other**: it is let in by its own line in the lock file, under
//! the words that name it (`durable.flows`), and another build of it is another build of the backend.

use serde_json::{Map, Value};

use super::admission::{AdmissionError, Admitted, Sources};
use super::embedded;
use super::load::{Linked, PrepareError, manifest_of};
use super::lock::Locked;
use super::manifest::Manifest;
use super::source::Reference;
use crate::config::ComponentConfig;
use crate::config::limits::Limits;
use crate::engine::Engine;
use crate::engine::backend::LinkedBackend;
use crate::engine::cache::Cache;
use crate::engine::component::{Component, Kind};
use crate::engine::flows::LinkedFlows;
use crate::engine::load::LoadError;
use crate::engine::scratch::Info;

pub use crate::capability::dispatch::Described;

/// The engine that comes with taskhost.
const ENGINE: &str = "durable";

/// The orchestrations that an engine runs of which nobody says which: those that come with taskhost.
const DEFAULT: &str = "flows";

/// The setting of an engine that says which orchestrations it runs.
const SETTING: &str = "flows";

/// The file of orchestrations that a setting of an engine names.
#[derive(Clone, Debug)]
pub struct Named {
    /// It came with taskhost.
    pub first_party: bool,
    /// What a lock file has to say of it.
    pub locked: Locked,
}

/// What an engine with these settings runs.
pub(super) struct Configured {
    /// Linked, and not running.
    pub(super) linked: LinkedFlows,
    /// The file.
    pub(super) named: Named,
    /// What it says of itself in its file. `None`: nothing.
    pub(super) manifest: Option<Manifest>,
}

/// The engine that comes with taskhost, running the orchestrations of `component`; and who it is.
pub(super) async fn link(
    engine: &Engine,
    cache: Option<&Cache>,
    component: &Component,
) -> Result<(LinkedBackend, Info), LoadError> {
    let flows = LinkedFlows::link(engine, component)?;
    let embedded = embedded::find(ENGINE).ok_or_else(|| LoadError::NoPlugin {
        exports: component.exports.clone(),
    })?;
    let runs = Component::load(engine, cache, embedded.bytes)?;
    let linked = LinkedBackend::link(engine, &runs)?;
    let info = linked.describe().await?;
    Ok((linked.with(flows), info))
}

/// The component of orchestrations that an engine of this configuration runs. `settings` are then in its words.
pub(super) async fn configured(
    engine: &Engine,
    cache: Option<&Cache>,
    sources: &Sources,
    config: &ComponentConfig,
    settings: &mut Map<String, Value>,
) -> Result<Configured, PrepareError> {
    let named = named(config);
    if let Some(reference) = &named {
        settings.insert(SETTING.to_owned(), Value::String(reference.clone()));
    }
    let meant = meant(config, named.unwrap_or_else(|| DEFAULT.to_owned()));
    let admitted = sources.admit(&meant).await?;
    let failed = |source: LoadError| PrepareError::Load {
        name: config.name.clone(),
        reference: meant.reference.clone(),
        source: Box::new(source.compared(&admitted.bytes)),
    };
    let component = Component::load(engine, cache, &admitted.bytes).map_err(failed)?;
    if !component.has_orchestrations() {
        return Err(failed(LoadError::NoOrchestrations {
            exports: component.exports.clone(),
        }));
    }
    let manifest = manifest_of(&meant, &admitted.bytes, Kind::Backend)?;
    let locked = sources
        .locked(&meant, Kind::Backend, &admitted, manifest.as_ref())
        .map_err(AdmissionError::from)?;
    Ok(Configured {
        linked: LinkedFlows::link(engine, &component).map_err(failed)?,
        named: Named {
            first_party: admitted.first_party,
            locked,
        },
        manifest,
    })
}

/// The bytes that are there now for what `named` was made of.
pub(super) async fn admit(
    sources: &Sources,
    config: &ComponentConfig,
    named: &Named,
) -> Result<Admitted, AdmissionError> {
    let meant = meant(config, named.locked.reference.clone());
    sources.admit(&meant).await
}

/// What a lock file, and what is said of it, call the orchestrations of the engine `name`: as flags do.
pub fn name_of(name: &str) -> String {
    format!("{name}.{SETTING}")
}

/// All that a component of this configuration is made of. Whether it is an engine is known when it is loaded:
/// what another one has under the same key is taken for a file too, which costs a look at it now and then.
pub(super) fn sources(config: &ComponentConfig) -> Vec<Reference> {
    let own = config.reference.clone();
    std::iter::once(own)
        .chain(named(config))
        .map(Reference)
        .collect()
}

/// Whether a setting names orchestrations.
pub(super) fn are_named(config: &ComponentConfig) -> bool {
    named(config).is_some()
}

fn meant(config: &ComponentConfig, reference: String) -> ComponentConfig {
    let mut meant = config.clone();
    meant.name = name_of(&config.name);
    meant.reference = reference;
    meant
}

/// What the setting says: a flag as it is typed, a file relative to itself. `None`: nothing.
fn named(config: &ComponentConfig) -> Option<String> {
    let mut flags = config.set.iter().rev();
    if let Some((_, text)) = flags.find(|(keys, _)| keys == &[SETTING]) {
        return Some(text.clone());
    }
    let written = config.config.get(SETTING)?.as_str()?;
    Some(config.from_its_file(written))
}

/// What the orchestrations and activities of a backend are. `None`: it is no engine.
pub async fn described(linked: &Linked, limits: &Limits) -> Result<Option<Described>, LoadError> {
    match linked {
        Linked::Backend(backend) => match backend.flows() {
            Some(flows) => Ok(Some(flows.describe(limits).await?.clone())),
            None => Ok(None),
        },
        Linked::Strategy(_) => Ok(None),
    }
}

/// Whether what it has can be asked for: found before the host serves anybody.
pub(super) async fn rehearse(
    flows: &LinkedFlows,
    config: &ComponentConfig,
) -> Result<(), LoadError> {
    let described = flows.describe(&config.limits).await?;
    if described.orchestrations.is_empty() {
        return Err(LoadError::Description(
            "it lists no orchestrations".to_owned(),
        ));
    }
    Ok(())
}
