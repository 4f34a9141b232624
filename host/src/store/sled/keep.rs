//! The log as it was before sled recovered it.
//!
//! sled recovers in place: it ends the log where a checksum is wrong and changes what stands behind
//! (measured: one flipped bit at 434 of 1,009 KB, and 538 KB were no longer the same after opening). By
//! the time we see that something is missing, it is gone. So the log is copied before, and the copy goes
//! when the store has been found whole. The first copy of a damaged log is never overwritten.
//!
//! It costs a start the time to copy the log; beyond [`LARGEST`] it is not done.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::folder;

/// Copying so much took 0.2 s here, within the page cache; it is the log of about half a million tasks.
const LARGEST: u64 = 512 * 1024 * 1024;

/// A copy, if one could be made.
#[derive(Debug)]
pub(super) struct Keep {
    copy: PathBuf,
    kept: PathBuf,
}

impl Keep {
    /// Copies `log`. A store opens without it too.
    pub(super) fn of(data: &Path, log: &Path) -> Self {
        let keep = Self {
            copy: data.join("sled.before"),
            kept: data.join("sled.damaged"),
        };
        keep.discard();
        if let Err(error) = keep.make(log) {
            tracing::warn!(%error, "the log is recovered without a copy of it");
            keep.discard();
        }
        keep
    }

    /// All is well.
    pub(super) fn discard(&self) {
        if self.copy.exists()
            && let Err(error) = fs::remove_dir_all(&self.copy)
        {
            tracing::warn!(%error, "a copy of the log stays for now");
        }
    }

    /// Something is missing. Where the log as it was is now, if anywhere.
    pub(super) fn preserve(&self) -> Option<&Path> {
        if self.kept.exists() {
            self.discard();
        } else if self.copy.exists() {
            fs::rename(&self.copy, &self.kept).ok()?;
        }
        self.kept.exists().then_some(&*self.kept)
    }

    fn make(&self, log: &Path) -> io::Result<()> {
        let mut files = Vec::new();
        let mut size = 0;
        for file in fs::read_dir(log)? {
            let file = file?;
            let metadata = file.metadata()?;
            // sled's own folder for large values is empty: it is given none.
            if metadata.is_file() {
                size += metadata.len();
                files.push(file);
            }
        }
        if files.is_empty() {
            return Ok(());
        }
        if size > LARGEST {
            return Err(io::Error::other(format!("it is {size} bytes")));
        }
        folder::create(&self.copy)?;
        for file in files {
            let mut from = File::open(file.path())?;
            let mut to = folder::file(&self.copy.join(file.file_name()))?;
            io::copy(&mut from, &mut to)?;
        }
        Ok(())
    }
}
