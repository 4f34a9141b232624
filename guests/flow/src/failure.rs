//! Why something did not come to its result.

use serde::Serialize;

use crate::Failure;

impl Failure {
    /// With a code for programs and a message for people.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            detail: None,
            retryable: false,
        }
    }

    /// The same may succeed another time.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// With more, for programs. What is not JSON is left out.
    #[must_use]
    pub fn with(mut self, detail: &impl Serialize) -> Self {
        self.detail = serde_json::to_string(detail).ok();
        self
    }

    /// What everything that is waited for ends in when the run was asked to stop.
    pub fn cancelled(reason: Option<&str>) -> Self {
        Self::new(CANCELLED, reason.unwrap_or("the run was asked to stop"))
    }

    /// Whether this is that.
    pub fn is_cancelled(&self) -> bool {
        self.code == CANCELLED
    }
}

const CANCELLED: &str = "cancelled";
