//! Tasks in memory: for tests, and for hosts that are told to forget.
//!
//! Keeps every promise of [`Store`] but the one about the disk, and has the same limits, so that what
//! works here works there. A write takes effect when it is asked for; its [`Commit`] is ready at once.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Commit, Filter, OUTPUT_LINES, RunHead, Store, StoreError, Turn, limit};
use crate::task::{Entry, Principal, Record, Run, TaskId};

/// The store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tasks: BTreeMap<TaskId, Task>,
    keys: HashMap<(Principal, String), TaskId>,
    expiries: BTreeSet<(u64, TaskId)>,
    components: BTreeMap<(String, String), Vec<u8>>,
    runs: BTreeMap<(String, Run), Log>,
    closed: bool,
}

#[derive(Debug)]
struct Task {
    record: Record,
    journal: BTreeMap<u64, Entry>,
    output: VecDeque<String>,
    /// Position of the newest line.
    printed: u64,
}

#[derive(Debug)]
struct Log {
    head: RunHead,
    entries: Vec<String>,
}

impl MemoryStore {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets it be written again after it was closed: what a host finds that is started again.
    pub fn reopen(&self) {
        self.lock().closed = false;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn commit<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut State) -> Result<T, StoreError>,
    ) -> Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>> {
        let mut state = self.lock();
        let result = if state.closed {
            Err(StoreError::Write("it has been closed".to_owned()))
        } else {
            write(&mut state)
        };
        Box::pin(future::ready(result))
    }
}

impl Store for MemoryStore {
    fn create(&self, record: &Record, entry: &Entry) -> Commit {
        self.commit(|state| {
            limit::record(record)?;
            let id = record.id();
            if state.tasks.contains_key(&id) {
                return Err(StoreError::Conflict(id));
            }
            let origin = &record.origin;
            if let Some(name) = &origin.idempotency_key {
                let key = (origin.owner.clone(), name.clone());
                if let Some(holder) = state.keys.get(&key) {
                    return Err(StoreError::Conflict(*holder));
                }
                state.keys.insert(key, id);
            }
            state.expiries.extend(expiry(record));
            state.tasks.insert(
                id,
                Task {
                    record: record.clone(),
                    journal: BTreeMap::from([(entry.revision, entry.clone())]),
                    output: VecDeque::new(),
                    printed: 0,
                },
            );
            Ok(())
        })
    }

    fn append(&self, record: &Record, entry: &Entry) -> Commit {
        self.commit(|state| {
            limit::record(record)?;
            let task = state.replace(record)?;
            task.journal.insert(entry.revision, entry.clone());
            Ok(())
        })
    }

    fn touch(&self, record: &Record) {
        // One that comes too late is what is to be dropped.
        drop(self.commit(|state| {
            limit::record(record)?;
            state.replace(record).map(|_| ())
        }));
    }

    fn load(&self, id: TaskId) -> Result<Option<Record>, StoreError> {
        Ok(self.lock().tasks.get(&id).map(|task| task.record.clone()))
    }

    fn owner(&self, id: TaskId) -> Result<Option<Principal>, StoreError> {
        let state = self.lock();
        let task = state.tasks.get(&id);
        Ok(task.map(|task| task.record.origin.owner.clone()))
    }

    fn journal(&self, id: TaskId, after: u64) -> Result<Vec<Entry>, StoreError> {
        let state = self.lock();
        let Some(task) = state.tasks.get(&id) else {
            return Ok(Vec::new());
        };
        Ok(task
            .journal
            .values()
            .filter(|entry| entry.revision > after)
            .cloned()
            .collect())
    }

    fn open_tasks(&self) -> Result<Vec<Record>, StoreError> {
        Ok(self
            .lock()
            .tasks
            .values()
            .map(|task| &task.record)
            .filter(|record| !record.state.is_done())
            .cloned()
            .collect())
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Record>, StoreError> {
        let limit = if filter.limit == 0 {
            usize::MAX
        } else {
            filter.limit
        };
        Ok(self
            .lock()
            .tasks
            .values()
            .rev()
            .map(|task| &task.record)
            .filter(|record| filter.matches(record))
            .take(limit)
            .cloned()
            .collect())
    }

    fn find_key(&self, owner: &Principal, key: &str) -> Result<Option<TaskId>, StoreError> {
        let key = (owner.clone(), key.to_owned());
        Ok(self.lock().keys.get(&key).copied())
    }

    fn expired(&self, now_ms: u64, limit: usize) -> Result<Vec<TaskId>, StoreError> {
        Ok(self
            .lock()
            .expiries
            .iter()
            .take_while(|(expires_ms, _)| *expires_ms <= now_ms)
            .map(|(_, id)| *id)
            .take(limit)
            .collect())
    }

    fn remove(&self, id: TaskId) -> Commit {
        self.commit(|state| {
            if let Some(task) = state.tasks.remove(&id) {
                if let Some(expiry) = expiry(&task.record) {
                    state.expiries.remove(&expiry);
                }
                let origin = task.record.origin;
                if let Some(name) = origin.idempotency_key {
                    state.keys.remove(&(origin.owner, name));
                }
                let component = origin.backend;
                (state.runs).retain(|(of, run), _| *of != component || run.task() != id);
            }
            Ok(())
        })
    }

    fn append_output(&self, id: TaskId, lines: Vec<String>) {
        // A task that is not there takes no lines.
        drop(self.commit(|state| {
            if let Some(task) = state.tasks.get_mut(&id) {
                for line in lines {
                    task.printed += 1;
                    task.output.push_back(limit::line(&line).into_owned());
                    if task.output.len() as u64 > OUTPUT_LINES {
                        task.output.pop_front();
                    }
                }
            }
            Ok(())
        }));
    }

    fn output(
        &self,
        id: TaskId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, String)>, StoreError> {
        let state = self.lock();
        let Some(task) = state.tasks.get(&id) else {
            return Ok(Vec::new());
        };
        let first = task.printed - task.output.len() as u64 + 1;
        Ok((first..)
            .zip(&task.output)
            .filter(|(position, _)| *position > after)
            .take(limit)
            .map(|(position, line)| (position, line.clone()))
            .collect())
    }

    fn component_get(&self, component: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.lock().components.get(&slot(component, key)).cloned())
    }

