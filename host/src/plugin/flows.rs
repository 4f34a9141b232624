//! Components of orchestrations, and the engine that runs them.
//!
//! ```text
//! --backend flows.wasm                          it exports orchestrations ─▶ in the engine that comes with taskhost
//! --backend durable --set durable.flows=…       the engine, named: it imports what has orchestrations
//! ```
//!
//! Either way the backend is the engine, and what an operator grants is for the activities: an engine reaches
//! its logs and nothing else.

use serde_json::{Map, Value};

use super::admission::{AdmissionError, Admitted, Locking, Sources};
use super::embedded;
use super::load::PrepareError;
use crate::config::ComponentConfig;
use crate::engine::Engine;
use crate::engine::backend::LinkedBackend;
use crate::engine::cache::Cache;
use crate::engine::component::Component;
use crate::engine::flows::LinkedFlows;
use crate::engine::load::LoadError;
use crate::engine::scratch::Info;

/// The engine that comes with taskhost.
const ENGINE: &str = "durable";

/// The orchestrations that an engine runs of which nobody says which: those that come with taskhost.
const DEFAULT: &str = "flows";

/// The setting of an engine that says which orchestrations it runs.
const SETTING: &str = "flows";

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

/// The component of orchestrations that an engine with these settings runs.
pub(super) async fn configured(
    engine: &Engine,
    cache: Option<&Cache>,
    sources: &Sources,
    config: &ComponentConfig,
    settings: &Map<String, Value>,
) -> Result<(LinkedFlows, Admitted), PrepareError> {
    let named = settings.get(SETTING).and_then(Value::as_str);
    let reference = named.unwrap_or(DEFAULT).to_owned();
    let admitted = admit(sources, config, &reference).await?;
    let failed = |source: LoadError| PrepareError::Load {
        name: config.name.clone(),
        reference: reference.clone(),
        source: Box::new(source.compared(&admitted.bytes)),
    };
    let component = Component::load(engine, cache, &admitted.bytes).map_err(failed)?;
    if !component.has_orchestrations() {
        return Err(failed(LoadError::NoOrchestrations {
            exports: component.exports.clone(),
        }));
    }
    let flows = LinkedFlows::link(engine, &component).map_err(failed)?;
    Ok((flows, admitted))
}

async fn admit(
    sources: &Sources,
    config: &ComponentConfig,
    reference: &str,
) -> Result<Admitted, AdmissionError> {
    let mut meant = config.clone();
    reference.clone_into(&mut meant.reference);
    let admitted = sources.admit(&meant).await?;
    if sources.locking == Locking::Binds && !admitted.first_party {
        return Err(AdmissionError::Unlocked {
            name: config.name.clone(),
            reference: reference.to_owned(),
        });
    }
    Ok(admitted)
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
