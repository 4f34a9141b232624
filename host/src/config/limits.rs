//! Every limit, its default, and why it is what it is.

use std::time::Duration;

/// What one component may use.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Linear memory of an instance, in bytes.
    ///
    /// Room for a few results of the largest kind at once, and small enough that a leak is found early.
    pub memory: usize,
    /// How long guest code may run without coming back to the host.
    ///
    /// An instance serves all its callers on one thread, so this is how long a loop can hold up the
    /// others. A block of 200 ms was seen to do no harm.
    pub without_yield: Duration,
    /// How long one call may take, waiting included. Longer than any wait a strategy may ask for.
    pub call: Duration,
    /// How long an instance may be silent while it does not run guest code: a blocking wait.
    ///
    /// Generous, because on a starved machine the host itself may not get to run.
    pub silence: Duration,
    /// Calls that wait for the instance to take them. More are refused at once, which a client can
    /// repeat; a wait it could not tell from a hang.
    pub queue: usize,
    /// Bytes of strings and lists that one call may hand to the host.
    pub handed_over: usize,
    /// Connections open at a time.
    pub connections: usize,
    /// Log lines a second.
    pub log_lines: u32,
    /// Bytes of storage, keys and values.
    pub storage: u64,
    /// Restarts within [`Limits::restart_window`] before the component counts as broken.
    pub restarts: usize,
    /// See [`Limits::restarts`].
    pub restart_window: Duration,
    /// How long a broken component rests before one more try.
    pub rest: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 64 << 20,
            without_yield: Duration::from_millis(500),
            call: Duration::from_mins(1),
            silence: Duration::from_secs(10),
            queue: 1024,
            handed_over: 34 << 20,
            connections: 64,
            log_lines: 200,
            storage: 8 << 20,
            restarts: 5,
            restart_window: Duration::from_mins(1),
            rest: Duration::from_secs(30),
        }
    }
}

/// The longest JSON document that crosses the boundary, in bytes.
pub const DOCUMENT: usize = 16 << 20;
/// The largest value in a component's storage, in bytes.
pub const STORED_VALUE: usize = 64 << 10;
/// The longest key in a component's storage, in bytes.
pub const STORED_KEY: usize = 256;
/// The longest handle, in bytes.
pub const HANDLE: usize = 1 << 10;
/// The longest progress message, in bytes. Longer ones are cut.
pub const MESSAGE: usize = 1 << 10;
/// The largest detail of a progress report, in bytes. Larger ones are dropped.
pub const DETAIL: usize = 8 << 10;
/// The longest log line, in bytes. Longer ones are cut.
pub const LOG_LINE: usize = 8 << 10;
/// The longest line of output, in bytes. Longer ones are cut.
pub const OUTPUT_LINE: usize = 4 << 10;
/// Works in one `observe`.
pub const OBSERVE_BATCH: usize = 256;
/// Definitions in one catalogue.
pub const DEFINITIONS: usize = 10_000;
