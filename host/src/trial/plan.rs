//! Which tasks a trial may run.
//!
//! ```text
//! --task, --slow ─▶ [test] of the manifest ─▶ what `list-tasks` offers and calls idempotent
//! ```
//!
//! The first of the three that names something decides.

use crate::task::Json;

/// A task, and what it is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Errand {
    /// Name of the definition.
    pub task: String,
    /// Valid against its schema.
    pub arguments: Json,
}

/// A task that is named by a flag.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// Name of the definition.
    pub task: String,
    /// What it is told. `None`: the smallest that fits.
    pub arguments: Option<Json>,
}

/// What an author says of their component for trials: the table `[test]` of its manifest.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Tasks that run to success quickly.
    pub tasks: Vec<Errand>,
    /// One that is still running when it is cancelled.
    pub slow: Option<Errand>,
    /// Its work lives in the instance and ends with it: after a restart it answers `unknown`.
    pub volatile: bool,
}

/// Which tasks are run.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    /// They end by themselves, soon. The first one is run most.
    pub(super) quick: Vec<Errand>,
    /// Somebody has said that they succeed.
    pub(super) succeeds: bool,
    /// It does not end before it is cancelled.
    pub(super) slow: Option<Errand>,
    /// See [`Wishes::volatile`].
    pub(super) volatile: bool,
    /// Why there is no task to run.
    pub(super) lacks: String,
}
