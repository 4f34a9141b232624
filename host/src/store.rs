//! What survives: records, journals, idempotency keys, and the small maps of components.
//!
//! **Invariant:** a [`Commit`] that resolves to `Ok` is on disk as the configured [`Durability`]
//! promises. Nothing is said to a client, and nothing is acted upon, before its commit has resolved.
//!
//! **Invariant:** what `load` and `list` return has been committed: a reader never sees what a crash
//! could undo.
//!
//! Reads answer at once from memory or the page cache and may be called from async code.

mod limit;
pub mod memory;
pub mod sled;
#[cfg(test)]
mod suite;

pub use limit::{
    COMPONENT_KEY_BYTES, COMPONENT_VALUE_BYTES, LINE_BYTES, PAYLOAD_BYTES, RUN_BYTES, RUN_ENTRIES,
    RUN_ENTRY_BYTES, RUN_SUMMARY_BYTES,
};

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

use crate::error::{Code, Explain};
use crate::task::{Entry, Principal, Record, Run, Status, TaskId};

/// Resolves when a write is durable.
///
/// # Cancel safety
///
/// Dropping it drops the answer, not the write.
pub type Commit = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// The one place where tasks are kept.
pub trait Store: Send + Sync + 'static {
    /// Writes a new record with its first journal entry and, where it has one, its idempotency key.
    ///
    /// [`StoreError::Conflict`] names the task that has the id or the key already: of two starts with
    /// one key, one is told of the other.
    fn create(&self, record: &Record, entry: &Entry) -> Commit;

    /// Replaces the record, whose stored revision must be below, and appends `entry` to its journal.
    fn append(&self, record: &Record, entry: &Entry) -> Commit;

    /// Replaces the record without a journal entry and without anybody waiting for the disk: steps of
    /// progress, which the backend can tell again. Later commits cover it.
    fn touch(&self, record: &Record);

    /// The record with this id.
    fn load(&self, id: TaskId) -> Result<Option<Record>, StoreError>;

    /// Whose the record with this id is: as quickly as that there is none, whatever is in it.
    fn owner(&self, id: TaskId) -> Result<Option<Principal>, StoreError>;

    /// The journal entries with a revision above `after`, oldest first.
    fn journal(&self, id: TaskId, after: u64) -> Result<Vec<Entry>, StoreError>;

    /// All records that are not over, oldest first: what recovery folds.
    fn open_tasks(&self) -> Result<Vec<Record>, StoreError>;

    /// Records by `filter`, newest first.
    fn list(&self, filter: &Filter) -> Result<Vec<Record>, StoreError>;

    /// The task that `owner` started under this idempotency key.
    fn find_key(&self, owner: &Principal, key: &str) -> Result<Option<TaskId>, StoreError>;

    /// Ids of records whose retention ended at or before `now_ms`, at most `limit`.
    fn expired(&self, now_ms: u64, limit: usize) -> Result<Vec<TaskId>, StoreError>;

    /// Removes a record with all that belongs to it. No error where there is none.
    fn remove(&self, id: TaskId) -> Commit;

    /// Appends lines that the work printed; the newest [`OUTPUT_LINES`] are kept. Nobody waits for the
    /// disk.
    fn append_output(&self, id: TaskId, lines: Vec<String>);

    /// Lines after position `after` (positions count from 1), oldest first, at most `limit`, each with
    /// its position.
    fn output(
        &self,
        id: TaskId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, String)>, StoreError>;

    /// A component's value.
    fn component_get(&self, component: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Writes (`Some`) or removes (`None`) a component's value.
    fn component_set(&self, component: &str, key: &str, value: Option<Vec<u8>>) -> Commit;

    /// Writes `value` if `expected` is there now. Resolves to whether it was.
    fn component_swap(
        &self,
        component: &str,
        key: &str,
        expected: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Result<bool, StoreError>> + Send>>;

    /// A component's keys with this prefix in order of bytes, at most `limit`.
    fn component_keys(
        &self,
        component: &str,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError>;

    /// Bytes that a component keeps: keys and values.
    fn component_size(&self, component: &str) -> Result<u64, StoreError>;

    /// Appends `turn` to the log of a run, if that is as long as expected. Resolves to whether it was. Logs of
    /// different components are different logs.
    fn run_append(
        &self,
        component: &str,
        turn: Turn,
    ) -> Pin<Box<dyn Future<Output = Result<bool, StoreError>> + Send>>;

    /// The entries of a log, oldest first. `None`: there is no such log.
    fn run_read(&self, component: &str, run: &Run) -> Result<Option<Vec<String>>, StoreError>;

    /// What to know of a log without reading it. `None`: there is no such log.
    fn run_find(&self, component: &str, run: &Run) -> Result<Option<RunHead>, StoreError>;

    /// Logs that are not over, by name, after this one, at most `limit`.
    fn runs_live(
        &self,
        component: &str,
        after: Option<&Run>,
        limit: usize,
    ) -> Result<Vec<RunHead>, StoreError>;

    /// All logs, by name: of one task, or of all.
    fn runs(&self, component: &str, task: Option<TaskId>) -> Result<Vec<RunHead>, StoreError>;

    /// Waits until everything written so far is durable, and stops writing. Called once, at the end.
    fn close(&self) -> Commit;
}

/// How many lines of output a task keeps: enough for the end of a log, small beside the record.
pub const OUTPUT_LINES: u64 = 1_000;

/// What a resolved [`Commit`] survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// A power cut: one fsync stands before each reply, shared by all that wait at the time.
    #[default]
    Power,
    /// `kill -9` of the host, not a power cut: written before the reply, fsynced within 50 ms.
    Process,
}

/// What is added to the log of a run, all of it or nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Whose log.
    pub run: Run,
    /// How many entries it has before. Zero: there is none yet.
    pub expected: u64,
    /// JSON documents, in order.
    pub entries: Vec<String>,
    /// What to know of the run without reading its log.
    pub summary: String,
    /// The run has ended.
    pub over: bool,
    /// What the log had before goes.
    pub anew: bool,
}

