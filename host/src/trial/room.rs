//! The instances that a scenario has started, all of which end with it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::usage::{Sum, Usage};
use crate::plugin::{Health, Meter};

/// Owns what runs for one scenario, and what it has used.
#[derive(Default)]
pub(super) struct Room {
    /// What was used, and what died.
    pub(super) usage: Arc<Usage>,
    /// What the instances have used of their limits, as the host measures it.
    pub(super) meter: Arc<Meter>,
    running: Mutex<Vec<Running>>,
    /// What is to be ended before the instances are.
    first: Mutex<Vec<BoxFuture<'static, ()>>>,
}

/// One instance, and whoever listens to its health.
struct Running {
    stop: CancellationToken,
    actor: JoinHandle<()>,
    witness: Option<JoinHandle<()>>,
}

impl Room {
    /// Takes an instance in. Whatever ends it, but for `stop`, is written down.
    pub(super) fn take(
        &self,
        stop: CancellationToken,
        actor: JoinHandle<()>,
        health: watch::Receiver<Health>,
    ) {
        self.usage.began();
        let witness = tokio::spawn(witness(self.usage.clone(), health));
        self.running().push(Running {
            stop,
            actor,
            witness: Some(witness),
        });
    }

    /// Takes in an instance of something else than what is tried.
    pub(super) fn take_companion(&self, stop: CancellationToken, actor: JoinHandle<()>) {
        self.running().push(Running {
            stop,
            actor,
            witness: None,
        });
    }

    /// Has `ending` done before instances are ended.
    pub(super) fn end_first(&self, ending: impl Future<Output = ()> + Send + 'static) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.push(Box::pin(ending));
    }

    /// Ends all of them, and returns when they have ended.
    pub(super) async fn end(&self) {
        let first = std::mem::take(&mut *self.first.lock().unwrap_or_else(PoisonError::into_inner));
        for ending in first {
            ending.await;
        }
        let running = std::mem::take(&mut *self.running());
        for one in &running {
            one.stop.cancel();
        }
        for one in running {
            _ = one.actor.await;
            if let Some(witness) = one.witness {
                _ = witness.await;
            }
        }
    }

    /// What all of them have used, in a scenario that took so long.
    pub(super) fn sum(&self, took: Duration) -> Sum {
        self.usage.sum(took, self.meter.usage())
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Vec<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes down each death, until the instance is stopped.
async fn witness(usage: Arc<Usage>, mut health: watch::Receiver<Health>) {
    loop {
        let now = health.borrow_and_update().clone();
        match now {
            Health::Starting {
                after: Some(why), ..
            }
            | Health::Broken { why } => usage.died(why),
            Health::Stopped => return,
            Health::Starting { after: None, .. } | Health::Ready { .. } => {}
        }
        if health.changed().await.is_err() {
            return;
        }
    }
}
