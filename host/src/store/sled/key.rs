//! Where things lie: one tree, the first byte names the family, numbers are big-endian so that keys
//! sort like what they stand for.
//!
//! ```text
//! T id                     the record
//! S status id              ids by status          empty
//! O owner id               ids by owner           empty
//! X expires_ms id          ids by end of life     empty
//! I owner sha256(key)      id that has this idempotency key
//! E id revision            an entry of the journal
//! L id position            a line of output
//! C component key          a component's value, or how long it is
//! D component key index    a piece of a value that is too long for one place
//! R component id rest      a run's log: what to know of it without its entries
//! Q component id rest      the same, for those that are not over     empty
//! N component id rest 0 before piece   a piece of what was added to it after so many entries
//! M name                   about the store itself
//! ```
//!
//! Owners and idempotency keys are digests: a key has one length, whatever a client calls itself.

use sha2::{Digest, Sha256};

use crate::task::{Principal, Run, Status, TaskId};

const RECORD: u8 = b'T';
const STATUS: u8 = b'S';
const OWNER: u8 = b'O';
const EXPIRY: u8 = b'X';
const IDEMPOTENCY: u8 = b'I';
const JOURNAL: u8 = b'E';
const OUTPUT: u8 = b'L';
const COMPONENT: u8 = b'C';
const PIECE: u8 = b'D';
const RUN: u8 = b'R';
const LIVE_RUN: u8 = b'Q';
const RUN_PIECE: u8 = b'N';
const META: u8 = b'M';

/// Keys from `from` up to, not including, `to`.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) from: Vec<u8>,
    pub(super) to: Vec<u8>,
}

impl Span {
    /// All keys that begin with `prefix`.
    pub(super) fn of(prefix: Vec<u8>) -> Self {
        let mut to = prefix.clone();
        while let Some(last) = to.pop() {
            if let Some(next) = last.checked_add(1) {
                to.push(next);
                break;
            }
        }
        Self { from: prefix, to }
    }

    /// Those of them whose id is smaller than `before`. `prefix` is what stands before the id.
    pub(super) fn ids(prefix: Vec<u8>, before: Option<TaskId>) -> Self {
        match before {
            None => Self::of(prefix),
            Some(id) => Self {
                to: [prefix.as_slice(), id.as_bytes()].concat(),
                from: prefix,
            },
        }
    }
}

pub(super) fn record(id: TaskId) -> Vec<u8> {
    join(RECORD, &[id.as_bytes()])
}

pub(super) fn records() -> Vec<u8> {
    vec![RECORD]
}

pub(super) fn status(status: Status, id: TaskId) -> Vec<u8> {
    join(STATUS, &[&[status_byte(status)], id.as_bytes()])
}

pub(super) fn statuses(status: Status) -> Vec<u8> {
    vec![STATUS, status_byte(status)]
}

pub(super) fn owner(owner: &Principal, id: TaskId) -> Vec<u8> {
    join(OWNER, &[&owner_digest(owner), id.as_bytes()])
}

pub(super) fn owners(owner: &Principal) -> Vec<u8> {
    join(OWNER, &[&owner_digest(owner)])
}

pub(super) fn expiry(expires_ms: u64, id: TaskId) -> Vec<u8> {
    join(EXPIRY, &[&expires_ms.to_be_bytes(), id.as_bytes()])
}

/// What has expired at `now_ms`.
pub(super) fn expired(now_ms: u64) -> Span {
    match now_ms.checked_add(1) {
        Some(next) => Span {
            from: vec![EXPIRY],
            to: join(EXPIRY, &[&next.to_be_bytes()]),
        },
        None => Span::of(vec![EXPIRY]),
    }
}

pub(super) fn idempotency(owner: &Principal, key: &str) -> Vec<u8> {
    join(
        IDEMPOTENCY,
        &[&owner_digest(owner), &Sha256::digest(key.as_bytes())],
    )
}

pub(super) fn entry(id: TaskId, revision: u64) -> Vec<u8> {
    join(JOURNAL, &[id.as_bytes(), &revision.to_be_bytes()])
}

