//! Changes, pushed to the host instead of being asked for.
//!
//! What is pushed is a hint: a crash may lose it, and then the host asks. So it must be true by
//! [`Backend::observe`](crate::Backend::observe) before it is pushed.

use crate::Observation;
use crate::host::events;

/// How the task stands now. Only the newest counts; the end is never overtaken. Ids that are not alive
/// are ignored.
pub fn observed(id: &str, observation: &Observation) {
    events::observed(id, observation);
}

/// A line that the work printed. The host keeps the newest 1,000 of a task.
pub fn output(id: &str, line: &str) {
    events::output(id, line);
}

/// There are other tasks now. Several calls in a row are answered once.
pub fn catalog_changed() {
    events::catalog_changed();
}
