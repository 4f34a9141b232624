//! Runs that wait with their code at hand. The one that has waited longest gives it up first: it is brought to
//! where it was when something happens.
//!
//! Those for which something is being done will go on soon, and are counted by themselves: of a thousand at work,
//! 160 came to their end in a second while each was brought back for each outcome, and 230 now. Those that wait for a
//! person, a signal or the time may do so for days.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::actor::Actor;
use crate::world::Session;

/// See the head of this file.
pub(crate) struct Ready<S> {
    most: usize,
    last: Cell<u64>,
    waiting: ByTime<S>,
    busy: ByTime<S>,
}

/// The longest waiting first.
type ByTime<S> = RefCell<BTreeMap<u64, Rc<Actor<S>>>>;

/// Runs with their code at hand for which something is being done. Each takes the host about 60 KiB.
const BUSY: usize = 1_024;

impl<S: Session> Ready<S> {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            last: Cell::new(0),
            waiting: RefCell::default(),
            busy: RefCell::default(),
        }
    }

    /// It waits from now on, for something that is being done or for something else. Returns its place.
    pub(crate) fn add(&self, actor: &Rc<Actor<S>>, is_busy: bool) -> u64 {
        let place = self.last.get() + 1;
        self.last.set(place);
        let (all, most) = if is_busy {
            (&self.busy, BUSY)
        } else {
            (&self.waiting, self.most)
        };
        let mut all = all.borrow_mut();
        all.insert(place, actor.clone());
        while all.len() > most
            && let Some((_, oldest)) = all.pop_first()
        {
            if let Some(run) = oldest.idle.borrow_mut().as_mut() {
                run.drop_code();
            }
        }
        place
    }

    /// It goes on.
    pub(crate) fn remove(&self, place: u64) {
        if self.waiting.borrow_mut().remove(&place).is_none() {
            self.busy.borrow_mut().remove(&place);
        }
    }
}
