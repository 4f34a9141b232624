//! The life of tasks: accepted, handed over, followed, ended, and forgotten.
//!
//! Knows no protocol and no component: it stands between `mcp` and `admin` above, and a [`Store`] and
//! some [`Backend`]s and [`Strategy`]s below.
//!
//! ```text
//! start ─▶ create (durable) ─▶ reply          follow ◀─ pushes, observe        sweep ─▶ deadlines, retention
//!             └▶ hand_over ─▶ Submitted            └▶ Observed, Finished
//! cancel ─▶ CancelRequested (durable) ─▶ deliver until heard
//! ```
//!
//! **Write order.** An event is in the store before anything acts on it and before anybody is told.
//! What a client reads of a live task is what the store has.
//!
//! **Ownership.** A task that is not over has one [`Live`], and all its transitions pass through
//! [`Live::apply`], one at a time.

pub mod answer;
mod audit;
pub mod cancel;
pub mod catalog;
pub mod door;
pub mod exhibit;
pub mod follow;
pub mod hand_over;
mod keeper;
pub mod library;
pub mod listing;
pub mod live;
pub mod mint;
pub mod operate;
pub mod recover;
pub mod rendering;
pub mod start;
pub mod storage;
pub mod sweep;
#[cfg(test)]
mod tests;
pub mod toolbox;
pub mod watcher;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::config::settings::Settings;
use crate::error::{Code, Report};
use crate::plugin::{Backend, Caller, Snapshot, TaskError};
use crate::store::{Store, StoreError};
use crate::task::{Principal, TaskId};
use catalog::Catalog;
use exhibit::Exhibit;
use live::Live;
use mint::Mint;
use toolbox::Toolbox;

/// The lifecycle of all tasks. Cheap to clone.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    mint: Mint,
    settings: Settings,
    backends: BTreeMap<String, Attached>,
    strategies: Vec<Exhibit>,
    catalog: watch::Sender<Arc<Catalog>>,
    toolbox: watch::Sender<Arc<Toolbox>>,
    /// The strategies are to be asked again.
    look_again: Notify,
    /// Addresses of documents of strategies that have changed.
    documents: broadcast::Sender<String>,
    live: Mutex<HashMap<TaskId, Arc<Live>>>,
    /// Idempotency keys that are being started right now.
    starting: Mutex<HashMap<(Principal, String), KeyLock>>,
    stop: CancellationToken,
    work: TaskTracker,
}

/// Changes of documents that a subscriber may be late by. One that is later is told of all it follows.
const DOCUMENTS: usize = 256;

/// Held by whoever starts a task under an idempotency key.
type KeyLock = Arc<tokio::sync::Mutex<()>>;

/// A backend and what the service keeps beside it.
#[derive(Clone)]
pub struct Attached {
    /// Who runs the tasks.
    pub backend: Arc<dyn Backend>,
    /// Where its pushes arrive.
    pub mailbox: Arc<follow::Mailbox>,
    /// How often a running task that has not been pushed is observed.
    pub observe_every: Duration,
    /// Held by a `start` that may be the one that ends instances, so that it is alone.
    pub suspects: Arc<tokio::sync::Mutex<()>>,
}

impl Attached {
    /// `backend`, whose pushes arrive in `mailbox`.
    pub fn new(
        backend: Arc<dyn Backend>,
        mailbox: Arc<follow::Mailbox>,
        observe_every: Duration,
    ) -> Self {
        Self {
            backend,
            mailbox,
            observe_every,
            suspects: Arc::default(),
        }
    }
}

