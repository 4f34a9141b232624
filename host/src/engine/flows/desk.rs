//! Where an engine has activities done: so many at once, the others wait.
//!
//! ```text
//! start ─▶ queue of its name ─ room of its name, and in all ─▶ an instance ─▶ ended ─▶ next
//! ```

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Inner, attempt};
use crate::capability::bindings::engine::dispatch::{Attempt, Ended};
use crate::capability::dispatch::Desk;

/// Attempts that run at once. One that waits was measured to take 190 KiB with the run that waits for it, so
/// these are 50 MiB.
const AT_ONCE: usize = 256;
/// Attempts that wait for room: an engine keeps the others.
const QUEUE: usize = 10_000;

/// The attempts of one instance of an engine. Dropped, it ends them.
pub(super) struct Attempts {
    desk: Arc<State>,
    _gone: DropGuard,
}

struct State {
    flows: Arc<Inner>,
    book: Mutex<Book>,
    ended: mpsc::Sender<Ended>,
    inbox: Arc<tokio::sync::Mutex<mpsc::Receiver<Ended>>>,
    gone: CancellationToken,
}

#[derive(Default)]
struct Book {
    /// By name of the activity.
    lines: HashMap<String, Line>,
    /// Those that run, by ticket.
    running: HashMap<u64, CancellationToken>,
    waiting: usize,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<Attempt>,
    running: usize,
}

impl Attempts {
    pub(super) fn new(flows: Arc<Inner>) -> Self {
        let gone = CancellationToken::new();
        // When so many have not been taken, those that end keep their places.
        let (ended, inbox) = mpsc::channel(AT_ONCE);
        Self {
            desk: Arc::new(State {
                flows,
                book: Mutex::default(),
                ended,
                inbox: Arc::new(tokio::sync::Mutex::new(inbox)),
                gone: gone.clone(),
            }),
            _gone: gone.drop_guard(),
        }
    }
}

impl Desk for Attempts {
    fn start(&self, attempt: Attempt) -> bool {
        let desk = &self.desk;
        {
            let mut book = desk.book();
            if book.waiting >= QUEUE {
                return false;
            }
            book.waiting += 1;
            let line = book.lines.entry(attempt.name.clone()).or_default();
            line.waiting.push_back(attempt);
        }
        desk.begin();
        true
    }

    fn stop(&self, ticket: u64) {
        let mut book = self.desk.book();
        if let Some(unwanted) = book.running.get(&ticket) {
            unwanted.cancel();
            return;
        }
        let mut gone = 0;
        for line in book.lines.values_mut() {
            let before = line.waiting.len();
            line.waiting.retain(|attempt| attempt.ticket != ticket);
            gone += before - line.waiting.len();
        }
        book.waiting -= gone;
    }

    fn next(&self, max: usize) -> BoxFuture<'static, Vec<Ended>> {
        let inbox = self.desk.inbox.clone();
        Box::pin(async move {
            let mut ended = Vec::new();
            inbox
                .lock()
                .await
                .recv_many(&mut ended, max.clamp(1, AT_ONCE))
                .await;
            ended
        })
    }
}

impl State {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins as many as there is room for.
    fn begin(self: &Arc<Self>) {
        let Some(threads) = self.flows.threads.handle() else {
            return;
        };
        loop {
            let mut book = self.book();
            let Book {
                lines,
                running,
                waiting,
            } = &mut *book;
            if running.len() >= AT_ONCE {
                return;
            }
            let has_room = |(name, line): &(&String, &mut Line)| {
                !line.waiting.is_empty() && line.running < self.flows.linked.at_once(name)
            };
            let Some((_, line)) = lines.iter_mut().find(has_room) else {
                return;
            };
            let Some(attempt) = line.waiting.pop_front() else {
                return;
            };
            line.running += 1;
            *waiting -= 1;
            let unwanted = CancellationToken::new();
            running.insert(attempt.ticket, unwanted.clone());
            drop(book);
            let desk = self.clone();
            threads.spawn(async move {
                let gone = desk.gone.clone();
                gone.run_until_cancelled(desk.work(attempt, unwanted)).await;
            });
        }
    }

    async fn work(self: Arc<Self>, attempt: Attempt, unwanted: CancellationToken) {
        let (ticket, name) = (attempt.ticket, attempt.name.clone());
        let ended = attempt::run(&self.flows, attempt, unwanted).await;
        // It keeps its place until it is on its way. Nobody is there to hear it only if the engine is gone.
        _ = self.ended.send(ended).await;
        {
            let mut book = self.book();
            book.running.remove(&ticket);
            if let Some(line) = book.lines.get_mut(&name) {
                line.running -= 1;
            }
        }
        self.begin();
    }
}
