//! Which strategy shows which tasks.
//!
//! A definition that names a strategy is shown by that one alone, if there is one of that name. All
//! others are shown by every strategy whose patterns match, which by default is every strategy.

use std::sync::Arc;

use crate::config::component::Patterns;
use crate::plugin::Strategy;
use crate::task::Definition;

/// A strategy, and what it shows.
#[derive(Clone)]
pub struct Exhibit {
    /// How they are shown.
    pub strategy: Arc<dyn Strategy>,
    /// Names of tasks; `None`: all of them.
    pub tasks: Option<Patterns>,
}

impl Exhibit {
    /// `strategy` shows all tasks.
    pub fn all(strategy: Arc<dyn Strategy>) -> Self {
        Self {
            strategy,
            tasks: None,
        }
    }

    /// Whether `definition` is shown here, where `configured` are the names of all strategies.
    pub(super) fn shows(&self, definition: &Definition, configured: &[&str]) -> bool {
        match definition.strategy.as_deref() {
            Some(name) if configured.contains(&name) => name == self.strategy.name(),
            _ => (self.tasks.as_ref()).is_none_or(|tasks| tasks.matches(&definition.name)),
        }
    }
}
