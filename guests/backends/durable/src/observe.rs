//! What has become of a run, whether it is loaded or not.

use std::rc::Rc;

use taskhost_sdk::{Error, Observation};

use crate::actor::{Told, What};
use crate::engine::Engine;
use crate::entry::{End, Entry};
use crate::ledger::{Ended, Ledger};
use crate::shown;
use crate::world::World;

impl<W: World> Engine<W> {
    /// How it stands by what is written down.
    pub(crate) async fn look(self: &Rc<Self>, run: &str) -> Result<Observation, Error> {
        if let Some(seen) = self.seen(run) {
            return Ok(seen);
        }
        match self.ask(run, What::Look).await {
            Told::Written => Ok(self.seen(run).unwrap_or_else(Observation::running)),
            Told::Over => match self.ended(run).await? {
                Some((ended, reason)) => Ok(shown::outcome(&ended, reason).into()),
                None => Ok(Observation::Unknown),
            },
            Told::Unknown => Ok(Observation::Unknown),
            Told::Refused(error) => Err(error),
        }
    }

    fn seen(&self, run: &str) -> Option<Observation> {
        self.known(run)?.seen.borrow().clone()
    }

    /// How a run ended, and why somebody wanted that. `None`: there is none, or it goes on.
    pub(crate) async fn ended(&self, run: &str) -> Result<Option<(Ended, Option<String>)>, Error> {
        let read = |line: &String| serde_json::from_str::<Entry>(line);
        let lines = self.world.read(run).await;
        let lines = lines.map_err(|error| Error::unavailable(crate::load::words(error)))?;
        let lines = lines.unwrap_or_default();
        // What follows the end is that signals were received.
        let mut end = None;
        for line in lines.iter().rev() {
            end = match read(line)? {
                Entry::Finished { ending } => Some((ending, false)),
                Entry::Terminated { ending, .. } => Some((ending, true)),
                Entry::Turn { .. } | Entry::SignalDelivered { .. } => continue,
                _ => None,
            };
            break;
        }
        let Some((ending, terminated)) = end else {
            return Ok(None);
        };
        if ending != End::Cancelled {
            let ended = Ended {
                ending,
                terminated,
                reason: None,
                at_ms: 0,
            };
            return Ok(Some((ended, None)));
        }
        // The reason is somewhere in between.
        let entries: Result<Vec<_>, _> = lines.iter().map(read).collect();
        let ledger = Ledger::of(&entries?);
        let reason = ledger.cancelled().and_then(|asked| asked.reason.clone());
        let ended = ledger.ending().cloned();
        Ok(ended.map(|ended| {
            let reason = ended.reason.clone().or(reason);
            (ended, reason)
        }))
    }
}
