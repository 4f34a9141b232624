//! What a component uses, beside what it may use.
//!
//! One [`Meter`] for each configured component. It outlives instances and reloads, so that a leak that
//! ends an instance every minute is seen as what it is. Everybody writes to it without a lock, but for
//! what happens seldom; [`Meter::usage`] is a plain value for whoever shows it.
//!
//! **Cost:** a few atomic additions for each call and each event, and two looks at the clock for each time
//! that an instance gets to run.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::config::limits::Limits;
use crate::error::Code;

/// What one configured component uses. Shared by all its instances, one after the other.
#[derive(Debug, Default)]
pub struct Meter {
    /// Linear memory of the instance, in bytes.
    pub(crate) memory: Level,
    /// Elements of its tables.
    pub(crate) table_elements: Level,
    /// Resources that it holds.
    pub(crate) handles: Level,
    /// Connections that it holds.
    pub(crate) connections: Level,
    /// Bytes of its storage: an upper bound between measurements.
    pub(crate) storage: Level,
    /// Calls that wait for the instance to take them.
    queued: Level,
    /// Calls inside it.
    pub(crate) in_flight: Level,
    /// Calls inside it that nobody waits for any more.
    pub(crate) abandoned: Level,
    /// Calls that were answered or not.
    pub(crate) calls: Count,
    /// Calls for which there was no room.
    pub(crate) busy: Count,
    /// Calls that had no answer in time.
    pub(crate) timed_out: Count,
    /// The longest call, in microseconds.
    longest_call: AtomicU64,
    /// Time inside the instance, in microseconds.
    ran: AtomicU64,
    /// The longest of it without coming back to the host, in microseconds.
    longest_run: AtomicU64,
    /// Log lines.
    pub(crate) log: Flow,
    /// Bytes of them.
    pub(crate) log_bytes: Count,
    /// Observations pushed, and changes of the catalogue announced.
    pub(crate) events: Flow,
    /// Lines of output.
    pub(crate) output: Flow,
    /// Bytes of them.
    pub(crate) output_bytes: Count,
    /// What happens seldom.
    seldom: Mutex<Seldom>,
}

#[derive(Debug, Default)]
struct Seldom {
    limits: Limits,
    instances: u64,
    ended: BTreeMap<Code, u64>,
    deaths: Vec<Instant>,
}

/// Something that goes up and down.
#[derive(Debug, Default)]
pub(crate) struct Level {
    now: AtomicU64,
    peak: AtomicU64,
}

impl Level {
    pub(crate) fn set(&self, now: usize) {
        let now = now as u64;
        self.now.store(now, Relaxed);
        self.peak.fetch_max(now, Relaxed);
    }

    /// One more, until what this returns is dropped.
    pub(crate) fn hold(&self) -> Held<'_> {
        self.enter();
        Held(self)
    }

    fn enter(&self) {
        let now = self.now.fetch_add(1, Relaxed) + 1;
        self.peak.fetch_max(now, Relaxed);
    }

    fn leave(&self) {
        self.now.fetch_sub(1, Relaxed);
    }

    fn gauge(&self, limit: usize) -> Gauge {
        Gauge {
            now: self.now.load(Relaxed),
            peak: self.peak.load(Relaxed),
            limit: limit as u64,
        }
    }
}

/// One of something, until it is dropped.
#[must_use]
pub(crate) struct Held<'a>(&'a Level);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// A call that waits for its instance, until it is dropped.
pub(crate) struct Queued(Arc<Meter>);

impl Queued {
    pub(crate) fn in_meter(meter: &Arc<Meter>) -> Self {
        meter.queued.enter();
        Self(meter.clone())
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.0.queued.leave();
    }
}

/// Something that only goes up.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: usize) {
        self.0.fetch_add(more as u64, Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Something of which so much a second is let through.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    pub(crate) passed: Count,
    pub(crate) dropped: Count,
}

impl Flow {
    fn rate(&self, limit_per_second: u32) -> Rate {
        Rate {
            passed: self.passed.get(),
            dropped: self.dropped.get(),
            limit_per_second: u64::from(limit_per_second),
        }
    }
}

impl Meter {
    /// What counts from now on. A new instance has begun under these limits.
    pub(crate) fn begins(&self, limits: &Limits) {
        let mut seldom = self.seldom();
        if seldom.limits != *limits {
            seldom.limits = limits.clone();
        }
        seldom.instances += 1;
    }

    /// An instance has ended with this code.
    pub(crate) fn ended(&self, code: Code) {
        for level in [
            &self.memory,
            &self.table_elements,
            &self.handles,
            &self.connections,
        ] {
            level.now.store(0, Relaxed);
        }
        let mut seldom = self.seldom();
        *seldom.ended.entry(code).or_default() += 1;
        let window = seldom.limits.restart_window;
        seldom.deaths.retain(|death| death.elapsed() <= window);
        // More than that are as broken as that.
        if seldom.deaths.len() <= seldom.limits.restarts {
            seldom.deaths.push(Instant::now());
        }
    }

    /// A call has been answered, or has ended otherwise, after so long.
    pub(crate) fn called(&self, took: Duration) {
        self.longest_call.fetch_max(microseconds(took), Relaxed);
    }

    /// The instance ran for `time`, the last of `without_yield` since the host got to run.
    pub(crate) fn ran(&self, time: Duration, without_yield: Duration) {
        self.ran.fetch_add(microseconds(time), Relaxed);
        self.longest_run
            .fetch_max(microseconds(without_yield), Relaxed);
    }

