//! What waits to be written.
//!
//! ```text
//! commits  in order, each with somebody who waits   at most 4096; when full, the caller waits
//! loose    by task: the newest progress, the newest lines   at most one of each per live task
//! ```
//!
//! Progress and output are *merged*, not queued: a task that prints without end costs a thousand lines
//! of memory and never stands in the way of another's commit. They are written with the next commit,
//! or after [`LOOSE_DELAY`].
//!
//! **Invariant:** what has been asked for is written, also when the one who asked has left; a commit
//! that found the queue full and is dropped joins it all the same.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::store::{OUTPUT_LINES, StoreError, Turn};
use crate::task::{Entry, Record, TaskId};

/// Commits that may wait. At ten thousand a second, these are 0.4 s of work.
const ROOM: usize = 4096;

/// How long progress and output wait for a commit to go with, so that a chatty task costs twenty
/// syncs a second and not five hundred.
const LOOSE_DELAY: Duration = Duration::from_millis(50);

/// Whether a write took effect: only a swap can say no.
pub(super) type Answer = Result<bool, StoreError>;

/// One write.
pub(super) enum Write {
    Create(Box<Change>),
    Append(Box<Change>),
    Remove(TaskId),
    Set(Slot, Option<Vec<u8>>),
    Swap(Slot, Option<Vec<u8>>, Option<Vec<u8>>),
    /// A turn of a run of this component.
    Turn(String, Box<Turn>),
}

/// A record and what made it so.
pub(super) struct Change {
    pub(super) record: Record,
    pub(super) entry: Entry,
}

/// A component's key.
pub(super) struct Slot {
    pub(super) component: String,
    pub(super) key: String,
}

/// One write with the one who waits for it.
pub(super) struct Request {
    pub(super) write: Write,
    pub(super) answer: oneshot::Sender<Answer>,
    /// Its place in line, free again when it is dropped.
    _room: Option<OwnedSemaphorePermit>,
}

/// What nobody waits for, of one task.
#[derive(Default)]
pub(super) struct Loose {
    pub(super) touch: Option<Record>,
    /// The newest lines.
    pub(super) lines: VecDeque<String>,
    /// How many older ones were dropped unwritten. Their positions are used up.
    pub(super) skipped: u64,
}

/// Why the writer woke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// There is something to write.
    Work,
    /// It is the time it asked for.
    Time,
    /// All is written, and nothing more will come.
    End,
}

/// The queue.
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    room: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    requests: VecDeque<Request>,
    loose: HashMap<TaskId, Loose>,
    /// The tasks in `loose`, the one that has waited longest first.
    turns: VecDeque<TaskId>,
    loose_since: Option<Instant>,
    /// Why nothing can be written any more.
    broken: Option<String>,
    closing: bool,
    ended: bool,
    closers: Vec<oneshot::Sender<Result<(), StoreError>>>,
}

