//! A component as an operator sees it: the same facts for tables and for `--json`.

use serde::{Deserialize, Serialize};

use super::protocol::ErrorView;
use crate::plugin::ask::Ask;
use crate::plugin::placed::Placed;
use crate::plugin::reach::Missing;
use crate::plugin::reload::{Outcome, Reload};
use crate::plugin::{Health, Kind, Usage};
use crate::service::Service;

/// One component of a running host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComponentView {
    /// What it is called in this host.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// What it calls itself.
    pub component: String,
    /// In its own words.
    pub version: String,
    /// For people, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `sha256:…` of the file.
    pub digest: String,
    /// What the configuration calls it.
    pub source: String,
    /// It came with taskhost.
    pub first_party: bool,
    /// For an engine: the orchestrations that a setting of it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flows: Option<FlowsView>,
    /// Rises with each instance and each reload. Absent while there is no instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// How it is.
    pub health: HealthView,
    /// What came of the last attempt to reload it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reload: Option<ReloadView>,
    /// For a backend: its tasks that are not over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks_alive: Option<usize>,
    /// For a strategy: names of the tasks that it shows, where they are configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shows: Option<Vec<String>>,
    /// What it may reach, in the words of grants.
    pub grants: Vec<String>,
    /// What it asks for. Absent: it does not say, and gets what is granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks: Option<Vec<AskView>>,
    /// What it was denied since the host has started, most often first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denials: Vec<DenialView>,
    /// What it has used since the host has started, beside what it may use.
    pub usage: Usage,
}

/// The file of orchestrations that an engine runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlowsView {
    /// What the configuration calls it.
    pub source: String,
    /// `sha256:…` of the file.
    pub digest: String,
}

/// How a component is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthView {
    /// In one word.
    pub state: State,
    /// What ended it last, while it is not ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<ErrorView>,
}

/// How a component is, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// At work.
    Ready,
    /// Being instantiated.
    Starting,
    /// At rest after too many ends.
    Broken,
    /// The host is going down.
    Stopped,
}

/// One attempt to reload a component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReloadView {
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What came of it.
    pub outcome: OutcomeView,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<ErrorView>,
    /// What it is held for: grants that would let it go live.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<AskView>,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeView {
    /// The new build serves.
    Swapped,
    /// There was nothing new.
    Unchanged,
    /// The old build serves.
    Failed,
    /// The old build serves until the new one is granted what it asks for.
    Held,
}

/// Something that a build asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskView {
    /// `tcp redis:6379`
    pub what: String,
    /// In the words of its author.
    pub reason: String,
    /// It copes without.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// The grant that is missing. Absent: none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

/// Something that a component has tried and may not do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenialView {
    /// `may not connect to redis:6379`
    pub what: String,
    /// How often.
    pub count: u64,
    /// The grant that would allow it, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
}

impl ComponentView {
    /// How `placed` looks.
    pub fn of(placed: &Placed, service: &Service) -> Self {
        let build = placed.build();
        let (loaded, config) = (&build.loaded, &build.config);
        let health = placed.health().borrow().clone();
        let is_backend = placed.kind() == Kind::Backend;
        Self {
            name: placed.name().to_owned(),
            kind: placed.kind(),
            component: loaded.info.name.clone(),
            version: loaded.info.version.clone(),
            description: loaded.info.description.clone(),
            digest: format!("sha256:{}", loaded.component.digest),
            source: config.reference.clone(),
            first_party: loaded.first_party,
            flows: loaded.flows.as_ref().map(|flows| FlowsView {
                source: flows.locked.reference.clone(),
                digest: flows.locked.digest.to_string(),
            }),
            generation: match health {
                Health::Ready { generation } => Some(generation),
                Health::Starting { .. } | Health::Broken { .. } | Health::Stopped => None,
            },
            health: HealthView::of(&health),
            reload: placed.last().as_ref().map(ReloadView::of),
            tasks_alive: is_backend.then(|| service.alive_at(placed.name())),
            shows: (config.tasks.as_ref()).map(|tasks| tasks.written().to_vec()),
            grants: build.grants(),
            asks: build.asks().map(|asks| {
                (asks.iter())
                    .map(|ask| AskView::of(ask, build.missing()))
                    .collect()
            }),
            denials: (placed.denials().into_iter())
                .map(|denial| DenialView {
                    what: format!("{} {}", denial.kind, denial.target),
                    count: denial.count,
                    grant: denial.grant,
                })
                .collect(),
            usage: placed.usage(),
        }
    }

    /// With what came of this attempt, whatever has come of others since.
    #[must_use]
    pub fn after(mut self, reload: &Reload) -> Self {
        self.reload = Some(ReloadView::of(reload));
        self
    }
}

impl HealthView {
    fn of(health: &Health) -> Self {
        let (state, why) = match health {
            Health::Ready { .. } => (State::Ready, None),
            Health::Starting { after, .. } => (State::Starting, after.as_ref()),
            Health::Broken { why } => (State::Broken, Some(why)),
            Health::Stopped => (State::Stopped, None),
        };
        Self {
            state,
            why: why.map(ErrorView::of),
        }
    }
}

impl State {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Starting => "starting",
            Self::Broken => "broken",
            Self::Stopped => "stopped",
        }
    }
}

impl ReloadView {
    fn of(reload: &Reload) -> Self {
        let mut view = Self {
            at_ms: reload.at_ms,
            outcome: OutcomeView::Unchanged,
            why: None,
            asks: Vec::new(),
        };
        match &reload.outcome {
            Outcome::Swapped { .. } => view.outcome = OutcomeView::Swapped,
            Outcome::Unchanged => {}
            Outcome::Failed(report) => {
                view.outcome = OutcomeView::Failed;
                view.why = Some(ErrorView::of(report));
            }
            Outcome::Held(asks) => {
                view.outcome = OutcomeView::Held;
                view.asks = (asks.iter())
                    .map(|missing| AskView::of(&missing.ask, asks))
                    .collect();
            }
        }
        view
    }
}

impl AskView {
    fn of(ask: &Ask, missing: &[Missing]) -> Self {
        let missing = missing.iter().find(|missing| missing.ask == *ask);
        Self {
            what: format!("{} {}", ask.what.kind(), ask.what),
            reason: ask.reason.clone(),
            optional: ask.optional,
            missing: missing.map(|missing| missing.grant.clone()),
        }
    }

    /// What would be an answer to it.
    pub fn grant(&self) -> &str {
        self.missing.as_deref().unwrap_or(&self.what)
    }
}

impl OutcomeView {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Swapped => "swapped",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
            Self::Held => "held",
        }
    }
}
