//! One batch while it is put together: which keys change when these writes happen, one after another.
//!
//! **Invariant:** a write is refused before it has changed anything here, so the ones beside it in the
//! batch go on without it.
//!
//! **Invariant:** each record has exactly its keys in the indices. They are computed from the record
//! that is replaced and from the one that replaces it, in the same batch.

use std::collections::VecDeque;
use std::path::Path;

use sled::{IVec, Tree};

use super::blob::{Name, Part};
use super::codec::{self, Fault};
use super::key;
use super::payload::{self, REQUEST_APART, Sealed, Slim};
use super::queue::{Change, Loose, Write};
use super::view::{Layers, Order, Patch};
use crate::store::{OUTPUT_LINES, StoreError, limit};
use crate::task::{Record, TaskId};

/// The batch.
pub(super) struct Stage<'a> {
    pub(super) path: &'a Path,
    tree: &'a Tree,
    changes: Patch,
    parts: Vec<Part>,
    stale: Vec<Name>,
    bytes: usize,
}

/// The batch, complete.
pub(super) struct Staged {
    /// What will stand under each key.
    pub(super) changes: Patch,
    /// Files to be written before.
    pub(super) parts: Vec<Part>,
    /// Files that nobody refers to afterwards.
    pub(super) stale: Vec<Name>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(path: &'a Path, tree: &'a Tree) -> Self {
        Self {
            path,
            tree,
            changes: Patch::new(),
            parts: Vec::new(),
            stale: Vec::new(),
            bytes: 0,
        }
    }

