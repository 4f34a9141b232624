//! What only the store on disk promises: what was acknowledged is there, and what is wrong is found.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::slice;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::blob::Name;
use super::codec::{self, INLINE};
use super::payload::{APART, IN_RECORD, Slim};
use super::{SledStore, key, stage};
use crate::store::suite::{append, completed, create, failure, record, running, settle, submitted};
use crate::store::{Durability, Filter, Store, StoreError};
use crate::task::{Event, Json, Phase, Record, TaskId};

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    for durability in [Durability::Power, Durability::Process] {
        let dir = Scratch::new();
        let store = dir.open(durability);
        let mut first = record("alice");
        first.origin.arguments = Json::of(&json!("a".repeat(50_000)));
        create(&store, &first).await;
        let second = append(&store, &first, &submitted()).await.unwrap();
        let third = running(&second, 0.5);
        store.touch(&third);
        store.append_output(first.id(), vec!["hello".to_owned()]);
        store.component_set("c", "k", Some(vec![1])).await.unwrap();
        store.close().await.unwrap();
        drop(store);

        // Once with a farewell, once without.
        for _ in 0..2 {
            let store = dir.open(durability);
            assert_eq!(store.load(first.id()).unwrap(), Some(third.clone()));
            assert_eq!(store.journal(first.id(), 0).unwrap().len(), 2);
            assert_eq!(store.output(first.id(), 0, 9).unwrap().len(), 1);
            assert_eq!(store.component_get("c", "k").unwrap(), Some(vec![1]));
            assert_eq!(store.open_tasks().unwrap(), slice::from_ref(&third));
            settle(&store).await;
        }
        audit(dir.path());
    }
}

#[test]
fn a_second_host_is_told_who_is_there() {
    let dir = Scratch::new();
    let first = dir.open(Durability::Power);
    let begun = Instant::now();
    for second in [
        SledStore::open(dir.path(), Durability::Power),
        SledStore::open_read_only(dir.path()),
    ] {
        let Err(StoreError::InUse { holder, .. }) = second else {
            panic!("{second:?}")
        };
        assert_eq!(holder, std::process::id().to_string());
    }
    assert!(begun.elapsed() < Duration::from_secs(1));
    drop(first);
    dir.open(Durability::Power);
}

/// A process that is being started has all open files for a moment, and with them their locks.
#[test]
fn a_closed_store_can_be_opened_while_processes_are_started() {
    let over = AtomicBool::new(false);
    let dir = Scratch::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let listing = Command::new(std::env::current_exe().unwrap())
                    .args(["--list", "--exact", "none"])
                    .stdout(Stdio::null())
                    .status();
                listing.unwrap();
            }
        });
        let opened: Vec<_> = (0..100)
            .map(|_| SledStore::open(dir.path(), Durability::Power).map(drop))
            .collect();
        over.store(true, Ordering::Relaxed);
        for result in opened {
            result.unwrap();
        }
    });
}

#[tokio::test]
async fn a_look_from_outside_changes_nothing() {
    let dir = Scratch::new();
    let nothing = SledStore::open_read_only(&dir.path().join("none"));
    assert!(matches!(nothing, Err(StoreError::Open { .. })));
    assert!(!dir.path().join("none").exists());

    let store = dir.open(Durability::Power);
    let kept = record("alice");
    create(&store, &kept).await;
    drop(store);
    let mark = fs::read(dir.path().join("hwm")).unwrap();

    let store = SledStore::open_read_only(dir.path()).unwrap();
    assert_eq!(store.load(kept.id()).unwrap(), Some(kept.clone()));
    let refused = append(&store, &kept, &submitted()).await;
    assert!(matches!(refused, Err(StoreError::Write(_))));
    drop(store);
    assert_eq!(fs::read(dir.path().join("hwm")).unwrap(), mark);
}

#[tokio::test]
async fn a_half_written_snapshot_is_cleared_away() {
    let dir = Scratch::new();
    let kept = record("alice");
    create(&dir.open(Durability::Power), &kept).await;
    let leftover = dir.path().join("sled/snap.00000000000000FF.generating");
    fs::write(&leftover, "half").unwrap();
    let store = dir.open(Durability::Power);
    assert!(!leftover.exists());
    assert_eq!(store.load(kept.id()).unwrap(), Some(kept));
}

