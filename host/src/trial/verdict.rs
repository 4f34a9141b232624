//! What came of a scenario.

use super::clause::Clause;
use crate::plugin::CallError;

/// What came of a scenario.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It holds.
    Passed,
    /// It does not.
    Failed(Failure),
    /// It says nothing of this component. Why.
    Skipped(String),
}

/// Why a component does not conform.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What would have been right.
    pub expected: String,
    /// What was there in its place.
    pub came: String,
    /// What asks for it.
    pub clause: Clause,
}

impl Failure {
    pub(super) fn new(
        expected: impl Into<String>,
        came: impl Into<String>,
        clause: Clause,
    ) -> Self {
        Self {
            expected: expected.into(),
            came: came.into(),
            clause,
        }
    }
}

/// Why a scenario ends before its end.
#[derive(Clone, Debug)]
pub(super) enum Stop {
    Failed(Box<Failure>),
    Skipped(String),
}

/// What a scenario amounts to.
pub(super) type Claim = Result<(), Stop>;

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

/// The scenario fails.
pub(super) fn failed<T>(
    expected: impl Into<String>,
    came: impl Into<String>,
    clause: Clause,
) -> Result<T, Stop> {
    Err(Failure::new(expected, came, clause).into())
}

/// The scenario does not apply.
pub(super) fn skipped<T>(why: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Skipped(why.into()))
}

/// How `error` reads in a verdict.
pub(super) fn said(error: &CallError) -> String {
    use crate::error::{Explain as _, Report};
    match error {
        // The instance's last words are what the author needs.
        CallError::Gone { why: Some(why), .. } | CallError::Broken { why, .. } => why.to_string(),
        CallError::Refused { kind, message } => format!("{kind:?}: {message}"),
        CallError::Unavailable { message, .. } => format!("Unavailable: {message}"),
        _ => format!("{} [{}]", Report::from(error).message, error.code()),
    }
}

/// Whether the instance ended instead of answering.
pub(super) fn died(error: &CallError) -> bool {
    matches!(error, CallError::Gone { .. } | CallError::Broken { .. })
}
