//! Every limit, its default, and why it is what it is.
//!
//! What an operator may set for one component is in [`Limits`]; what the interface promises to everybody
//! is in the constants. All of it is on by default. What one component has used of it is what
//! `capability::meter` shows.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What one component may use.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Linear memory of an instance, all its memories together, in bytes.
    ///
    /// Room for a few results of the largest kind at once, and small enough that a leak is found early.
    /// Components of ours begin with 1.1 MiB, one of Python with 14 MiB.
    pub memory: usize,
    /// Elements of all tables of an instance.
    ///
    /// An element takes the host a pointer. The largest guest of ours has 252, one of Python 6,000.
    pub table_elements: usize,
    /// Core modules, memories and tables that one instance may be made of.
    ///
    /// A Rust component is made of three, a Python one of fourteen, and the engine adds a few.
    pub modules: usize,
    /// Handles that an instance may hold: resources, streams, futures, calls that it waits for.
    ///
    /// A strategy that waits on behalf of a client holds four; [`Limits::in_flight`] times that, three times over.
    /// At two hundred bytes each, a leak costs 10 MB before it is found.
    pub handles: usize,
    /// How long guest code may run without coming back to the host.
    ///
    /// An instance serves all its callers on one thread, so this is how long a loop can hold up the
    /// others. A block of 200 ms was seen to do no harm.
    pub without_yield: Duration,
    /// How long one call may take, waiting included, the wait in the queue too. Longer than any wait a
    /// strategy may ask for. It is then *abandoned*: its caller is told, its answer will be ignored.
    pub call: Duration,
    /// How long an abandoned call may run on before the instance is ended to be rid of it.
    ///
    /// As long as it had: one that is slow, and not stuck, takes less than twice its time.
    pub grace: Duration,
    /// Abandoned calls that may run on at a time; one more ends the instance.
    ///
    /// A few are bad luck; a quarter of a hundred are a component that answers nobody.
    pub abandoned: usize,
    /// How long an instance may be silent while it does not run guest code: a blocking wait.
    ///
    /// Generous, because on a starved machine the host itself may not get to run.
    pub silence: Duration,
    /// Calls inside an instance at a time, abandoned ones too.
    ///
    /// A waiting call was measured to take 3.9 KiB, so these are 16 MiB: a quarter of the memory.
    pub in_flight: usize,
    /// Calls that wait for the instance to take them.
    ///
    /// An instance takes four hundred thousand a second, so a queue of any length means that it is not
    /// taking them: more of them would only wait longer.
    pub queue: usize,
    /// What becomes of a call when the queue is full.
    pub when_full: WhenFull,
    /// The longest JSON document that it may hand out, in bytes. The host keeps none above [`DOCUMENT`].
    pub document: usize,
    /// Bytes of strings and lists that one call may hand to the host: two documents of the largest kind,
    /// and what goes with them. A megabyte was measured to take 55 to 130 µs, so these are 4 ms at most.
    pub handed_over: usize,
    /// Connections open at a time. Backends of ours hold three.
    pub connections: usize,
    /// Log lines a second: more than anybody reads.
    pub log_lines: u32,
    /// Bytes of log lines a second. A flood then fills 1 GB in an hour, and an average line may still
    /// have 1 KiB.
    pub log_bytes: u32,
    /// Observations pushed a second, and changes of the catalogue announced.
    ///
    /// Twice what the store commits for sixteen callers. A push was measured to take 0.3 µs, so this is far
    /// from what a component could do; what is dropped is learnt by `observe`.
    pub events: u32,
    /// Lines of output a second, of all tasks together. A task keeps the newest thousand.
    pub output_lines: u32,
    /// Bytes of output a second: four commits of the store, which writes 1 MiB with one.
    pub output_bytes: u32,
    /// Bytes of storage, keys and values: as much as a hundred and twenty values of the largest kind.
    pub storage: u64,
    /// Restarts within [`Limits::restart_window`] before the component counts as broken.
    ///
    /// With pauses that double from 50 ms, five are 1.5 s: a short disturbance is survived.
    pub restarts: usize,
    /// See [`Limits::restarts`].
    pub restart_window: Duration,
    /// How long a broken component rests before one more try.
    ///
    /// Half the window, so that the try is one of at most two a minute.
    pub rest: Duration,
}

/// What becomes of a call for which there is no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenFull {
    /// Refused at once: the caller is often a client's request, and the client can repeat it. A wait it
    /// could not tell from a hang.
    #[default]
    Reject,
    /// It waits for room, for as long as the call may take in all.
    Wait,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 64 << 20,
            table_elements: 100_000,
            modules: 256,
            handles: 50_000,
            without_yield: Duration::from_millis(500),
            call: Duration::from_mins(1),
            grace: Duration::from_mins(1),
            abandoned: 25,
            silence: Duration::from_secs(10),
            in_flight: 4096,
            queue: 1024,
            when_full: WhenFull::Reject,
            document: DOCUMENT,
            handed_over: 34 << 20,
            connections: 64,
            log_lines: 200,
            log_bytes: 256 << 10,
            events: 20_000,
            output_lines: 5_000,
            output_bytes: 4 << 20,
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
/// The longest text of an error, in bytes: it is logged, stored, and read by models. Longer ones are cut.
pub const ERROR: usize = 4 << 10;
/// The longest log line, in bytes. Longer ones are cut.
pub const LOG_LINE: usize = 8 << 10;
/// The longest line of output, in bytes. Longer ones are cut.
pub const OUTPUT_LINE: usize = 4 << 10;
/// Works in one `observe`.
pub const OBSERVE_BATCH: usize = 256;
/// Definitions in one catalogue.
pub const DEFINITIONS: usize = 10_000;
/// All texts of one catalogue, or of what one strategy shows, in bytes: each strategy and each client
/// reads it whole.
pub const CATALOGUE: usize = 16 << 20;
/// One schema in a catalogue, in bytes. Those that people write have a hundredth of it.
pub const SCHEMA: usize = 256 << 10;
/// Tools of one strategy: four for each definition, as the largest of ours makes them.
pub const TOOLS: usize = 4 * DEFINITIONS;
/// Prompts, documents, or templates of one strategy.
pub const DOCUMENTS: usize = 10_000;
/// Questions that a task may ask at a time: a person answers them.
pub const QUESTIONS: usize = 100;
/// The longest key of a question, in bytes.
pub const QUESTION_KEY: usize = 256;
/// Bytes of observations that wait to be written, of one backend: four of the largest kind.
pub const OBSERVATIONS_WAITING: usize = 64 << 20;
