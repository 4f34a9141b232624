//! Tasks on disk, in sled 0.34.7.
//!
//! ```text
//! callers ──▶ queue ──▶ writer thread ──▶ stage ──▶ blob files, tree, sync ──▶ answers
//! readers ──▶ view: the tree as of the last commit ──▶ blob files
//! ```
//!
//! sled was chosen for what it does and is kept at arm's length for what it does not. Each of its known
//! faults was reproduced, and each is met in one place: no real sync, deadlocks ([`writer`]); half-written
//! snapshots, files not synced after creation ([`open`]); large values that are never freed
//! ([`payload`], [`blob`]); damage that looks like an older state ([`codec`], [`mark`]).
//!
//! **Invariant:** nobody but the writer thread writes.

mod blob;
mod codec;
mod component;
mod folder;
mod keep;
mod key;
mod lock;
mod mark;
mod open;
mod payload;
mod queue;
mod read;
mod room;
mod run;
mod stage;
#[cfg(test)]
pub(super) mod tests;
mod view;
mod writer;

use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use self::blob::Blobs;
use self::key::Span;
use self::open::Purpose;
use self::queue::{Change, Queue, Slot, Write};
use self::read::Reader;
use self::view::Order;
use super::{Commit, Durability, Filter, RunHead, Store, StoreError, Turn};
use crate::task::{Entry, Principal, Record, Run, TaskId};

/// The store on disk.
///
/// Dropping it waits until everything written is durable, as [`Store::close`] does.
pub struct SledStore {
    queue: Arc<Queue>,
    reader: Reader,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl SledStore {
    /// Opens the store in `dir`, creating it where there is none.
    pub fn open(dir: &Path, durability: Durability) -> Result<Self, StoreError> {
        Self::start(dir, Purpose::Write(durability))
    }

    /// Opens a store to look at it, while no host runs on it. Writes are refused.
    ///
    /// Takes the lock, and sled may finish what it was doing when the host died: it cannot open a
    /// store without that.
    pub fn open_read_only(dir: &Path) -> Result<Self, StoreError> {
        Self::start(dir, Purpose::Read)
    }

    fn start(dir: &Path, purpose: Purpose) -> Result<Self, StoreError> {
        let queue = Arc::new(Queue::new());
        let (opened, result) = mpsc::sync_channel(1);
        let failed = |reason: String| StoreError::Open {
            path: dir.to_owned(),
            reason,
        };
        let writer = thread::Builder::new().name("store".to_owned()).spawn({
            let queue = Arc::clone(&queue);
            let dir = dir.to_owned();
            move || {
                let writer = match open::open(&dir, purpose, Arc::clone(&queue)) {
                    Ok(writer) => writer,
                    Err(error) => {
                        _ = opened.send(Err(error));
                        return;
                    }
                };
                _ = opened.send(Ok(Arc::clone(&writer.view)));
                if panic::catch_unwind(AssertUnwindSafe(|| writer.run())).is_err() {
                    queue.break_off("the writer has panicked");
                }
                queue.end();
            }
        });
        let writer = writer.map_err(|error| failed(error.to_string()))?;
        let opened = result
            .recv()
            .unwrap_or_else(|_| Err(failed("it could not be recovered".to_owned())));
        let view = match opened {
            Ok(view) => view,
            Err(error) => {
                _ = writer.join();
                return Err(error);
            }
        };
        Ok(Self {
            queue,
            reader: Reader {
                path: dir.to_owned(),
                view,
                blobs: Blobs::new(dir),
            },
            writer: Mutex::new(Some(writer)),
        })
    }

    fn commit(&self, write: Write) -> Commit {
        let answer = self.queue.submit(write);
        Box::pin(async move { answer.await.map(|_| ()) })
    }
}

impl Store for SledStore {
    fn create(&self, record: &Record, entry: &Entry) -> Commit {
        self.commit(Write::Create(change(record, entry)))
    }

    fn append(&self, record: &Record, entry: &Entry) -> Commit {
        self.commit(Write::Append(change(record, entry)))
    }

    fn touch(&self, record: &Record) {
        self.queue.touch(record);
    }

    fn load(&self, id: TaskId) -> Result<Option<Record>, StoreError> {
        self.reader.load(id)
    }

    fn owner(&self, id: TaskId) -> Result<Option<Principal>, StoreError> {
        let slim = self.reader.view.read(|layers| layers.find(id))?;
        Ok(slim.map(|slim| slim.record.origin.owner))
    }

    fn journal(&self, id: TaskId, after: u64) -> Result<Vec<Entry>, StoreError> {
        self.reader.journal(id, after)
    }

