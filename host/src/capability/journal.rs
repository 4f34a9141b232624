//! `journal`: the logs of runs, for engines of orchestrations.

use futures::future::BoxFuture;
use wasmtime::component::{Accessor, HasSelf};

use super::Guest;
use super::bindings::engine::journal;
pub use super::bindings::engine::journal::{Error, Head, Turn};
use crate::task::Run;

/// Where logs of runs are kept. A component finds its own and no others.
///
/// Called by an engine with each turn, and to bring runs back. Reading answers at once, from memory or the page
/// cache, in time with the length of the log.
pub trait RunLogs: Send + Sync {
    /// Adds a turn, and resolves when that is durable: a sync, shared with all that is written meanwhile. `Conflict`
    /// and `Full` change nothing; after `Failed` nobody knows.
    fn append(
        &self,
        component: &str,
        run: Run,
        turn: Turn,
    ) -> BoxFuture<'static, Result<(), Error>>;
    /// The entries, oldest first. `None`: there is no such log.
    fn read(&self, component: &str, run: &Run) -> Result<Option<Vec<String>>, Error>;
    /// `None`: there is no such log.
    fn find(&self, component: &str, run: &Run) -> Result<Option<Head>, Error>;
    /// Those that are not over, by name, after this one.
    fn live(&self, component: &str, after: Option<&Run>, limit: usize) -> Result<Vec<Head>, Error>;
}

/// The most that one look at what is live returns.
const HEADS: usize = 1_000;

impl journal::Host for Guest {}

impl<T: Send> journal::HostWithStore<T> for HasSelf<Guest> {
    async fn append(host: &Accessor<T, Self>, turn: Turn) -> Result<(), Error> {
        let run = named(&turn.run)?;
        let write = host.with(|mut access| {
            let guest = access.get();
            Ok::<_, Error>(guest.logs()?.append(&guest.name, run, turn))
        })?;
        write.await
    }

    async fn read(host: &Accessor<T, Self>, run: String) -> Result<Option<Vec<String>>, Error> {
        // What can be the name of no run has no log.
        let Ok(run) = run.parse() else {
            return Ok(None);
        };
        host.with(|mut access| {
            let guest = access.get();
            guest.logs()?.read(&guest.name, &run)
        })
    }

    async fn find(host: &Accessor<T, Self>, run: String) -> Result<Option<Head>, Error> {
        let Ok(run) = run.parse() else {
            return Ok(None);
        };
        host.with(|mut access| {
            let guest = access.get();
            guest.logs()?.find(&guest.name, &run)
        })
    }

    async fn live(
        host: &Accessor<T, Self>,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<Head>, Error> {
        let after = after.map(|run| named(&run)).transpose()?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(HEADS);
        host.with(|mut access| {
            let guest = access.get();
            guest.logs()?.live(&guest.name, after.as_ref(), limit)
        })
    }
}

impl Guest {
    fn logs(&self) -> Result<&dyn RunLogs, Error> {
        self.ports.journal.as_deref().ok_or_else(|| {
            Error::Denied(format!(
                "`{}` was not started with orchestrations, so it has no journal",
                self.name
            ))
        })
    }
}

fn named(run: &str) -> Result<Run, Error> {
    run.parse()
        .map_err(|error| Error::Denied(format!("`{}`: {error}", run.escape_debug())))
}
