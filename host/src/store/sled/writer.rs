//! The only one who writes: a thread that turns what waits into batches.
//!
//! ```text
//! take what waits ─▶ files ─▶ mask ─▶ apply_batch ─▶ flush ─▶ sync_data ─▶ unmask ─▶ answer all
//!                    of large values                         (power)
//! ```
//!
//! While one batch is being synced, the next one gathers, so one sync serves everybody who came
//! meanwhile: a thousand durable transitions a second for one caller, ten times as many for sixteen.
//!
//! sled's `flush` does not sync on Linux (330 of 330 simulated power cuts lost what it had promised), so
//! the thread has its own handle on sled's file. `flush_async` deadlocks from eight callers on; nobody
//! calls it.
//!
//! **Invariant:** after a failed write nothing more is written until the host starts anew. sled cannot
//! go on, and a file system that has failed a sync once may report success the next time although
//! the data is lost. Readers keep seeing the last good commit.

use std::fs::File;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sled::{Batch, Db, Tree};

use super::blob::Blobs;
use super::lock::Lock;
use super::mark::Mark;
use super::queue::{Queue, Request, Wake, Write};
use super::room::{self, Room};
use super::stage::{Stage, Staged};
use super::view::{Patch, View};
use crate::store::{Durability, StoreError};

/// Writes in one batch. More would not be faster: a sync is shared by a thousand already.
const BATCH_WRITES: usize = 1024;

/// Bytes after which a batch is closed. sled holds its log back until a batch is complete.
const BATCH_BYTES: usize = 1024 * 1024;

/// How long a write may stay unsynced under [`Durability::Process`].
const SYNC_DELAY: Duration = Duration::from_millis(50);

/// How often the mark is moved.
const MARK_EVERY: Duration = Duration::from_secs(1);

/// The thread's state.
pub(super) struct Writer {
    pub(super) path: PathBuf,
    pub(super) queue: Arc<Queue>,
    pub(super) view: Arc<View>,
    pub(super) db: Db,
    pub(super) tree: Tree,
    /// sled's file.
    pub(super) file: File,
    pub(super) blobs: Blobs,
    /// None where nothing of ours may be written.
    pub(super) mark: Option<Mark>,
    pub(super) durability: Durability,
    /// Number of the last batch.
    pub(super) sequence: u64,
    /// Number of the last batch that is on disk.
    pub(super) synced: u64,
    pub(super) unsynced_since: Option<Instant>,
    pub(super) marked_at: Instant,
    /// Last: it goes when all else is gone.
    pub(super) _lock: Lock,
}

impl Writer {
    /// Writes until the queue ends.
    pub(super) fn run(mut self) {
        loop {
            let wake = self.queue.wait(self.due());
            if wake == Wake::End {
                break;
            }
            // sled panics on some damaged pages; requests in hand are answered by being dropped.
            let done = panic::catch_unwind(AssertUnwindSafe(|| {
                if wake == Wake::Work {
                    self.batch();
                }
                self.upkeep(false)
            }));
            match done {
                Ok(Ok(())) => {}
                Ok(Err(error)) => self.fail(&error.to_string()),
                Err(_) => self.fail("a page of the log is damaged"),
            }
        }
        if let Err(error) = self.upkeep(true) {
            self.fail(&error.to_string());
        }
        self.view.close();
    }

    /// When there is something to do even if nobody asks.
    fn due(&self) -> Option<Instant> {
        let sync = self.unsynced_since.map(|since| since + SYNC_DELAY);
        let mark = self
            .mark
            .as_ref()
            .filter(|mark| mark.written() < self.synced)
            .map(|_| self.marked_at + MARK_EVERY);
        sync.into_iter().chain(mark).min()
    }

    fn batch(&mut self) {
        if let Some(reason) = self.queue.broken() {
            self.refuse(&reason);
            return;
        }
        let room = room::on(&self.path);
        let mut stage = Stage::new(&self.path, &self.tree);
        let mut answers = Vec::new();
        while answers.len() < BATCH_WRITES && stage.bytes() < BATCH_BYTES {
            let Some(Request { write, answer, .. }) = self.queue.next() else {
                break;
            };
            let result = match write {
                Write::Remove(_) if room >= Room::Little => stage.write(write),
                _ if room == Room::Enough => stage.write(write),
                _ => Err(StoreError::Write("the disk is full".to_owned())),
            };
            answers.push((answer, result));
        }
        // After the commits: a task's first lines may come with its record.
        while stage.bytes() < BATCH_BYTES {
            let Some((id, loose)) = self.queue.next_loose() else {
                break;
            };
            if room < Room::Enough {
                continue;
            }
            if let Err(error) = stage.loose(id, loose) {
                tracing::warn!(task_id = id.stem(), %error, "progress or output is not kept");
            }
        }
        let outcome = if stage.is_empty() {
            Ok(())
        } else {
            stage.number(self.sequence + 1);
            let staged = stage.finish();
            self.commit(staged)
        };
        if let Err(reason) = &outcome {
            self.fail(reason);
        }
        // Refusals too are told only now: they may rest on a write of this batch.
        for (answer, result) in answers {
            let result = match &outcome {
                Ok(()) => result,
                Err(reason) => result.and(Err(StoreError::Write(reason.clone()))),
            };
            _ = answer.send(result);
        }
    }

    fn commit(&mut self, staged: Staged) -> Result<(), String> {
        let Staged {
            changes,
            parts,
            stale,
        } = staged;
        self.blobs
            .write(&parts)
            .map_err(|error| format!("a file: {error}"))?;
        let mut mask = Patch::new();
        let mut batch = Batch::default();
        for (key, value) in changes {
            let before = self.tree.get(&key).map_err(|error| error.to_string())?;
            match value {
                Some(value) => batch.insert(key.as_slice(), value),
                None => batch.remove(key.as_slice()),
            }
            mask.insert(key, before);
        }
        self.view.mask(mask);
        self.tree
            .apply_batch(batch)
            .and_then(|()| self.db.flush())
            .map_err(|error| error.to_string())?;
        self.sequence += 1;
        match self.durability {
            Durability::Power => self.sync().map_err(|error| error.to_string())?,
            Durability::Process => {
                self.unsynced_since.get_or_insert_with(Instant::now);
            }
        }
        self.view.unmask();
        self.blobs.remove(&stale);
        Ok(())
    }

    /// What is due, or all of it.
    fn upkeep(&mut self, all: bool) -> io::Result<()> {
        if self.queue.broken().is_some() {
            self.unsynced_since = None;
            return Ok(());
        }
        let now = Instant::now();
        if self
            .unsynced_since
            .is_some_and(|since| all || since + SYNC_DELAY <= now)
        {
            self.sync()?;
        }
        let mark_is_due = all || self.marked_at + MARK_EVERY <= now;
        if let Some(mark) = self.mark.as_mut().filter(|_| mark_is_due)
            && mark.written() < self.synced
        {
            mark.write(self.synced)?;
            self.marked_at = now;
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        self.synced = self.sequence;
        self.unsynced_since = None;
        Ok(())
    }

    fn fail(&mut self, reason: &str) {
        tracing::error!(reason, "the store cannot be written any more");
        self.queue.break_off(reason);
        // Nothing is due any more.
        self.unsynced_since = None;
        self.mark = None;
    }

    fn refuse(&self, reason: &str) {
        while let Some(Request { answer, .. }) = self.queue.next() {
            _ = answer.send(Err(StoreError::Write(reason.to_owned())));
        }
        while self.queue.next_loose().is_some() {}
    }
}