pub(super) fn journal(id: TaskId) -> Span {
    Span::of(join(JOURNAL, &[id.as_bytes()]))
}

/// The entries with a revision above `after`.
pub(super) fn journal_after(id: TaskId, after: u64) -> Span {
    above(journal(id), after, |next| entry(id, next))
}

pub(super) fn line(id: TaskId, position: u64) -> Vec<u8> {
    join(OUTPUT, &[id.as_bytes(), &position.to_be_bytes()])
}

pub(super) fn lines(id: TaskId) -> Span {
    Span::of(join(OUTPUT, &[id.as_bytes()]))
}

/// The lines behind position `after`.
pub(super) fn lines_after(id: TaskId, after: u64) -> Span {
    above(lines(id), after, |next| line(id, next))
}

pub(super) fn component(name: &str, key: &str) -> Vec<u8> {
    join(COMPONENT, &[&length(name), name.as_bytes(), key.as_bytes()])
}

/// The piece of a long value with this index.
pub(super) fn piece(name: &str, key: &str, index: u16) -> Vec<u8> {
    [pieces(name, key).from.as_slice(), &index.to_be_bytes()].concat()
}

pub(super) fn pieces(name: &str, key: &str) -> Span {
    Span::of(join(
        PIECE,
        &[&length(name), name.as_bytes(), &length(key), key.as_bytes()],
    ))
}

/// How many bytes of a component's key stand before its own name for it.
pub(super) fn component_head(name: &str) -> usize {
    1 + length(name).len() + name.len()
}

pub(super) fn run(component: &str, run: &Run) -> Vec<u8> {
    of_run(RUN, component, run)
}

pub(super) fn live_run(component: &str, run: &Run) -> Vec<u8> {
    of_run(LIVE_RUN, component, run)
}

/// All logs: of one task, or of all.
pub(super) fn runs(component: &str, task: Option<TaskId>) -> Span {
    runs_of(RUN, component, task)
}

/// Logs that are not over, after this one.
pub(super) fn live_runs(component: &str, after: Option<&Run>) -> Span {
    let all = runs_of(LIVE_RUN, component, None);
    match after {
        None => all,
        Some(run) => Span {
            // The next key that there can be.
            from: [live_run(component, run).as_slice(), &[0]].concat(),
            ..all
        },
    }
}

/// Everything of the logs of one task.
pub(super) fn all_of_runs(component: &str, task: TaskId) -> [Span; 3] {
    [RUN, LIVE_RUN, RUN_PIECE].map(|family| runs_of(family, component, Some(task)))
}

/// A piece of what was added to a log, after so many entries that were added before.
pub(super) fn run_piece(component: &str, run: &Run, before: u64, piece: u16) -> Vec<u8> {
    let mut key = run_pieces(component, run).from;
    key.extend_from_slice(&before.to_be_bytes());
    key.extend_from_slice(&piece.to_be_bytes());
    key
}

/// All pieces of a log. No name has the zero that ends it here, so those of `x.1` are not among those of `x`.
pub(super) fn run_pieces(component: &str, run: &Run) -> Span {
    let mut prefix = of_run(RUN_PIECE, component, run);
    prefix.push(0);
    Span::of(prefix)
}

/// How many entries were added before the piece with this key.
pub(super) fn before_piece(key: &[u8]) -> Option<u64> {
    let (rest, _) = key.split_last_chunk::<2>()?;
    number_at_end(rest)
}

/// Tells the logs of one task from each other, in the names of files.
pub(super) fn log_digest(component: &str, run: &Run) -> u64 {
    let name = of_run(RUN, component, run);
    let digest: [u8; 32] = Sha256::digest(name).into();
    u64::from_be_bytes(digest.first_chunk().copied().unwrap_or_default())
}

