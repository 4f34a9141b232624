//! All runs that are not over, and what they share.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use futures_channel::oneshot;
use taskhost_sdk::{Error, spawn};

use crate::actor::{Actor, Item, Told, What};
use crate::alarm::Alarm;
use crate::attempts::Attempts;
use crate::config::Config;
use crate::drive::drive;
use crate::input::Input;
use crate::ready::Ready;
use crate::world::{Dispatch, World};

/// One instance of the engine. Cells are borrowed for a moment only, never across an await.
pub(crate) struct Engine<W: World> {
    pub(crate) world: W,
    pub(crate) config: Config,
    actors: RefCell<BTreeMap<Rc<str>, Owner<W>>>,
    pub(crate) attempts: Attempts,
    pub(crate) alarm: Alarm,
    pub(crate) ready: Ready<Session<W>>,
}

pub(crate) type Session<W> = <W as Dispatch>::Session;
type Owner<W> = Rc<Actor<Session<W>>>;

impl<W: World> Engine<W> {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            world: W::default(),
            ready: Ready::new(config.sessions),
            config,
            actors: RefCell::default(),
            attempts: Attempts::default(),
            alarm: Alarm::default(),
        }
    }

    /// Puts something into the inbox of a run, and does not wait for what comes of it.
    pub(crate) fn post(self: &Rc<Self>, run: &str, what: What) {
        self.put(run, Item { what, told: None });
    }

    /// The same, and waits until it is in the log.
    pub(crate) async fn ask(self: &Rc<Self>, run: &str, what: What) -> Told {
        let (told, hears) = oneshot::channel();
        let told = Some(told);
        self.put(run, Item { what, told });
        let dropped = || Told::Refused(Error::unavailable("the run is being brought back"));
        hears.await.unwrap_or_else(|_| dropped())
    }

    /// Something has happened to a run.
    pub(crate) async fn tell(self: &Rc<Self>, run: &str, input: Input) -> Told {
        self.ask(run, What::Input(Box::new(input))).await
    }

    fn put(self: &Rc<Self>, run: &str, item: Item) {
        let actor = self.actor(run);
        if actor.put(item) {
            spawn(drive(self.clone(), actor));
        }
    }

    fn actor(&self, run: &str) -> Owner<W> {
        let mut actors = self.actors.borrow_mut();
        if let Some(actor) = actors.get(run) {
            return actor.clone();
        }
        let name = Rc::<str>::from(run);
        let actor = Rc::new(Actor::new(name.clone()));
        actors.insert(name, actor.clone());
        actor
    }

    /// Who has the run, if somebody has.
    pub(crate) fn known(&self, run: &str) -> Option<Owner<W>> {
        self.actors.borrow().get(run).cloned()
    }

    /// The run is over, or there is none.
    pub(crate) fn forget(&self, run: &str) {
        self.actors.borrow_mut().remove(run);
        self.alarm.set(run, None);
    }
}
