//! What one task was told to do.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use taskhost_sdk::Error;

/// A task and its arguments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Job {
    SlowCompute {
        #[serde(default = "second")]
        seconds: f64,
        #[serde(default)]
        label: String,
    },
    #[serde(rename = "failing_job")]
    Failing {},
    #[serde(rename = "protocol_error_job")]
    ProtocolError {},
    ConfirmDelete {
        #[serde(default)]
        filename: String,
    },
    MultiInput {},
    TestToolWithTask {
        #[serde(default)]
        user_name: String,
    },
}

impl Job {
    /// The job for a call of `start`.
    pub(crate) fn read(task: &str, arguments: &str) -> Result<Self, Error> {
        let unfit = |error| Error::InvalidInput(format!("arguments of `{task}`: {error}"));
        let arguments: Value = serde_json::from_str(arguments).map_err(unfit)?;
        serde_json::from_value(json!({ task: arguments })).map_err(unfit)
    }
}

const fn second() -> f64 {
    1.0
}

#[cfg(test)]
mod tests {
    use taskhost_sdk::TaskDefinition;

    use super::*;
    use crate::catalogue;

    #[test]
    fn every_task_that_is_offered_can_be_read() {
        for task in catalogue::tasks() {
            let definition = TaskDefinition::from(task);
            assert!(Job::read(&definition.name, "{}").is_ok(), "{definition:?}");
        }
        assert!(Job::read("dance", "{}").is_err());
    }
}
