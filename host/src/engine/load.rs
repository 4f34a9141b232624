//! Why a component was not loaded.

use super::component::{INTERFACE, Kind};
use super::misfit;
use crate::error::{Code, Explain, Report};

/// Why a component was not loaded. Nothing of it ran, but for `Refused` and `Trapped`.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LoadError {
    /// The file is something else.
    #[error("this is not a Wasm component: {0}")]
    NotWasm(String),
    /// The file is Wasm, and not a component.
    #[error("this is a core Wasm module, not a component")]
    CoreModule,
    /// The file is a component, or was one.
    #[error("the component is damaged: {0}")]
    Damaged(String),
    /// It is a component for something else.
    #[error("this component is neither a backend nor a strategy")]
    NoPlugin {
        /// What it exports.
        exports: Vec<String>,
    },
    /// It is a component for something else, where one of orchestrations is needed.
    #[error("this component has no orchestrations")]
    NoOrchestrations {
        /// What it exports.
        exports: Vec<String>,
    },
    /// It is the other kind.
    #[error("this component is a {found}, a {wanted} is needed here")]
    WrongKind {
        /// What it is.
        found: Kind,
        /// What was asked for.
        wanted: Kind,
    },
    /// It was built for another version of the interface.
    #[error("this component was built for taskhost:plugin@{version}, this host speaks {INTERFACE}")]
    OtherVersion {
        /// Which.
        version: String,
        /// All that differs, import by import.
        differences: Vec<String>,
    },
    /// It wants, or offers, something in another shape than this host.
    #[error("the component does not fit this host{}", .differences.first().map_or_else(|| format!(": {linker}"), |_| String::new()))]
    Misfit {
        /// What the linker said of the first difference.
        linker: String,
        /// All that differ, import by import.
        differences: Vec<String>,
    },
    /// It ended itself while it was looked at.
    #[error("the component did not survive `{function}`: {}", .why.message)]
    Trapped {
        /// What was called.
        function: &'static str,
        /// How it ended.
        why: Report,
    },
    /// It does not want this configuration.
    #[error("the component refused its configuration: {0}")]
    Refused(String),
    /// What it says of itself is not in order.
    #[error("the component describes itself wrongly: {0}")]
    Description(String),
}

impl LoadError {
    /// With all that differs between the component of these bytes and this host.
    #[must_use]
    pub fn compared(mut self, bytes: &[u8]) -> Self {
        if let Self::Misfit { differences, .. } | Self::OtherVersion { differences, .. } = &mut self
        {
            *differences = misfit::differences(bytes);
        }
        self
    }

    /// What differs, one line each.
    pub fn differences(&self) -> &[String] {
        match self {
            Self::Misfit { differences, .. } | Self::OtherVersion { differences, .. } => {
                differences
            }
            _ => &[],
        }
    }

    /// The error in its final form.
    pub fn report(&self) -> Report {
        Report {
            causes: self.differences().to_vec(),
            ..Report::from(self)
        }
    }

    /// The linker said this. What differs is looked for later, by [`LoadError::compared`].
    pub(super) fn misfit(error: &wasmtime::Error) -> Self {
        let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
        Self::Misfit {
            linker: chain.join(": "),
            differences: Vec::new(),
        }
    }

    /// It could not even be looked at.
    pub(super) fn no_thread(function: &'static str) -> Self {
        let why = Report::new(Code(399), "the system gives it no thread");
        Self::Trapped { function, why }
    }
}

impl Explain for LoadError {
    fn code(&self) -> Code {
        Code(match self {
            Self::NotWasm(_) => 301,
            Self::CoreModule => 302,
            Self::Damaged(_) => 303,
            Self::NoPlugin { .. } => 304,
            Self::NoOrchestrations { .. } => 345,
            Self::WrongKind { .. } => 305,
            Self::OtherVersion { .. } => 306,
            Self::Misfit { .. } => 307,
            Self::Trapped { why, .. } => return why.code,
            Self::Refused(_) => 308,
            Self::Description(_) => 309,
        })
    }

    fn help(&self) -> Vec<String> {
        match self {
            Self::NotWasm(_) | Self::Damaged(_) => {
                vec!["build it again: cargo build --release --target wasm32-wasip2".to_owned()]
            }
            Self::CoreModule => vec![
                "for the author: build for the target wasm32-wasip2, which makes components"
                    .to_owned(),
                "or turn it into one: wasm-tools component new MODULE.wasm -o COMPONENT.wasm"
                    .to_owned(),
            ],
            Self::NoPlugin { exports } => vec![format!(
                "a backend exports {}, a strategy {}; this one exports: {}",
                Kind::Backend.export(),
                Kind::Strategy.export(),
                if exports.is_empty() {
                    "nothing".to_owned()
                } else {
                    exports.join(", ")
                }
            )],
            Self::NoOrchestrations { exports } => vec![format!(
                "a component of orchestrations exports taskhost:durable/orchestrator@0.1.0; this one exports: {}",
                exports.join(", ")
            )],
            Self::WrongKind { found, .. } => vec![format!("name it with --{found}")],
            Self::OtherVersion { version, .. } => vec![
                format!("use a build of the component for taskhost:plugin@{INTERFACE}"),
                format!("or a taskhost that speaks {version}"),
            ],
            Self::Misfit { .. } => vec![format!(
                "for the author: build against wit/ of this taskhost (taskhost:plugin@{INTERFACE})"
            )],
            Self::Trapped { why, .. } => why.help.clone(),
            Self::Refused(_) => vec![
                "see what it takes: taskhost inspect REF, then --set NAME.KEY=VALUE".to_owned(),
            ],
            Self::Description(_) => {
                vec!["for the author: see wit/types.wit, plugin-info".to_owned()]
            }
        }
    }
}