    /// All of it at this moment, each figure with its limit.
    pub fn usage(&self) -> Usage {
        let seldom = self.seldom();
        let limits = &seldom.limits;
        let recent = (seldom.deaths.iter())
            .filter(|death| death.elapsed() <= limits.restart_window)
            .count();
        Usage {
            memory: self.memory.gauge(limits.memory),
            table_elements: self.table_elements.gauge(limits.table_elements),
            handles: self.handles.gauge(limits.handles),
            connections: self.connections.gauge(limits.connections),
            storage: Gauge {
                limit: limits.storage,
                ..self.storage.gauge(0)
            },
            ran_ms: self.ran.load(Relaxed) / 1000,
            without_yield: longest(&self.longest_run, limits.without_yield),
            call: longest(&self.longest_call, limits.call),
            calls: self.calls.get(),
            in_flight: self.in_flight.gauge(limits.in_flight),
            queued: self.queued.gauge(limits.queue),
            abandoned: self.abandoned.gauge(limits.abandoned),
            refused_as_busy: self.busy.get(),
            timed_out: self.timed_out.get(),
            log_lines: self.log.rate(limits.log_lines),
            log_bytes: self.log_bytes.get(),
            events: self.events.rate(limits.events),
            output_lines: self.output.rate(limits.output_lines),
            output_bytes: self.output_bytes.get(),
            instances: seldom.instances,
            restarts: Gauge {
                now: recent as u64,
                peak: seldom.ended.values().sum(),
                limit: limits.restarts as u64,
            },
            restart_window_ms: milliseconds(limits.restart_window),
            ended: (seldom.ended.iter())
                .map(|(code, times)| (code.to_string(), *times))
                .collect(),
        }
    }

    fn seldom(&self) -> MutexGuard<'_, Seldom> {
        self.seldom.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a component uses and may use, as a plain value: for tables, JSON and metrics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Bytes of linear memory.
    pub memory: Gauge,
    /// Elements of its tables.
    pub table_elements: Gauge,
    /// Resources that it holds, looked at ten times a second.
    pub handles: Gauge,
    /// Connections that it holds.
    pub connections: Gauge,
    /// Bytes that it stores, at most.
    pub storage: Gauge,
    /// Milliseconds for which it has kept a processor busy, imports included.
    pub ran_ms: u64,
    /// The longest of it without coming back to the host.
    pub without_yield: Longest,
    /// The longest call.
    pub call: Longest,
    /// Calls made.
    pub calls: u64,
    /// Calls inside it.
    pub in_flight: Gauge,
    /// Calls that wait for it.
    pub queued: Gauge,
    /// Calls inside it that nobody waits for any more.
    pub abandoned: Gauge,
    /// Calls for which there was no room.
    pub refused_as_busy: u64,
    /// Calls that had no answer in time.
    pub timed_out: u64,
    /// Log lines.
    pub log_lines: Rate,
    /// Bytes of them that were written.
    pub log_bytes: u64,
    /// Events pushed.
    pub events: Rate,
    /// Lines of output.
    pub output_lines: Rate,
    /// Bytes of them that were kept.
    pub output_bytes: u64,
    /// Instances that were begun.
    pub instances: u64,
    /// Instances that have ended by themselves: within the window, and since the host was started.
    pub restarts: Gauge,
    /// How long an end counts.
    pub restart_window_ms: u64,
    /// What ended instances, and how often, by code.
    pub ended: BTreeMap<String, u64>,
}

/// A figure that goes up and down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gauge {
    /// At this moment.
    pub now: u64,
    /// The most that it ever was.
    pub peak: u64,
    /// The most that it may be.
    pub limit: u64,
}

/// The longest of something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Longest {
    /// In milliseconds.
    pub ms: u64,
    /// How long it may be.
    pub limit_ms: u64,
}

/// Something of which so much a second is let through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Let through.
    pub passed: u64,
    /// Not let through.
    pub dropped: u64,
    /// What is let through each second.
    pub limit_per_second: u64,
}

fn longest(longest: &AtomicU64, limit: Duration) -> Longest {
    Longest {
        ms: longest.load(Relaxed) / 1000,
        limit_ms: milliseconds(limit),
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_come_with_their_limits_and_outlive_an_instance() {
        let meter = Arc::new(Meter::default());
        let limits = Limits {
            memory: 100,
            restarts: 1,
            ..Limits::default()
        };
        meter.begins(&limits);
        meter.memory.set(70);
        meter.memory.set(40);
        let waiting = Queued::in_meter(&meter);
        assert_eq!(meter.usage().queued.now, 1);
        drop(waiting);
        assert_eq!(meter.usage().queued.now, 0);
        let held = meter.in_flight.hold();
        let usage = meter.usage();
        assert_eq!(
            (usage.memory.now, usage.memory.peak, usage.memory.limit),
            (40, 70, 100)
        );
        assert_eq!((usage.in_flight.now, usage.in_flight.peak), (1, 1));
        drop(held);
        meter.ended(Code(401));
        meter.begins(&limits);
        let usage = meter.usage();
        assert_eq!((usage.memory.now, usage.memory.peak), (0, 70));
        assert_eq!((usage.in_flight.now, usage.in_flight.peak), (0, 1));
        assert_eq!((usage.restarts.now, usage.restarts.limit), (1, 1));
        assert_eq!(usage.ended.get("TH0401"), Some(&1));
        assert_eq!(usage.instances, 2);
    }

    #[test]
    fn usage_is_read_back_as_it_was_written() {
        let meter = Meter::default();
        meter.begins(&Limits::default());
        meter.ended(Code(402));
        let text = serde_json::to_string(&meter.usage()).unwrap();
        assert_eq!(serde_json::from_str::<Usage>(&text).unwrap(), meter.usage());
    }
}
