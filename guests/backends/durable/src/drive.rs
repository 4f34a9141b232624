//! The turns of one run, one after the other.
//!
//! ```text
//! inbox ─▶ begin or load ─▶ happened ─▶ open, where code is needed ─▶ decide ─▶ append ─▶ work ─▶ inbox …
//!             └ unknown, over: gone          └ cannot now: pause         conflict ─▶ load
//! ```

use std::rc::Rc;
use std::time::Duration;

use futures_channel::oneshot;
use taskhost_sdk::{Error, Progress, events, time, tracing};

use crate::actor::{Actor, Item, Told, Trouble, Waiting, What};
use crate::bindings::journal;
use crate::engine::{Engine, Session};
use crate::entry::{End, Entry};
use crate::input::Input;
use crate::load::Loaded;
use crate::run::{Begin, Decided, Run, history_full};
use crate::world::World;

/// The first pause after something that the host could not do, and the longest.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Who drives a run: it has the run in its hands until nothing is left to be done.
pub(crate) struct Driver<W: World> {
    pub(crate) engine: Rc<Engine<W>>,
    pub(crate) actor: Rc<Actor<Session<W>>>,
    pub(crate) run: Option<Run<Session<W>>>,
    waiting: Vec<Waiting>,
    /// There is a log: it is no use to try to begin one.
    has_log: bool,
    /// It, where it was just read.
    pub(crate) log: Option<Vec<Entry>>,
}

/// How it goes on.
pub(crate) enum Next {
    /// There may be more to be done.
    On,
    /// Until something happens.
    Rest,
    /// It is over, or was never there.
    Gone(Told),
}

/// Until nothing is left to be done.
pub(crate) async fn drive<W: World>(engine: Rc<Engine<W>>, actor: Rc<Actor<Session<W>>>) {
    let run = actor.idle.take();
    let waiting = actor.waiting.take();
    let mut driver = Driver {
        engine,
        actor,
        run,
        waiting,
        has_log: false,
        log: None,
    };
    if let Some(run) = &mut driver.run
        && let Some(place) = run.ready.take()
    {
        driver.engine.ready.remove(place);
    }
    loop {
        match driver.turn().await {
            Next::Rest if driver.actor.is_inbox_empty() => return driver.rest(),
            Next::On | Next::Rest => {}
            // Somebody may want to begin it now.
            Next::Gone(Told::Unknown) if !driver.actor.is_inbox_empty() => {
                driver.answer(&Told::Unknown);
            }
            Next::Gone(told) => return driver.leave(&told),
        }
    }
}

impl<W: World> Driver<W> {
    async fn turn(&mut self) -> Next {
        let mut begin = None;
        let mut looks = Vec::new();
        let mut inputs = Vec::new();
        for item in self.actor.take_inbox() {
            match item.what {
                What::Look | What::Wants(_) => looks.push(item),
                What::Begin(one) => {
                    begin = Some(one);
                    self.waits(item.told, true);
                }
                What::Input(_) => inputs.push(item),
            }
        }
        let next = match self.at_hand(begin, &mut inputs).await {
            Ok(()) => self.go_on(inputs).await,
            Err(next) => {
                for item in inputs {
                    self.waits(item.told, false);
                }
                let told = match &next {
                    Next::Gone(told) => told.clone(),
                    Next::On | Next::Rest => Told::Refused(Error::unavailable("not now")),
                };
                self.answer(&told);
                next
            }
        };
        for Item { what, told } in looks {
            let answer = match (&next, &what, &self.run) {
                (Next::Gone(answer), _, _) => answer.clone(),
                (_, What::Wants(child), Some(run)) if !run.waits_for(child) => Told::Over,
                _ => Told::Written,
            };
            _ = told.map(|told| told.send(answer));
        }
        next
    }

    fn waits(&mut self, told: Option<oneshot::Sender<Told>>, begins: bool) {
        let waiting = told.map(|told| Waiting { told, begins });
        self.waiting.extend(waiting);
    }