#[tokio::test]
async fn one_damaged_record_is_named_and_the_others_are_read() {
    let dir = Scratch::new();
    let store = dir.open(Durability::Power);
    let [good, bad] = [record("alice"), record("alice")];
    create(&store, &good).await;
    create(&store, &bad).await;
    drop(store);
    let key = key::record(bad.id());
    let garbage = dir.raw(|tree| {
        let mut value = tree.get(&key).unwrap().unwrap().to_vec();
        *value.last_mut().unwrap() ^= 1;
        tree.insert(&key, value.clone()).unwrap();
        value
    });

    let store = dir.open(Durability::Power);
    let Err(StoreError::Damaged { what, .. }) = store.load(bad.id()) else {
        panic!("the damage is not seen")
    };
    assert!(what.contains(&bad.id().to_string()), "{what}");
    assert_eq!(store.open_tasks().unwrap(), slice::from_ref(&good));
    let listed = store.list(&Filter::default()).unwrap();
    assert_eq!(listed, slice::from_ref(&good));
    for refused in [
        append(&store, &bad, &submitted()).await.map(|_| ()),
        store.remove(bad.id()).await,
    ] {
        assert!(matches!(refused, Err(StoreError::Damaged { .. })));
    }
    append(&store, &good, &submitted()).await.unwrap();
    drop(store);
    let left = dir.raw(|tree| tree.get(&key).unwrap().unwrap());
    assert_eq!(left, garbage);
}

#[tokio::test]
async fn a_damaged_or_missing_file_is_named() {
    let dir = Scratch::new();
    let store = dir.open(Durability::Power);
    let mut large = record("alice");
    large.origin.arguments = Json::of(&json!("a".repeat(50_000)));
    create(&store, &large).await;
    let [file] = files(&dir.path().join("blobs")).try_into().unwrap();
    let mut bytes = fs::read(&file).unwrap();
    bytes[40_000] ^= 4;
    fs::write(&file, bytes).unwrap();
    let Err(StoreError::Damaged { what, .. }) = store.load(large.id()) else {
        panic!("the damage is not seen")
    };
    assert!(what.contains("request"), "{what}");
    fs::remove_file(&file).unwrap();
    let missing = store.load(large.id());
    assert!(matches!(missing, Err(StoreError::Damaged { .. })));
    assert_eq!(store.open_tasks().unwrap(), []);
}

#[tokio::test]
async fn files_that_nobody_refers_to_are_swept() {
    let dir = Scratch::new();
    let store = dir.open(Durability::Power);
    let mut large = record("alice");
    large.origin.arguments = Json::of(&json!("a".repeat(50_000)));
    create(&store, &large).await;
    drop(store);
    let [kept] = files(&dir.path().join("blobs")).try_into().unwrap();
    let shard = kept.parent().unwrap();
    for name in [
        Name::state(large.id(), 7).to_string(),
        Name::entry(large.id(), 1).to_string(),
        Name::request(record("nobody").id()).to_string(),
        format!("{}.tmp", Name::request(large.id())),
        "notes.txt".to_owned(),
    ] {
        fs::write(shard.join(name), "leftover").unwrap();
    }
    let store = dir.open(Durability::Power);
    let left = files(&dir.path().join("blobs"));
    assert_eq!(left, [shard.join("notes.txt"), kept.clone()]);
    assert_eq!(store.load(large.id()).unwrap(), Some(large));
}

#[tokio::test]
async fn a_store_that_lost_its_end_is_refused() {
    let dir = Scratch::new();
    let copy = Scratch::new();
    let store = dir.open(Durability::Power);
    let kept = record("alice");
    create(&store, &kept).await;
    drop(store);
    copy_store(dir.path(), copy.path());
    fs::remove_file(copy.path().join("hwm")).unwrap();
    let store = dir.open(Durability::Power);
    append(&store, &kept, &submitted()).await.unwrap();
    drop(store);

    // The older log with the newer mark: as after damage that looks like an older state.
    let mark = copy.path().join("hwm");
    fs::copy(dir.path().join("hwm"), &mark).unwrap();
    let refused = SledStore::open(copy.path(), Durability::Power);
    assert!(matches!(&refused, Err(StoreError::Damaged { what, .. }) if what.contains("hwm")));
    fs::write(&mark, [7; 16]).unwrap();
    let refused = SledStore::open(copy.path(), Durability::Power);
    assert!(matches!(refused, Err(StoreError::Damaged { .. })));
    fs::remove_file(&mark).unwrap();
    let accepted = copy.open(Durability::Power);
    assert_eq!(accepted.load(kept.id()).unwrap(), Some(kept));
}

