//! What can be wrong with a configuration.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::grant::AllowError;
use crate::error::{Code, Explain, nearest};
use crate::task::principal::NotAName;
use crate::token::NotAHash;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not in order.
    #[error("the configuration {} is not in order", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Where, and why.
        source: toml::de::Error,
    },
    /// The file is of another version.
    #[error("the configuration {} has version {version}, this taskhost reads version 1", .path.display())]
    Version {
        /// Which.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// No backend is named.
    #[error("no backend is named")]
    NoBackend,
    /// A name is none, or is taken.
    #[error("`{name}` cannot be the name of a component: {why}")]
    Name {
        /// Which.
        name: String,
        /// Why.
        why: &'static str,
    },
    /// `tasks` of a strategy cannot be matched against anything.
    #[error("`tasks` of `{name}` is no list of patterns")]
    Pattern {
        /// The strategy.
        name: String,
        /// Why.
        source: globset::Error,
    },
    /// A limit would stop everything, or promise too much.
    #[error("`{key}` in [limits] of `{name}` cannot be that: {why}")]
    Limit {
        /// The component.
        name: String,
        /// Which.
        key: &'static str,
        /// What it can be.
        why: String,
    },
    /// A `--set` has another form.
    #[error("`--set {0}` is not NAME.KEY=VALUE")]
    Set(String),
    /// A flag names a component that is not there.
    #[error("`{flag}` names `{name}`, which is no component of this host")]
    NoSuch {
        /// The flag with its value.
        flag: String,
        /// The name.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// An `--allow` means nothing.
    #[error("`--allow {text}` means nothing")]
    Allow {
        /// What was typed.
        text: String,
        /// Why.
        source: AllowError,
    },
    /// The address means nothing.
    #[error("`{text}` is no address to listen at")]
    Address {
        /// What was typed.
        text: String,
    },
    /// The address can be reached from other machines.
    #[error(
        "{address} can be reached from other machines, and nothing would ask them who they are"
    )]
    Exposed {
        /// The address.
        address: SocketAddr,
    },
    /// There is a table for principals, and none in it.
    #[error("`[server.auth]` names nobody, so nobody could come in")]
    NoPrincipals,
    /// A principal could never show who it is.
    #[error("`[server.auth.{name}]` has no token")]
    NoToken {
        /// The principal.
        name: String,
    },
    /// A hash of a token is none.
    #[error("entry {place} of `tokens` in `[server.auth.{name}]` is no hash of a token")]
    TokenHash {
        /// The principal.
        name: String,
        /// Which one, counted from one.
        place: usize,
        /// What a hash looks like.
        source: NotAHash,
    },
    /// A token would show two principals, or one twice.
    #[error("`{name}` and `{other}` have the same token")]
    SameToken {
        /// One.
        name: String,
        /// The other; perhaps the same.
        other: String,
    },
    /// A principal or a group cannot be called that.
    #[error("`{name}` cannot be the name of a {what}")]
    Principal {
        /// `principal` or `group`.
        what: &'static str,
        /// The name.
        name: String,
        /// Why.
        source: NotAName,
    },
    /// The file has a token where at most its hash belongs.
    #[error("line {line} of the configuration {} has a token in it", .path.display())]
    ClearToken {
        /// Which file.
        path: PathBuf,
        /// Counted from one.
        line: usize,
    },
}

impl Explain for ConfigError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Unreadable { .. } => 101,
            Self::File { .. } => 102,
            Self::Version { .. } => 103,
            Self::NoBackend => 104,
            Self::Name { .. } => 105,
            Self::Set(_) => 106,
            Self::NoSuch { .. } => 107,
            Self::Allow { .. } => 108,
            Self::Address { .. } => 109,
            Self::Exposed { .. } => 110,
            Self::NoPrincipals => 113,
            Self::NoToken { .. } => 114,
            Self::TokenHash { .. } => 115,
            Self::SameToken { .. } => 116,
            Self::Principal { .. } => 117,
            Self::ClearToken { .. } => 118,
            Self::Pattern { .. } => 119,
            Self::Limit { .. } => 120,
        })
    }

    fn help(&self) -> Vec<String> {
        match self {
            Self::Unreadable { path, .. } => vec![
                format!("look at it: ls -l {}", path.display()),
                "or make one: taskhost run --print-config > taskhost.toml".to_owned(),
            ],
            Self::File { .. } => {
                vec!["see what a file looks like: taskhost run --print-config".to_owned()]
            }
            Self::Version { .. } => vec!["write `version = 1`, or use a newer taskhost".to_owned()],
            Self::NoBackend => vec![
                "name one in the file: [backends.celery]".to_owned(),
                "or on the command line: --backend celery --set celery.broker=redis://localhost:6379/0".to_owned(),
                "or have those that come with taskhost, without a file: taskhost run".to_owned(),
            ],
            Self::Name { .. } => vec!["give it another: --backend NAME=REF".to_owned()],
            Self::Pattern { .. } => vec!["for example: tasks = [\"report_*\", \"send_mail\"]".to_owned()],
            Self::Limit { key, .. } => vec![format!("leave `{key}` out to have the default")],
            Self::Set(_) => vec!["for example: --set celery.broker=redis://localhost:6379/0".to_owned()],
            Self::NoSuch { name, known, .. } => {
                let mut help = Vec::new();
                if let Some(near) = nearest(name, known.iter().map(String::as_str)) {
                    help.push(format!("did you mean `{near}`?"));
                }
                help.push(format!("components of this host: {}", known.join(", ")));
                help
            }
            Self::Allow { .. } => vec!["for example: --allow celery:tcp=localhost:6379".to_owned()],
            Self::Address { .. } => vec!["for example: --http 127.0.0.1:7420".to_owned()],
            Self::Exposed { address } => vec![
                format!("listen at the loopback address: --http 127.0.0.1:{}", address.port()),
                "or say who may come in: taskhost token NAME --config taskhost.toml".to_owned(),
            ],
            Self::NoPrincipals => vec![
                "name somebody: taskhost token NAME --config taskhost.toml".to_owned(),
                "or let in everybody on this machine: leave out `[server.auth]`".to_owned(),
            ],
            Self::NoToken { name } => vec![format!(
                "make one, and paste the line that comes with it: taskhost token {name}"
            )],
            Self::TokenHash { name, .. } => vec![format!(
                "make a token, and paste the line that comes with it: taskhost token {name}"
            )],
            Self::SameToken { name, .. } => vec![format!(
                "make each its own, and paste the line that comes with it: taskhost token {name}"
            )],
            Self::Principal { what, .. } => vec![format!(
                "give the {what} another name, `alice` or `ops` or `build-7@example.com` for example"
            )],
            Self::ClearToken { .. } => vec![
                "make a new one, since this one may have been read, and paste the line that comes with it: \
                 taskhost token NAME"
                    .to_owned(),
            ],
        }
    }
}