impl Service {
    /// Puts the parts together. Nothing happens before [`Service::begin`].
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        settings: Settings,
        backends: Vec<Attached>,
        strategies: Vec<Exhibit>,
    ) -> Self {
        let backends = backends
            .into_iter()
            .map(|attached| (attached.backend.name().to_owned(), attached))
            .collect();
        Self(Arc::new(Inner {
            store,
            mint: Mint::new(clock.clone()),
            clock,
            settings,
            backends,
            strategies,
            catalog: watch::Sender::default(),
            toolbox: watch::Sender::default(),
            look_again: Notify::new(),
            documents: broadcast::Sender::new(DOCUMENTS),
            live: Mutex::default(),
            starting: Mutex::default(),
            stop: CancellationToken::new(),
            work: TaskTracker::new(),
        }))
    }

    /// Takes up all tasks that were alive when the last host ended, and follows them from now on.
    pub fn begin(&self) -> Result<(), StoreError> {
        self.recover()?;
        for attached in self.0.backends.values() {
            self.spawn(self.clone().follow(attached.clone()));
        }
        self.spawn(self.clone().keep_toolbox());
        self.spawn(self.clone().sweep());
        Ok(())
    }

    /// Stops following tasks, waits for writes in flight, and closes the store. Tasks go on where they
    /// run; the next host takes them up.
    pub async fn end(&self) -> Result<(), StoreError> {
        self.0.stop.cancel();
        self.0.work.close();
        self.0.work.wait().await;
        self.0.store.close().await
    }

    /// The tasks that can be started, now and from now on.
    pub fn catalog(&self) -> watch::Receiver<Arc<Catalog>> {
        self.0.catalog.subscribe()
    }

    /// The tools that are offered, now and from now on.
    pub fn toolbox(&self) -> watch::Receiver<Arc<Toolbox>> {
        self.0.toolbox.subscribe()
    }

    fn live(&self) -> MutexGuard<'_, HashMap<TaskId, Arc<Live>>> {
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        self.0.clock.now_ms()
    }

    /// Runs `future` until the service ends. What it must not leave half done it shields itself.
    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        let stop = self.0.stop.clone();
        self.0.work.spawn(async move {
            stop.run_until_cancelled_owned(future).await;
        });
    }

    /// Runs `future` to its end whatever becomes of the caller, so that what has been written is also
    /// made known.
    async fn shielded<R: Send + 'static>(
        &self,
        future: impl Future<Output = Result<R, TaskError>> + Send + 'static,
    ) -> Result<R, TaskError> {
        self.0.work.spawn(future).await.unwrap_or_else(|error| {
            Err(TaskError::Internal(Report::new(
                Code(699),
                format!("a defect of the host: {error}"),
            )))
        })
    }

    /// A task that `caller` may act on, alive or over. `None` is the operator, who may do so on all.
    ///
    /// The one place where that is decided. What is not for the caller looks like what never was, and
    /// takes as long: whose it is, is looked up before anything else of it is read.
    fn find(&self, caller: Option<&Caller>, id: &str) -> Result<Found, TaskError> {
        let unknown = || TaskError::Unknown(unknown_task());
        let id: TaskId = id.parse().map_err(|_| unknown())?;
        let may = |owner: &Principal| {
            let sharing = &self.0.settings.sharing;
            caller.is_none_or(|caller| sharing.allows(&caller.principal, owner))
        };
        let live = self.live().get(&id).cloned();
        let found = if let Some(live) = live {
            may(&live.record().origin.owner).then_some(Found::Live(live))
        } else if self.owner(id)?.is_some_and(|owner| may(&owner)) {
            let record = self.0.store.load(id).map_err(|error| internal(&error))?;
            record.map(|record| {
                Found::Stored(Snapshot {
                    record: Arc::new(record),
                    note: None,
                })
            })
        } else {
            None
        };
        found.ok_or_else(|| {
            audit::turned_away(caller, id);
            unknown()
        })
    }

    fn owner(&self, id: TaskId) -> Result<Option<Principal>, TaskError> {
        self.0.store.owner(id).map_err(|error| internal(&error))
    }
}

/// Where a task was found.
enum Found {
    Live(Arc<Live>),
    Stored(Snapshot),
}

impl Found {
    fn snapshot(&self) -> Snapshot {
        match self {
            Self::Live(live) => live.snapshot(),
            Self::Stored(snapshot) => snapshot.clone(),
        }
    }
}

/// One text for all three: whoever guesses ids must not learn which of them exist.
fn unknown_task() -> Report {
    Report::new(
        Code(710),
        "no task with this token: it never existed, has expired, or belongs to someone else",
    )
}

fn internal(error: &StoreError) -> TaskError {
    TaskError::Internal(Report::from(error))
}
