//! What a scenario has used: calls, time, instances.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Calls;
use crate::error::Report;
use crate::plugin::Usage as Metered;

/// Counts while a scenario runs.
#[derive(Default)]
pub(super) struct Usage(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    calls: Calls,
    longest: Option<(&'static str, Duration)>,
    instances: u64,
    deaths: Vec<Report>,
}

/// What a scenario has used, all in all.
#[derive(Clone, Debug)]
pub struct Sum {
    /// From its beginning to its end.
    pub took: Duration,
    /// Calls into the component, by function.
    pub calls: Calls,
    /// The call that took longest.
    pub longest: Option<(&'static str, Duration)>,
    /// Instances of the component, those after a restart included.
    pub instances: u64,
    /// All that the host measures, each figure with its limit.
    pub metered: Metered,
}

impl Usage {
    pub(super) fn called(&self, function: &'static str, took: Duration) {
        let mut counted = self.lock();
        *counted.calls.entry(function).or_default() += 1;
        if counted.longest.is_none_or(|(_, longest)| took > longest) {
            counted.longest = Some((function, took));
        }
    }

    pub(super) fn began(&self) {
        self.lock().instances += 1;
    }

    pub(super) fn died(&self, why: Report) {
        let mut counted = self.lock();
        // Broken says the same once more.
        let said = |known: &Report| known.message == why.message && known.causes == why.causes;
        if !counted.deaths.iter().any(said) {
            counted.deaths.push(why);
        }
        counted.instances += 1;
    }

    /// What instances died of, first to last.
    pub(super) fn deaths(&self) -> Vec<Report> {
        self.lock().deaths.clone()
    }

    pub(super) fn sum(&self, took: Duration, metered: Metered) -> Sum {
        let counted = self.lock();
        Sum {
            took,
            calls: counted.calls.clone(),
            longest: counted.longest,
            instances: counted.instances,
            metered,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
