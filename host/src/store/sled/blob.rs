//! Files for what is too large for the tree.
//!
//! ```text
//! <data>/blobs/<xx>/<task id>.<kind>      xx: two hex digits, so that no folder gets long
//! ```
//!
//! **Invariant:** a file is complete and on disk, under its name and in its folder, before the record
//! that refers to it is written; and it is removed only after the record no longer does. A crash in
//! between leaves a file that nothing refers to, which [`Blobs::sweep`] removes at the next start.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::codec::{self, Fault};
use super::folder;
use crate::task::TaskId;

/// The folder with the files.
#[derive(Clone, Debug)]
pub(super) struct Blobs {
    dir: PathBuf,
}

impl Blobs {
    pub(super) fn new(data: &Path) -> Self {
        Self {
            dir: data.join("blobs"),
        }
    }

    /// Writes all of `parts`; when it returns, they are on disk.
    pub(super) fn write(&self, parts: &[Part]) -> io::Result<()> {
        let mut shards = BTreeSet::new();
        for part in parts {
            let path = self.path(part.name);
            let shard = self.shard(part.name);
            if !shard.is_dir() {
                folder::create(&shard)?;
                folder::sync(&self.dir)?;
            }
            let name = part.name.to_string();
            let draft = shard.join(format!("{name}.tmp"));
            let mut file = folder::file(&draft)?;
            // What an earlier attempt left behind.
            file.set_len(0)?;
            file.write_all(&codec::seal(name.as_bytes(), 0, &part.body))?;
            file.sync_all()?;
            fs::rename(&draft, &path)?;
            shards.insert(shard);
        }
        for shard in shards {
            folder::sync(&shard)?;
        }
        Ok(())
    }

    /// What is in a file. `None`: it is not there.
    pub(super) fn read(&self, name: Name) -> Result<Option<Vec<u8>>, Fault> {
        let value = match fs::read(self.path(name)) {
            Ok(value) => value,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Fault::Unreadable(format!("file {name}: {error}"))),
        };
        let text = name.to_string();
        let opened = codec::unseal(text.as_bytes(), &value)
            .map_err(|_| Fault::Damaged(format!("file {name}: wrong checksum")))?;
        Ok(Some(opened.body.to_vec()))
    }

    /// Removes files that nothing refers to any more. What cannot be removed now is swept later.
    pub(super) fn remove(&self, names: &[Name]) {
        for name in names {
            match fs::remove_file(self.path(*name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(file = %name, %error, "a file of a removed task stays for now");
                }
                _ => {}
            }
        }
    }

    /// Removes what a crash left behind: drafts, and files for which `wanted` says no.
    pub(super) fn sweep(&self, wanted: impl Fn(Name) -> bool) -> io::Result<()> {
        for shard in fs::read_dir(&self.dir)? {
            let shard = shard?.path();
            if !shard.is_dir() {
                continue;
            }
            for file in fs::read_dir(&shard)? {
                let path = file?.path();
                let Some(text) = path.file_name().and_then(|name| name.to_str()) else {
                    continue;
                };
                let stale = match text.strip_suffix(".tmp") {
                    Some(draft) => Name::parse(draft).is_some(),
                    // Not ours: left alone.
                    None => Name::parse(text).is_some_and(|name| !wanted(name)),
                };
                if stale {
                    fs::remove_file(&path)?;
                }
            }
        }
        Ok(())
    }

    fn path(&self, name: Name) -> PathBuf {
        self.shard(name).join(name.to_string())
    }

    fn shard(&self, name: Name) -> PathBuf {
        // The last byte of an id is random; the first ones are the time.
        let last = name.id.as_bytes().last().copied().unwrap_or_default();
        self.dir.join(format!("{last:02x}"))
    }
}

/// A file to be written.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) name: Name,
    pub(super) body: Vec<u8>,
}

/// What a file is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) id: TaskId,
    pub(super) kind: Kind,
}

/// What is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Arguments and options.
    Request,
    /// The state of the record with this revision.
    State(u64),
    /// The event of the entry with this revision.
    Entry(u64),
    /// What a turn has added to the log of a run: which log, and how much was added to it before.
    Turn(u64, u64),
}

impl Name {
    pub(super) fn request(id: TaskId) -> Self {
        Self {
            id,
            kind: Kind::Request,
        }
    }

    pub(super) fn state(id: TaskId, revision: u64) -> Self {
        Self {
            id,
            kind: Kind::State(revision),
        }
    }

    pub(super) fn entry(id: TaskId, revision: u64) -> Self {
        Self {
            id,
            kind: Kind::Entry(revision),
        }
    }

    pub(super) fn turn(id: TaskId, log: u64, before: u64) -> Self {
        Self {
            id,
            kind: Kind::Turn(log, before),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (id, kind) = text.split_once('.')?;
        let kind = match kind.split_once('-') {
            None if kind == "request" => Kind::Request,
            Some(("state", revision)) => Kind::State(revision.parse().ok()?),
            Some(("entry", revision)) => Kind::Entry(revision.parse().ok()?),
            Some(("turn", rest)) => {
                let (log, before) = rest.split_once('-')?;
                Kind::Turn(u64::from_str_radix(log, 16).ok()?, before.parse().ok()?)
            }
            _ => return None,
        };
        let id = id.parse().ok()?;
        Some(Self { id, kind })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Request => write!(f, "{}.request", self.id),
            Kind::State(revision) => write!(f, "{}.state-{revision}", self.id),
            Kind::Entry(revision) => write!(f, "{}.entry-{revision}", self.id),
            Kind::Turn(log, before) => write!(f, "{}.turn-{log:016x}-{before}", self.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        let id = TaskId::new(1, 2, [3; 16]);
        for name in [
            Name::request(id),
            Name::state(id, 7),
            Name::entry(id, 0),
            Name::turn(id, 0xff00, 12),
        ] {
            assert_eq!(Name::parse(&name.to_string()), Some(name));
        }
        assert_eq!(Name::parse("notes.txt"), None);
    }
}
