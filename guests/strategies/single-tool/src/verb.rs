//! The words of the argument `action`.

use serde::Deserialize;
use taskhost_strategy_kit::action::Action;

/// What a call wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verb {
    Start,
    Check,
    Result,
    Answer,
    Cancel,
}

impl Verb {
    const ALL: [Self; 5] = [
        Self::Start,
        Self::Check,
        Self::Result,
        Self::Answer,
        Self::Cancel,
    ];

    /// All that a task offers.
    pub(crate) fn offered(cancellable: bool) -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(move |verb| cancellable || *verb != Self::Cancel)
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Check => "check",
            Self::Result => "result",
            Self::Answer => "answer",
            Self::Cancel => "cancel",
        }
    }

    /// The same, as other strategies call it.
    pub(crate) fn action(self) -> Action {
        match self {
            Self::Start => Action::Start,
            Self::Check => Action::Status,
            Self::Result => Action::Result,
            Self::Answer => Action::Answer,
            Self::Cancel => Action::Cancel,
        }
    }
}