#[test]
fn a_store_of_a_newer_taskhost_is_refused() {
    let dir = Scratch::new();
    drop(dir.open(Durability::Power));
    dir.raw(|tree| {
        let key = key::meta("schema");
        let value = codec::seal(&key, 0, &9_u32.to_be_bytes());
        tree.insert(key, value).unwrap();
    });
    let refused = SledStore::open(dir.path(), Durability::Power);
    assert!(matches!(refused, Err(StoreError::Newer { found: 9, .. })));
}

/// Flips a bit, zeroes a block or cuts off the end of a log, over and over. Whatever comes of it is
/// said: the store is refused, or reading is an error, or each record is as it was.
#[tokio::test]
async fn no_damage_to_the_log_goes_unnoticed() {
    let dir = Scratch::new();
    let store = dir.open(Durability::Power);
    let records: Vec<Record> = (0..300).map(|_| record("alice")).collect();
    let mut latest = Vec::new();
    for first in &records {
        create(&store, first).await;
    }
    for first in &records {
        latest.push(append(&store, first, &submitted()).await.unwrap());
    }
    drop(store);
    // Opened again, sled trusts its snapshot and does not read the whole log any more.
    for reopened in [false, true] {
        if reopened {
            drop(dir.open(Durability::Power));
        }
        let log = fs::read(dir.path().join("sled/db")).unwrap();
        for trial in 0..60 {
            let copy = Scratch::new();
            copy_store(dir.path(), copy.path());
            let (bytes, what) = damaged(log.clone(), trial);
            fs::write(copy.path().join("sled/db"), &bytes).unwrap();
            let store = match SledStore::open(copy.path(), Durability::Power) {
                Ok(store) => store,
                Err(StoreError::Damaged { .. }) => {
                    // sled has written over the rest of it.
                    let kept = fs::read(copy.path().join("sled.damaged/db")).unwrap();
                    assert!(kept == bytes, "{what}: the log is not kept as it was");
                    continue;
                }
                Err(error) => panic!("{what}: {error}"),
            };
            for record in &latest {
                if let Ok(found) = store.load(record.id()) {
                    assert_eq!(found.as_ref(), Some(record), "{what}, reopened: {reopened}");
                }
            }
        }
    }
}

fn damaged(mut log: Vec<u8>, kind: u32) -> (Vec<u8>, String) {
    let mut random = [0; 8];
    getrandom::fill(&mut random).unwrap();
    let at = usize::try_from(u64::from_le_bytes(random) % log.len() as u64).unwrap();
    let what = match kind % 3 {
        0 => {
            log[at] ^= 1 << (at % 8);
            "flipped"
        }
        1 => {
            log.iter_mut()
                .skip(at)
                .take(4096)
                .for_each(|byte| *byte = 0);
            "zeroed"
        }
        _ => {
            log.truncate(at);
            "cut"
        }
    };
    (log, format!("{what} at {at}"))
}

#[tokio::test]
async fn after_a_failed_write_reads_go_on_and_writes_do_not() {
    let dir = Scratch::new();
    let store = dir.open(Durability::Power);
    let kept = record("alice");
    create(&store, &kept).await;

    // A large value needs a folder, and there cannot be one.
    let blobs = dir.path().join("blobs");
    fs::remove_dir(&blobs).unwrap();
    fs::write(&blobs, "in the way").unwrap();
    let failed = append(&store, &kept, &completed(&json!("r".repeat(50_000)))).await;
    assert!(matches!(failed, Err(StoreError::Write(_))), "{failed:?}");
    let refused = append(&store, &kept, &submitted()).await;
    assert!(matches!(refused, Err(StoreError::Write(_))));
    assert_eq!(store.load(kept.id()).unwrap(), Some(kept.clone()));
    assert!(store.close().await.is_err());
    drop(store);

    fs::remove_file(&blobs).unwrap();
    let store = dir.open(Durability::Power);
    assert_eq!(store.load(kept.id()).unwrap(), Some(kept.clone()));
    append(&store, &kept, &submitted()).await.unwrap();
}

