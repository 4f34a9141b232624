//! Attempts of activities: those under way, and those that wait for room, first come, first served.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use taskhost_sdk::{spawn, time};

use crate::actor::What;
use crate::bindings::dispatch::{Attempt, Ended};
use crate::engine::Engine;
use crate::entry::Outcome;
use crate::input::Input;
use crate::ledger::Activity;
use crate::work::Place;
use crate::world::World;

/// How many are taken up at once.
const AT_ONCE: u32 = 256;

/// There is no room, and nothing of ours will end that makes some.
const PAUSE: Duration = Duration::from_secs(1);

/// See the head of this file.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    last: Cell<u64>,
    known: RefCell<BTreeMap<u64, Ticket>>,
    /// Without room. Those that nobody waits for any more are not among `known`.
    queue: RefCell<VecDeque<Attempt>>,
    /// Somebody looks for room by and by.
    looks: Cell<bool>,
}

/// Whose attempt it is.
#[derive(Debug)]
struct Ticket {
    run: Rc<str>,
    place: Place,
    attempt: u32,
    queued: bool,
}

impl<W: World> Engine<W> {
    /// A number for an attempt.
    pub(crate) fn ticket(&self) -> u64 {
        let all = &self.attempts;
        all.last.set(all.last.get() + 1);
        all.last.get()
    }

    /// Begins an attempt, as soon as there is room.
    pub(crate) fn attempt(
        self: &Rc<Self>,
        run: &Rc<str>,
        key: String,
        place: Place,
        ticket: u64,
        activity: Activity,
    ) {
        let attempt = Attempt {
            ticket,
            key,
            name: activity.name,
            input: activity.input,
            number: activity.attempt,
            attempt_ms: activity.attempt_ms,
            heartbeat_ms: activity.heartbeat_ms,
            last: activity.last,
        };
        let all = &self.attempts;
        let has_room = all.queue.borrow().is_empty() && self.world.start_attempt(&attempt);
        let known = Ticket {
            run: run.clone(),
            place,
            attempt: activity.attempt,
            queued: !has_room,
        };
        all.known.borrow_mut().insert(ticket, known);
        if !has_room {
            all.queue.borrow_mut().push_back(attempt);
            self.look_for_room();
        }
    }

    /// Nobody waits for it any more.
    pub(crate) fn stop(&self, ticket: u64) {
        let known = self.attempts.known.borrow_mut().remove(&ticket);
        if known.is_some_and(|known| !known.queued) {
            self.world.stop_attempt(ticket);
        }
    }

    /// For as long as the instance lives.
    pub(crate) async fn take_up_what_ends(self: Rc<Self>) {
        loop {
            let all = self.world.next(AT_ONCE).await;
            if all.is_empty() {
                // It waits for the first: this is a host that does not.
                time::sleep(PAUSE).await;
            }
            for ended in all {
                self.attempt_ended(ended);
            }
            self.fill();
        }
    }

    fn attempt_ended(self: &Rc<Self>, ended: Ended) {
        let Some(known) = self.attempts.known.borrow_mut().remove(&ended.ticket) else {
            return;
        };
        let input = Input::Attempt {
            place: known.place,
            attempt: known.attempt,
            outcome: Outcome::from(ended.outcome),
            last: ended.last,
        };
        self.post(&known.run, What::Input(Box::new(input)));
    }

    /// Begins those that wait, while there is room.
    fn fill(&self) {
        let Attempts { queue, known, .. } = &self.attempts;
        let mut queue = queue.borrow_mut();
        while let Some(first) = queue.front() {
            if let Some(known) = known.borrow_mut().get_mut(&first.ticket) {
                if !self.world.start_attempt(first) {
                    return;
                }
                known.queued = false;
            }
            queue.pop_front();
        }
    }

    /// What ends makes room. Where the room is taken by what an instance before this one has begun, nothing
    /// tells that it has ended.
    fn look_for_room(self: &Rc<Self>) {
        if self.attempts.looks.replace(true) {
            return;
        }
        let engine = self.clone();
        spawn(async move {
            while !engine.attempts.queue.borrow().is_empty() {
                time::sleep(PAUSE).await;
                engine.fill();
            }
            engine.attempts.looks.set(false);
        });
    }
}
