//! Everything one instance of the component holds.
//!
//! Shared by all calls and loops of the instance. Cells are borrowed for a moment only, never across
//! an await: another call would find them taken.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use taskhost_sdk::spawn;
use tokio::sync::watch;

use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::control::Control;
use crate::discovery::{self, Found, Roster, Survey};
use crate::keys::{BrokerKeys, ResultKeys};
use crate::live::Live;
use crate::results;
use crate::wire::Link;

/// One instance of the component.
pub struct Backend {
    pub(crate) config: Config,
    pub(crate) broker: Rc<Link>,
    /// The same as `broker` where both are one database.
    pub(crate) results: Rc<Link>,
    pub(crate) broker_keys: BrokerKeys,
    pub(crate) result_keys: ResultKeys,
    pub(crate) live: Live,
    pub(crate) control: Control,
    pub(crate) roster: RefCell<Roster>,
    pub(crate) found: RefCell<Found>,
    pub(crate) catalogue: RefCell<Catalogue>,
    /// False: Redis refuses to tell of changes, so results are polled.
    pub(crate) pushes: Cell<bool>,
    pub(crate) survey: watch::Sender<Survey>,
}

impl Backend {
    /// Begins to connect, and returns without waiting for that.
    pub(crate) fn open(config: Config) -> Self {
        let one = config.broker == config.results;
        let broker = Link::open("broker", config.broker.clone(), one);
        let results = if one {
            broker.clone()
        } else {
            Link::open("result_backend", config.results.clone(), true)
        };
        let survey = match config.discover_every_ms {
            Some(_) => Survey::Begun,
            None => Survey::Answered,
        };
        Self {
            broker_keys: BrokerKeys::new(&config.broker_keyprefix, config.broker.database),
            result_keys: ResultKeys::new(&config.result_keyprefix),
            catalogue: RefCell::default(),
            found: RefCell::default(),
            config,
            broker,
            results,
            live: Live::default(),
            control: Control::new(),
            roster: RefCell::default(),
            pushes: Cell::new(true),
            survey: watch::Sender::new(survey),
        }
    }

    /// Remembers what was found before, and begins to listen and to look for workers.
    pub(crate) async fn begin(self: Rc<Self>) {
        let found = Found::load().await;
        self.found.replace(found);
        self.renew_catalogue();
        spawn(results::follow(self.clone()));
        spawn(discovery::run(self));
    }

    /// Brings the catalogue up to what was found. True where it is another one.
    pub(crate) fn renew_catalogue(&self) -> bool {
        let catalogue = Catalogue::new(&self.config, &self.found.borrow().tasks());
        let news = *self.catalogue.borrow() != catalogue;
        if news {
            self.catalogue.replace(catalogue);
        }
        news
    }
}
