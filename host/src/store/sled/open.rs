//! From a folder to a store, or to the reason why not.
//!
//! ```text
//! <data>/LOCK     who has it open
//! <data>/hwm      how far it had come           (mark.rs)
//! <data>/sled/    sled's own                    a folder of its own: sled has a `blobs` too
//! <data>/sled.*/  the log before it was opened  (keep.rs)
//! <data>/blobs/   large values                  (blob.rs)
//! ```
//!
//! **Invariant:** nothing of a store that is damaged is lost by opening it. sled changes its log when it
//! recovers; the log as it was is kept beside it.

use std::fs;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use sled::{Batch, Db, Tree};

use super::blob::{Blobs, Kind, Name};
use super::codec::{self, Fault};
use super::keep::Keep;
use super::lock::Lock;
use super::mark::{self, Mark};
use super::payload::{APART, REQUEST_APART};
use super::queue::Queue;
use super::run;
use super::view::{Layers, Patch, View};
use super::writer::Writer;
use super::{folder, key};
use crate::store::{Durability, StoreError};

/// The newest format of the store as a whole.
const SCHEMA: u32 = 1;

const TREE: &str = "v1";

/// Pages that sled keeps in memory.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// How often sled's own flusher runs. It is what makes sled reuse space.
const FLUSH_EVERY_MS: u64 = 500;

/// What the one who opens wants of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Write(Durability),
    /// Nothing of ours is created, changed or tidied. sled still writes what it recovers.
    Read,
}

/// Opens the store in `data`.
pub(super) fn open(data: &Path, purpose: Purpose, queue: Arc<Queue>) -> Result<Writer, StoreError> {
    let failed = |reason: String| StoreError::Open {
        path: data.to_owned(),
        reason,
    };
    let log = data.join("sled");
    if purpose == Purpose::Read && !log.join("db").is_file() {
        return Err(failed("there is none".to_owned()));
    }
    let prepared = folder::create(data).map_err(|error| error.to_string());
    prepared.map_err(failed)?;
    let lock = Lock::take(data)?;
    prepare(data, &log).map_err(|error| failed(error.to_string()))?;
    let expected = mark::read(data)
        .map_err(|error| Fault::Damaged(format!("`hwm`: {error}")).at_store(data))?;

    let keep = Keep::of(data, &log);
    let (db, tree, found) = match recover(data, &log, expected) {
        Ok(recovered) => {
            keep.discard();
            recovered
        }
        Err(StoreError::Damaged { path, what }) => {
            let what = match keep.preserve() {
                Some(kept) => format!("{what}; the log as it was is kept in {}", kept.display()),
                None => what,
            };
            return Err(StoreError::Damaged { path, what });
        }
        Err(other) => return Err(other),
    };
    let file = folder::file(&log.join("db")).map_err(|error| failed(error.to_string()))?;
    let blobs = Blobs::new(data);
    let mark = match purpose {
        Purpose::Read => {
            queue.break_off("it was opened for reading only");
            None
        }
        Purpose::Write(_) => {
            if found.sequence == 0 {
                create(&db, &tree).map_err(|error| failed(error.to_string()))?;
            }
            settle(data, &log, &file).map_err(|error| failed(error.to_string()))?;
            panic::catch_unwind(AssertUnwindSafe(|| {
                blobs.sweep(|name| is_wanted(&tree, name))
            }))
            .map_err(|_| Fault::page().at_store(data))?
            .map_err(|error| failed(error.to_string()))?;
            let mark = Mark::open(data, found.sequence);
            Some(mark.map_err(|error| failed(error.to_string()))?)
        }
    };
    Ok(Writer {
        path: data.to_owned(),
        queue,
        view: Arc::new(View::new(data, tree.clone())),
        db,
        tree,
        file,
        blobs,
        mark,
        durability: match purpose {
            Purpose::Write(durability) => durability,
            Purpose::Read => Durability::Power,
        },
        sequence: found.sequence,
        synced: found.sequence,
        unsynced_since: None,
        marked_at: Instant::now(),
        _lock: lock,
    })
}

/// sled's part, and whether it is all there. `expected`: what the mark says.
fn recover(
    data: &Path,
    log: &Path,
    expected: Option<u64>,
) -> Result<(Db, Tree, Found), StoreError> {
    let (db, tree, found) = panic::catch_unwind(AssertUnwindSafe(|| {
        let (db, tree) = open_sled(log)?;
        let found = identify(&tree)?;
        Ok((db, tree, found))
    }))
    .unwrap_or_else(|_| Err(Fault::page()))
    .map_err(|fault| match fault {
        Fault::Damaged(what) => StoreError::Damaged {
            path: data.to_owned(),
            what,
        },
        Fault::Unreadable(reason) => StoreError::Open {
            path: data.to_owned(),
            reason,
        },
    })?;
    if found.schema > SCHEMA {
        return Err(StoreError::Newer {
            path: data.to_owned(),
            found: found.schema,
            known: SCHEMA,
        });
    }
    match expected {
        Some(expected) if found.sequence < expected => Err(StoreError::Damaged {
            path: data.to_owned(),
            what: format!(
                "it ends at batch {}, although batch {expected} was on disk; \
                 to go on with what is there, remove `{}`",
                found.sequence,
                data.join("hwm").display()
            ),
        }),
        None if found.sequence > 0 => {
            tracing::warn!("`hwm` is not there; whether the store is complete cannot be told");
            Ok((db, tree, found))
        }
        _ => Ok((db, tree, found)),
    }
}

