//! The logs of runs.
//!
//! ```text
//! R   length, bytes, whether it is over; the summary
//! N   what one turn has added, a length and a text for each entry, in pieces that fit into the tree
//! ```
//!
//! A turn is one batch: its pieces, the head, and whether the run is still listed as live. What a log has is
//! its pieces in order, one after another. A turn that would take more than a few places is in a file, and has
//! one empty piece.
//!
//! Pieces are numbered by all that was ever added, so that those of a log that began anew have other names.

use sled::Tree;

use super::blob::{Name, Part};
use super::codec::{self, BODY, Fault};
use super::key::{self, Span};
use super::payload::APART;
use super::read::Reader;
use super::stage::Stage;
use super::view::{Layers, Order, Row};
use crate::store::{RunHead, StoreError, Turn, head_after, limit};
use crate::task::{Record, Run, TaskId};

/// The run is over.
const OVER: u8 = 1;

/// What is added in one turn, and stands in the tree. sled writes files of its own for nodes that get too
/// large, and never removes them.
const LARGEST: usize = 8 * BODY;

/// Rows that are read at a time: the writer waits for readers.
const PAGE: usize = 256;

impl Stage<'_> {
    /// Adds a turn. `Ok(false)`: the log has another length.
    pub(super) fn turn(&mut self, component: &str, turn: &Turn) -> Result<bool, StoreError> {
        let run = &turn.run;
        let old = (self.layers().log(component, run)).map_err(|fault| fault.at_store(self.path))?;
        let (old, before) = match old {
            Some(log) => (Some(log.head), log.added),
            None => (None, 0),
        };
        if old.as_ref().map_or(0, |head| head.length) != turn.expected {
            return Ok(false);
        }
        let (length, bytes) = match &old {
            Some(head) if !turn.anew => (head.length, head.bytes),
            _ => (0, 0),
        };
        limit::turn(turn, length, bytes)?;
        if turn.anew {
            let pieces = self.rows(&key::run_pieces(component, run))?;
            self.forget(component, pieces);
        }
        let mut text = Vec::new();
        for entry in &turn.entries {
            // Bounded by `limit::turn`.
            let size = u32::try_from(entry.len()).unwrap_or(u32::MAX);
            text.extend_from_slice(&size.to_be_bytes());
            text.extend_from_slice(entry.as_bytes());
        }
        if text.len() > LARGEST {
            self.put(key::run_piece(component, run, before, 0), APART, &[]);
            let name = Name::turn(run.task(), key::log_digest(component, run), before);
            self.parts([Part { name, body: text }]);
        } else {
            for (index, piece) in (0..).zip(text.chunks(BODY)) {
                self.put(key::run_piece(component, run, before, index), 0, piece);
            }
        }
        let log = Log {
            added: before + turn.entries.len() as u64,
            head: head_after(turn, length, bytes),
        };
        let flags = if turn.over { OVER } else { 0 };
        self.put(key::run(component, run), flags, &written(&log));
        let live = key::live_run(component, run);
        if turn.over {
            self.delete(live);
        } else if old.is_none_or(|old| old.over) {
            self.put(live, 0, &[]);
        }
        Ok(true)
    }

    /// Removes all that the runs of this task have.
    pub(super) fn remove_runs(&mut self, component: &str, id: TaskId) -> Result<(), StoreError> {
        for span in key::all_of_runs(component, id) {
            let rows = self.rows(&span)?;
            self.forget(component, rows);
        }
        Ok(())
    }

    fn forget(&mut self, component: &str, rows: Vec<Row>) {
        let mut files = Vec::new();
        for (key, value) in rows {
            files.extend(file_of(component, &key, &value));
            self.delete(key);
        }
        self.discard(files);
    }

    fn rows(&self, span: &Span) -> Result<Vec<Row>, StoreError> {
        (self.layers().rows(span, Order::Ascending, usize::MAX))
            .map_err(|fault| fault.at_store(self.path))
    }
}

/// A log, but for its entries.
pub(super) struct Log {
    head: RunHead,
    /// How many entries were ever added to it.
    added: u64,
}

impl Layers<'_> {
    /// What to know of a log.
    pub(super) fn run(&self, component: &str, run: &Run) -> Result<Option<RunHead>, Fault> {
        Ok(self.log(component, run)?.map(|log| log.head))
    }

    fn log(&self, component: &str, run: &Run) -> Result<Option<Log>, Fault> {
        let key = key::run(component, run);
        let Some(value) = self.get(&key)? else {
            return Ok(None);
        };
        read(run, &key, &value).map(Some)
    }
}