    fn open_tasks(&self) -> Result<Vec<Record>, StoreError> {
        self.reader.open_tasks()
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Record>, StoreError> {
        self.reader.list(filter)
    }

    fn find_key(&self, owner: &Principal, key: &str) -> Result<Option<TaskId>, StoreError> {
        let key = key::idempotency(owner, key);
        self.reader.view.read(|layers| layers.find_key(&key))
    }

    fn expired(&self, now_ms: u64, limit: usize) -> Result<Vec<TaskId>, StoreError> {
        let span = key::expired(now_ms);
        let rows = self
            .reader
            .view
            .read(|layers| layers.rows(&span, Order::Ascending, limit))?;
        Ok(rows
            .iter()
            .filter_map(|(key, _)| key::id_at_end(key))
            .collect())
    }

    fn remove(&self, id: TaskId) -> Commit {
        self.commit(Write::Remove(id))
    }

    fn append_output(&self, id: TaskId, lines: Vec<String>) {
        self.queue.output(id, lines);
    }

    fn output(
        &self,
        id: TaskId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, String)>, StoreError> {
        self.reader.view.read(|layers| {
            let rows = layers.rows(&key::lines_after(id, after), Order::Ascending, limit)?;
            rows.iter()
                .map(|(key, value)| {
                    let opened = codec::unseal(key, value)?;
                    let line = String::from_utf8_lossy(opened.body).into_owned();
                    Ok((key::number_at_end(key).unwrap_or_default(), line))
                })
                .collect()
        })
    }

    fn component_get(&self, component: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.reader
            .view
            .read(|layers| layers.component(component, key))
    }

    fn component_set(&self, component: &str, key: &str, value: Option<Vec<u8>>) -> Commit {
        self.commit(Write::Set(slot(component, key), value))
    }

    fn component_swap(
        &self,
        component: &str,
        key: &str,
        expected: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Result<bool, StoreError>> + Send>> {
        let write = Write::Swap(slot(component, key), expected, value);
        Box::pin(self.queue.submit(write))
    }

    fn component_keys(
        &self,
        component: &str,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let span = Span::of(key::component(component, prefix));
        let rows = self
            .reader
            .view
            .read(|layers| layers.rows(&span, Order::Ascending, limit))?;
        Ok(rows
            .iter()
            .filter_map(|(key, _)| key.get(key::component_head(component)..))
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect())
    }

    fn component_size(&self, component: &str) -> Result<u64, StoreError> {
        self.reader
            .view
            .read(|layers| layers.component_size(component))
    }

    fn run_append(
        &self,
        component: &str,
        turn: Turn,
    ) -> Pin<Box<dyn Future<Output = Result<bool, StoreError>> + Send>> {
        let write = Write::Turn(component.to_owned(), Box::new(turn));
        Box::pin(self.queue.submit(write))
    }

    fn run_read(&self, component: &str, run: &Run) -> Result<Option<Vec<String>>, StoreError> {
        self.reader.run(component, run)
    }

    fn run_find(&self, component: &str, run: &Run) -> Result<Option<RunHead>, StoreError> {
        (self.reader.view).read(|layers| layers.run(component, run))
    }

    fn runs_live(
        &self,
        component: &str,
        after: Option<&Run>,
        limit: usize,
    ) -> Result<Vec<RunHead>, StoreError> {
        let span = key::live_runs(component, after);
        (self.reader.view).read(|layers| {
            let rows = layers.rows(&span, Order::Ascending, limit)?;
            let names = rows.iter().map(|(key, _)| key::run_in(component, key));
            let heads = names.flatten().map(|run| layers.run(component, &run));
            heads.filter_map(Result::transpose).collect()
        })
    }

    fn runs(&self, component: &str, task: Option<TaskId>) -> Result<Vec<RunHead>, StoreError> {
        self.reader.runs(component, task)
    }

    fn close(&self) -> Commit {
        Box::pin(self.queue.close())
    }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        self.queue.abandon();
        let writer = self
            .writer
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = writer.take() {
            // A panic in it has been told to everybody who waited.
            _ = writer.join();
        }
    }
}

impl fmt::Debug for SledStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SledStore")
            .field("path", &self.reader.path)
            .finish_non_exhaustive()
    }
}

fn change(record: &Record, entry: &Entry) -> Box<Change> {
    Box::new(Change {
        record: record.clone(),
        entry: entry.clone(),
    })
}

fn slot(component: &str, key: &str) -> Slot {
    Slot {
        component: component.to_owned(),
        key: key.to_owned(),
    }
}
