//! `tracing` events as lines in the host's log.
//!
//! Installed by the exports, before `init`. A line has the event's message and fields, and the fields
//! of the spans around it, so that `#[instrument(fields(task = …))]` marks all lines of a call. Events
//! of level `trace` are left out: the host takes 200 lines a second.
//!
//! ```
//! use taskhost_sdk::tracing;
//!
//! tracing::warn!(queue = "films", waiting = 3, "nobody takes from the queue");
//! ```
//!
//! Never log arguments, results or secrets.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::host::logging;

const MOST: LevelFilter = LevelFilter::DEBUG;

/// Sends what is said by `tracing` to the host from now on. A second call changes nothing.
pub fn install() {
    // Somebody else may have installed something: that is then what the component wants.
    _ = tracing::subscriber::set_global_default(ToHost {
        last: AtomicU64::new(0),
    });
}

struct ToHost {
    last: AtomicU64,
}

thread_local! {
    static SPANS: RefCell<HashMap<u64, Span>> = RefCell::default();
    /// Those that are entered, the innermost last.
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

struct Span {
    holders: usize,
    parent: Option<u64>,
    fields: Vec<(String, String)>,
}

impl Subscriber for ToHost {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= MOST
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(MOST)
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let parent = match attributes.parent() {
            Some(parent) => Some(parent.into_u64()),
            None if attributes.is_contextual() => innermost(),
            None => None,
        };
        let mut seen = Seen::default();
        attributes.record(&mut seen);
        let span = Span {
            holders: 1,
            parent,
            fields: seen.into_fields(),
        };
        SPANS.with_borrow_mut(|spans| {
            if let Some(parent) = parent.and_then(|parent| spans.get_mut(&parent)) {
                parent.holders += 1;
            }
            spans.insert(id, span);
        });
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut seen = Seen::default();
        values.record(&mut seen);
        SPANS.with_borrow_mut(|spans| {
            if let Some(span) = spans.get_mut(&span.into_u64()) {
                span.fields.extend(seen.into_fields());
            }
        });
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut seen = Seen::default();
        event.record(&mut seen);
        let message = seen.message.take().unwrap_or_default();
        let mut fields = seen.into_fields();
        let mut next = match event.parent() {
            Some(parent) => Some(parent.into_u64()),
            None => innermost(),
        };
        SPANS.with_borrow(|spans| {
            while let Some(span) = next.and_then(|id| spans.get(&id)) {
                for field in &span.fields {
                    if fields.iter().all(|(name, _)| *name != field.0) {
                        fields.push(field.clone());
                    }
                }
                next = span.parent;
            }
        });
        logging::log(level(*event.metadata().level()), &message, &fields);
    }

    fn enter(&self, span: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(span.into_u64()));
    }

    fn exit(&self, span: &Id) {
        ENTERED.with_borrow_mut(|entered| {
            if let Some(place) = entered.iter().rposition(|one| *one == span.into_u64()) {
                entered.remove(place);
            }
        });
    }

    fn clone_span(&self, span: &Id) -> Id {
        SPANS.with_borrow_mut(|spans| {
            if let Some(span) = spans.get_mut(&span.into_u64()) {
                span.holders += 1;
            }
        });
        span.clone()
    }

    fn try_close(&self, span: Id) -> bool {
        // A parent that nobody else holds goes with its last child.
        let mut next = Some(span.into_u64());
        let mut closed = false;
        SPANS.with_borrow_mut(|spans| {
            while let Some(id) = next.take() {
                let Some(span) = spans.get_mut(&id) else {
                    return;
                };
                span.holders -= 1;
                if span.holders == 0 {
                    next = spans.remove(&id).and_then(|span| span.parent);
                    closed = true;
                }
            }
        });
        closed
    }
}

fn innermost() -> Option<u64> {
    ENTERED.with_borrow(|entered| entered.last().copied())
}

fn level(level: Level) -> logging::Level {
    match level {
        Level::TRACE => logging::Level::Trace,
        Level::DEBUG => logging::Level::Debug,
        Level::INFO => logging::Level::Info,
        Level::WARN => logging::Level::Warn,
        Level::ERROR => logging::Level::Error,
    }
}

/// What an event or a span has said.
#[derive(Default)]
struct Seen {
    message: Option<String>,
    fields: Vec<(String, String)>,
}

impl Seen {
    fn add(&mut self, field: &Field, value: String) {
        match field.name() {
            "message" => self.message = Some(value),
            name => self.fields.push((name.to_owned(), value)),
        }
    }

    /// The message of a span is a field as any other.
    fn into_fields(mut self) -> Vec<(String, String)> {
        if let Some(message) = self.message {
            self.fields.push(("message".into(), message));
        }
        self.fields
    }
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field, value.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::Host;

    #[test]
    fn a_line_has_its_own_fields_and_those_of_the_spans_around_it() {
        let host = Host::new();
        let outer = tracing::info_span!("call", task = "t1");
        let inner = outer.in_scope(|| tracing::info_span!("step", step = 2, task = "t2"));
        drop(outer);
        inner.in_scope(|| tracing::warn!(error = %"gone", "the server {}", "is silent"));
        tracing::trace!("too much");
        let lines = host.log();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0].level, logging::Level::Warn);
        assert_eq!(lines[0].message, "the server is silent");
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            lines[0].fields,
            [
                field("error", "gone"),
                field("step", "2"),
                field("task", "t2")
            ]
        );
    }

    #[test]
    fn a_span_that_nobody_holds_is_forgotten_with_its_parents() {
        let host = Host::new();
        let outer = tracing::info_span!("outer");
        let inner = tracing::info_span!(parent: &outer, "inner");
        drop(outer);
        let held = || SPANS.with_borrow(HashMap::len);
        assert_eq!(held(), 2);
        drop(inner);
        assert_eq!(held(), 0);
        assert!(host.log().is_empty());
    }
}
