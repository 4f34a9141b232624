//! How long a call waits: for all tasks, and for some of them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::config;

/// What was typed of one task.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypedTask {
    limit_seconds: f64,
}

/// Limits in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    all_ms: u64,
    tasks: BTreeMap<String, u64>,
}

impl Limits {
    /// The limits that were typed, if none is above `most` seconds.
    pub fn read(
        all_seconds: f64,
        tasks: &BTreeMap<String, TypedTask>,
        most: u32,
    ) -> Result<Self, String> {
        let tasks = tasks.iter().map(|(name, task)| {
            let key = format!("tasks.{name}.limit_seconds");
            Ok((
                name.clone(),
                config::milliseconds(&key, task.limit_seconds, most)?,
            ))
        });
        Ok(Self {
            all_ms: config::milliseconds("limit_seconds", all_seconds, most)?,
            tasks: tasks.collect::<Result<_, String>>()?,
        })
    }

    /// The limit of one task.
    pub fn of(&self, task: &str) -> u64 {
        self.tasks.get(task).copied().unwrap_or(self.all_ms)
    }

    /// The keys for them: `limit_seconds` and `tasks`.
    pub fn schema(default: u32, most: u32, what: &str) -> [(&'static str, Value); 2] {
        let limit = |what: &str| {
            json!({
                "type": "number",
                "minimum": 0,
                "maximum": most,
                "description": what,
            })
        };
        let mut all = limit(what);
        if let Some(all) = all.as_object_mut() {
            all.insert("default".into(), default.into());
        }
        let tasks = json!({
            "type": "object",
            "default": {},
            "description": "Settings of single tasks, by name.",
            "additionalProperties": {
                "type": "object",
                "properties": {
                    "limit_seconds": limit("As the setting of the same name, for this task."),
                },
                "required": ["limit_seconds"],
                "additionalProperties": false,
            },
        });
        [("limit_seconds", all), ("tasks", tasks)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_may_have_a_limit_of_its_own() {
        let tasks: BTreeMap<String, TypedTask> =
            serde_json::from_str(r#"{"render":{"limit_seconds":1.5}}"#).unwrap();
        let limits = Limits::read(25.0, &tasks, 50).unwrap();
        assert_eq!(limits.of("render"), 1500);
        assert_eq!(limits.of("count"), 25_000);
        let why = Limits::read(25.0, &tasks, 1).unwrap_err();
        assert!(why.contains("limit_seconds"), "{why}");
    }
}
