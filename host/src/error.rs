//! What went wrong, in a form that says what to do.
//!
//! Each operation has its own error enum. What they share is [`Explain`]: a stable code, and advice as
//! data. Turning that into text happens here and nowhere else; printing it is the affair of `cli`.
//!
//! ```text
//! TH01 configuration   TH02 sources     TH03 loading a component   TH04 limits and traps
//! TH05 capabilities    TH06 store       TH07 protocol, addresses   TH08 said by a backend
//! ```

use std::error::Error;
use std::fmt::{self, Write as _};

use serde::{Serialize, Serializer};

/// A stable name for one kind of failure. Never reused for another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub u16);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TH{:04}", self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An error that knows its code and what to do about it.
pub trait Explain: Error {
    /// Its stable name.
    fn code(&self) -> Code;

    /// What to do, each a sentence or a line to paste. Most helpful first.
    fn help(&self) -> Vec<String> {
        Vec::new()
    }
}

/// An error in its final form: cheap to clone, to send, and to show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Its stable name.
    pub code: Code,
    /// What went wrong.
    pub message: String,
    /// Why, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub help: Vec<String>,
}

impl Report {
    /// A report that stands for itself.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            causes: Vec::new(),
            help: Vec::new(),
        }
    }

    /// With a cause added at the end.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// With advice added at the end.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

impl<E: Explain> From<&E> for Report {
    fn from(error: &E) -> Self {
        let mut causes = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        Self {
            code: error.code(),
            message: error.to_string(),
            causes,
            help: error.help(),
        }
    }
}

/// One line, for logs and for the texts that models read: a cause may be what a component has said, and
/// must not look like lines of the host.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.code)?;
        for cause in &self.causes {
            write!(f, ": {}", cause.replace('\n', " | "))?;
        }
        Ok(())
    }
}

impl Error for Report {}

/// Several lines, for people.
///
/// ```text
/// error[TH0501]: `celery` may not connect to localhost:6379
///   cause: …
///   help: taskhost run … --allow celery:tcp=localhost:6379
/// ```
pub fn render(report: &Report) -> String {
    let mut text = format!("error[{}]: {}\n", report.code, report.message);
    for cause in &report.causes {
        _ = writeln!(text, "  cause: {}", cause.replace('\n', "\n         "));
    }
    for help in &report.help {
        _ = writeln!(text, "  help: {}", help.replace('\n', "\n        "));
    }
    text
}

/// The one of `known` that somebody may have meant by `typed`.
pub fn nearest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (strsim::jaro_winkler(typed, name), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_shows_code_causes_and_advice() {
        let report = Report::new(Code(501), "`celery` may not connect to localhost:6379")
            .because("no grant names it")
            .help("add --allow celery:tcp=localhost:6379");
        assert_eq!(
            render(&report),
            "error[TH0501]: `celery` may not connect to localhost:6379\n  cause: no grant names it\n  \
             help: add --allow celery:tcp=localhost:6379\n"
        );
    }
}