/// The callers' side.
impl Queue {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::default(),
            wake: Condvar::new(),
            room: Arc::new(Semaphore::new(ROOM)),
        }
    }

    /// Puts `write` in line now, or as soon as there is room.
    pub(super) fn submit(
        self: &Arc<Self>,
        write: Write,
    ) -> impl Future<Output = Answer> + Send + use<> {
        let (answer, result) = oneshot::channel();
        let request = Request {
            write,
            answer,
            _room: None,
        };
        let queue = Arc::clone(self);
        let outside = match Arc::clone(&self.room).try_acquire_owned() {
            Ok(room) => {
                self.push(request, Some(room));
                None
            }
            Err(_) => Some(Outside {
                queue: Arc::clone(self),
                request: Some(request),
            }),
        };
        async move {
            if let Some(outside) = outside {
                outside.enter().await;
            }
            result.await.unwrap_or_else(|_| Err(queue.refusal()))
        }
    }

    /// Notes the newest progress of a task.
    pub(super) fn touch(&self, record: &Record) {
        self.loosen(record.id(), |loose| {
            let newer = loose
                .touch
                .as_ref()
                .is_none_or(|known| known.revision < record.revision);
            if newer {
                loose.touch = Some(record.clone());
            }
        });
    }

    /// Notes lines of output.
    pub(super) fn output(&self, id: TaskId, lines: Vec<String>) {
        self.loosen(id, |loose| {
            for line in lines {
                if loose.lines.len() as u64 >= OUTPUT_LINES {
                    loose.lines.pop_front();
                    loose.skipped += 1;
                }
                loose.lines.push_back(line);
            }
        });
    }

    /// Lets the writer come to its end, and waits for it.
    pub(super) fn close(&self) -> impl Future<Output = Result<(), StoreError>> + Send + use<> {
        let (closer, end) = oneshot::channel();
        let mut state = self.lock();
        if state.ended {
            _ = closer.send(state.broken.clone().map_or(Ok(()), broken));
        } else {
            state.closers.push(closer);
            state.closing = true;
            self.wake.notify_one();
        }
        async move {
            end.await
                .unwrap_or_else(|_| broken("the writer has stopped".to_owned()))
        }
    }

    /// As [`Queue::close`], for a store that is simply dropped.
    pub(super) fn abandon(&self) {
        self.lock().closing = true;
        self.wake.notify_one();
    }

    fn push(&self, request: Request, room: Option<OwnedSemaphorePermit>) {
        let mut state = self.lock();
        if let Err(error) = state.writable() {
            _ = request.answer.send(Err(error));
            return;
        }
        state.requests.push_back(Request {
            _room: room,
            ..request
        });
        self.wake.notify_one();
    }

    fn loosen(&self, id: TaskId, change: impl FnOnce(&mut Loose)) {
        let mut state = self.lock();
        if state.writable().is_err() {
            return;
        }
        let State { loose, turns, .. } = &mut *state;
        change(loose.entry(id).or_insert_with(|| {
            turns.push_back(id);
            Loose::default()
        }));
        if state.loose_since.is_none() {
            state.loose_since = Some(Instant::now());
            self.wake.notify_one();
        }
    }

    fn refusal(&self) -> StoreError {
        let state = self.lock();
        match state.writable() {
            Err(error) => error,
            Ok(()) => StoreError::Write("the writer has stopped".to_owned()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writer's side.
impl Queue {
    /// Sleeps until there is something to do, `until` at the latest.
    pub(super) fn wait(&self, until: Option<Instant>) -> Wake {
        let mut state = self.lock();
        loop {
            if !state.requests.is_empty() {
                return Wake::Work;
            }
            if state.closing {
                return if state.loose.is_empty() {
                    Wake::End
                } else {
                    Wake::Work
                };
            }
            let now = Instant::now();
            let due = state.loose_since.map(|since| since + LOOSE_DELAY);
            if due.is_some_and(|due| due <= now) {
                return Wake::Work;
            }
            if until.is_some_and(|until| until <= now) {
                return Wake::Time;
            }
            state = match due.into_iter().chain(until).min() {
                None => self
                    .wake
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(next) => {
                    self.wake
                        .wait_timeout(state, next.saturating_duration_since(now))
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }

    /// The next commit.
    pub(super) fn next(&self) -> Option<Request> {
        self.lock().requests.pop_front()
    }

    /// The next task with something that nobody waits for.
    pub(super) fn next_loose(&self) -> Option<(TaskId, Loose)> {
        let mut state = self.lock();
        let id = state.turns.pop_front();
        if state.turns.is_empty() {
            state.loose_since = None;
        }
        let id = id?;
        Some((id, state.loose.remove(&id)?))
    }

    /// From now on every write is refused with `reason`.
    pub(super) fn break_off(&self, reason: &str) {
        self.lock().broken.get_or_insert_with(|| reason.to_owned());
    }

    /// Why writes are refused, if they are.
    pub(super) fn broken(&self) -> Option<String> {
        self.lock().broken.clone()
    }

    /// The writer is gone, and everything it held with it.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.closing = true;
        state.ended = true;
        state.requests.clear();
        let result = state.broken.clone().map_or(Ok(()), broken);
        for closer in state.closers.drain(..) {
            _ = closer.send(result.clone());
        }
    }
}

impl State {
    fn writable(&self) -> Result<(), StoreError> {
        if let Some(reason) = &self.broken {
            return broken(reason.clone());
        }
        if self.closing {
            return broken("it has been closed".to_owned());
        }
        Ok(())
    }
}

fn broken(reason: String) -> Result<(), StoreError> {
    Err(StoreError::Write(reason))
}

/// A request that found no room.
struct Outside {
    queue: Arc<Queue>,
    request: Option<Request>,
}

impl Outside {
    async fn enter(mut self) {
        // Never closed, so there is always an answer.
        let room = Arc::clone(&self.queue.room).acquire_owned().await.ok();
        if let Some(request) = self.request.take() {
            self.queue.push(request, room);
        }
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        if let Some(request) = self.request.take() {
            self.queue.push(request, None);
        }
    }
}
