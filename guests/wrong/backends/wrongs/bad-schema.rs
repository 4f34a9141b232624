//! Has a schema that is none.

#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "no exports"))]

use serde_json::json;
use taskhost_wrong_backends::{Backend, TaskDefinition, export_backend, honest};

struct BadSchema;

impl Backend for BadSchema {
    fn list_tasks() -> Vec<TaskDefinition> {
        let mut definitions = honest::definitions();
        let schema = json!({ "type": "object", "properties": { "x": { "type": "strnig" } } });
        definitions.push(honest::definition("broken", 0, &schema));
        definitions
    }
}

export_backend!(super::BadSchema);
