//! Components at work: loading, compiling, running, and surviving them.
//!
//! Wasmtime is named here and in `capability`, nowhere else.
//!
//! One [`Engine`] serves the process. Each component has a [`slot`], in which one build of it follows another;
//! each build has one [`actor`], which owns its Wasm store and replaces it when the instance dies. The rest
//! of the host holds typed handles ([`backend`], [`strategy`]) that never see a store.

mod abandoned;
pub mod actor;
mod alone;
pub mod answer;
pub mod backend;
pub mod cache;
pub mod component;
pub mod flows;
pub mod linked;
pub mod load;
mod misfit;
pub mod scratch;
mod slot;
pub mod stderr;
pub mod strategy;
pub mod trap;
mod watchdog;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often guest code is interrupted so that others get to run: one scheduler slice.
pub const TICK: Duration = Duration::from_millis(10);

/// The compiler and runtime of all components, with its ticking clock.
#[derive(Clone)]
pub struct Engine {
    wasmtime: wasmtime::Engine,
    _ticker: Arc<Ticker>,
}

impl Engine {
    /// Starts the engine and its ticker.
    pub fn start() -> wasmtime::Result<Self> {
        let mut config = wasmtime::Config::new();
        config.epoch_interruption(true);
        config.wasm_component_model_async(true);
        // What orchestrations compute must be the same in each replay.
        config.cranelift_nan_canonicalization(true);
        config.relaxed_simd_deterministic(true);
        let wasmtime = wasmtime::Engine::new(&config)?;
        Ok(Self {
            _ticker: Arc::new(Ticker::start(wasmtime.clone())),
            wasmtime,
        })
    }

    /// What compiles and instantiates.
    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.wasmtime
    }
}

/// Advances the epoch: without it, a guest in a loop would never be interrupted. Joined when the last
/// engine goes.
struct Ticker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    fn start(engine: wasmtime::Engine) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(TICK);
                engine.increment_epoch();
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}
