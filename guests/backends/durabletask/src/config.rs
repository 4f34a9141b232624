//! What the operator configures, and what the environment says where the configuration is silent.
//!
//! `DTS_ENDPOINT` and `DTS_TASKHUB` are the variables that Durable Task's own tools read. They are there
//! where the operator grants them (`env=DTS_ENDPOINT`); the server that `DTS_ENDPOINT` names has to be
//! granted too (`tcp=HOST:PORT`), since only what is configured is granted by being configured.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use taskhost_sdk::Error;

use crate::wire::{Account, Endpoint};

const ENDPOINT: &str = "DTS_ENDPOINT";
const TASKHUB: &str = "DTS_TASKHUB";

/// All settings, as they are written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// URL of the Durable Task server: `http://localhost:8080`, or `https://` for TLS. Absent: the
    /// variable `DTS_ENDPOINT`.
    #[schemars(extend("x-taskhost-endpoint" = 443))]
    pub(crate) endpoint: Option<String>,
    /// Name of the task hub. Absent: the variable `DTS_TASKHUB`, or else `default`.
    pub(crate) taskhub: Option<String>,
    /// Name of the secret that holds the token of the server. Absent: none is sent.
    pub(crate) token_secret: Option<String>,
    /// How often, in milliseconds, orchestrations that run are looked at.
    #[serde(default = "usual_poll")]
    #[schemars(range(min = 50, max = 60000))]
    pub(crate) poll_ms: u32,
    /// Leave what is over on the server, for its dashboard, in place of purging it.
    #[serde(default)]
    pub(crate) keep: bool,
    /// Offer tasks that suspend, resume, list and raise events to orchestrations. To whoever may start
    /// tasks, and for every orchestration of the task hub.
    #[serde(default)]
    pub(crate) controls: bool,
    /// Orchestrations that may be started, by the names that they are shown by.
    #[serde(default)]
    pub(crate) orchestrations: BTreeMap<String, Orchestration>,
}

/// One orchestration.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[allow(
    clippy::struct_field_names,
    reason = "operators write it: the name of the orchestration that is meant"
)]
pub(crate) struct Orchestration {
    /// Its name on the server, where it is shown by another one.
    pub(crate) orchestration: Option<String>,
    /// Its version on the server.
    pub(crate) version: Option<String>,
    /// For people.
    pub(crate) title: Option<String>,
    /// What it does, for the model that starts it.
    pub(crate) description: Option<String>,
    /// JSON Schema of its input, an object. Absent: any object.
    pub(crate) input_schema: Option<Map<String, Value>>,
    /// JSON Schema of its output.
    pub(crate) output_schema: Option<Map<String, Value>>,
    /// False: no way to terminate it is offered.
    pub(crate) cancellable: Option<bool>,
    /// Starting it twice does no harm.
    pub(crate) idempotent: bool,
    /// How long it usually takes, in milliseconds.
    pub(crate) estimate_ms: Option<u64>,
    /// How long it may take, in milliseconds. Absent: as the operator says.
    pub(crate) timeout_ms: Option<u64>,
    /// The one strategy that shows it.
    pub(crate) strategy: Option<String>,
}

fn usual_poll() -> u32 {
    500
}

impl Config {
    /// The server. `variable` reads the environment.
    pub(crate) fn endpoint(
        &self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Endpoint, Error> {
        let endpoint = match (&self.endpoint, variable(ENDPOINT)) {
            (Some(url), _) => Endpoint::parse("endpoint", url),
            (None, Some(text)) if !text.is_empty() => Endpoint::parse_loosely(ENDPOINT, &text),
            (None, _) => Err(format!(
                "`endpoint` is missing: write the URL of the Durable Task server, such as \
                 `http://localhost:8080`, or set and grant {ENDPOINT}"
            )),
        };
        let endpoint = endpoint.map_err(Error::invalid)?;
        if self.token_secret.is_some() && !endpoint.tls && !endpoint.is_local() {
            return Err(Error::invalid(
                "`token_secret` needs `https://`: without TLS, everybody on the way can read the token",
            ));
        }
        Ok(endpoint)
    }

    pub(crate) fn account(&self, variable: impl Fn(&str) -> Option<String>) -> Account {
        let named = self.taskhub.clone().or_else(|| variable(TASKHUB));
        Account {
            taskhub: named
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| "default".into()),
            token_secret: self.token_secret.clone(),
        }
    }

    pub(crate) fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use taskhost_sdk::Settings as _;

    use super::*;

    fn read(value: &Value) -> Config {
        Config::read(&value.to_string()).unwrap()
    }

    #[test]
    fn the_environment_speaks_where_the_configuration_is_silent() {
        let variable = |name: &str| match name {
            ENDPOINT => Some("localhost:8080".into()),
            TASKHUB => Some("mine".into()),
            _ => None,
        };
        let config = read(&json!({}));
        let endpoint = config.endpoint(variable).unwrap();
        assert_eq!((endpoint.port, endpoint.tls), (8080, false));
        assert_eq!(config.account(variable).taskhub, "mine");
        assert_eq!(config.account(|_| None).taskhub, "default");
        let config = read(&json!({ "endpoint": "https://dts", "taskhub": "theirs" }));
        assert_eq!(config.endpoint(variable).unwrap().authority(), "dts:443");
        assert_eq!(config.account(variable).taskhub, "theirs");
    }

    #[test]
    fn without_an_endpoint_both_ways_to_name_one_are_said() {
        let error = read(&json!({})).endpoint(|_| None).unwrap_err();
        let words = error.words();
        assert!(
            words.contains("`endpoint`") && words.contains(ENDPOINT),
            "{words}"
        );
    }

    #[test]
    fn a_token_does_not_leave_the_machine_without_tls() {
        let config = |endpoint| read(&json!({ "endpoint": endpoint, "token_secret": "T" }));
        assert!(config("http://dts:8080").endpoint(|_| None).is_err());
        assert!(config("https://dts:8080").endpoint(|_| None).is_ok());
        assert!(config("http://localhost:8080").endpoint(|_| None).is_ok());
    }

    #[test]
    fn the_schema_names_the_endpoint_and_every_setting_says_what_it_is() {
        let schema = Config::schema().unwrap();
        assert_eq!(schema["properties"]["endpoint"]["x-taskhost-endpoint"], 443);
        let all = schema["properties"].as_object().unwrap();
        let each = all["orchestrations"]["additionalProperties"]["properties"].as_object();
        for (name, property) in all.iter().chain(each.unwrap()) {
            assert!(property["description"].is_string(), "{name}");
        }
    }
}
