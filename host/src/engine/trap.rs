//! Why an instance died, in words and with a code.

use std::fmt;

use wasmtime::component::ResourceTableError;

use super::stderr::Stderr;
use crate::capability::guest::{MemoryExceeded, TableExceeded};
use crate::error::{Code, Report};

/// Guest code ran for too long without coming back to the host.
#[derive(Debug)]
pub(crate) struct NoProgress {
    pub(crate) milliseconds: u128,
}

impl fmt::Display for NoProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ran for {} ms without coming back to the host",
            self.milliseconds
        )
    }
}

impl std::error::Error for NoProgress {}

/// The engine has no type of its own for all of its tables.
fn is_out_of_handles(error: &wasmtime::Error) -> bool {
    matches!(
        error.downcast_ref::<ResourceTableError>(),
        Some(ResourceTableError::Full)
    ) || says(error, "store handle limit exceeded")
}

/// What the engine has no type for, it has words for, perhaps with others around them.
fn says(error: &wasmtime::Error, words: &str) -> bool {
    error.chain().any(|cause| cause.to_string().contains(words))
}

/// Explains why the instance of the component called `name` ended with `error`.
pub(crate) fn explain(name: &str, error: &wasmtime::Error, stderr: &Stderr) -> Report {
    let report = if let Some(memory) = error.downcast_ref::<MemoryExceeded>() {
        Report::new(
            Code(401),
            format!("`{name}` {memory}; its instance was ended"),
        )
        .help(format!(
            "raise [backends.{name}.limits] memory, or mend the component"
        ))
    } else if let Some(table) = error.downcast_ref::<TableExceeded>() {
        Report::new(
            Code(413),
            format!("`{name}` {table}; its instance was ended"),
        )
        .help(format!(
            "raise [backends.{name}.limits] table-elements, or mend the component"
        ))
    } else if is_out_of_handles(error) {
        Report::new(
            Code(412),
            format!("`{name}` held more handles than it may; its instance was ended"),
        )
        .help(format!(
            "raise [backends.{name}.limits] handles, or mend the component: what it opens it must close"
        ))
    } else if let Some(progress) = error.downcast_ref::<NoProgress>() {
        Report::new(
            Code(403),
            format!("`{name}` {progress}; its instance was ended"),
        )
        .help("a component must wait with async imports only, and yield in long computations")
    } else if says(error, "fuel allocated for hostcalls") {
        Report::new(
            Code(406),
            format!("`{name}` handed out more data than a call may; its instance was ended"),
        )
    } else {
        let mut report = Report::new(
            Code(402),
            format!("`{name}` trapped; its instance was ended"),
        );
        let trap = error
            .downcast_ref::<wasmtime::Trap>()
            .map_or_else(|| error.root_cause().to_string(), ToString::to_string);
        report = report.because(trap);
        report
    };
    match stderr.last_words() {
        Some(words) => report.because(format!("it said: {words}")),
        None => report,
    }
}