    /// Bytes to be written so far.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(super) fn finish(self) -> Staged {
        Staged {
            changes: self.changes,
            parts: self.parts,
            stale: self.stale,
        }
    }

    /// Adds one write. `Ok(false)`: a swap that found something else.
    pub(super) fn write(&mut self, write: Write) -> Result<bool, StoreError> {
        match write {
            Write::Create(change) => self.create(&change)?,
            Write::Append(change) => self.append(&change)?,
            Write::Remove(id) => self.remove(id)?,
            Write::Set(slot, value) => self.set(&slot.component, &slot.key, value.as_deref())?,
            Write::Swap(slot, expected, value) => {
                let found = self
                    .layers()
                    .component(&slot.component, &slot.key)
                    .map_err(|fault| fault.at_store(self.path))?;
                if found != expected {
                    return Ok(false);
                }
                self.set(&slot.component, &slot.key, value.as_deref())?;
            }
            Write::Turn(component, turn) => return self.turn(&component, &turn),
        }
        Ok(true)
    }

    /// Adds what nobody waits for. A task that is not there any more takes nothing.
    pub(super) fn loose(&mut self, id: TaskId, loose: Loose) -> Result<(), StoreError> {
        let Some(old) = self.find(id)? else {
            return Ok(());
        };
        if let Some(record) = loose.touch {
            // An append overtook it: it knows more.
            if record.revision > old.record.revision {
                self.replace(Some(&old), &record)?;
            }
        }
        self.output(id, &loose.lines, loose.skipped)
    }

    /// The number of the batch.
    pub(super) fn number(&mut self, sequence: u64) {
        self.put(key::meta("last_seq"), 0, &sequence.to_be_bytes());
    }

    /// Anything about the store itself.
    pub(super) fn put(&mut self, key: Vec<u8>, flags: u8, body: &[u8]) {
        let value = codec::seal(&key, flags, body);
        self.bytes += key.len() + value.len();
        self.changes.insert(key, Some(value.into()));
    }

    fn create(&mut self, change: &Change) -> Result<(), StoreError> {
        let Change { record, entry } = change;
        let id = record.id();
        if self.get(&key::record(id))?.is_some() {
            return Err(StoreError::Conflict(id));
        }
        let origin = &record.origin;
        if let Some(name) = &origin.idempotency_key {
            let taken = self
                .layers()
                .find_key(&key::idempotency(&origin.owner, name))
                .map_err(|fault| fault.at_store(self.path))?;
            if let Some(holder) = taken {
                return Err(StoreError::Conflict(holder));
            }
        }
        let entry = payload::seal_entry(record, entry)?;
        self.replace(None, record)?;
        self.entry(id, change.entry.revision, entry);
        if let Some(name) = &origin.idempotency_key {
            let key = key::idempotency(&origin.owner, name);
            self.put(key, 0, id.as_bytes());
        }
        Ok(())
    }

    fn append(&mut self, change: &Change) -> Result<(), StoreError> {
        let Change { record, entry } = change;
        let id = record.id();
        let old = self.find(id)?.ok_or(StoreError::Conflict(id))?;
        if old.record.revision >= record.revision {
            return Err(StoreError::Conflict(id));
        }
        let entry = payload::seal_entry(record, entry)?;
        self.replace(Some(&old), record)?;
        self.entry(id, change.entry.revision, entry);
        Ok(())
    }

    fn remove(&mut self, id: TaskId) -> Result<(), StoreError> {
        let Some(old) = self.find(id)? else {
            return Ok(());
        };
        let layers = self.layers();
        let rows = layers
            .rows(&key::journal(id), Order::Ascending, usize::MAX)
            .and_then(|mut rows| {
                rows.extend(layers.rows(&key::lines(id), Order::Ascending, usize::MAX)?);
                Ok(rows)
            })
            .map_err(|fault| fault.at_store(self.path))?;
        let origin = &old.record.origin;
        let mut gone: Vec<Vec<u8>> = index_keys(&old.record);
        if let Some(name) = &origin.idempotency_key {
            let key = key::idempotency(&origin.owner, name);
            if self
                .layers()
                .find_key(&key)
                .is_ok_and(|held| held == Some(id))
            {
                gone.push(key);
            }
        }
        let mut files = old.files();
        for (key, value) in rows {
            // Its files go by name: also those of an entry that is damaged.
            let apart = codec::unseal(&key, &value)
                .map_or(true, |opened| opened.flags & payload::APART != 0);
            if let Some(revision) = key::number_at_end(&key).filter(|_| apart) {
                files.push(Name::entry(id, revision));
            }
            gone.push(key);
        }
        gone.push(key::record(id));
        let component = origin.backend.clone();
        for key in gone {
            self.delete(key);
        }
        self.discard(files);
        self.remove_runs(&component, id)
    }

    /// Puts `record` and its index keys in the place of `old` and its.
    fn replace(&mut self, old: Option<&Slim>, record: &Record) -> Result<(), StoreError> {
        let Sealed { flags, body, state } = payload::seal_record(record)?;
        // Arguments never change: their file is written once.
        let known = old.is_some_and(|old| old.flags & REQUEST_APART != 0);
        let request = (flags & REQUEST_APART != 0 && !known)
            .then(|| payload::request(record))
            .transpose()?;
        let keys = index_keys(record);
        if let Some(old) = old {
            for stale in index_keys(&old.record) {
                if !keys.contains(&stale) {
                    self.delete(stale);
                }
            }
        }
        for key in keys {
            self.put(key, 0, &[]);
        }
        self.put(key::record(record.id()), flags, &body);
        if let Some(old) = old {
            let kept = Slim {
                record: record.clone(),
                flags,
            }
            .files();
            let gone = old.files();
            self.discard(
                gone.into_iter()
                    .filter(|name| !kept.contains(name))
                    .collect(),
            );
        }
        self.parts(request.into_iter().chain(state));
        Ok(())
    }

    fn entry(&mut self, id: TaskId, revision: u64, sealed: Sealed) {
        self.put(key::entry(id, revision), sealed.flags, &sealed.body);
        self.parts(sealed.state);
    }

    /// Positions are contiguous, so what is to go can be computed.
    fn output(
        &mut self,
        id: TaskId,
        lines: &VecDeque<String>,
        skipped: u64,
    ) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        let newest = self
            .layers()
            .rows(&key::lines(id), Order::Descending, 1)
            .map_err(|fault| fault.at_store(self.path))?;
        let last = newest
            .first()
            .and_then(|(key, _)| key::number_at_end(key))
            .unwrap_or(0);
        let mut next = last + skipped;
        for line in lines {
            next += 1;
            self.put(key::line(id, next), 0, limit::line(line).as_bytes());
        }
        let first = last.saturating_sub(OUTPUT_LINES) + 1;
        for position in first..=last.min(next.saturating_sub(OUTPUT_LINES)) {
            self.delete(key::line(id, position));
        }
        Ok(())
    }

    pub(super) fn layers(&self) -> Layers<'_> {
        Layers {
            tree: self.tree,
            patch: &self.changes,
        }
    }

    fn get(&self, key: &[u8]) -> Result<Option<IVec>, StoreError> {
        self.layers()
            .get(key)
            .map_err(|fault| fault.at_store(self.path))
    }

    fn find(&self, id: TaskId) -> Result<Option<Slim>, StoreError> {
        self.layers()
            .find(id)
            .map_err(|fault| fault.at_store(self.path))
    }

    pub(super) fn delete(&mut self, key: Vec<u8>) {
        self.bytes += key.len();
        self.changes.insert(key, None);
    }

    pub(super) fn parts(&mut self, parts: impl IntoIterator<Item = Part>) {
        for part in parts {
            self.bytes += part.body.len();
            self.parts.push(part);
        }
    }

    /// Files that are in the way of nobody: those of this batch need not be written at all.
    pub(super) fn discard(&mut self, names: Vec<Name>) {
        self.parts.retain(|part| !names.contains(&part.name));
        self.stale.extend(names);
    }
}

impl Layers<'_> {
    /// A record, but for what lives in files.
    pub(super) fn find(&self, id: TaskId) -> Result<Option<Slim>, Fault> {
        let key = key::record(id);
        self.get(&key)?
            .map(|value| Slim::decode(&key, &codec::unseal(&key, &value)?))
            .transpose()
    }

    /// Who has an idempotency key.
    pub(super) fn find_key(&self, key: &[u8]) -> Result<Option<TaskId>, Fault> {
        let Some(value) = self.get(key)? else {
            return Ok(None);
        };
        let opened = codec::unseal(key, &value)?;
        match key::id_at_end(opened.body) {
            Some(id) => Ok(Some(id)),
            None => Err(Fault::at(key, "names no task")),
        }
    }
}

/// The keys by which a record is found.
pub(super) fn index_keys(record: &Record) -> Vec<Vec<u8>> {
    let id = record.id();
    let expiry = record
        .expires_ms
        .map(|expires_ms| key::expiry(expires_ms, id));
    [
        key::status(record.status(), id),
        key::owner(&record.origin.owner, id),
    ]
    .into_iter()
    .chain(expiry)
    .collect()
}
