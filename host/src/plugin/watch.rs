//! Files that become others: edited, written in pieces, replaced by a rename, or by way of a link.
//!
//! What the system says about a folder is only a reason to look; what counts is whether a file is another
//! than it was when it was looked at last. So nothing depends on how it was changed, and a folder that is
//! made anew, or one in which the system sees nothing (a network drive), costs time and no change: all is
//! looked at now and then anyway.
//!
//! **Cost:** a few system calls for each file and look.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// How long nothing must happen before it is looked: whoever writes a file in pieces has then finished it,
/// mostly.
const QUIET: Duration = Duration::from_millis(100);
/// How long it is waited for that, where something happens all the time.
const LONGEST: Duration = Duration::from_secs(1);
/// How often it is looked without a reason.
const ANYWAY: Duration = Duration::from_secs(2);

/// Watches some files.
pub struct Watch {
    /// None: the system has none to give.
    watcher: Option<RecommendedWatcher>,
    reason: Arc<Notify>,
    files: BTreeMap<PathBuf, Option<Mark>>,
    /// Where these are.
    folders: BTreeSet<PathBuf>,
    anyway: Duration,
}

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    device: u64,
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

impl Default for Watch {
    fn default() -> Self {
        Self::looking_every(ANYWAY)
    }
}

impl Watch {
    fn looking_every(anyway: Duration) -> Self {
        let reason = Arc::new(Notify::new());
        let wake = reason.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| !is_reading(event.kind)) {
                wake.notify_one();
            }
        });
        Self {
            watcher: watcher
                .inspect_err(|error| {
                    tracing::warn!(
                        "changes of files are found late: the system does not tell them: {error}"
                    );
                })
                .ok(),
            reason,
            files: BTreeMap::new(),
            folders: BTreeSet::new(),
            anyway,
        }
    }

    /// Watches these from now on, and no others. One that was watched before is as it was when it was looked
    /// at last.
    pub fn watch(&mut self, files: impl IntoIterator<Item = PathBuf>) {
        let mut before = std::mem::take(&mut self.files);
        for file in files {
            let mark = before.remove(&file).unwrap_or_else(|| mark(&file));
            self.files.insert(file, mark);
        }
        self.watch_folders();
    }

    /// Waits until some of the files are others, and there. Returns which.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the end, nothing is lost.
    pub async fn changed(&mut self) -> Vec<PathBuf> {
        loop {
            if tokio::time::timeout(self.anyway, self.reason.notified())
                .await
                .is_ok()
            {
                self.quiet().await;
            }
            self.watch_folders();
            let changed = self.look();
            if !changed.is_empty() {
                return changed;
            }
        }
    }

    async fn quiet(&self) {
        let end = Instant::now() + LONGEST;
        while Instant::now() < end {
            let quiet = (Instant::now() + QUIET).min(end);
            if timeout_at(quiet, self.reason.notified()).await.is_err() {
                return;
            }
        }
    }

    /// One that is gone is about to be replaced, or is missed by whoever wants it: that is no change.
    fn look(&mut self) -> Vec<PathBuf> {
        let mut changed = Vec::new();
        for (file, before) in &mut self.files {
            let now = mark(file);
            if now.is_some() && now != *before {
                *before = now;
                changed.push(file.clone());
            }
        }
        changed
    }

    /// Watches the folders of all files, and of what they are links to. Those that are watched already too:
    /// one that was made anew is another to the system, and looks the same from here.
    fn watch_folders(&mut self) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        let wanted: BTreeSet<PathBuf> = self.files.keys().flat_map(|file| folders(file)).collect();
        for unwanted in self.folders.difference(&wanted) {
            // It may have gone by itself.
            _ = watcher.unwatch(unwanted);
        }
        for folder in &wanted {
            let begun = watcher.watch(folder, RecursiveMode::NonRecursive);
            if let (Err(error), false) = (begun, self.folders.contains(folder)) {
                tracing::warn!(path = %folder.display(), "changes in here are found late: {error}");
            }
        }
        self.folders = wanted;
    }
}

