//! One kind of task that a backend can run.

use serde::{Deserialize, Serialize};

use super::Json;

/// Mirrors `taskhost:plugin/types.task-definition`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// Unique within its backend.
    pub name: String,
    /// For lists.
    pub title: Option<String>,
    /// For models and people.
    pub description: Option<String>,
    /// JSON Schema of the arguments object.
    pub input_schema: Json,
    /// JSON Schema of the result.
    pub output_schema: Option<Json>,
    /// Whether strategies offer to cancel it.
    pub cancellable: bool,
    /// Whether starting it twice does no harm.
    pub idempotent: bool,
    /// Typical duration in milliseconds.
    pub estimate_ms: Option<u64>,
    /// Longest run in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Configured name of the one strategy that shows it.
    #[serde(default)]
    pub strategy: Option<String>,
}
