//! The tasks on offer: what is configured, in the order of the names.

use serde_json::{Value, json};
use taskhost_sdk::TaskDefinition;

use crate::config::{Config, Orchestration};

/// All orchestrations that may be started.
pub(crate) fn definitions(config: &Config) -> Vec<TaskDefinition> {
    let all = config.orchestrations.iter();
    all.map(|(name, one)| define(name, one)).collect()
}

/// Its name on the server.
pub(crate) fn called<'a>(name: &'a str, one: &'a Orchestration) -> &'a str {
    one.orchestration.as_deref().unwrap_or(name)
}

fn define(name: &str, one: &Orchestration) -> TaskDefinition {
    let usual = || format!("Runs the orchestration `{}`.", called(name, one));
    let schema = |schema: &serde_json::Map<String, Value>| Value::from(schema.clone()).to_string();
    TaskDefinition {
        name: name.to_owned(),
        title: one.title.clone(),
        description: Some(one.description.clone().unwrap_or_else(usual)),
        input_schema: match &one.input_schema {
            Some(input) => schema(input),
            None => json!({ "type": "object" }).to_string(),
        },
        output_schema: one.output_schema.as_ref().map(schema),
        cancellable: one.cancellable.unwrap_or(true),
        idempotent: one.idempotent,
        estimate_ms: one.estimate_ms,
        timeout_ms: one.timeout_ms,
        strategy: one.strategy.clone(),
    }
}
