//! What readers see: the tree as of the last commit.
//!
//! A batch is in sled's memory some milliseconds before it is on disk. In that time its *mask* holds
//! what stood under each of its keys before, and readers look at the mask first. So they never see
//! what a crash could undo, and never wait for the disk either: the lock is held for the length of a
//! look-up or of one page of a scan, by the writer only to put the mask on and to take it off. When a
//! write fails, the mask stays, and reads go on showing what is on disk.
//!
//! It costs one look-up more for each key written.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use sled::{IVec, Tree};

use super::codec::Fault;
use super::key::Span;
use crate::store::StoreError;

/// Keys whose value is another than in the tree. `None`: not there.
pub(super) type Patch = BTreeMap<Vec<u8>, Option<IVec>>;

/// A key and its value.
pub(super) type Row = (Vec<u8>, IVec);

/// The readers' side of the tree.
pub(super) struct View {
    path: PathBuf,
    open: RwLock<Option<Open>>,
}

struct Open {
    tree: Tree,
    mask: Patch,
}

impl View {
    pub(super) fn new(path: &Path, tree: Tree) -> Self {
        Self {
            path: path.to_owned(),
            open: RwLock::new(Some(Open {
                tree,
                mask: Patch::new(),
            })),
        }
    }

    /// Runs `read` on the last commit. It must be short: the writer waits for it.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(Layers<'_>) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let guard = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = guard.as_ref() else {
            return Err(StoreError::Open {
                path: self.path.clone(),
                reason: "it has been closed".to_owned(),
            });
        };
        let layers = Layers {
            tree: &open.tree,
            patch: &open.mask,
        };
        // sled panics on some damaged pages.
        panic::catch_unwind(AssertUnwindSafe(|| read(layers)))
            .unwrap_or_else(|_| Err(Fault::page()))
            .map_err(|fault| fault.at_store(&self.path))
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<IVec>, StoreError> {
        self.read(|layers| layers.get(key))
    }

    /// Hides a batch that is about to be applied.
    pub(super) fn mask(&self, mask: Patch) {
        if let Some(open) = self
            .open
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .as_mut()
        {
            open.mask = mask;
        }
    }

    /// Shows the batch: it is on disk.
    pub(super) fn unmask(&self) {
        self.mask(Patch::new());
    }

    /// Ends all reading.
    pub(super) fn close(&self) {
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The tree with a patch over it.
#[derive(Clone, Copy)]
pub(super) struct Layers<'a> {
    pub(super) tree: &'a Tree,
    pub(super) patch: &'a Patch,
}

/// Which end of a span comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    Descending,
}

impl Layers<'_> {
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<IVec>, Fault> {
        match self.patch.get(key) {
            Some(value) => Ok(value.clone()),
            None => Ok(self.tree.get(key)?),
        }
    }

    /// The first `limit` rows of `span`.
    pub(super) fn rows(&self, span: &Span, order: Order, limit: usize) -> Result<Vec<Row>, Fault> {
        // The standard map's `range` panics where the end stands before the beginning.
        if span.from >= span.to {
            return Ok(Vec::new());
        }
        let range = span.from.clone()..span.to.clone();
        let tree = self.tree.range(range.clone());
        let patch = self.patch.range(range);
        match order {
            Order::Ascending => merge(tree, patch, limit, |a, b| a < b),
            Order::Descending => merge(tree.rev(), patch.rev(), limit, |a, b| a > b),
        }
    }
}

/// Both in one order; where both have a key, the patch is right.
fn merge<'a>(
    mut tree: impl Iterator<Item = sled::Result<(IVec, IVec)>>,
    mut patch: impl Iterator<Item = (&'a Vec<u8>, &'a Option<IVec>)>,
    limit: usize,
    before: impl Fn(&[u8], &[u8]) -> bool,
) -> Result<Vec<Row>, Fault> {
    let mut rows = Vec::new();
    let mut below = tree.next().transpose()?;
    let mut above = patch.next();
    while rows.len() < limit {
        match (below.take(), above) {
            (None, None) => break,
            (Some((key, value)), patched)
                if patched.is_none_or(|(patched, _)| before(&key, patched)) =>
            {
                rows.push((key.to_vec(), value));
                below = tree.next().transpose()?;
            }
            (hidden, Some((key, value))) => {
                if let Some(value) = value {
                    rows.push((key.clone(), value.clone()));
                }
                above = patch.next();
                below = match hidden {
                    Some((same, _)) if same == key.as_slice() => tree.next().transpose()?,
                    other => other,
                };
            }
            // The second arm takes every row of the tree that stands alone.
            (Some(_), None) => {}
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_replaces_hides_and_adds() {
        let db = sled::Config::new().temporary(true).open().unwrap();
        for key in ["b", "c", "d"] {
            db.insert(key, "tree").unwrap();
        }
        let patch = Patch::from([
            (b"a".to_vec(), Some("patch".into())),
            (b"b".to_vec(), Some("patch".into())),
            (b"c".to_vec(), None),
            (b"e".to_vec(), None),
            (b"f".to_vec(), Some("patch".into())),
        ]);
        let layers = Layers {
            tree: &db,
            patch: &patch,
        };
        let names = |order, limit| -> String {
            let span = Span {
                from: b"a".to_vec(),
                to: b"z".to_vec(),
            };
            layers
                .rows(&span, order, limit)
                .unwrap()
                .iter()
                .flat_map(|(key, value)| [key[0] as char, value[0] as char, ' '])
                .collect()
        };
        assert_eq!(names(Order::Ascending, 9), "ap bp dt fp ");
        assert_eq!(names(Order::Descending, 9), "fp dt bp ap ");
        assert_eq!(names(Order::Descending, 2), "fp dt ");
        assert_eq!(layers.get(b"c").unwrap(), None);
        assert_eq!(layers.get(b"d").unwrap(), Some("tree".into()));
    }

    #[test]
    fn what_is_not_on_disk_yet_is_not_seen() {
        let db = sled::Config::new().temporary(true).open().unwrap();
        db.insert("changed", "old").unwrap();
        db.insert("removed", "old").unwrap();
        let view = View::new(Path::new("x"), (*db).clone());
        let seen = || {
            let all = Span::of(Vec::new());
            let span = Span {
                to: vec![255],
                ..all
            };
            let rows = view.read(|layers| layers.rows(&span, Order::Ascending, 9));
            rows.unwrap().len()
        };

        view.mask(Patch::from([
            (b"added".to_vec(), None),
            (b"changed".to_vec(), Some("old".into())),
            (b"removed".to_vec(), Some("old".into())),
        ]));
        db.insert("added", "new").unwrap();
        db.insert("changed", "new").unwrap();
        db.remove("removed").unwrap();
        assert_eq!(view.get(b"added").unwrap(), None);
        assert_eq!(view.get(b"changed").unwrap(), Some("old".into()));
        assert_eq!(view.get(b"removed").unwrap(), Some("old".into()));
        assert_eq!(seen(), 2);

        view.unmask();
        assert_eq!(view.get(b"added").unwrap(), Some("new".into()));
        assert_eq!(view.get(b"changed").unwrap(), Some("new".into()));
        assert_eq!(view.get(b"removed").unwrap(), None);
        assert_eq!(seen(), 2);
    }
}
