//! When runs are to be looked after though nothing happens: timers, pauses between attempts, graces.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use futures_util::future::{Either, poll_fn, select};
use taskhost_sdk::time;

use crate::actor::What;
use crate::engine::Engine;
use crate::world::World;

/// One for all runs: one wait at a time, for the first of them.
#[derive(Debug)]
pub(crate) struct Alarm {
    by_time: RefCell<BTreeSet<(u64, Rc<str>)>>,
    by_run: RefCell<BTreeMap<Rc<str>, u64>>,
    /// Until when it waits.
    until_ms: Cell<u64>,
    rung: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Default for Alarm {
    fn default() -> Self {
        Self {
            by_time: RefCell::default(),
            by_run: RefCell::default(),
            until_ms: Cell::new(u64::MAX),
            rung: Cell::new(false),
            waker: RefCell::default(),
        }
    }
}

impl Alarm {
    /// Instead of what was set for this run before. `None`: not at all.
    pub(crate) fn set(&self, run: &str, at_ms: Option<u64>) {
        let mut by_run = self.by_run.borrow_mut();
        if by_run.get(run).copied() == at_ms {
            return;
        }
        let mut by_time = self.by_time.borrow_mut();
        if let Some((name, before)) = by_run.remove_entry(run) {
            by_time.remove(&(before, name));
        }
        let Some(at_ms) = at_ms else {
            return;
        };
        let name = Rc::<str>::from(run);
        by_run.insert(name.clone(), at_ms);
        by_time.insert((at_ms, name));
        let until_ms = self.until_ms.get();
        // Where the clock was set forward, it still waits for what has passed, and not for this.
        if at_ms < until_ms || until_ms <= time::now_ms() {
            self.rung.set(true);
            if let Some(waker) = self.waker.borrow_mut().take() {
                waker.wake();
            }
        }
    }

    /// Waits for the first. Returns those whose time has come.
    async fn next(&self) -> Vec<Rc<str>> {
        let first = self.by_time.borrow().first().map(|(ms, _)| *ms);
        self.until_ms.set(first.unwrap_or(u64::MAX));
        match first {
            Some(ms) if ms > time::now_ms() => {
                let sleeps = pin!(time::sleep_until(ms));
                match select(sleeps, pin!(self.earlier())).await {
                    Either::Left(_) | Either::Right(_) => {}
                }
            }
            Some(_) => {}
            None => self.earlier().await,
        }
        let later = (time::now_ms().saturating_add(1), Rc::<str>::from(""));
        let mut by_time = self.by_time.borrow_mut();
        let later = by_time.split_off(&later);
        let due = std::mem::replace(&mut *by_time, later);
        let mut by_run = self.by_run.borrow_mut();
        let names = due.into_iter().map(|(_, name)| name);
        names
            .inspect(|name| {
                by_run.remove(name);
            })
            .collect()
    }

    /// One was set that is earlier than the first.
    async fn earlier(&self) {
        poll_fn(|polling| {
            if self.rung.replace(false) {
                return Poll::Ready(());
            }
            self.waker.replace(Some(polling.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

impl<W: World> Engine<W> {
    /// For as long as the instance lives.
    pub(crate) async fn look_after_those_due(self: Rc<Self>) {
        loop {
            for run in self.alarm.next().await {
                if self.known(&run).is_some() {
                    self.post(&run, What::Look);
                }
            }
        }
    }
}
