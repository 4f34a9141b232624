//! Conformance: whether a component keeps what the interface promises, faults included.
//!
//! ```text
//! Subject ─▶ Plan: which tasks may be run ─▶ each Scenario on a bench of its own ─▶ Verdict, Use ─▶ Trial
//!
//! backend   its instances, driven directly, over a storage, a clock and a network that can fail
//! strategy  a real `Service` on a store in memory, with `mock` behind it
//! ```
//!
//! A scenario is one sentence that must hold. It runs against fresh instances with a storage of its
//! own, so that no scenario sees what another one left behind.
//!
//! **Invariant:** a scenario that fails says what was expected, what came, and the words of the
//! interface that ask for it. A test holds those words to the files in `wit/`.
//!
//! **Invariant:** no task is started that its author has not named, by `[test]` or by a flag, or
//! declared to do no harm when it is started twice.
//!
//! **Cost:** real time. Guests sleep by the host's timers, and an epoch that ticks cannot be paused.

pub mod argument;
mod backend;
mod clause;
mod config;
mod describe;
mod fault;
pub mod plan;
pub mod replay;
pub mod report;
mod room;
mod strategy;
mod text;
mod usage;
pub mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;

use crate::config::limits::Limits;
use crate::error::{Code, Explain, nearest};
use crate::plugin::load::{Linked, Loaded};
use plan::{Named, Wishes};
use report::{Row, Trial};
use room::Room;
use verdict::{Claim, Failure, Stop, Verdict};

/// What is tried.
pub struct Subject {
    /// What it is called in its configuration.
    pub name: String,
    /// It, linked and configured.
    pub loaded: Loaded,
    /// What it may use.
    pub limits: Limits,
    /// For a strategy: the backend whose tasks it shows.
    pub companion: Option<Loaded>,
    /// What its author says of its tasks.
    pub wishes: Wishes,
}

/// What is to be tried, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names of scenarios. Empty: all of them.
    pub scenarios: Vec<String>,
    /// In place of the tasks that are run to their end.
    pub task: Option<Named>,
    /// In place of the task that is cancelled while it runs.
    pub slow: Option<Named>,
    /// How long one scenario may take.
    pub timeout: Duration,
}

/// How long a scenario may take by default: ten times what the slowest takes with components of ours,
/// and short enough that a component that hangs everywhere is known to within minutes.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// One thing that must hold.
struct Scenario<B> {
    name: &'static str,
    claim: &'static str,
    run: for<'a> fn(&'a B) -> BoxFuture<'a, Claim>,
}

/// Where a scenario runs.
trait Workbench: Sized + Send + Sync + 'static {
    /// All scenarios that run here, in the order in which they are worth reading.
    const SCENARIOS: &'static [Scenario<Self>];

    /// With the instances that the scenario starts.
    fn room(&self) -> &Room;
}

/// Why nothing was tried.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// There is no such scenario for components of this kind.
    #[error("there is no scenario `{name}` for a {kind}")]
    NoSuch {
        /// What was typed.
        name: String,
        /// What is tried.
        kind: &'static str,
        /// What there is.
        known: Vec<&'static str>,
    },
}

/// All scenarios for the kind of `linked`, with what each claims.
pub fn scenarios(linked: &Linked) -> Vec<(&'static str, &'static str)> {
    fn all<B: Workbench>() -> Vec<(&'static str, &'static str)> {
        let scenarios = B::SCENARIOS.iter();
        scenarios.map(|one| (one.name, one.claim)).collect()
    }
    match linked {
        Linked::Backend(_) => all::<backend::Bench>(),
        Linked::Strategy(_) => all::<strategy::Bench>(),
    }
}

