//! What the host keeps beside one instance: the data of its Wasm store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use wasmtime::ResourceLimiter;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::cli::StdoutStream;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::WasiHttpCtx;

use super::attempt::AttemptState;
use super::budget::Budget;
use super::denials::Denials;
use super::dispatch::Desk;
use super::http::Outgoing;
use super::sockets::Sockets;
use super::{ComponentMap, EventSink, Flows, Meter, RunLogs, wasi};
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
    /// Logs of runs. Those have them that were started with orchestrations.
    pub journal: Option<Arc<dyn RunLogs>>,
    /// The component that has the orchestrations.
    pub flows: Option<Arc<dyn Flows>>,
    /// Granted secrets, by name.
    pub secrets: Arc<BTreeMap<String, String>>,
    /// What it may reach.
    pub grants: Arc<Grants>,
    /// What it was denied.
    pub denials: Arc<Denials>,
    /// What it may use.
    pub limits: Limits,
    /// What it has used, also before this instance.
    pub meter: Arc<Meter>,
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
    pub(super) log_lines: Budget,
    pub(super) log_bytes: Budget,
    pub(super) events: Budget,
    pub(super) output_lines: Budget,
    pub(super) output_bytes: Budget,
    pub(super) connections: usize,
    pub(super) last_now_ms: u64,
    pub(super) stored_at_most: Option<u64>,
    pub(super) sockets: Arc<Sockets>,
    pub(super) outgoing: Outgoing,
    pub(super) http: WasiHttpCtx,
    pub(super) desk: Option<Arc<dyn Desk>>,
    /// For an activity: which attempt it is.
    pub(crate) attempt: Option<AttemptState>,
    wasi: WasiCtx,
}

impl Guest {
    /// State for a fresh instance of the component called `name`. What it writes to its standard error goes
    /// to `stderr`: a panic's words are in it.
    pub fn new(name: Arc<str>, ports: Ports, stderr: impl StdoutStream + 'static) -> Self {
        let sockets = Arc::new(Sockets::new(name.clone(), &ports));
        let limits = &ports.limits;
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles);
        Self {
            log_lines: Budget::new(limits.log_lines),
            log_bytes: Budget::new(limits.log_bytes),
            events: Budget::new(limits.events),
            output_lines: Budget::new(limits.output_lines),
            output_bytes: Budget::new(limits.output_bytes),
            memory: MemoryLimit::new(limits, ports.meter.clone()),
            wasi: wasi::context(&name, &ports, &sockets, stderr),
            outgoing: Outgoing::new(name.clone(), &ports),
            http: WasiHttpCtx::new(),
            desk: None,
            attempt: None,
            sockets,
            name,
            ports,
            table,
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
/// told "no" would end itself without a reason, or go on.
#[derive(Debug)]
pub struct MemoryLimit {
    memory: Total,
    table_elements: Total,
    modules: usize,
    meter: Arc<Meter>,
}

/// All memories, or all tables, of an instance together: a component may have any number of each.
#[derive(Clone, Copy, Debug)]
struct Total {
    now: usize,
    limit: usize,
    /// Added last, and taken back where the system could not give it.
    last: usize,
}

impl Total {
    fn new(limit: usize) -> Self {
        Self {
            now: 0,
            limit,
            last: 0,
        }
    }

    /// One part grows from `current` to `wanted`. What there would be in all, if that is too much.
    fn grow(&mut self, current: usize, wanted: usize) -> Result<(), usize> {
        let more = wanted.saturating_sub(current);
        let after = self.now.saturating_add(more);
        if after > self.limit {
            return Err(after);
        }
        self.now = after;
        self.last = more;
        Ok(())
    }

    fn take_back(&mut self) {
        self.now = self.now.saturating_sub(std::mem::take(&mut self.last));
    }
}

impl MemoryLimit {
    /// Counts from nothing, in `meter` too.
    pub fn new(limits: &Limits, meter: Arc<Meter>) -> Self {
        Self {
            memory: Total::new(limits.memory),
            table_elements: Total::new(limits.table_elements),
            modules: limits.modules,
            meter,
        }
    }

    /// What its memories have, in bytes.
    pub fn total(&self) -> usize {
        self.memory.now
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        wanted: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let limit = self.memory.limit;
        self.memory
            .grow(current, wanted)
            .map_err(|wanted| wasmtime::Error::from(MemoryExceeded { wanted, limit }))?;
        self.meter.memory.set(self.memory.now);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory.take_back();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        wanted: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let limit = self.table_elements.limit;
        self.table_elements
            .grow(current, wanted)
            .map_err(|wanted| wasmtime::Error::from(TableExceeded { wanted, limit }))?;
        self.meter.table_elements.set(self.table_elements.now);
        Ok(true)
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.table_elements.take_back();
        Ok(())
    }

    fn instances(&self) -> usize {
        self.modules
    }

    fn memories(&self) -> usize {
        self.modules
    }

    fn tables(&self) -> usize {
        self.modules
    }
}

/// Guest code asked for more memory than it may have.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("asked for {wanted} bytes of memory, {limit} are allowed")]
pub struct MemoryExceeded {
    /// What it would have had.
    pub wanted: usize,
    /// What it may have.
    pub limit: usize,
}

/// Guest code asked for larger tables than it may have.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("asked for tables of {wanted} elements, {limit} are allowed")]
pub struct TableExceeded {
    /// What it would have had.
    pub wanted: usize,
    /// What it may have.
    pub limit: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_small_memories_count_as_one_large_one() {
        let limits = Limits {
            memory: 100,
            ..Limits::default()
        };
        let meter = Arc::new(Meter::default());
        let mut limiter = MemoryLimit::new(&limits, meter.clone());
        assert!(limiter.memory_growing(0, 60, None).is_ok());
        let refused = limiter.memory_growing(0, 60, None).unwrap_err();
        let refused = refused.downcast_ref::<MemoryExceeded>().unwrap();
        assert_eq!((refused.wanted, refused.limit), (120, 100));
        assert!(limiter.memory_growing(60, 100, None).is_ok());
        // The system had none.
        limiter
            .memory_grow_failed(wasmtime::Error::msg("no memory"))
            .unwrap();
        assert!(limiter.memory_growing(0, 40, None).is_ok());
        assert!(limiter.memory_growing(0, 1, None).is_err());
    }

    #[test]
    fn tables_count_together_too() {
        let limits = Limits {
            table_elements: 10,
            ..Limits::default()
        };
        let mut limiter = MemoryLimit::new(&limits, Arc::default());
        assert!(limiter.table_growing(0, 10, None).is_ok());
        let refused = limiter.table_growing(10, 11, None).unwrap_err();
        assert!(refused.downcast_ref::<TableExceeded>().is_some());
    }
}