    /// Begins the run, or brings it back from its log.
    async fn at_hand(
        &mut self,
        begin: Option<Box<Begin>>,
        inputs: &mut Vec<Item>,
    ) -> Result<(), Next> {
        if self.run.is_some() {
            return Ok(());
        }
        let held = self.actor.held();
        if let Some(why) = &held {
            // What needs no code can be done.
            let (ends, other): (Vec<_>, _) = inputs.drain(..).partition(Item::is_end);
            *inputs = ends;
            let refused = Told::Refused(Error::unavailable(why));
            for told in other.into_iter().filter_map(|item| item.told) {
                _ = told.send(refused.clone());
            }
            if inputs.is_empty() {
                self.answer(&Told::Written);
                return Err(Next::Rest);
            }
        } else if let Some(begin) = begin
            && !self.has_log
        {
            let name = self.actor.name.clone();
            self.run = Some(Run::begin(name, *begin, time::now_ms()));
            return Ok(());
        }
        match self.engine.load(&self.actor.name).await {
            Loaded::Live(run, log) => {
                self.run = Some(*run);
                self.log = Some(log);
                self.has_log = true;
            }
            Loaded::Over => return Err(Next::Gone(Told::Over)),
            Loaded::Unknown if self.has_log => {
                let error = Error::unavailable("the store has not taken it");
                return Err(Next::Gone(Told::Refused(error)));
            }
            Loaded::Unknown => return Err(Next::Gone(Told::Unknown)),
            Loaded::Failed(why) => {
                self.refuse(&Error::unavailable(&why));
                return Err(self.pause(why));
            }
        }
        if held.is_none() {
            // First it is brought to where it was: then what happens to it finds what it has begun.
            self.actor.put_back(std::mem::take(inputs));
        }
        Ok(())
    }

    async fn go_on(&mut self, items: Vec<Item>) -> Next {
        let mut inputs = Vec::with_capacity(items.len());
        for Item { what, told } in items {
            if let What::Input(input) = what {
                inputs.push(*input);
            }
            self.waits(told, false);
        }
        let Some(run) = &mut self.run else {
            return Next::On;
        };
        if run.ledger.ending().is_some() {
            // It only waits for what it sent to be received.
            answer(&mut self.waiting, &Told::Over);
        }
        run.happened(inputs, time::now_ms(), self.engine.config.cancel_grace_ms);
        loop {
            let is_paused = self.is_paused();
            let Some(run) = &mut self.run else {
                return Next::On;
            };
            if run.wants_code() && !run.has_code() {
                if is_paused {
                    return Next::Rest;
                }
                if let Err(next) = self.open().await {
                    return next;
                }
                continue;
            }
            match run.decide().await {
                // That it came back is written down before its code may bring down the host again.
                Decided::Nothing if run.is_to_be_checked() => {
                    if is_paused {
                        return Next::Rest;
                    }
                    if let Err(next) = self.open().await {
                        return next;
                    }
                }
                Decided::Nothing => break,
                Decided::Again(failure) if run.length() == 0 => {
                    let error = Error::unavailable(failure.message);
                    return Next::Gone(Told::Refused(error));
                }
                Decided::Again(failure) => return self.pause(failure.message),
                Decided::Anew(anew) => {
                    run.begin_anew(anew, self.engine.world.seed(), time::now_ms());
                    // One that does nothing but begin anew is to be stopped, too.
                    return Next::On;
                }
                Decided::Write(turn) => {
                    let over = turn.over;
                    if let Err(next) = self.append(turn).await {
                        return next;
                    }
                    if over {
                        self.settle();
                        return Next::Gone(Told::Over);
                    }
                }
            }
        }
        self.settle();
        Next::Rest
    }

    async fn append(&mut self, turn: journal::Turn) -> Result<(), Next> {
        let is_first = turn.expected == 0;
        let Err(error) = self.engine.world.append(turn).await else {
            if let Some(run) = &mut self.run {
                run.written();
            }
            self.has_log = true;
            self.answer(&Told::Written);
            return Ok(());
        };
        let why = match error {
            journal::Error::Conflict(_) => None,
            journal::Error::Denied(why) if is_first => {
                return Err(Next::Gone(Told::Refused(Error::Denied(why))));
            }
            journal::Error::Full(why) if is_first => {
                return Err(Next::Gone(Told::Refused(Error::invalid(why))));
            }
            journal::Error::Full(why) if !self.is_terminated() => {
                let ending = End::Failed(history_full(&why).into());
                let input = Input::Terminate {
                    ending,
                    reason: None,
                };
                let what = What::Input(Box::new(input));
                self.actor.put_back(vec![Item { what, told: None }]);
                None
            }
            journal::Error::Failed(why)
            | journal::Error::Denied(why)
            | journal::Error::Full(why) => Some(why),
        };
        self.lose();
        // There may be a log, whoever wrote it.
        self.has_log = true;
        match why {
            None => Err(Next::On),
            // Whether it took effect is to be read, and that now where it can be.
            Some(why) if is_first => {
                tracing::warn!(run = %self.actor.name, %why, "a run was not begun");
                Err(Next::On)
            }
            Some(why) => Err(self.pause(why)),
        }
    }

