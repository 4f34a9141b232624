//! What a client is told while it waits, and when.
//!
//! The protocol demands that the numbers rise, and a host drops those that do not. So a report that
//! says something new with an old number is raised a little above the one before it: too little to
//! be seen, and below whatever the work says next.

use crate::duration::so_far;
use crate::interface::{Observation, Progress, Snapshot};

/// How much higher a number is that has to be higher.
const A_LITTLE: f64 = 1e-6;

/// The reports of one call.
#[derive(Clone, Debug, PartialEq)]
pub struct Pulse {
    every_ms: u64,
    /// When something was last reported; at first, when the call began.
    told_ms: u64,
    /// The revision that was told of.
    revision: Option<u64>,
    shown: Option<f64>,
}

impl Pulse {
    /// For a call that began at `now_ms`, with a heartbeat after `every_ms` without news.
    pub fn new(every_ms: u64, now_ms: u64) -> Self {
        Self {
            every_ms: every_ms.max(1),
            told_ms: now_ms,
            revision: None,
            shown: None,
        }
    }

    /// What is to be said of a snapshot that is news.
    pub fn news(&mut self, now_ms: u64, snapshot: &Snapshot) -> Option<Progress> {
        if self.revision == Some(snapshot.revision) {
            return None;
        }
        self.revision = Some(snapshot.revision);
        let progress = match &snapshot.observation {
            Observation::Running(Some(progress)) => progress.clone(),
            Observation::Retrying(cause) => said(format!(
                "an attempt failed ({}: {}), and will be repeated",
                cause.code, cause.message
            )),
            _ => return None,
        };
        Some(self.raised(now_ms, progress))
    }

    /// The heartbeat that is due, if one is.
    pub fn beat(&mut self, now_ms: u64, snapshot: &Snapshot) -> Option<Progress> {
        if self.rest_ms(now_ms) > 0 {
            return None;
        }
        let age = so_far(now_ms.saturating_sub(snapshot.created_ms));
        let progress = match &snapshot.observation {
            Observation::Running(Some(progress)) => Progress {
                message: Some(progress.message.as_ref().map_or_else(
                    || format!("running, {age} so far"),
                    |message| format!("{message}, {age} so far"),
                )),
                ..progress.clone()
            },
            Observation::Pending => said(format!("not begun yet, {age} so far")),
            Observation::Retrying(_) => said(format!("will be tried again, {age} so far")),
            _ => said(format!("running, {age} so far")),
        };
        Some(self.raised(now_ms, progress))
    }

    /// Milliseconds until the next heartbeat.
    pub fn rest_ms(&self, now_ms: u64) -> u64 {
        self.told_ms
            .saturating_add(self.every_ms)
            .saturating_sub(now_ms)
    }

    fn raised(&mut self, now_ms: u64, progress: Progress) -> Progress {
        self.told_ms = now_ms;
        let least = self
            .shown
            .map(|shown| shown + shown.abs().max(1.0) * A_LITTLE);
        let current = match least {
            Some(least) if progress.current.is_nan() || progress.current < least => least,
            _ => progress.current,
        };
        self.shown = Some(current);
        Progress {
            current,
            total: progress.total.filter(|total| *total >= current),
            ..progress
        }
    }
}

/// Words without a number.
fn said(message: String) -> Progress {
    Progress {
        current: 0.0,
        total: None,
        message: Some(message),
        detail: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{failure, running, snapshot};

    #[test]
    fn progress_of_the_work_is_passed_on_as_it_is_and_once() {
        let mut pulse = Pulse::new(10_000, 0);
        let news = snapshot(running(1.0, Some(4.0), None));
        let told = pulse.news(5, &news).unwrap();
        assert_eq!((told.current, told.total), (1.0, Some(4.0)));
        assert_eq!(pulse.news(6, &news), None);
    }

    #[test]
    fn a_heartbeat_comes_when_there_were_no_news_for_a_while_and_not_before() {
        let mut pulse = Pulse::new(10_000, 0);
        let silent = snapshot(Observation::Running(None));
        assert_eq!(pulse.news(0, &silent), None);
        assert_eq!(pulse.beat(9_999, &silent), None);
        let beat = pulse.beat(10_000, &silent).unwrap();
        assert_eq!(beat.message.as_deref(), Some("running, 10 s so far"));
        assert_eq!(pulse.rest_ms(10_000), 10_000);
    }

    #[test]
    fn numbers_rise_whatever_is_said() {
        let mut pulse = Pulse::new(10, 0);
        let silent = snapshot(Observation::Running(None));
        let half = Snapshot {
            revision: 2,
            ..snapshot(running(0.5, Some(1.0), None))
        };
        let again = Snapshot {
            revision: 3,
            ..snapshot(Observation::Retrying(failure(true, None)))
        };
        let less = Snapshot {
            revision: 4,
            ..snapshot(running(0.1, Some(1.0), None))
        };
        let told = [
            pulse.beat(10, &silent),
            pulse.beat(20, &silent),
            pulse.news(21, &half),
            pulse.beat(31, &half),
            pulse.news(32, &again),
            pulse.news(33, &less),
        ];
        let numbers = told.map(|told| told.unwrap().current);
        assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
        assert!((numbers[2] - 0.5).abs() < f64::EPSILON, "{numbers:?}");
        assert!(numbers[5] < 0.51, "{numbers:?}");
    }

    #[test]
    fn what_is_raised_above_its_total_has_none() {
        let mut pulse = Pulse::new(10, 0);
        let all = snapshot(running(4.0, Some(4.0), None));
        assert_eq!(pulse.news(0, &all).unwrap().total, Some(4.0));
        assert_eq!(pulse.beat(10, &all).unwrap().total, None);
    }
}
