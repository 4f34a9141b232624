//! What was downloaded, by the digest of its bytes.
//!
//! A file is believed only if its bytes have the digest that it is asked for, so the directory need not be
//! trusted: damage costs a download.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::Digest;

/// A directory of downloads.
#[derive(Clone, Debug)]
pub struct Shelf(PathBuf);

impl Shelf {
    /// The shelf in `directory`, which need not be there yet.
    pub fn new(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    /// The bytes with this digest.
    pub fn get(&self, digest: &Digest) -> Option<Vec<u8>> {
        let bytes = fs::read(self.path(digest)).ok()?;
        (Digest::of(&bytes) == *digest).then_some(bytes)
    }

    /// Keeps `bytes`. That it did not work is not worth an error: they are downloaded again next time.
    pub fn put(&self, bytes: &[u8]) {
        let path = self.path(&Digest::of(bytes));
        if let Err(error) = self.write(&path, bytes) {
            tracing::warn!(path = %path.display(), "a download is not kept: {error}");
        }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        fs::create_dir_all(&self.0)?;
        let new = path.with_extension(format!("new-{}", std::process::id()));
        fs::File::create(&new)?.write_all(bytes)?;
        fs::rename(&new, path)
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.0.join(format!("sha256-{}", digest.hex()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_download_is_not_there() {
        let directory = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(&directory.path().join("shelf"));
        let digest = Digest::of(b"component");
        assert_eq!(shelf.get(&digest), None);
        shelf.put(b"component");
        assert_eq!(shelf.get(&digest).unwrap(), b"component");
        fs::write(shelf.path(&digest), b"compromised").unwrap();
        assert_eq!(shelf.get(&digest), None);
    }
}
