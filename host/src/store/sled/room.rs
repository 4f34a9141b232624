//! Whether the disk has room for another batch.
//!
//! A batch that fails half-way leaves sled unable to write until it is opened anew. Scans failed too
//! then, presumably because sled splits an overfull page when it comes across one while reading, and
//! splitting writes. So we stop before that.
//! This is not an error of the store: when there is room again, it goes on.

use std::path::Path;

/// How much there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Room {
    /// Not even for taking notes of what is removed.
    None,
    /// For removing, which makes room.
    Little,
    /// For anything.
    Enough,
}

/// The largest batch: one part of 16 MiB beside what fills a batch, written to log and file.
const ENOUGH: u64 = 32 * 1024 * 1024;

/// What sled may add to its log for some thousands of removals.
const LITTLE: u64 = 8 * 1024 * 1024;

/// Asks the file system: a microsecond.
#[cfg(unix)]
pub(super) fn on(dir: &Path) -> Room {
    let Ok(disk) = rustix::fs::statvfs(dir) else {
        // Whoever cannot say is not to be believed: the write itself will tell.
        return Room::Enough;
    };
    match disk.f_bavail.saturating_mul(disk.f_frsize) {
        free if free >= ENOUGH => Room::Enough,
        free if free >= LITTLE => Room::Little,
        _ => Room::None,
    }
}

#[cfg(not(unix))]
pub(super) fn on(_dir: &Path) -> Room {
    Room::Enough
}
