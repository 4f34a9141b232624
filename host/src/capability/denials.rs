//! What components were denied: counted, and said once a minute.
//!
//! A component that is denied something usually tries again, so each target has one row: how often, and
//! the grant that would allow it. The table of a component is bounded: past [`ROWS`] targets, one row for
//! each kind takes the rest, so that guessing at names fills no memory.
//!
//! What is not here: a variable or a directory that is not granted is simply not there, and nobody is asked.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::logging::cut;
use crate::error::Code;

/// What was denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A connection.
    Tcp,
    /// Looking up a name.
    Dns,
    /// An HTTP request.
    Http,
    /// A secret.
    Secret,
    /// Storage beyond its size.
    Storage,
    /// Waiting for connections, which nothing can grant.
    Listen,
}

impl Kind {
    fn code(self) -> Code {
        Code(match self {
            Self::Tcp => 501,
            Self::Secret => 502,
            Self::Storage => 504,
            Self::Dns => 521,
            Self::Http => 522,
            Self::Listen => 523,
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "may not connect to",
            Self::Dns => "may not look up",
            Self::Http => "may not request",
            Self::Secret => "may not use the secret",
            Self::Storage => "may not store",
            Self::Listen => "may not listen at",
        })
    }
}

/// One thing that was denied, as often as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Denial {
    /// What.
    pub kind: Kind,
    /// Which.
    pub target: String,
    /// Why, where it is not simply that nothing grants it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How often.
    pub count: u64,
    /// What would have to be granted: `tcp=redis:6379`. None where nothing would help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
}

/// All that one component was denied since the host started, over all its instances.
#[derive(Debug, Default)]
pub struct Denials {
    rows: Mutex<BTreeMap<(Kind, String), Row>>,
}

#[derive(Debug)]
struct Row {
    why: Option<String>,
    grant: Option<String>,
    count: u64,
    said: Option<Instant>,
}

/// Something that is denied now.
#[derive(Clone, Debug)]
pub struct Denied {
    /// What.
    pub kind: Kind,
    /// Which.
    pub target: String,
    /// Why, where it is not simply that nothing grants it.
    pub why: Option<String>,
    /// What would have to be granted, where something would help.
    pub grant: Option<String>,
}

impl Denied {
    /// What to do about it.
    fn advice(&self, component: &str) -> Option<String> {
        let grant = self.grant.as_ref()?;
        Some(format!(
            "taskhost grant {component} {grant}, or --allow {component}:{grant}"
        ))
    }

    /// All of it, in a line: for the guest, and for the log.
    pub fn line(&self, component: &str) -> String {
        let mut line = format!("`{component}` {} {}", self.kind, self.target);
        if let Some(why) = &self.why {
            line = format!("{line}: {why}");
        }
        line = format!("{line} [{}]", self.kind.code());
        match self.advice(component) {
            Some(advice) => format!("{line}: {advice}"),
            None => line,
        }
    }
}

impl Denials {
    /// Counts `denied`, says it if it is time, and gives the line to be passed on.
    pub fn deny(&self, component: &str, denied: Denied) -> String {
        let denied = Denied {
            target: printable(denied.target),
            // Advice that would have to be cut is none.
            grant: denied
                .grant
                .filter(|grant| printable(grant.clone()) == *grant),
            ..denied
        };
        let line = denied.line(component);
        if self.count(denied, Instant::now()) {
            tracing::warn!(%component, "{line}");
        }
        line
    }

    /// What was denied, most often first.
    pub fn snapshot(&self) -> Vec<Denial> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let mut denials: Vec<_> = rows
            .iter()
            .map(|((kind, target), row)| Denial {
                kind: *kind,
                target: target.clone(),
                why: row.why.clone(),
                count: row.count,
                grant: row.grant.clone(),
            })
            .collect();
        denials.sort_by_key(|denial| std::cmp::Reverse(denial.count));
        denials
    }

    /// Counts `denied`. True: it is time to say so.
    fn count(&self, denied: Denied, now: Instant) -> bool {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = (denied.kind, denied.target);
        let (mut why, mut grant) = (denied.why, denied.grant);
        if rows.len() >= ROWS && !rows.contains_key(&key) {
            key = (denied.kind, OTHERS.to_owned());
            (why, grant) = (None, None);
        }
        let row = rows.entry(key).or_insert(Row {
            why: None,
            grant: None,
            count: 0,
            said: None,
        });
        (row.why, row.grant) = (why, grant);
        row.count += 1;
        let is_time = row
            .said
            .is_none_or(|said| now.duration_since(said) >= EVERY);
        if is_time {
            row.said = Some(now);
        }
        is_time
    }
}

/// A guest chooses this text: it is cut, and cannot move anybody's cursor.
fn printable(target: String) -> String {
    cut(target, TARGET)
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// Targets of a component: more than any honest one has.
const ROWS: usize = 128;

/// What takes the targets beyond them.
const OTHERS: &str = "(others)";

/// How often one target is said.
const EVERY: Duration = Duration::from_mins(1);

/// The longest target, in bytes: the longest name of a host.
const TARGET: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(to: &str) -> Denied {
        Denied {
            kind: Kind::Tcp,
            target: to.to_owned(),
            why: None,
            grant: Some(format!("tcp={to}")),
        }
    }

    #[test]
    fn a_denial_says_which_grant_would_allow_it() {
        let line = Denials::default().deny("mine", connection("redis:6379"));
        assert_eq!(
            line,
            "`mine` may not connect to redis:6379 [TH0501]: taskhost grant mine tcp=redis:6379, \
             or --allow mine:tcp=redis:6379"
        );
    }

    #[test]
    fn each_try_is_counted_and_each_target_said_once_a_minute() {
        let denials = Denials::default();
        let start = Instant::now();
        assert!(denials.count(connection("a:1"), start));
        assert!(!denials.count(connection("a:1"), start + EVERY / 2));
        assert!(denials.count(connection("b:1"), start + EVERY / 2));
        assert!(denials.count(connection("a:1"), start + EVERY));
        let counts: Vec<_> = denials
            .snapshot()
            .into_iter()
            .map(|denial| (denial.target, denial.count))
            .collect();
        assert_eq!(counts, [("a:1".to_owned(), 3), ("b:1".to_owned(), 1)]);
    }

    #[test]
    fn guessing_at_names_fills_no_memory_and_no_log() {
        let denials = Denials::default();
        let now = Instant::now();
        let said = (0..10_000)
            .filter(|n| denials.count(connection(&format!("host-{n}:1")), now))
            .count();
        assert_eq!(said, ROWS + 1);
        let rows = denials.snapshot();
        assert_eq!(rows.len(), ROWS + 1);
        assert_eq!(rows.iter().map(|row| row.count).sum::<u64>(), 10_000);
        assert_eq!(rows.first().unwrap().target, OTHERS);
    }

    #[test]
    fn a_target_cannot_write_lines_of_its_own() {
        let line = Denials::default().deny("mine", connection("a\nerror: b\u{1b}[2J:1"));
        assert!(!line.contains(['\n', '\u{1b}']), "{line}");
        let long = Denials::default().deny("mine", connection(&"a".repeat(100_000)));
        assert!(long.len() < 1_000, "{long}");
    }
}