/// The run that a key of a log is about.
pub(super) fn run_in(component: &str, key: &[u8]) -> Option<Run> {
    let rest = key.get(component_head(component)..)?;
    let (id, rest) = rest.split_first_chunk::<{ TaskId::BYTES }>()?;
    // Behind the zero are the numbers of a piece.
    let rest = rest.split(|byte| *byte == 0).next()?;
    let rest = std::str::from_utf8(rest).ok()?;
    format!("{}{rest}", TaskId::from_bytes(*id)).parse().ok()
}

fn of_run(family: u8, component: &str, run: &Run) -> Vec<u8> {
    let mut key = runs_of(family, component, Some(run.task())).from;
    key.extend_from_slice(run.rest().as_bytes());
    key
}

fn runs_of(family: u8, component: &str, task: Option<TaskId>) -> Span {
    let mut prefix = join(family, &[&length(component), component.as_bytes()]);
    if let Some(id) = task {
        prefix.extend_from_slice(id.as_bytes());
    }
    Span::of(prefix)
}

pub(super) fn meta(name: &str) -> Vec<u8> {
    join(META, &[name.as_bytes()])
}

/// The id at the end of an index key.
pub(super) fn id_at_end(key: &[u8]) -> Option<TaskId> {
    key.last_chunk().copied().map(TaskId::from_bytes)
}

/// The number at the end of a journal's or an output's key.
pub(super) fn number_at_end(key: &[u8]) -> Option<u64> {
    key.last_chunk().copied().map(u64::from_be_bytes)
}

/// For messages.
pub(super) fn describe(key: &[u8]) -> String {
    let id = |bytes: &[u8]| {
        bytes
            .first_chunk()
            .map_or_else(|| "?".to_owned(), |id| TaskId::from_bytes(*id).to_string())
    };
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    match key {
        [RECORD, rest @ ..] => format!("record {}", id(rest)),
        [JOURNAL, rest @ ..] => format!(
            "journal entry {} of {}",
            number_at_end(rest).unwrap_or_default(),
            id(rest)
        ),
        [OUTPUT, rest @ ..] => format!(
            "output line {} of {}",
            number_at_end(rest).unwrap_or_default(),
            id(rest)
        ),
        [META, name @ ..] => format!("`{}`", String::from_utf8_lossy(name)),
        [STATUS | OWNER | EXPIRY, ..] => format!("index key {}", hex(key)),
        _ => format!("key {}", hex(key)),
    }
}

fn above(all: Span, after: u64, key: impl Fn(u64) -> Vec<u8>) -> Span {
    match after.checked_add(1) {
        Some(next) => Span {
            from: key(next),
            ..all
        },
        None => Span {
            from: all.to.clone(),
            ..all
        },
    }
}

/// Sixteen bytes: nobody can find two names with one digest, and it halves the longest index.
fn owner_digest(owner: &Principal) -> [u8; 16] {
    let digest: [u8; 32] = Sha256::digest(owner.name().as_bytes()).into();
    digest.first_chunk().copied().unwrap_or_default()
}

/// Names are bounded by the caller; a longer one would only share its space.
fn length(name: &str) -> [u8; 2] {
    u16::try_from(name.len()).unwrap_or(u16::MAX).to_be_bytes()
}

/// Written down, not derived: part of the format.
fn status_byte(status: Status) -> u8 {
    match status {
        Status::Pending => 0,
        Status::Running => 1,
        Status::Retrying => 2,
        Status::InputRequired => 3,
        Status::Completed => 4,
        Status::Failed => 5,
        Status::Cancelled => 6,
    }
}

fn join(family: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
    key.push(family);
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_ends_where_the_prefix_ends() {
        assert_eq!(Span::of(vec![b'T', 255, 255]).to, vec![b'U']);
        assert_eq!(Span::of(vec![b'T', 7]).to, vec![b'T', 8]);
    }

    #[test]
    fn what_expires_now_has_expired() {
        let id = TaskId::new(1, 0, [0; 16]);
        let span = expired(5_000);
        assert!(expiry(5_000, id) < span.to);
        assert!(expiry(5_001, id) >= span.to);
    }

    #[test]
    fn two_components_never_share_a_key() {
        assert_ne!(component("ab", "c"), component("a", "bc"));
    }
}