/// Folders, and no half-written snapshot: sled refuses for ever to open beside one.
fn prepare(data: &Path, log: &Path) -> io::Result<()> {
    folder::create(log)?;
    folder::create(&data.join("blobs"))?;
    for file in fs::read_dir(log)? {
        let path = file?.path();
        let unfinished = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with("snap.") && name.ends_with(".generating"));
        if unfinished {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

fn open_sled(log: &Path) -> sled::Result<(Db, Tree)> {
    let config = sled::Config::default()
        .path(log)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(Some(FLUSH_EVERY_MS))
        .mode(sled::Mode::LowSpace);
    let mut patience = 50;
    let db = loop {
        match config.open() {
            // We have the lock, so this is a store of this very process that is still going away.
            Err(sled::Error::Io(error)) if patience > 0 && is_locked(&error) => {
                patience -= 1;
                thread::sleep(Duration::from_millis(20));
            }
            other => break other?,
        }
    };
    let tree = db.open_tree(TREE)?;
    Ok((db, tree))
}

fn is_locked(error: &io::Error) -> bool {
    error.to_string().contains("could not acquire lock")
}

struct Found {
    schema: u32,
    /// Number of the last batch. Zero: it is new.
    sequence: u64,
}

fn identify(tree: &Tree) -> Result<Found, Fault> {
    let schema = key::meta("schema");
    let Some(value) = tree.get(&schema)? else {
        return if tree.is_empty() {
            Ok(Found {
                schema: SCHEMA,
                sequence: 0,
            })
        } else {
            Err(Fault::at(&schema, "is not there"))
        };
    };
    let opened = codec::unseal(&schema, &value)?;
    let number = opened.body.first_chunk().copied().map(u32::from_be_bytes);
    let last = key::meta("last_seq");
    let value = tree
        .get(&last)?
        .ok_or_else(|| Fault::at(&last, "is not there"))?;
    let sequence = key::number_at_end(codec::unseal(&last, &value)?.body);
    match (number, sequence) {
        (Some(schema), Some(sequence)) => Ok(Found { schema, sequence }),
        _ => Err(Fault::at(&schema, "too short")),
    }
}

fn create(db: &Db, tree: &Tree) -> sled::Result<()> {
    let mut batch = Batch::default();
    for (name, body) in [
        ("schema", SCHEMA.to_be_bytes().as_slice()),
        ("last_seq", 0_u64.to_be_bytes().as_slice()),
    ] {
        let key = key::meta(name);
        let value = codec::seal(&key, 0, body);
        batch.insert(key, value);
    }
    tree.apply_batch(batch)?;
    db.flush()?;
    Ok(())
}

/// Puts on disk what sled leaves to chance: `conf` and the names of its files, without which it cannot
/// be opened again (27 of 70 simulated power cuts after creation); and what was written before a kill.
fn settle(data: &Path, log: &Path, file: &fs::File) -> io::Result<()> {
    file.sync_all()?;
    fs::File::open(log.join("conf"))?.sync_all()?;
    folder::sync(log)?;
    folder::sync(&data.join("blobs"))?;
    folder::sync(data)?;
    match data.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => folder::sync(parent),
        _ => folder::sync(Path::new(".")),
    }
}

/// Whether something refers to this file, or cannot be read: then it stays.
fn is_wanted(tree: &Tree, name: Name) -> bool {
    let layers = Layers {
        tree,
        patch: &Patch::new(),
    };
    let slim = match layers.find(name.id) {
        Err(_) => return true,
        Ok(None) => return false,
        Ok(Some(slim)) => slim,
    };
    match name.kind {
        Kind::Request => slim.flags & REQUEST_APART != 0,
        Kind::Turn(log, before) => run::is_wanted(tree, &slim.record, log, before),
        Kind::State(revision) => slim.flags & APART != 0 && slim.record.revision == revision,
        Kind::Entry(revision) => {
            let key = key::entry(name.id, revision);
            match layers.get(&key) {
                Ok(None) => false,
                Ok(Some(value)) => {
                    codec::unseal(&key, &value).map_or(true, |opened| opened.flags & APART != 0)
                }
                Err(_) => true,
            }
        }
    }
}
