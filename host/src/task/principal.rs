//! On whose behalf a task exists.

use serde::{Deserialize, Serialize};

/// The owner of a task. Compared as a whole: there is no hierarchy.
///
/// Everybody who can start the binary, or reach its loopback address, is one and the same local user.
/// Authenticated remote callers get names of their own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Principal(String);

impl Principal {
    /// Who is at stdio, and at the loopback address where no authentication is configured.
    pub fn local() -> Self {
        Self("local".to_owned())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }
}
