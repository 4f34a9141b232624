//! Runs that wait with their code at hand. The one that has waited longest gives it up first: it is brought to
//! where it was when something happens.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::actor::Actor;
use crate::world::Session;

/// See the head of this file.
pub(crate) struct Ready<S> {
    most: usize,
    last: Cell<u64>,
    /// The longest waiting first.
    by_time: RefCell<BTreeMap<u64, Rc<Actor<S>>>>,
}

impl<S: Session> Ready<S> {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            last: Cell::new(0),
            by_time: RefCell::default(),
        }
    }

    /// It waits from now on. Returns its place.
    pub(crate) fn add(&self, actor: &Rc<Actor<S>>) -> u64 {
        let place = self.last.get() + 1;
        self.last.set(place);
        let mut all = self.by_time.borrow_mut();
        all.insert(place, actor.clone());
        while all.len() > self.most
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
        self.by_time.borrow_mut().remove(&place);
    }
}
