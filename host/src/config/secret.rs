//! Where secrets come from: an environment variable or a file, never the configuration itself.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::env;

/// Where one secret comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, untagged)]
pub enum SecretSource {
    /// An environment variable of the host.
    Env {
        /// Its name.
        env: String,
    },
    /// A file; a newline at its end does not belong to the secret.
    File {
        /// Its path.
        file: PathBuf,
    },
}

impl SecretSource {
    /// The secret, or why there is none. The text never contains it.
    pub fn read(&self) -> Result<String, String> {
        match self {
            Self::Env { env } => env::variable(env)
                .ok_or_else(|| format!("the environment variable {env} is not set")),
            Self::File { file } => std::fs::read_to_string(file)
                .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
                .map_err(|error| format!("{} cannot be read: {error}", file.display())),
        }
    }
}