    fn component_set(&self, component: &str, key: &str, value: Option<Vec<u8>>) -> Commit {
        self.commit(|state| state.set(component, key, value))
    }

    fn component_swap(
        &self,
        component: &str,
        key: &str,
        expected: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Result<bool, StoreError>> + Send>> {
        self.commit(|state| {
            if state.components.get(&slot(component, key)) != expected.as_ref() {
                return Ok(false);
            }
            state.set(component, key, value)?;
            Ok(true)
        })
    }

    fn component_keys(
        &self,
        component: &str,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        Ok(self
            .lock()
            .components
            .range(slot(component, prefix)..)
            .map(|((name, key), _)| (name, key))
            .take_while(|(name, key)| *name == component && key.starts_with(prefix))
            .take(limit)
            .map(|(_, key)| key.clone())
            .collect())
    }

    fn component_size(&self, component: &str) -> Result<u64, StoreError> {
        Ok(self
            .lock()
            .components
            .range(slot(component, "")..)
            .take_while(|((name, _), _)| name == component)
            .map(|((_, key), value)| (key.len() + value.len()) as u64)
            .sum())
    }

    fn run_append(
        &self,
        component: &str,
        turn: Turn,
    ) -> Pin<Box<dyn Future<Output = Result<bool, StoreError>> + Send>> {
        self.commit(|state| {
            let key = (component.to_owned(), turn.run.clone());
            let old = state.runs.get(&key);
            if old.map_or(0, |log| log.head.length) != turn.expected {
                return Ok(false);
            }
            let (length, bytes) = match old {
                Some(log) if !turn.anew => (log.head.length, log.head.bytes),
                _ => (0, 0),
            };
            limit::turn(&turn, length, bytes)?;
            let head = super::head_after(&turn, length, bytes);
            let mut entries = match state.runs.remove(&key) {
                Some(log) if !turn.anew => log.entries,
                _ => Vec::new(),
            };
            entries.extend(turn.entries);
            state.runs.insert(key, Log { head, entries });
            Ok(true)
        })
    }

    fn run_read(&self, component: &str, run: &Run) -> Result<Option<Vec<String>>, StoreError> {
        let state = self.lock();
        let log = state.runs.get(&(component.to_owned(), run.clone()));
        Ok(log.map(|log| log.entries.clone()))
    }

    fn run_find(&self, component: &str, run: &Run) -> Result<Option<RunHead>, StoreError> {
        let state = self.lock();
        let log = state.runs.get(&(component.to_owned(), run.clone()));
        Ok(log.map(|log| log.head.clone()))
    }

    fn runs_live(
        &self,
        component: &str,
        after: Option<&Run>,
        limit: usize,
    ) -> Result<Vec<RunHead>, StoreError> {
        let state = self.lock();
        let is_one = |run: &Run| after.is_none_or(|after| run > after);
        let logs = state.runs.iter();
        Ok(logs
            .filter(|((of, run), log)| of == component && !log.head.over && is_one(run))
            .map(|(_, log)| log.head.clone())
            .take(limit)
            .collect())
    }

    fn runs(&self, component: &str, task: Option<TaskId>) -> Result<Vec<RunHead>, StoreError> {
        let state = self.lock();
        let is_one = |run: &Run| task.is_none_or(|task| run.task() == task);
        let logs = state.runs.iter();
        Ok(logs
            .filter(|((of, run), _)| of == component && is_one(run))
            .map(|(_, log)| log.head.clone())
            .collect())
    }

    fn close(&self) -> Commit {
        self.lock().closed = true;
        Box::pin(future::ready(Ok(())))
    }
}

impl State {
    fn replace(&mut self, record: &Record) -> Result<&mut Task, StoreError> {
        let id = record.id();
        let conflict = StoreError::Conflict(id);
        let Some(task) = self.tasks.get_mut(&id) else {
            return Err(conflict);
        };
        if task.record.revision >= record.revision {
            return Err(conflict);
        }
        if let Some(old) = expiry(&task.record) {
            self.expiries.remove(&old);
        }
        self.expiries.extend(expiry(record));
        task.record = record.clone();
        Ok(task)
    }

    fn set(
        &mut self,
        component: &str,
        key: &str,
        value: Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        limit::component(component, key, value.as_deref())?;
        match value {
            Some(value) => self.components.insert(slot(component, key), value),
            None => self.components.remove(&slot(component, key)),
        };
        Ok(())
    }
}

fn expiry(record: &Record) -> Option<(u64, TaskId)> {
    Some((record.expires_ms?, record.id()))
}

fn slot(component: &str, key: &str) -> (String, String) {
    (component.to_owned(), key.to_owned())
}