/// What to know of a run's log without reading it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunHead {
    /// Whose log.
    pub run: Run,
    /// How many entries it has.
    pub length: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// As the last turn said.
    pub summary: String,
    /// The run has ended.
    pub over: bool,
}

/// The head of a log that had `length` entries of `bytes` bytes, when `turn` has been added.
fn head_after(turn: &Turn, length: u64, bytes: u64) -> RunHead {
    let more: usize = turn.entries.iter().map(String::len).sum();
    RunHead {
        run: turn.run.clone(),
        length: length + turn.entries.len() as u64,
        bytes: bytes + more as u64,
        summary: turn.summary.clone(),
        over: turn.over,
    }
}

/// Which records to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this owner's. `None`: everybody's, for the operator.
    pub owner: Option<Principal>,
    /// Only in one of these. Empty: all.
    pub statuses: Vec<Status>,
    /// Only of this task definition.
    pub task: Option<String>,
    /// Only older than this one: the last of the page before.
    pub before: Option<TaskId>,
    /// At most so many. Zero: no limit.
    pub limit: usize,
}

impl Filter {
    /// Whether `record` is one of them, as far as it alone can tell.
    pub(crate) fn matches(&self, record: &Record) -> bool {
        let Self {
            owner,
            statuses,
            task,
            before,
            limit: _,
        } = self;
        let origin = &record.origin;
        owner.as_ref().is_none_or(|owner| *owner == origin.owner)
            && (statuses.is_empty() || statuses.contains(&record.status()))
            && task.as_ref().is_none_or(|task| *task == origin.task)
            && before.is_none_or(|before| origin.id < before)
    }
}

/// Why the store did not do it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error("{path} is in use by process {holder}")]
    InUse {
        /// The data directory.
        path: PathBuf,
        /// Its process id, or `?`.
        holder: String,
    },
    /// It cannot be created or opened.
    #[error("cannot open the store at {path}: {reason}")]
    Open {
        /// The data directory.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Something in it is not what was written. Nothing was removed.
    #[error("the store at {path} is damaged: {what}")]
    Damaged {
        /// The data directory.
        path: PathBuf,
        /// Which key, and how it shows.
        what: String,
    },
    /// It was written by a newer taskhost.
    #[error("the store at {path} has format {found}, this taskhost reads up to {known}")]
    Newer {
        /// The data directory.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest this program reads.
        known: u32,
    },
    /// A write failed, or one before it did: the store is read-only until the host is restarted. Or
    /// the disk is nearly full: then it goes on when there is room again.
    /// The write did not take effect as far as anybody was told.
    #[error("the store cannot be written: {0}")]
    Write(String),
    /// The system refused to read, as it may after a failed write. Nothing is known to be damaged.
    #[error("the store cannot be read: {0}")]
    Read(String),
    /// The record was changed by somebody else, or is not there.
    #[error("task {0} is not at the expected revision")]
    Conflict(TaskId),
    /// The value is too large.
    #[error("{what} is {size} bytes, at most {limit} are kept")]
    TooLarge {
        /// What it was.
        what: &'static str,
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
}

impl Explain for StoreError {
    fn code(&self) -> Code {
        Code(match self {
            Self::InUse { .. } => 601,
            Self::Damaged { .. } => 602,
            Self::Newer { .. } => 603,
            Self::Open { .. } => 604,
            Self::Write(_) => 605,
            Self::Conflict(_) => 606,
            Self::TooLarge { .. } => 607,
            Self::Read(_) => 608,
        })
    }

    fn help(&self) -> Vec<String> {
        match self {
            Self::InUse { holder, .. } => vec![
                "give this host a directory of its own: --data-dir DIR".to_owned(),
                "or let clients share one host: taskhost run … --http 127.0.0.1:7420".to_owned(),
                format!("or stop the other one: kill {holder}"),
            ],
            Self::Open { path, .. } => vec![format!(
                "look at its owner and permissions: ls -ld {}, or choose another with --data-dir DIR",
                path.display()
            )],
            Self::Damaged { path, .. } => vec![format!(
                "keep a copy (cp -a {0} {0}.damaged) and start with a new directory: --data-dir DIR",
                path.display()
            )],
            Self::Newer { .. } => {
                vec!["use the newer taskhost, or another --data-dir DIR".to_owned()]
            }
            Self::Write(_) => vec![
                "look for free space and permissions, then start the host again: nothing that was \
                 acknowledged is lost"
                    .to_owned(),
            ],
            Self::Read(_) => vec!["look at the disk, then start the host again".to_owned()],
            Self::Conflict(_) | Self::TooLarge { .. } => Vec::new(),
        }
    }
}
