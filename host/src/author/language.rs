//! The languages that there are templates and tools for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a component is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// All of the interface, the smallest components, and tests against a mock host.
    Rust,
    /// All of the interface; 19 MB of component, because an interpreter is inside.
    Python,
    /// Backends only, without `storage`, `net` and `timers`: its tool has no `async` imports but those of
    /// WASI.
    Js,
}

impl Language {
    /// All, in the order of how much they can do.
    pub const ALL: [Self; 3] = [Self::Rust, Self::Python, Self::Js];

    /// As it is written in `plugin.toml` and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::Js => "js",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