/// Tries `subject`. `told` hears of each verdict when it is known.
pub async fn run(
    subject: Subject,
    options: &Options,
    told: &mut (dyn FnMut(&Row) + Send),
) -> Result<Trial, TrialError> {
    let began = Instant::now();
    let known = scenarios(&subject.loaded.linked);
    for name in &options.scenarios {
        if !known.iter().any(|(known, _)| known == name) {
            return Err(TrialError::NoSuch {
                name: name.clone(),
                kind: kind(&subject.loaded.linked),
                known: known.into_iter().map(|(name, _)| name).collect(),
            });
        }
    }
    let subject = Arc::new(subject);
    let rows = match &subject.loaded.linked {
        Linked::Backend(linked) => {
            let plan = Arc::new(backend::scout::plan(&subject, options).await);
            let bench = || backend::Bench::new(&subject, linked, &plan, options.timeout);
            all(options, bench, told).await
        }
        Linked::Strategy(linked) => {
            let bench = || strategy::Bench::new(&subject, linked, options.timeout);
            all(options, bench, told).await
        }
    };
    let loaded = &subject.loaded;
    Ok(Trial {
        kind: kind(&loaded.linked),
        name: loaded.info.name.clone(),
        version: loaded.info.version.clone(),
        digest: format!("sha256:{}", loaded.component.digest),
        rows,
        took: began.elapsed(),
    })
}

/// Runs what was asked for, one scenario after the other: each measures, and would measure the others.
async fn all<B: Workbench>(
    options: &Options,
    bench: impl Fn() -> B,
    told: &mut (dyn FnMut(&Row) + Send),
) -> Vec<Row> {
    let mut rows = Vec::new();
    for scenario in B::SCENARIOS {
        let wanted = &options.scenarios;
        if !wanted.is_empty() && !wanted.iter().any(|name| name == scenario.name) {
            continue;
        }
        let bench = bench();
        let began = Instant::now();
        let ran = tokio::time::timeout(options.timeout, (scenario.run)(&bench)).await;
        let took = began.elapsed();
        let claim = ran.unwrap_or_else(|_| Err(endless(options.timeout)));
        bench.room().end().await;
        let row = Row {
            name: scenario.name,
            claim: scenario.claim,
            verdict: judge(claim, bench.room()),
            usage: bench.room().sum(took),
        };
        told(&row);
        rows.push(row);
    }
    rows
}

/// The verdict on a scenario that ended with `claim`: no instance may have died of it.
fn judge(claim: Claim, room: &Room) -> Verdict {
    match claim {
        Err(Stop::Skipped(why)) => Verdict::Skipped(why),
        Err(Stop::Failed(failure)) => Verdict::Failed(*failure),
        Ok(()) => match room.usage.deaths().first() {
            None => Verdict::Passed,
            Some(report) => Verdict::Failed(Failure::new(
                "an instance that lives through all of it",
                format!("{report}"),
                clause::TRAP,
            )),
        },
    }
}

fn endless(timeout: Duration) -> Stop {
    Failure::new(
        format!("an end within {} s", timeout.as_secs()),
        "none: something is still waited for",
        clause::CALL,
    )
    .into()
}

fn kind(linked: &Linked) -> &'static str {
    match linked {
        Linked::Backend(_) => "backend",
        Linked::Strategy(_) => "strategy",
    }
}

impl Explain for TrialError {
    fn code(&self) -> Code {
        Code(match self {
            Self::NoSuch { .. } => 820,
        })
    }

    fn help(&self) -> Vec<String> {
        let Self::NoSuch { name, known, .. } = self;
        let mut help = Vec::new();
        if let Some(near) = nearest(name, known.iter().copied()) {
            help.push(format!("did you mean `{near}`?"));
        }
        help.push("see all of them: taskhost test REF --list".to_owned());
        help
    }
}

/// How often each kind of call was made, by name.
type Calls = BTreeMap<&'static str, u64>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_scenarios_are_kebab_case_and_unique() {
        fn check<B: Workbench>() {
            let mut names: Vec<_> = B::SCENARIOS.iter().map(|one| one.name).collect();
            let plain = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(names.iter().all(|name| name.chars().all(plain)));
            names.sort_unstable();
            let all = names.len();
            names.dedup();
            assert_eq!(names.len(), all);
        }
        check::<backend::Bench>();
        check::<strategy::Bench>();
    }
}
