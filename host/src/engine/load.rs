//! Why a component was not loaded.

use super::component::{INTERFACE, Kind};
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
    },
    /// It wants, or offers, something in another shape than this host.
    #[error("the component does not fit this host: {0}")]
    Misfit(String),
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
            Self::WrongKind { .. } => 305,
            Self::OtherVersion { .. } => 306,
            Self::Misfit(_) => 307,
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
            Self::WrongKind { found, .. } => vec![format!("name it with --{found}")],
            Self::OtherVersion { version } => vec![
                format!("use a build of the component for taskhost:plugin@{INTERFACE}"),
                format!("or a taskhost that speaks {version}"),
            ],
            Self::Misfit(_) => vec![format!(
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
