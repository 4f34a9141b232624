//! Why an instance died, in words and with a code.

use std::fmt;

use super::stderr::Stderr;
use crate::capability::guest::MemoryExceeded;
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
    } else if let Some(progress) = error.downcast_ref::<NoProgress>() {
        Report::new(
            Code(403),
            format!("`{name}` {progress}; its instance was ended"),
        )
        .help("a component must wait with async imports only, and yield in long computations")
    } else if error.to_string().contains("fuel allocated for hostcalls") {
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