#[cfg(unix)]
#[test]
fn nobody_else_can_enter() {
    use std::os::unix::fs::PermissionsExt;

    let dir = Scratch::new();
    fs::create_dir(dir.path()).unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    drop(dir.open(Durability::Power));
    let mode = fs::metadata(dir.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

/// Kills a process that writes, over and over, on one store.
#[test]
fn no_acknowledged_write_is_lost_by_a_kill() {
    const KILLS: u32 = 30;
    let dir = Scratch::new();
    let mut told = Told::default();
    for kill in 0..KILLS {
        let durability = ["power", "process"][kill as usize % 2];
        let mut random = [0; 1];
        getrandom::fill(&mut random).unwrap();
        // Some in the middle of opening, most at work.
        let delay = Duration::from_millis(10 + u64::from(random[0]));
        let mut child = worker(dir.path(), durability);
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(delay);
                // SIGKILL on Unix.
                child.kill().unwrap();
                child.wait().unwrap();
            });
            told.read(output);
        });

        let store = dir.open(Durability::Power);
        told.compare(&store, kill);
        drop(store);
        audit(dir.path());
    }
    assert!(told.acknowledged > 500, "only {} writes", told.acknowledged);
}

/// Set in the process that is killed.
const WORKER: &str = "TASKHOST_STORE_WORKER";

/// The process that is killed, when [`worker`] has started it; otherwise nothing.
#[test]
fn worker_to_be_killed() {
    if std::env::var_os(WORKER).is_none() {
        return;
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let Some((durability, dir)) = line.trim_end().split_once(' ') else {
        return;
    };
    let durability = match durability {
        "power" => Durability::Power,
        _ => Durability::Process,
    };
    let store = SledStore::open(Path::new(dir), durability).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async {
        let workers = (0..8_u32).map(|number| work(&store, number));
        futures::future::join_all(workers).await;
    });
}

/// Tasks from beginning to end, one after another; every third is removed.
async fn work(store: &SledStore, number: u32) {
    for round in number.. {
        let mut task = record("alice");
        task.origin.idempotency_key = Some(task.id().to_string());
        let size = if round % 5 == 0 { 30_000 } else { 100 };
        task.origin.arguments = Json::of(&json!("a".repeat(size)));
        create(store, &task).await;
        tell("has", task.id(), task.revision);
        let events = [
            submitted(),
            Event::Observed(Phase::Retrying(failure(size))),
            Event::Observed(Phase::Running(None)),
            completed(&json!("r".repeat(size))),
        ];
        for event in events {
            store.append_output(task.id(), vec!["line".to_owned()]);
            task = append(store, &task, &event).await.unwrap();
            tell("has", task.id(), task.revision);
            if !task.state.is_done() && matches!(event, Event::Observed(Phase::Running(_))) {
                task = running(&task, 0.5);
                store.touch(&task);
            }
        }
        if round % 3 == 0 {
            tell("removes", task.id(), 0);
            store.remove(task.id()).await.unwrap();
            tell("removed", task.id(), 0);
        }
    }
}

fn tell(what: &str, id: TaskId, revision: u64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "told {what} {id} {revision}").unwrap();
    out.flush().unwrap();
}

/// What the killed processes have said is on disk.
#[derive(Default)]
struct Told {
    acknowledged: u64,
    revisions: BTreeMap<TaskId, u64>,
    removing: BTreeSet<TaskId>,
    removed: BTreeSet<TaskId>,
}

impl Told {
    fn read(&mut self, mut output: impl BufRead) {
        let mut line = String::new();
        while output.read_line(&mut line).unwrap() > 0 {
            // The last line may have been cut by the kill.
            let whole = line.strip_suffix('\n').unwrap_or_default();
            let words: Vec<&str> = whole.split(' ').collect();
            if let ["told", what, id, revision] = words[..] {
                let id = id.parse().unwrap();
                match what {
                    "has" => _ = self.revisions.insert(id, revision.parse().unwrap()),
                    "removes" => _ = self.removing.insert(id),
                    _ => _ = self.removed.insert(id),
                }
                self.acknowledged += 1;
            }
            line.clear();
        }
    }

    fn compare(&self, store: &SledStore, kill: u32) {
        for (id, revision) in &self.revisions {
            let record = store.load(*id).unwrap();
            if self.removed.contains(id) {
                assert_eq!(record, None, "kill {kill}: {id} is back");
                continue;
            }
            match record {
                Some(record) => {
                    assert!(record.revision >= *revision, "kill {kill}: {id} went back");
                    let journal = store.journal(*id, 0).unwrap();
                    let last = journal.last().unwrap().revision;
                    assert!(last >= *revision, "kill {kill}: {id} has lost an entry");
                    let key = id.to_string();
                    let found = store.find_key(&record.origin.owner, &key).unwrap();
                    assert_eq!(found, Some(*id));
                }
                None => assert!(self.removing.contains(id), "kill {kill}: {id} is lost"),
            }
        }
    }
}

