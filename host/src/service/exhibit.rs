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
        match own(definition, configured) {
            Some(name) => name == self.strategy.name(),
            None => (self.tasks.as_ref()).is_none_or(|tasks| tasks.matches(&definition.name)),
        }
    }
}

/// The one strategy that `definition` names, if there is one of that name.
fn own<'a>(definition: &'a Definition, configured: &[&str]) -> Option<&'a str> {
    let name = definition.strategy.as_deref()?;
    configured.contains(&name).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Json;

    #[test]
    fn a_definition_has_a_strategy_of_its_own_only_where_that_is_configured() {
        let mut definition = Definition {
            name: "report".to_owned(),
            title: None,
            description: None,
            input_schema: Json::empty_object(),
            output_schema: None,
            cancellable: true,
            idempotent: false,
            estimate_ms: None,
            timeout_ms: None,
            strategy: None,
        };
        let configured = ["adaptive", "blocking"];
        assert_eq!(own(&definition, &configured), None);
        definition.strategy = Some("blocking".to_owned());
        assert_eq!(own(&definition, &configured), Some("blocking"));
        definition.strategy = Some("polling".to_owned());
        assert_eq!(own(&definition, &configured), None);
    }
}
