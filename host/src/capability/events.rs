//! `events`: what a backend pushes.
//!
//! A push costs the backend a microsecond and the host up to a commit, so there is a budget by the
//! second, and it is looked at before anything of the push is.

use std::time::Instant;

use super::Guest;
use super::bindings::host::events;
use super::bindings::host::types::Observation as WireObservation;
use super::budget::Share;
use super::convert;
use super::logging::cut;
use crate::config::limits;
use crate::task::{Observation, TaskId};

/// Where pushes go. Never blocks: the sink keeps the newest observation of each live task.
pub trait EventSink: Send + Sync {
    /// A backend says where a task stands.
    fn observed(&self, id: TaskId, observation: Observation);
    /// The work printed a line.
    fn output(&self, id: TaskId, line: String);
    /// `list-tasks` would answer differently now.
    fn catalog_changed(&self);
}

impl events::Host for Guest {
    fn observed(&mut self, id: String, observation: WireObservation) {
        if !self.may_push() {
            return;
        }
        let (Some(sink), Ok(id)) = (self.ports.events.clone(), id.parse::<TaskId>()) else {
            tracing::debug!(component = %self.name, "pushed an observation of something that is no task");
            return;
        };
        match convert::observation_in(observation, self.ports.limits.document) {
            Ok(observation) => sink.observed(id, observation),
            Err(rubbish) => {
                if self.may_be_mentioned() {
                    tracing::warn!(component = %self.name, "pushed rubbish: {rubbish} [TH0406]");
                }
            }
        }
    }

    fn output(&mut self, id: String, line: String) {
        let (Some(sink), Ok(id)) = (self.ports.events.clone(), id.parse()) else {
            return;
        };
        let line = cut(line, limits::OUTPUT_LINE);
        if self.may_print(line.len()) {
            sink.output(id, line);
        }
    }

    fn catalog_changed(&mut self) {
        if let (true, Some(sink)) = (self.may_push(), &self.ports.events) {
            sink.catalog_changed();
        }
    }
}

impl Guest {
    /// Whether one more event is within the budget. What is not is only late: the host learns it by
    /// `observe`.
    fn may_push(&mut self) -> bool {
        let share = self.events.take(1, Instant::now());
        let flow = &self.ports.meter.events;
        match share {
            Share::Granted { refused } => {
                flow.passed.add(1);
                if refused > 0 && self.may_be_mentioned() {
                    tracing::warn!(component = %self.name, dropped = refused, "events over the limit were dropped [TH0414]");
                }
                true
            }
            Share::Refused => {
                flow.dropped.add(1);
                false
            }
        }
    }

    /// Whether one more line of output, of so many bytes, is within the budget.
    fn may_print(&mut self, bytes: usize) -> bool {
        let now = Instant::now();
        let mut dropped = 0;
        for (budget, amount) in [(&mut self.output_lines, 1), (&mut self.output_bytes, bytes)] {
            match budget.take(amount, now) {
                Share::Granted { refused } => dropped += refused,
                Share::Refused => {
                    self.ports.meter.output.dropped.add(1);
                    return false;
                }
            }
        }
        self.ports.meter.output.passed.add(1);
        self.ports.meter.output_bytes.add(bytes);
        if dropped > 0 && self.may_be_mentioned() {
            tracing::warn!(component = %self.name, dropped, "lines of output over the limit were dropped [TH0416]");
        }
        true
    }
}