fn worker(dir: &Path, durability: &str) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::sled::tests::worker_to_be_killed"])
        .arg("--nocapture")
        .env(WORKER, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{durability} {}", dir.display()).unwrap();
    child
}

/// Reads a closed store behind its back: everything in it belongs to a record, each record is in every
/// index and nowhere else, and nothing is too large.
pub(in crate::store) fn audit(dir: &Path) {
    let db = raw_db(dir);
    let tree = db.open_tree("v1").unwrap();
    let mut records: BTreeMap<TaskId, Record> = BTreeMap::new();
    let mut expected_keys = BTreeSet::new();
    let mut expected_files = BTreeSet::new();
    for row in tree.scan_prefix(key::records()) {
        let (key, value) = row.unwrap();
        let slim = Slim::decode(&key, &codec::unseal(&key, &value).unwrap()).unwrap();
        expected_keys.extend(stage::index_keys(&slim.record));
        expected_files.extend(slim.files().iter().map(ToString::to_string));
        let origin = &slim.record.origin;
        if let Some(name) = &origin.idempotency_key {
            expected_keys.insert(key::idempotency(&origin.owner, name));
        }
        records.insert(origin.id, slim.record);
    }
    let mut found_keys = BTreeSet::new();
    let mut journals: BTreeMap<TaskId, u64> = BTreeMap::new();
    for row in &tree {
        let (key, value) = row.unwrap();
        let opened = codec::unseal(&key, &value).unwrap();
        assert!(value.len() <= INLINE);
        match key[0] {
            b'S' | b'O' | b'X' | b'I' => _ = found_keys.insert(key.to_vec()),
            b'E' | b'L' => {
                let id = TaskId::from_bytes(key[1..25].try_into().unwrap());
                let record = records.get(&id);
                let record = record.unwrap_or_else(|| panic!("{}", key::describe(&key)));
                if key[0] == b'E' {
                    let revision = key::number_at_end(&key).unwrap();
                    assert!(revision <= record.revision);
                    journals.insert(id, revision);
                    if opened.flags & APART != 0 {
                        expected_files.insert(Name::entry(id, revision).to_string());
                    }
                    assert!(opened.flags & IN_RECORD == 0 || record.outcome().is_some());
                }
            }
            b'N' => {
                let length = usize::from(u16::from_be_bytes([key[1], key[2]]));
                let component = std::str::from_utf8(&key[3..3 + length]).unwrap();
                let run = key::run_in(component, &key).unwrap();
                if opened.flags & APART != 0 {
                    let log = key::log_digest(component, &run);
                    let before = key::before_piece(&key).unwrap();
                    expected_files.insert(Name::turn(run.task(), log, before).to_string());
                }
            }
            _ => {}
        }
    }
    assert_eq!(found_keys, expected_keys);
    assert_eq!(journals.len(), records.len());
    let found_files: BTreeSet<String> = files(&dir.join("blobs"))
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(found_files, expected_files);
    assert_eq!(files(&dir.join("sled/blobs")), [] as [PathBuf; 0]);
}

/// A place for a store that goes with the test.
pub(in crate::store) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    pub(in crate::store) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("taskhost-store-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        _ = fs::remove_dir_all(&path);
        Self { path }
    }

    pub(in crate::store) fn path(&self) -> &Path {
        &self.path
    }

    pub(in crate::store) fn open(&self, durability: Durability) -> SledStore {
        SledStore::open(&self.path, durability).unwrap()
    }

    /// Lays hands on a closed store.
    fn raw<T>(&self, change: impl FnOnce(&sled::Tree) -> T) -> T {
        let db = raw_db(&self.path);
        let tree = db.open_tree("v1").unwrap();
        let result = change(&tree);
        db.flush().unwrap();
        result
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.path);
    }
}

fn raw_db(dir: &Path) -> sled::Db {
    let begun = Instant::now();
    loop {
        match sled::open(dir.join("sled")) {
            Err(error) if begun.elapsed() > Duration::from_secs(2) => panic!("{error}"),
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
            Ok(db) => return db,
        }
    }
}

fn copy_store(from: &Path, to: &Path) {
    for file in files(from) {
        let copy = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(file, copy).unwrap();
    }
}

/// All files below a folder, in order.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(dir) else {
        return found;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