/// Whether somebody only reads: we do, ourselves.
fn is_reading(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access != AccessKind::Close(AccessMode::Write),
        _ => false,
    }
}

/// Where it can be seen that `file` becomes another.
fn folders(file: &Path) -> Vec<PathBuf> {
    let parent = |file: &Path| match file.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Some(PathBuf::from(".")),
        Some(folder) => Some(folder.to_owned()),
        None => None,
    };
    let target = fs::canonicalize(file).ok();
    (parent(file).into_iter())
        .chain(target.as_deref().and_then(parent))
        .collect()
}

fn mark(file: &Path) -> Option<Mark> {
    let found = fs::metadata(file).ok()?;
    Some(Mark {
        device: found.dev(),
        inode: found.ino(),
        length: found.len(),
        changed: (found.mtime(), found.mtime_nsec()),
    })
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;

    #[tokio::test]
    async fn a_file_that_is_written_or_replaced_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("component.wasm");
        fs::write(&file, "one").unwrap();
        let mut watch = watching(&file);

        fs::write(&file, "three").unwrap();
        assert_eq!(soon(&mut watch).await, slice::from_ref(&file));

        let new = folder.path().join("new");
        fs::write(&new, "other").unwrap();
        fs::rename(&new, &file).unwrap();
        assert_eq!(soon(&mut watch).await, slice::from_ref(&file));
    }

    #[tokio::test]
    async fn a_link_to_another_file_is_another_file() {
        let folder = tempfile::tempdir().unwrap();
        for version in ["v1", "v2"] {
            fs::create_dir(folder.path().join(version)).unwrap();
            fs::write(folder.path().join(version).join("component.wasm"), version).unwrap();
        }
        let link = folder.path().join("current");
        std::os::unix::fs::symlink("v1", &link).unwrap();
        let file = link.join("component.wasm");
        let mut watch = Watch::looking_every(Duration::from_millis(50));
        watch.watch([file.clone()]);

        let new = folder.path().join("new");
        std::os::unix::fs::symlink("v2", &new).unwrap();
        fs::rename(&new, &link).unwrap();
        assert_eq!(soon(&mut watch).await, [file]);
    }

    #[tokio::test]
    async fn a_folder_that_is_made_anew_is_watched_again() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        let file = target.join("component.wasm");
        fs::create_dir(&target).unwrap();
        fs::write(&file, "one").unwrap();
        let mut watch = Watch::looking_every(Duration::from_millis(50));
        watch.watch([file.clone()]);

        fs::remove_dir_all(&target).unwrap();
        fs::create_dir(&target).unwrap();
        fs::write(&file, "again").unwrap();
        assert_eq!(soon(&mut watch).await, slice::from_ref(&file));
        // Without the watch that is there again, this would be found too late.
        watch.anyway = Duration::from_hours(1);
        fs::write(&file, "and again").unwrap();
        assert_eq!(soon(&mut watch).await, [file]);
    }

    #[tokio::test]
    async fn what_is_read_or_gone_has_not_changed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("component.wasm");
        fs::write(&file, "one").unwrap();
        let mut watch = watching(&file);
        fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        assert_eq!(watch.look(), Vec::<PathBuf>::new());
        fs::write(&file, "back").unwrap();
        assert_eq!(soon(&mut watch).await, [file]);
    }

    /// Depends on what the system says: it does not look without a reason.
    fn watching(file: &Path) -> Watch {
        let mut watch = Watch::looking_every(Duration::from_hours(1));
        watch.watch([file.to_owned()]);
        watch
    }

    async fn soon(watch: &mut Watch) -> Vec<PathBuf> {
        tokio::time::timeout(Duration::from_secs(20), watch.changed())
            .await
            .unwrap()
    }
}
