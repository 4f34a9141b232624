//! What a component without a manifest may want, guessed from what it imports.

use serde::Serialize;
use serde_json::Value;

use crate::engine::component::Component;
use crate::plugin::Info;

/// One thing.
#[derive(Serialize)]
pub(super) struct Ask {
    pub(super) what: &'static str,
    pub(super) how: String,
}

/// What its imports, and the endpoints in its configuration, say that it will want.
pub(super) fn asks(component: &Component, info: &Info, name: &str) -> Vec<Ask> {
    let imports = |name: &str| component.uses(name);
    let mut asks = Vec::new();
    if imports("net") {
        let endpoints: Vec<_> = info
            .config_schema
            .as_ref()
            .map(|schema| endpoint_keys(&schema.value()))
            .unwrap_or_default();
        let how = if endpoints.is_empty() {
            format!("endpoints; grant each: --allow {name}:tcp=HOST:PORT")
        } else {
            format!("the endpoints configured as {}", endpoints.join(" and "))
        };
        asks.push(Ask { what: "tcp", how });
    }
    if imports("secrets") {
        asks.push(Ask {
            what: "secret",
            how: format!("named values; grant each: --allow {name}:secret=NAME"),
        });
    }
    if imports("storage") {
        asks.push(Ask {
            what: "storage",
            how: "a small map of its own; always granted".to_owned(),
        });
    }
    asks
}

fn endpoint_keys(schema: &Value) -> Vec<String> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .filter(|(_, property)| property.get("x-taskhost-endpoint").is_some())
        .map(|(key, _)| format!("`{key}`"))
        .collect()
}
