//! What the host keeps beside one instance: the data of its Wasm store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use wasmtime::ResourceLimiter;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::cli::StdoutStream;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::WasiHttpCtx;

use super::denials::Denials;
use super::http::Outgoing;
use super::logging::LineBudget;
use super::sockets::Sockets;
use super::{ComponentMap, EventSink, wasi};
use crate::clock::Clock;
use crate::config::grant::Grants;
use crate::config::limits::Limits;

/// The ways out of a component, shared by all instances of it, one after the other.
#[derive(Clone)]
pub struct Ports {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The component's own map.
    pub storage: Arc<dyn ComponentMap>,
    /// Where a backend pushes. Strategies have none.
    pub events: Option<Arc<dyn EventSink>>,
    /// Granted secrets, by name.
    pub secrets: Arc<BTreeMap<String, String>>,
    /// What it may reach.
    pub grants: Arc<Grants>,
    /// What it was denied.
    pub denials: Arc<Denials>,
    /// What it may use.
    pub limits: Limits,
    /// It only shows whether it would start: it connects to nothing, and its log lines go nowhere.
    pub rehearsal: bool,
}

/// One instance's side of the host.
pub struct Guest {
    /// Configured name of the component.
    pub name: Arc<str>,
    /// The ways out.
    pub ports: Ports,
    /// Connections and calls that the guest holds.
    pub table: ResourceTable,
    /// Enforced by the engine.
    pub memory: MemoryLimit,
    /// Ticks of the epoch that found guest code running since the host last got to run.
    pub busy: Arc<BusyTicks>,
    pub(super) lines: LineBudget,
    pub(super) connections: usize,
    pub(super) last_now_ms: u64,
    pub(super) stored_at_most: Option<u64>,
    pub(super) sockets: Arc<Sockets>,
    pub(super) outgoing: Outgoing,
    pub(super) http: WasiHttpCtx,
    wasi: WasiCtx,
}

impl Guest {
    /// State for a fresh instance of the component called `name`. What it writes to its standard error goes
    /// to `stderr`: a panic's words are in it.
    pub fn new(
        name: Arc<str>,
        ports: Ports,
        memory: MemoryLimit,
        stderr: impl StdoutStream + 'static,
    ) -> Self {
        let sockets = Arc::new(Sockets::new(name.clone(), &ports));
        Self {
            lines: LineBudget::new(ports.limits.log_lines),
            wasi: wasi::context(&name, &ports, &sockets, stderr),
            outgoing: Outgoing::new(name.clone(), &ports),
            http: WasiHttpCtx::new(),
            sockets,
            name,
            ports,
            table: ResourceTable::new(),
            memory,
            busy: Arc::default(),
            connections: 0,
            last_now_ms: 0,
            stored_at_most: None,
        }
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl super::bindings::host::types::Host for Guest {}

/// Counts the epoch ticks that guest code has used up without coming back to the host.
///
/// Counting ticks that found the guest *running* measures the guest; a clock on the wall would also
/// measure a machine that is busy with something else.
#[derive(Debug, Default)]
pub struct BusyTicks(AtomicU32);

impl BusyTicks {
    /// The host got to run.
    pub fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// One more tick found the guest running. Returns how many there were in a row.
    pub fn add(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Refuses memory beyond a limit, and says so in a form that can be recognised: a guest that were only
/// told "no" would end itself without a reason.
#[derive(Clone, Copy, Debug)]
pub struct MemoryLimit(usize);

impl MemoryLimit {
    /// At most so many bytes for each linear memory.
    pub fn new(bytes: usize) -> Self {
        Self(bytes)
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        _current: usize,
        wanted: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if wanted > self.0 {
            return Err(wasmtime::Error::from(MemoryExceeded {
                wanted,
                limit: self.0,
            }));
        }
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        wanted: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(wanted <= TABLE_ELEMENTS)
    }
}

/// Functions in a table: ten times what the largest guest of ours has.
const TABLE_ELEMENTS: usize = 100_000;

/// Guest code asked for more memory than it may have.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("asked for {wanted} bytes of memory, {limit} are allowed")]
pub struct MemoryExceeded {
    /// What it would have had.
    pub wanted: usize,
    /// What it may have.
    pub limit: usize,
}
