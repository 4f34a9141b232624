//! How far the store had come: a number outside of it.
//!
//! sled recovers to the last state whose checksums are right, so a damaged log can look like an older,
//! healthy one (measured: 14 of 100 single flipped bits). The mark is the number of the last batch
//! known to be on disk, written beside the log; a log that ends before it has lost something.
//!
//! Sixteen bytes within one sector, overwritten in place: a power cut leaves the old or the new ones.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use super::folder;

/// The file.
#[derive(Debug)]
pub(super) struct Mark {
    file: File,
    written: u64,
}

impl Mark {
    pub(super) fn open(data: &Path, known: u64) -> io::Result<Self> {
        let mut mark = Self {
            file: folder::file(&path(data))?,
            written: known,
        };
        mark.write(known)?;
        Ok(mark)
    }

    /// The last number written.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Notes that batch `sequence` is on disk.
    pub(super) fn write(&mut self, sequence: u64) -> io::Result<()> {
        self.file.rewind()?;
        self.file.write_all(&encode(sequence))?;
        self.file.sync_all()?;
        self.written = sequence;
        Ok(())
    }
}

/// What the mark says. `None`: there is none.
pub(super) fn read(data: &Path) -> io::Result<Option<u64>> {
    let bytes = match fs::read(path(data)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // Created, and not yet written when the power went.
    if bytes.is_empty() {
        return Ok(None);
    }
    decode(&bytes)
        .map(Some)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "wrong checksum"))
}

fn encode(sequence: u64) -> [u8; 16] {
    let number = sequence.to_be_bytes();
    let mut bytes = [0; 16];
    let check = crc32c::crc32c(&number).to_be_bytes();
    for (to, from) in bytes.iter_mut().zip(number.into_iter().chain(check)) {
        *to = from;
    }
    bytes
}

fn decode(bytes: &[u8]) -> Option<u64> {
    let number = u64::from_be_bytes(*bytes.first_chunk()?);
    (encode(number) == *bytes).then_some(number)
}

fn path(data: &Path) -> PathBuf {
    data.join("hwm")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_whole_or_refused() {
        let mut bytes = encode(77);
        assert_eq!(decode(&bytes), Some(77));
        bytes[7] ^= 1;
        assert_eq!(decode(&bytes), None);
        assert_eq!(decode(&bytes[..8]), None);
    }
}
