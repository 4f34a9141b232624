//! `events`: what a backend pushes.

use super::Guest;
use super::bindings::host::events;
use super::bindings::host::types::Observation as WireObservation;
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
        let (Some(sink), Ok(id)) = (&self.ports.events, id.parse::<TaskId>()) else {
            tracing::debug!(component = %self.name, "pushed an observation of something that is no task");
            return;
        };
        match convert::observation_in(observation) {
            Ok(observation) => sink.observed(id, observation),
            Err(rubbish) => {
                tracing::warn!(component = %self.name, "pushed rubbish: {rubbish} [TH0406]");
            }
        }
    }

    fn output(&mut self, id: String, line: String) {
        if let (Some(sink), Ok(id)) = (&self.ports.events, id.parse()) {
            sink.output(id, cut(line, limits::OUTPUT_LINE));
        }
    }

    fn catalog_changed(&mut self) {
        if let Some(sink) = &self.ports.events {
            sink.catalog_changed();
        }
    }
}
