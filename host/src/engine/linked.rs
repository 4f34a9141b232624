//! A component, linked and not running.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wasmtime::component::{HasSelf, Linker};

use super::Engine;
use super::actor::{Blueprint, World};
use super::alone::alone;
use super::component::Component;
use super::flows::LinkedFlows;
use super::load::LoadError;
use super::scratch::{self, Info};
use super::slot::Slot;
use crate::capability::bindings::host;
use crate::capability::{Guest, Ports, wasi};
use crate::config::grant::Grants;
use crate::config::limits::Limits;
use crate::error::Report;
use crate::task::Json;

/// A component of world `W` that fits this host. Nothing of it has run.
pub struct LinkedComponent<W: World> {
    engine: Engine,
    linked: W::Linked,
    limits: Limits,
    /// For an engine: the orchestrations that it runs.
    flows: Option<LinkedFlows>,
}

impl<W: World> Clone for LinkedComponent<W> {
    fn clone(&self) -> Self {
        Self {
            engine: self.engine.clone(),
            linked: self.linked.clone(),
            limits: self.limits.clone(),
            flows: self.flows.clone(),
        }
    }
}

impl<W: World> LinkedComponent<W> {
    /// Checks `component` import by import and export by export. Nothing of it runs.
    pub fn link(engine: &Engine, component: &Component) -> Result<Self, LoadError> {
        component.expect(W::KIND)?;
        let linked = common_linker(engine)
            .and_then(|linker| W::link(linker, &component.code))
            .map_err(|error| LoadError::misfit(&error))?;
        Ok(Self {
            engine: engine.clone(),
            linked,
            limits: Limits::default(),
            flows: None,
        })
    }

    /// The same, looked at under these limits: what an operator allows it, it may need already then.
    #[must_use]
    pub fn under(self, limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            ..self
        }
    }

    /// The same, running these orchestrations.
    #[must_use]
    pub fn with(self, flows: LinkedFlows) -> Self {
        Self {
            flows: Some(flows),
            ..self
        }
    }

    /// The orchestrations that it runs, where it is an engine.
    pub fn flows(&self) -> Option<&LinkedFlows> {
        self.flows.as_ref()
    }

    /// Asks it who it is, with nothing in its reach.
    pub async fn describe(&self) -> Result<Info, LoadError> {
        let this = self.clone();
        let asked = alone("describe", async move {
            scratch::describe::<W>(&this.engine, &this.linked, &this.limits).await
        });
        asked
            .await
            .ok()
            .flatten()
            .unwrap_or_else(|| Err(LoadError::no_thread("describe")))
    }

    /// Asks it whether it would start with this configuration, with nothing in its reach but secrets
    /// and variables.
    pub async fn rehearse(
        &self,
        name: &str,
        config: &Json,
        grants: &Grants,
        secrets: &BTreeMap<String, String>,
    ) -> Result<(), LoadError> {
        let this = self.clone();
        let (name, config) = (name.to_owned(), config.clone());
        let (grants, secrets) = (grants.clone(), secrets.clone());
        let rehearsed = alone(&name.clone(), async move {
            let Self {
                engine,
                linked,
                limits,
                ..
            } = &this;
            scratch::rehearse::<W>(engine, linked, &name, &config, &grants, &secrets, limits).await
        });
        rehearsed
            .await
            .ok()
            .flatten()
            .unwrap_or_else(|| Err(LoadError::no_thread("init")))
    }

    /// Starts it in a place of its own. The caller joins the task; `stop` ends it.
    pub(super) fn spawn(
        &self,
        name: &str,
        ports: Ports,
        config: &Json,
        stop: CancellationToken,
    ) -> (Slot<W>, JoinHandle<()>) {
        Slot::start(
            self.blueprint(name.into(), ports, config, Arc::default()),
            stop,
        )
    }

    /// Starts it in the place of another build, see [`Slot::replace`].
    pub(super) async fn take(
        &self,
        slot: &Slot<W>,
        ports: Ports,
        config: &Json,
    ) -> Result<u64, Report> {
        let blueprint = self.blueprint(slot.name().clone(), ports, config, slot.generations());
        slot.replace(blueprint).await
    }

    /// What is granted to an engine is for the activities that it has done: itself, it has its logs.
    fn ports(&self, name: &Arc<str>, ports: Ports) -> Ports {
        let Some(flows) = &self.flows else {
            return Ports {
                journal: None,
                flows: None,
                ..ports
            };
        };
        let grants = Grants {
            storage: ports.grants.storage,
            ..Grants::default()
        };
        Ports {
            flows: Some(flows.at_work(name, ports.clone())),
            grants: Arc::new(grants),
            secrets: Arc::default(),
            ..ports
        }
    }

    fn blueprint(
        &self,
        name: Arc<str>,
        ports: Ports,
        config: &Json,
        generations: Arc<AtomicU64>,
    ) -> Blueprint<W> {
        let ports = self.ports(&name, ports);
        Blueprint {
            name,
            engine: self.engine.clone(),
            linked: self.linked.clone(),
            ports,
            config: config.text().to_owned(),
            generations,
        }
    }
}

/// What is given to those that may reach out: backends, and activities of orchestrations.
pub(super) fn add_reach(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    host::net::add_to_linker::<_, HasSelf<_>>(linker, |guest| guest)?;
    host::secrets::add_to_linker::<_, HasSelf<_>>(linker, |guest| guest)?;
    host::storage::add_to_linker::<_, HasSelf<_>>(linker, |guest| guest)
}

/// What every world is given: logs, time, and a WASI that reaches what is granted.
pub(super) fn common_linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine.wasmtime());
    wasi::link(&mut linker)?;
    host::types::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
    host::logging::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
    host::timers::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
    Ok(linker)
}
