//! Who has one run: its inbox, and what is known of it while a turn is being written.
//!
//! One future drives it at a time ([`crate::drive`]), and has the run in its hands meanwhile; what comes then
//! waits in the inbox, and is taken up together in the next turn.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures_channel::oneshot;
use taskhost_sdk::{Error, Observation};

use crate::input::Input;
use crate::run::{Begin, Run};

/// One run.
pub(crate) struct Actor<S> {
    pub(crate) name: Rc<str>,
    inbox: RefCell<Vec<Item>>,
    /// Somebody drives it.
    at_work: Cell<bool>,
    /// The run, while nobody does. None: it is to be read from its log.
    pub(crate) idle: RefCell<Option<Run<S>>>,
    /// How it stands by its log. None: nobody has looked yet.
    pub(crate) seen: RefCell<Option<Observation>>,
    pub(crate) trouble: RefCell<Trouble>,
    /// Who wants to know when what is pending is written down.
    pub(crate) waiting: RefCell<Vec<Waiting>>,
}

/// Something for a run.
pub(crate) struct Item {
    pub(crate) what: What,
    pub(crate) told: Option<oneshot::Sender<Told>>,
}

impl Item {
    /// The run is to end without its code.
    pub(crate) fn is_end(&self) -> bool {
        matches!(&self.what, What::Input(input) if matches!(**input, Input::Terminate { .. }))
    }
}

/// What it is.
pub(crate) enum What {
    /// Begin it, unless it has begun.
    Begin(Box<Begin>),
    /// See what there is to be done.
    Look,
    /// Whether it waits for the child of this name: `Over` if not.
    Wants(String),
    Input(Box<Input>),
}

/// What became of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    /// It is in the log, or changes nothing.
    Written,
    /// The run had ended before.
    Over,
    /// There is no such run.
    Unknown,
    Refused(Error),
}

/// Who wants to know.
pub(crate) struct Waiting {
    pub(crate) told: oneshot::Sender<Told>,
    /// That it has begun, whoever began it.
    pub(crate) begins: bool,
}

/// Why a run does not go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Trouble {
    #[default]
    None,
    /// The host could not do something. It is tried again.
    Pause {
        until_ms: u64,
        pause_ms: u64,
        why: String,
    },
    /// Its history does not fit its code: it stands still until the engine starts again.
    Held { why: String },
}

impl Trouble {
    /// In words, for a person.
    pub(crate) fn words(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Pause { why, .. } => Some(format!("waits for the host: {why}")),
            Self::Held { why } => Some(format!("held: {why}")),
        }
    }

    /// Until when nothing is tried.
    pub(crate) fn until_ms(&self) -> Option<u64> {
        match self {
            Self::Pause { until_ms, .. } => Some(*until_ms),
            Self::None | Self::Held { .. } => None,
        }
    }
}

impl<S> Actor<S> {
    pub(crate) fn new(name: Rc<str>) -> Self {
        Self {
            name,
            inbox: RefCell::default(),
            at_work: Cell::new(false),
            idle: RefCell::new(None),
            seen: RefCell::default(),
            trouble: RefCell::default(),
            waiting: RefCell::default(),
        }
    }

    /// True: nobody drives it, and the caller is to.
    pub(crate) fn put(&self, item: Item) -> bool {
        self.inbox.borrow_mut().push(item);
        !self.at_work.replace(true)
    }

    /// Before everything else that is there.
    pub(crate) fn put_back(&self, items: Vec<Item>) {
        self.inbox.borrow_mut().splice(..0, items);
    }

    /// Why it stands still until the engine starts again, if it does.
    pub(crate) fn held(&self) -> Option<String> {
        let trouble = self.trouble.borrow();
        matches!(*trouble, Trouble::Held { .. }).then(|| trouble.words())?
    }

    pub(crate) fn take_inbox(&self) -> Vec<Item> {
        self.inbox.take()
    }

    pub(crate) fn is_inbox_empty(&self) -> bool {
        self.inbox.borrow().is_empty()
    }

    /// Nobody drives it any more.
    pub(crate) fn rests(&self) {
        self.at_work.set(false);
    }
}

impl Told {
    /// What is worth trying again.
    pub(crate) fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Refused(Error::Unavailable(_) | Error::Busy(_) | Error::Internal(_))
        )
    }
}
