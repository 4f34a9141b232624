//! One process per data directory.
//!
//! The lock belongs to the open file, so it goes with the process, however that ends; what stands in
//! the file only tells the next one who it is waiting for. sled locks its own file too, but says
//! nothing of who holds it, and only after it has begun to recover.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use super::folder;
use crate::store::StoreError;

/// How often it is tried before the other one is believed. A process that was being started when the
/// host died has its open files for a moment longer.
const TRIES: u32 = 10;

const PAUSE: Duration = Duration::from_millis(20);

/// Held: nobody else has the directory open.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Takes it, or says who has it.
    pub(super) fn take(data: &Path) -> Result<Self, StoreError> {
        let failed = |error: io::Error| StoreError::Open {
            path: data.to_owned(),
            reason: format!("LOCK: {error}"),
        };
        let mut file = folder::file(&data.join("LOCK")).map_err(failed)?;
        let mut tries = TRIES;
        loop {
            tries -= 1;
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if tries > 0 => thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::InUse {
                        path: data.to_owned(),
                        holder: holder(&mut file),
                    });
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
        sign(&mut file).map_err(failed)?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone would leave it with a process that is just being started (208 of 400 times
        // beside two threads that did nothing else). Nothing depends on it: the file is closed next.
        _ = self.file.unlock();
    }
}

/// Process id and seconds since the Unix epoch, a line each.
fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())?;
    // The file system has just asked the clock.
    let since = file
        .metadata()?
        .modified()?
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    writeln!(file, "{}", since.as_secs())
}

/// Whose process id is in the file. It is empty for a moment after the lock was taken; by the time we
/// have tried so often, that is over.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    let line = read.ok().and_then(|_| text.lines().next());
    line.filter(|line| !line.is_empty())
        .unwrap_or("?")
        .to_owned()
}
