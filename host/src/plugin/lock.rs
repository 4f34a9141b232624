//! `taskhost.lock`: exactly which components a configuration amounts to.
//!
//! Written by `taskhost lock`, read by `run --locked` and `check --locked`, which refuse anything else: other
//! bytes, other wishes, another signer. Without `--locked` it still says which bytes a reference means that
//! has no digest of its own. Components that came with taskhost are not in it: they are what the binary is.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::source::Digest;
use crate::engine::component::Kind;
use crate::error::{Code, Explain};

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LockFile {
    /// Version of this format: 1.
    pub version: u32,
    /// By configured name; what a setting names, by the words that name it: `durable.flows`.
    #[serde(default)]
    pub components: BTreeMap<String, Locked>,
}

/// One component as it was when it was locked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Locked {
    /// What the operator calls it.
    pub reference: String,
    /// Of the component.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
    /// What it is.
    pub kind: Kind,
    /// Who signed it, where that was checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// What it asks for, one line each. An update that asks for more is seen here.
    #[serde(default)]
    pub asks: Vec<String>,
}

/// Why there is no lock, or not this one.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The file cannot be read, and is needed.
    #[error("cannot read the lock file {}", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not in order.
    #[error("the lock file {} is not in order: {why}", .path.display())]
    Form {
        /// Which.
        path: PathBuf,
        /// Where, and why.
        why: String,
    },
    /// The file cannot be written.
    #[error("cannot write the lock file {}", .path.display())]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The component is not in it.
    #[error("`{name}` is not in the lock file")]
    Absent {
        /// The component.
        name: String,
    },
    /// The component is another one.
    #[error("`{name}` is not what was locked: its {what} was {locked}, and is {found}")]
    Drift {
        /// The component.
        name: String,
        /// What differs.
        what: &'static str,
        /// As it was.
        locked: String,
        /// As it is.
        found: String,
    },
}

impl LockFile {
    /// Reads it. `None`: there is no such file.
    pub fn read(path: &Path) -> Result<Option<Self>, LockError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(LockError::Unreadable {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        let form = |why: String| LockError::Form {
            path: path.to_owned(),
            why,
        };
        let file: Self = toml::from_str(&text).map_err(|error| form(error.to_string()))?;
        if file.version == VERSION {
            Ok(Some(file))
        } else {
            Err(form(format!(
                "it has version {}, this taskhost reads version {VERSION}",
                file.version
            )))
        }
    }

    /// One with these components.
    pub fn of(components: BTreeMap<String, Locked>) -> Self {
        Self {
            version: VERSION,
            components,
        }
    }

    /// Its text.
    pub fn text(&self) -> Result<String, toml::ser::Error> {
        let body = toml::to_string(self)?;
        Ok(format!("{HEAD}{body}"))
    }

    /// Writes `text` to `path`, whole or not at all.
    pub fn write(path: &Path, text: &str) -> Result<(), LockError> {
        let new = path.with_extension("lock-new");
        fs::write(&new, text)
            .and_then(|()| fs::rename(&new, path))
            .map_err(|source| LockError::Unwritable {
                path: path.to_owned(),
                source,
            })
    }

    /// The digest that `name` has here for `reference`.
    pub fn pin(&self, name: &str, reference: &str) -> Option<&Digest> {
        let locked = self.components.get(name)?;
        (locked.reference == reference).then_some(&locked.digest)
    }

    /// Whether `name` is what was locked.
    pub fn check(&self, name: &str, found: &Locked) -> Result<(), LockError> {
        let locked = self.components.get(name).ok_or_else(|| LockError::Absent {
            name: name.to_owned(),
        })?;
        let signer = |locked: &Locked| locked.signer.clone().unwrap_or_else(|| "nobody".to_owned());
        for (what, locked, found) in [
            (
                "digest",
                locked.digest.to_string(),
                found.digest.to_string(),
            ),
            ("kind", locked.kind.to_string(), found.kind.to_string()),
            ("signer", signer(locked), signer(found)),
            ("wish list", locked.asks.join(", "), found.asks.join(", ")),
        ] {
            if locked != found {
                return Err(LockError::Drift {
                    name: name.to_owned(),
                    what,
                    locked,
                    found,
                });
            }
        }
        Ok(())
    }
}

const VERSION: u32 = 1;

const HEAD: &str = "# Written by `taskhost lock`. Keep it with the configuration; `taskhost run --locked` refuses \
                    anything else.\n";

impl Explain for LockError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Unreadable { .. } => 210,
            Self::Form { .. } => 211,
            Self::Unwritable { .. } => 212,
            Self::Absent { .. } => 213,
            Self::Drift { .. } => 214,
        })
    }

    fn help(&self) -> Vec<String> {
        match self {
            Self::Unreadable { .. } | Self::Form { .. } | Self::Absent { .. } => {
                vec!["write it: taskhost lock --config taskhost.toml".to_owned()]
            }
            Self::Unwritable { path, .. } => {
                let directory = path.parent().unwrap_or(Path::new("."));
                vec![format!("look at it: ls -ld {}", directory.display())]
            }
            Self::Drift { .. } => vec![
                "put back what was locked".to_owned(),
                "or, if the change is wanted, see it and lock it: taskhost lock --config taskhost.toml"
                    .to_owned(),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(bytes: &[u8], asks: &[&str]) -> Locked {
        Locked {
            reference: "./mine.wasm".into(),
            digest: Digest::of(bytes),
            size: 1,
            kind: Kind::Backend,
            signer: None,
            asks: asks.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn other_bytes_and_other_wishes_are_drift() {
        let file = LockFile::of([("mine".to_owned(), locked(b"a", &["tcp a:1"]))].into());
        file.check("mine", &locked(b"a", &["tcp a:1"])).unwrap();
        for other in [locked(b"b", &["tcp a:1"]), locked(b"a", &["tcp b:1"])] {
            assert_eq!(file.check("mine", &other).unwrap_err().code(), Code(214));
        }
        assert_eq!(
            file.check("other", &locked(b"a", &[])).unwrap_err().code(),
            Code(213)
        );
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("taskhost.lock");
        assert_eq!(LockFile::read(&path).unwrap(), None);
        let file = LockFile::of([("mine".to_owned(), locked(b"a", &["tcp a:1"]))].into());
        LockFile::write(&path, &file.text().unwrap()).unwrap();
        assert_eq!(LockFile::read(&path).unwrap(), Some(file));
    }
}
