//! What the operator configures.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use taskhost_sdk::Error;

/// All settings, with defaults filled in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// URL of Restate's ingress, where work is started: `http://127.0.0.1:8080`.
    #[schemars(extend("x-taskhost-endpoint" = 80))]
    pub(crate) ingress: String,
    /// URL of Restate's admin interface: `http://127.0.0.1:9070`.
    #[schemars(extend("x-taskhost-endpoint" = 80))]
    pub(crate) admin: String,
    /// What to offer: services (`Greeter`) or single handlers (`Greeter/greet`). Absent: all that are
    /// public.
    #[serde(default)]
    pub(crate) offer: Option<Vec<String>>,
    /// What not to offer, in the same words.
    #[serde(default)]
    pub(crate) hide: Vec<String>,
    /// How long work that was cancelled may go on before it is killed, in seconds. Killed work does not
    /// undo what it has done.
    #[serde(default = "ten")]
    #[schemars(range(min = 0, max = 86_400))]
    pub(crate) kill_after_seconds: f64,
    /// How often Restate is asked for its services, in seconds.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 86_400))]
    pub(crate) discover_every_seconds: f64,
    /// Forget invocations in Restate when their outcome is stored here. Otherwise they stay for as long
    /// as their service retains them.
    #[serde(default = "yes")]
    pub(crate) purge: bool,
    /// Send the secret `RESTATE_TOKEN` as bearer token, which has to be granted for both URLs.
    #[serde(default)]
    pub(crate) bearer: bool,
}

fn ten() -> f64 {
    10.0
}

fn yes() -> bool {
    true
}

impl Config {
    /// What a schema cannot say.
    pub(crate) fn check(&self) -> Result<(), Error> {
        for (key, url) in [("ingress", &self.ingress), ("admin", &self.admin)] {
            let authority = url
                .strip_prefix("http://")
                .or_else(|| url.strip_prefix("https://"))
                .map(|rest| rest.trim_end_matches('/'));
            let is_plain = authority.is_some_and(|authority| {
                !authority.is_empty() && !authority.contains(['@', '?', '#', ' '])
            });
            if !is_plain {
                return Err(Error::invalid(format!(
                    "`{key}` must be a URL such as `http://127.0.0.1:8080`, without user and query, \
                     not `{url}`"
                )));
            }
        }
        for name in self.offer.iter().flatten().chain(&self.hide) {
            if name.is_empty() || name.matches('/').count() > 1 {
                return Err(Error::invalid(format!(
                    "`offer` and `hide` name services (`Greeter`) or handlers (`Greeter/greet`), \
                     not `{name}`"
                )));
            }
        }
        Ok(())
    }

    /// Whether this handler is on offer.
    pub(crate) fn offers(&self, service: &str, handler: &str) -> bool {
        let names = |name: &String| match name.split_once('/') {
            Some((one, of)) => (one, of) == (service, handler),
            None => name == service,
        };
        self.offer.as_ref().is_none_or(|all| all.iter().any(names)) && !self.hide.iter().any(names)
    }

    /// How long a cancelled one may go on.
    pub(crate) fn grace_ms(&self) -> u64 {
        milliseconds(self.kill_after_seconds)
    }

    /// The pause between two looks at the services.
    pub(crate) fn discover_every(&self) -> Duration {
        Duration::from_millis(milliseconds(self.discover_every_seconds).max(1000))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, which is what is wanted"
)]
pub(crate) fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0).round() as u64
}

#[cfg(test)]
mod tests {
    use taskhost_sdk::Settings as _;

    use super::*;

    fn config(more: &str) -> Result<Config, Error> {
        let text = format!(r#"{{"ingress":"http://r:8080/","admin":"https://r:9070"{more}}}"#);
        let config = Config::read(&text)?;
        config.check().map(|()| config)
    }

    #[test]
    fn a_handler_is_offered_by_its_own_name_or_by_that_of_its_service() {
        let all = config("").unwrap();
        assert!(all.offers("a", "x"));
        assert_eq!(all.grace_ms(), 10_000);
        let some = config(r#","offer":["a","b/x"],"hide":["a/y"]"#).unwrap();
        let offered = |service, handler| some.offers(service, handler);
        assert!(offered("a", "x") && offered("b", "x"));
        assert!(!offered("a", "y") && !offered("b", "y") && !offered("c", "x"));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_would() {
        for wrong in [
            r#","offer":["a/b/c"]"#,
            r#","hide":[""]"#,
            r#","colour":1"#,
            r#","ingress":"redis://r""#,
        ] {
            assert!(config(wrong).is_err(), "{wrong}");
        }
        let text = r#"{"ingress":"r:8080","admin":"http://r"}"#;
        let why = Config::read(text).unwrap().check().unwrap_err();
        assert!(why.words().contains("http://127.0.0.1:8080"), "{why:?}");
    }
}
