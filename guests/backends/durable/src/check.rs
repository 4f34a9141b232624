//! Whether code still decides what it has decided: histories are replayed, and nothing is written or begun.

use serde_json::json;
use taskhost_flow::{Command, Event, Failure, replay};
use taskhost_sdk::{Error, Observation};

use crate::engine::Engine;
use crate::entry::{Entry, Why};
use crate::ledger::Ledger;
use crate::shown::failure;
use crate::world::{Session as _, World};

impl<W: World> Engine<W> {
    /// Completed, with how many entries there are, where the code makes the decisions of this log and no others.
    pub(crate) async fn check(&self, run: &str) -> Result<Observation, Error> {
        let log = self.log(run).await.map_err(Error::unavailable)?;
        let Some((log, _)) = log else {
            return Ok(Observation::Unknown);
        };
        let events = log.len();
        let ledger = Ledger::of(&log);
        let session = self.world.open().await;
        let mut session = session.map_err(|failure| Error::unavailable(failure.message))?;
        let seen = match ledger.suspended() {
            // What came later it has not seen, so there may be something to decide.
            Some(suspended) => usize::try_from(suspended.unseen).unwrap_or(usize::MAX),
            None => events,
        };
        let history = log.into_iter().take(seen).filter_map(Entry::into_seen);
        let decided = session.step(history.collect()).await;
        // What ended without its code may have decided more, which was never written.
        let terminated = ledger.ending().is_some_and(|ended| ended.terminated);
        let replayed = decided.and_then(|decided| {
            if terminated {
                Ok(())
            } else {
                decides_nothing(&decided)
            }
        });
        Ok(match replayed {
            Ok(()) => Observation::completed(&json!({ "events": events })),
            Err(why) if why.retryable => return Err(Error::unavailable(why.message)),
            Err(why) => failure(&Why::from(why), false).into(),
        })
    }
}

/// What a history leads to is written down with it, so nothing else is decided behind it.
pub(crate) fn decides_nothing(commands: &[Command]) -> Result<(), Failure> {
    match commands.iter().find_map(replay::record) {
        None => Ok(()),
        Some(event) => Err(Failure::new(
            "non-deterministic",
            format!(
                "history ends where the code now decides more ({}). It is not the code that wrote this \
                 history: let runs under way have the old way with `Context::version`, or run them with the \
                 old component",
                kind(&event)
            ),
        )),
    }
}

fn kind(event: &Event) -> String {
    let of = |what: &str, name: &str| format!("{what} `{name}`");
    match event {
        Event::ActivityCalled(decision) => of("activity", &decision.name),
        Event::ChildCalled(decision) => of("child", &decision.name),
        Event::SignalSent(decision) => of("signal", &decision.name),
        Event::Asked(decision) => of("question", &decision.name),
        Event::TimerStarted(_) => "a timer".to_owned(),
        Event::GivenUp(seq) => format!("giving up step {seq}"),
        Event::Marked(change) => of("the new way at", change),
        _ => "its end".to_owned(),
    }
}
