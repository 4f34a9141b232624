//! From a log to the run, and to its code.

use std::rc::Rc;

use taskhost_flow::Failure;
use taskhost_sdk::{Error, time};

use crate::actor::{Told, Trouble};
use crate::bindings::journal;
use crate::config::OnMismatch;
use crate::drive::{Driver, Next};
use crate::engine::{Engine, Session};
use crate::entry::Entry;
use crate::run::Run;
use crate::summary::Summary;
use crate::world::World;

/// What there is of a run.
pub(crate) enum Loaded<S> {
    /// With its log.
    Live(Box<Run<S>>, Vec<Entry>),
    Over,
    Unknown,
    /// It could not be read.
    Failed(String),
}

impl<W: World> Engine<W> {
    /// Brings a run back from its log.
    pub(crate) async fn load(&self, name: &Rc<str>) -> Loaded<Session<W>> {
        let head = match self.world.find(name).await {
            Ok(Some(head)) => head,
            Ok(None) => return Loaded::Unknown,
            Err(error) => return Loaded::Failed(words(error)),
        };
        if head.over {
            return Loaded::Over;
        }
        match self.log(name).await {
            Ok(Some((log, bytes))) => {
                let shown = Summary::read(&head.summary).shown();
                let run = Run::recover(name.clone(), &log, bytes, shown, time::now_ms());
                Loaded::Live(Box::new(run), log)
            }
            Ok(None) => Loaded::Unknown,
            Err(why) => Loaded::Failed(why),
        }
    }

    /// All entries of a log, and how many bytes they are.
    pub(crate) async fn log(&self, name: &str) -> Result<Option<(Vec<Entry>, u64)>, String> {
        let Some(lines) = self.world.read(name).await.map_err(words)? else {
            return Ok(None);
        };
        let bytes = lines.iter().map(|line| line.len() as u64).sum();
        let read = |(place, line): (usize, String)| {
            serde_json::from_str(&line)
                .map_err(|error| format!("entry {place} of its log cannot be read: {error}"))
        };
        let entries: Result<_, _> = lines.into_iter().enumerate().map(read).collect();
        Ok(Some((entries?, bytes)))
    }
}

impl<W: World> Driver<W> {
    /// Gives the run its code, where it is.
    pub(crate) async fn open(&mut self) -> Result<(), Next> {
        let Some(run) = &mut self.run else {
            return Err(Next::On);
        };
        let session = match self.engine.world.open().await {
            Ok(session) => session,
            Err(failure) if run.length() == 0 => {
                let error = Error::unavailable(failure.message);
                return Err(Next::Gone(Told::Refused(error)));
            }
            Err(failure) => return Err(self.pause(failure.message)),
        };
        // Behind what was just read there is at most that the run came back, which its code does not see.
        let just_read = self.log.take();
        let just_read = just_read.filter(|log| run.length() - log.len() as u64 <= 1);
        let log = if run.is_fresh() {
            Vec::new()
        } else if let Some(log) = just_read {
            log
        } else {
            match self.engine.log(&run.name).await {
                Ok(Some((log, _))) if log.len() as u64 == run.length() => log,
                Ok(_) => {
                    self.lose();
                    return Err(Next::On);
                }
                Err(why) => return Err(self.pause(why)),
            }
        };
        match run.catch_up(session, log).await {
            Ok(()) => Ok(()),
            Err(failure) if failure.retryable => Err(self.pause(failure.message)),
            Err(failure) => self.does_not_fit(failure),
        }
    }

    fn does_not_fit(&mut self, failure: Failure) -> Result<(), Next> {
        let holds = self.engine.config.on_mismatch == OnMismatch::Hold;
        let is_other_code = ["non-deterministic", "unknown-orchestration"];
        if holds && is_other_code.contains(&failure.code.as_str()) {
            let why = failure.message;
            self.lose();
            self.actor.trouble.replace(Trouble::Held { why });
            // It has begun, that much is sure.
            self.answer(&Told::Written);
            self.show();
            return Err(Next::Rest);
        }
        if let Some(run) = &mut self.run {
            run.terminate(failure, time::now_ms());
        }
        Ok(())
    }
}

/// An error of the journal, for people.
pub(crate) fn words(error: journal::Error) -> String {
    match error {
        journal::Error::Conflict(length) => format!("the log has {length} entries"),
        journal::Error::Denied(why) | journal::Error::Full(why) | journal::Error::Failed(why) => {
            why
        }
    }
}
