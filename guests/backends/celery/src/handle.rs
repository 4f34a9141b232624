//! The backend's own name for a task: the list that its message went to, and what the task's own
//! settings say of cancelling.
//!
//! With the id, which the host gives back as well, that is all that finding it again needs.

use serde::{Deserialize, Serialize};
use taskhost_sdk::Error;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Handle {
    pub(crate) list: String,
    /// Absent: as the configuration says for all tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) terminate: Option<bool>,
}

impl Handle {
    /// As JSON: the names of lists contain control characters.
    pub(crate) fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(crate) fn read(handle: &str) -> Result<Self, Error> {
        serde_json::from_str(handle).map_err(|error| {
            Error::Internal(format!("`{handle}` is no handle of this backend: {error}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_read_back() {
        let list = "tenant:celery\u{6}\u{16}3".to_owned();
        for terminate in [None, Some(false)] {
            let handle = Handle {
                list: list.clone(),
                terminate,
            };
            assert_eq!(Handle::read(&handle.write()).unwrap(), handle);
        }
        assert!(Handle::read("celery").is_err());
    }
}
