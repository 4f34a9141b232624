//! Whole records and journals, put together from the tree and from files.
//!
//! A damaged record is left where it is. Asking for it is an error; lists go on without it and say so
//! in the log (TH0602).

use std::path::PathBuf;
use std::sync::Arc;

use super::blob::{Blobs, Name};
use super::codec::{self, Fault};
use super::key::{self, Span};
use super::payload;
use super::view::{Order, View};
use crate::store::{Filter, StoreError};
use crate::task::{Entry, Event, Record, Status, TaskId};

/// Ids looked up at once. A scan lets the writer in between.
const PAGE: usize = 256;

/// How often a record is read again whose file went away while it was read.
const LOOKS: usize = 3;

/// Reads what takes more than one look.
pub(super) struct Reader {
    pub(super) path: PathBuf,
    pub(super) view: Arc<View>,
    pub(super) blobs: Blobs,
}

impl Reader {
    pub(super) fn load(&self, id: TaskId) -> Result<Option<Record>, StoreError> {
        self.load_if(id, |_| true)
    }

    pub(super) fn journal(&self, id: TaskId, after: u64) -> Result<Vec<Entry>, StoreError> {
        let entries = self.view.read(|layers| {
            let span = key::journal_after(id, after);
            let rows = layers.rows(&span, Order::Ascending, usize::MAX)?;
            rows.iter()
                .map(|(key, value)| {
                    let opened = codec::unseal(key, value)?;
                    Ok((payload::decode_entry(key, &opened)?, opened.flags))
                })
                .collect::<Result<Vec<_>, Fault>>()
        })?;
        let mut journal = Vec::with_capacity(entries.len());
        for (mut entry, flags) in entries {
            if flags & payload::IN_RECORD != 0 {
                let Some(record) = self.load(id)? else {
                    return Ok(Vec::new());
                };
                if let Some(outcome) = record.outcome() {
                    entry.event = Event::Finished(outcome.clone());
                }
            }
            if flags & payload::APART != 0 {
                match payload::event(id, entry.revision, |name| self.part(name)) {
                    Ok(event) => entry.event = event,
                    // Removed while it was read.
                    Err(Hole::Missing(_)) if self.view.get(&key::record(id))?.is_none() => {
                        return Ok(Vec::new());
                    }
                    Err(hole) => return Err(Fault::from(hole).at_store(&self.path)),
                }
            }
            journal.push(entry);
        }
        Ok(journal)
    }

    pub(super) fn open_tasks(&self) -> Result<Vec<Record>, StoreError> {
        let mut ids = Vec::new();
        for status in Status::ALL.into_iter().filter(|status| !status.is_done()) {
            let prefix = key::statuses(status);
            let mut before = None;
            loop {
                let page = self.ids(&prefix, before, PAGE)?;
                let Some(last) = page.last() else { break };
                before = Some(*last);
                ids.extend(page);
            }
        }
        ids.sort_unstable();
        ids.dedup();
        let mut records = Vec::with_capacity(ids.len());
        for id in ids {
            records.extend(self.load_or_log(id, |record| !record.state.is_done())?);
        }
        Ok(records)
    }

    /// Reads the files of the records it returns only: with a `limit`, at most so many times
    /// [`super::PAYLOAD_BYTES`] twice over, whatever the store holds.
    pub(super) fn list(&self, filter: &Filter) -> Result<Vec<Record>, StoreError> {
        let sources = sources(filter);
        let limit = if filter.limit == 0 {
            usize::MAX
        } else {
            filter.limit
        };
        let mut records = Vec::new();
        let mut before = filter.before;
        loop {
            let mut ids = Vec::new();
            for prefix in &sources {
                ids.extend(self.ids(prefix, before, PAGE)?);
            }
            ids.sort_unstable_by(|a, b| b.cmp(a));
            ids.dedup();
            ids.truncate(PAGE);
            let Some(last) = ids.last() else {
                return Ok(records);
            };
            before = Some(*last);
            for id in ids {
                if records.len() == limit {
                    return Ok(records);
                }
                records.extend(self.load_or_log(id, |record| filter.matches(record))?);
            }
        }
    }

    /// The record, if `wanted` says so of what is known without opening a file.
    fn load_if(
        &self,
        id: TaskId,
        wanted: impl Fn(&Record) -> bool,
    ) -> Result<Option<Record>, StoreError> {
        let mut missing = None;
        for _ in 0..LOOKS {
            let Some(slim) = self.view.read(|layers| layers.find(id))? else {
                return Ok(None);
            };
            if !wanted(&slim.record) {
                return Ok(None);
            }
            match slim.fill(|name| self.part(name)) {
                Ok(record) => return Ok(Some(record)),
                Err(Hole::Fault(fault)) => return Err(fault.at_store(&self.path)),
                // Overtaken by the next revision, which took the file along.
                Err(Hole::Missing(name)) => missing = Some(name),
            }
        }
        let name = missing.map_or_else(String::new, |name| name.to_string());
        Err(Fault::Damaged(format!("file {name} is not there")).at_store(&self.path))
    }

    fn part(&self, name: Name) -> Result<Vec<u8>, Hole> {
        self.blobs.read(name)?.ok_or(Hole::Missing(name))
    }

    /// Ids under an index prefix, newest first.
    fn ids(
        &self,
        prefix: &[u8],
        before: Option<TaskId>,
        limit: usize,
    ) -> Result<Vec<TaskId>, StoreError> {
        let span = Span::ids(prefix.to_vec(), before);
        let rows = self
            .view
            .read(|layers| layers.rows(&span, Order::Descending, limit))?;
        Ok(rows
            .iter()
            .filter_map(|(key, value)| {
                // A record's own value is looked at when it is loaded.
                if prefix != key::records()
                    && let Err(fault) = codec::unseal(key, value)
                {
                    self.quarantined(&fault);
                }
                key::id_at_end(key)
            })
            .collect())
    }

    /// Says that something damaged is left out.
    fn quarantined(&self, fault: &Fault) {
        tracing::error!(
            code = "TH0602",
            store = %self.path.display(),
            what = ?fault,
            "a damaged value is left as it is"
        );
    }

    /// A damaged record does not hide the others, nor does it go unnoticed.
    fn load_or_log(
        &self,
        id: TaskId,
        wanted: impl Fn(&Record) -> bool,
    ) -> Result<Option<Record>, StoreError> {
        match self.load_if(id, wanted) {
            Err(StoreError::Damaged { what, .. }) => {
                self.quarantined(&Fault::Damaged(what));
                Ok(None)
            }
            other => other,
        }
    }
}

/// Why a file's content is not there.
enum Hole {
    Missing(Name),
    Fault(Fault),
}

impl From<Fault> for Hole {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Hole> for Fault {
    fn from(hole: Hole) -> Self {
        match hole {
            Hole::Missing(name) => Self::Damaged(format!("file {name} is not there")),
            Hole::Fault(fault) => fault,
        }
    }
}

/// The indices in which everything that `filter` lets through is found, the shortest ones: few tasks
/// are open at a time, and then one owner's are fewer than everybody's.
fn sources(filter: &Filter) -> Vec<Vec<u8>> {
    let statuses = &filter.statuses;
    let by_status = || statuses.iter().copied().map(key::statuses).collect();
    let all_open = !statuses.is_empty() && statuses.iter().all(|status| !status.is_done());
    match &filter.owner {
        _ if all_open => by_status(),
        Some(owner) => vec![key::owners(owner)],
        None if !statuses.is_empty() => by_status(),
        None => vec![key::records()],
    }
}
