//! Tells the host of each change when it happens.
//!
//! One background task for each live task sleeps until its course changes next. All of them die
//! with the instance; [`resume`] arms them again when the host asks for its works after a restart.
//! What a `count` would have printed while no instance lived is not printed later.
//!
//! **Invariant:** at most one watcher of a task speaks. A new one gets a higher generation, and the
//! one that it replaces sees that when it wakes, and leaves.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use taskhost_sdk::{events, spawn, time};

use crate::course;
use crate::record::Record;

thread_local! {
    /// Generation of the watcher that speaks for a task, by task.
    static SPEAKERS: RefCell<HashMap<String, u64>> = RefCell::default();
    static GENERATION: Cell<u64> = const { Cell::new(0) };
}

/// Tells how the task stands now, and each change from now on. Replaces an earlier watcher, which
/// knew an earlier record.
pub(crate) fn follow(id: &str, record: Record) {
    let now = time::now_ms();
    let moment = course::at(&record, now);
    events::observed(id, &moment.observation);
    arm(id, record, now, moment.next_ms);
}

/// Tells each change from now on, unless somebody does already.
pub(crate) fn resume(id: &str, record: Record) {
    if SPEAKERS.with_borrow(|speakers| speakers.contains_key(id)) {
        return;
    }
    let now = time::now_ms();
    let moment = course::at(&record, now);
    arm(id, record, now, moment.next_ms);
}

/// Nobody speaks for the task any longer.
pub(crate) fn forget(id: &str) {
    SPEAKERS.with_borrow_mut(|speakers| speakers.remove(id));
}

fn arm(id: &str, record: Record, now: u64, next_ms: Option<u64>) {
    let Some(next_ms) = next_ms else {
        forget(id);
        return;
    };
    let generation = GENERATION.get() + 1;
    GENERATION.set(generation);
    SPEAKERS.with_borrow_mut(|speakers| speakers.insert(id.to_owned(), generation));
    spawn(speak(id.to_owned(), record, generation, now, next_ms));
}

async fn speak(id: String, record: Record, generation: u64, mut told_ms: u64, mut next_ms: u64) {
    loop {
        time::sleep_until(next_ms).await;
        if SPEAKERS.with_borrow(|speakers| speakers.get(&id).copied()) != Some(generation) {
            return;
        }
        let now = time::now_ms();
        if now < next_ms {
            continue;
        }
        // Lines first: the host takes none of a task that is over.
        for line in course::lines(&record, told_ms, now) {
            events::output(&id, &line);
        }
        told_ms = now;
        let moment = course::at(&record, now);
        events::observed(&id, &moment.observation);
        match moment.next_ms {
            Some(next) => next_ms = next,
            None => return forget(&id),
        }
    }
}
