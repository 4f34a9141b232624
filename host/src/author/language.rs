//! The languages that there are templates and tools for.

use std::fmt;

pub use crate::plugin::manifest::Language;

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
