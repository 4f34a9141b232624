//! What the operator configures.

use schemars::JsonSchema;
use serde::Deserialize;

/// All settings.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which component has the orchestrations: a name that comes with taskhost, or a path.
    #[allow(dead_code, reason = "the host reads it, and gives what it names")]
    pub(crate) flows: Option<String>,
    /// Offer tasks that signal, suspend, resume, terminate and list orchestrations. To whoever may start
    /// tasks, and for every orchestration.
    pub(crate) controls: bool,
    /// How many orchestrations that wait for an answer, a signal or the time are kept ready to go on at once. One that is not begins again with
    /// its history when something happens, which takes a moment longer and saves its memory until then.
    #[schemars(range(min = 1, max = 10000))]
    pub(crate) sessions: usize,
    /// How long, in milliseconds, an orchestration that is cancelled may clean up. Then it is ended without
    /// its code.
    #[schemars(range(max = 86_400_000))]
    pub(crate) cancel_grace_ms: u64,
    /// What becomes of an orchestration whose history does not fit its code any more.
    pub(crate) on_mismatch: OnMismatch,
    /// Do nothing but compare the code with histories: `observe` says whether it still decides what is
    /// written there.
    pub(crate) check: bool,
}

/// What becomes of an orchestration whose history does not fit its code any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnMismatch {
    /// It fails.
    #[default]
    Fail,
    /// It stands still until the engine starts again, perhaps with the code that fits.
    Hold,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            flows: None,
            controls: false,
            sessions: 64,
            cancel_grace_ms: 30_000,
            on_mismatch: OnMismatch::default(),
            check: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use taskhost_sdk::Settings as _;

    use super::*;

    #[test]
    fn every_setting_says_what_it_is_and_none_is_needed() {
        let schema = Config::schema().unwrap();
        for (name, property) in schema["properties"].as_object().unwrap() {
            assert!(property["description"].is_string(), "{name}");
        }
        assert_eq!(Config::read("{}").unwrap().sessions, 64);
        let hold = Config::read(r#"{"on_mismatch": "hold", "flows": "process-data"}"#).unwrap();
        assert_eq!(hold.on_mismatch, OnMismatch::Hold);
    }
}