    fn is_terminated(&self) -> bool {
        let ended = self.run.as_ref().and_then(|run| run.ledger.ending());
        ended.is_some_and(|ended| ended.terminated)
    }

    /// Lets go of the run: its log says something else, or cannot be written.
    pub(crate) fn lose(&mut self) {
        if let Some(run) = self.run.take() {
            for doing in run.doing.into_values() {
                self.engine.stop_quietly(&doing);
            }
        }
        let (begin, other): (Vec<_>, _) = self.waiting.drain(..).partition(|one| one.begins);
        self.waiting = begin;
        let refused = Told::Refused(Error::unavailable("the run is being brought back"));
        answer(&mut { other }, &refused);
    }

    pub(crate) fn refuse(&mut self, error: &Error) {
        self.answer(&Told::Refused(error.clone()));
    }

    pub(crate) fn answer(&mut self, told: &Told) {
        answer(&mut self.waiting, told);
    }

    /// Tries again later, each time after a longer pause.
    pub(crate) fn pause(&mut self, why: String) -> Next {
        let before = match &*self.actor.trouble.borrow() {
            Trouble::Pause { pause_ms, .. } => Some(Duration::from_millis(*pause_ms)),
            _ => None,
        };
        let pause = before.map_or(PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE));
        let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        self.actor.trouble.replace(Trouble::Pause {
            until_ms: time::now_ms().saturating_add(pause_ms),
            pause_ms,
            why,
        });
        self.show();
        Next::Rest
    }

    fn is_paused(&self) -> bool {
        let until_ms = self.actor.trouble.borrow().until_ms();
        until_ms.is_some_and(|until_ms| time::now_ms() < until_ms)
    }

    /// What is in the log is to be done, and to be seen.
    fn settle(&mut self) {
        self.log = None;
        self.actor.trouble.replace(Trouble::None);
        if let Some(run) = &mut self.run {
            self.engine.perform(run);
            self.engine.tell_parent(run);
        }
        // What they brought changes nothing, or is there already.
        self.answer(&Told::Written);
        self.show();
    }

    /// Tells the host how it stands, where that has changed.
    pub(crate) fn show(&self) {
        let trouble = self.actor.trouble.borrow().words();
        let seen = if let Some(run) = &self.run {
            run.observation(trouble.as_deref())
        } else {
            Progress::new(0.0)
                .saying(trouble.unwrap_or_default())
                .into()
        };
        let is_child = self.actor.name.contains('.');
        let before = self.actor.seen.replace(Some(seen.clone()));
        // A child is no task.
        if !is_child && before.as_ref() != Some(&seen) {
            events::observed(&self.actor.name, &seen);
        }
    }

    /// Nothing is to be done until something happens.
    fn rest(mut self) {
        let mut wakes_ms = self.actor.trouble.borrow().until_ms();
        if let Some(run) = &mut self.run {
            let due_ms = run.wakes_ms(self.engine.config.cancel_grace_ms);
            wakes_ms = wakes_ms.into_iter().chain(due_ms).min();
            let is_busy = run.is_busy();
            run.ready = (run.has_code()).then(|| self.engine.ready.add(&self.actor, is_busy));
        }
        self.engine.alarm.set(&self.actor.name, wakes_ms);
        self.actor.idle.replace(self.run.take());
        self.actor
            .waiting
            .replace(std::mem::take(&mut self.waiting));
        self.actor.rests();
    }

    /// Nothing will happen here any more. What comes later finds another owner of this name.
    fn leave(mut self, told: &Told) {
        self.engine.forget(&self.actor.name);
        self.answer(told);
        for hears in self
            .actor
            .take_inbox()
            .into_iter()
            .filter_map(|item| item.told)
        {
            _ = hears.send(told.clone());
        }
    }
}

fn answer(waiting: &mut Vec<Waiting>, told: &Told) {
    for one in waiting.drain(..) {
        _ = one.told.send(told.clone());
    }
}