impl Reader {
    /// The entries of a log.
    pub(super) fn run(
        &self,
        component: &str,
        run: &Run,
    ) -> Result<Option<Vec<String>>, StoreError> {
        let head = self.view.read(|layers| layers.run(component, run))?;
        let Some(head) = head else { return Ok(None) };
        let log = key::log_digest(component, run);
        let mut span = key::run_pieces(component, run);
        let mut text = Vec::new();
        let mut last = span.from.clone();
        loop {
            let rows = (self.view).read(|layers| layers.rows(&span, Order::Ascending, PAGE))?;
            for (key, value) in &rows {
                let fault = |fault: Fault| fault.at_store(&self.path);
                let opened = codec::unseal(key, value).map_err(fault)?;
                if opened.flags & APART == 0 {
                    text.extend_from_slice(opened.body);
                    continue;
                }
                let before = key::before_piece(key).unwrap_or_default();
                let name = Name::turn(run.task(), log, before);
                match self.blobs.read(name).map_err(fault)? {
                    Some(body) => text.extend_from_slice(&body),
                    None => return Err(fault(Fault::at(key, "has lost its file"))),
                }
            }
            if let Some((key, _)) = rows.last() {
                last.clone_from(key);
            }
            if rows.len() < PAGE {
                break;
            }
            span.from = [last.as_slice(), &[0]].concat();
        }
        // What was added meanwhile is left out: the head knew how long the log was.
        let entries = entries(&text, head.length);
        entries
            .map(Some)
            .ok_or_else(|| Fault::at(&last, "is not as long as it was").at_store(&self.path))
    }

    /// All logs, of one task or of all.
    pub(super) fn runs(
        &self,
        component: &str,
        task: Option<TaskId>,
    ) -> Result<Vec<RunHead>, StoreError> {
        let mut span = key::runs(component, task);
        let mut heads = Vec::new();
        loop {
            let rows = (self.view).read(|layers| layers.rows(&span, Order::Ascending, PAGE))?;
            for (key, value) in &rows {
                let run = key::run_in(component, key);
                let log = run
                    .ok_or_else(|| Fault::at(key, "names no run"))
                    .and_then(|run| read(&run, key, value));
                heads.push(log.map_err(|fault| fault.at_store(&self.path))?.head);
            }
            let Some((last, _)) = rows.last().filter(|_| rows.len() == PAGE) else {
                return Ok(heads);
            };
            span.from = [last.as_slice(), &[0]].concat();
        }
    }
}

/// Whether there is a turn whose entries are in the file of this name, of a task with this record.
pub(super) fn is_wanted(tree: &Tree, record: &Record, log: u64, before: u64) -> bool {
    let component = &record.origin.backend;
    let [_, _, pieces] = key::all_of_runs(component, record.id());
    let name = Name::turn(record.id(), log, before);
    let mut rows = tree.range(pieces.from..pieces.to);
    // What cannot be read may want it.
    rows.any(|row| {
        row.map_or(true, |(key, value)| {
            file_of(component, &key, &value) == Some(name)
        })
    })
}

/// The file that goes with a piece, if there is one.
fn file_of(component: &str, key: &[u8], value: &[u8]) -> Option<Name> {
    let before = key::before_piece(key)?;
    // Its file goes by name: also that of a piece that is damaged.
    let apart = codec::unseal(key, value).map_or(true, |opened| opened.flags & APART != 0);
    let run = key::run_in(component, key).filter(|_| apart)?;
    let log = key::log_digest(component, &run);
    Some(Name::turn(run.task(), log, before))
}

fn written(log: &Log) -> Vec<u8> {
    let head = &log.head;
    let mut body = Vec::with_capacity(24 + head.summary.len());
    for number in [head.length, head.bytes, log.added] {
        body.extend_from_slice(&number.to_be_bytes());
    }
    body.extend_from_slice(head.summary.as_bytes());
    body
}

fn read(run: &Run, key: &[u8], value: &[u8]) -> Result<Log, Fault> {
    let opened = codec::unseal(key, value)?;
    let number = |bytes: &[u8; 8]| u64::from_be_bytes(*bytes);
    let log = || {
        let (length, rest) = opened.body.split_first_chunk()?;
        let (bytes, rest) = rest.split_first_chunk()?;
        let (added, summary) = rest.split_first_chunk()?;
        Some(Log {
            added: number(added),
            head: RunHead {
                run: run.clone(),
                length: number(length),
                bytes: number(bytes),
                summary: String::from_utf8(summary.to_vec()).ok()?,
                over: opened.flags & OVER != 0,
            },
        })
    };
    log().ok_or_else(|| Fault::at(key, "is not the head of a log"))
}

/// The first `length` entries in `text`. `None`: it has fewer.
fn entries(mut text: &[u8], length: u64) -> Option<Vec<String>> {
    let mut entries = Vec::new();
    for _ in 0..length {
        let (size, rest) = text.split_first_chunk()?;
        let size = usize::try_from(u32::from_be_bytes(*size)).ok()?;
        let (entry, rest) = rest.split_at_checked(size)?;
        entries.push(String::from_utf8(entry.to_vec()).ok()?);
        text = rest;
    }
    Some(entries)
}
