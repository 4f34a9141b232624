//! Where a component comes from.

use std::borrow::Cow;
use std::path::PathBuf;

use super::embedded;
use crate::error::{Code, Explain, nearest};

/// What an operator calls a component: the name of an embedded one, or a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference(pub String);

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Neither a file nor the name of an embedded component.
    #[error("there is no component `{0}`")]
    Missing(String),
    /// The file cannot be read.
    #[error("cannot read {}", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not a source of this version.
    #[error("`{0}`: components are loaded from files, not from the network")]
    Remote(String),
}

impl Reference {
    /// The file that it names, where it names one: not an embedded component, and nothing far away.
    pub fn file(&self) -> Option<PathBuf> {
        let is_elsewhere = embedded::find(&self.0).is_some() || self.0.contains("://");
        (!is_elsewhere).then(|| PathBuf::from(&self.0))
    }

    /// The bytes of the component.
    ///
    /// A name means an embedded component, whatever files lie about; `./name` means the file.
    pub fn read(&self) -> Result<Cow<'static, [u8]>, SourceError> {
        if let Some(embedded) = embedded::find(&self.0) {
            return Ok(Cow::Borrowed(embedded.bytes));
        }
        if self.0.contains("://") {
            return Err(SourceError::Remote(self.0.clone()));
        }
        let path = PathBuf::from(&self.0);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Cow::Owned(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(SourceError::Missing(self.0.clone()))
            }
            Err(source) => Err(SourceError::Unreadable { path, source }),
        }
    }
}

impl Explain for SourceError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Missing(_) => 201,
            Self::Unreadable { .. } => 202,
            Self::Remote(_) => 203,
        })
    }

    fn help(&self) -> Vec<String> {
        match self {
            Self::Missing(name) => {
                let names = embedded::all().iter().map(|embedded| embedded.name);
                let mut help = Vec::new();
                if let Some(near) = nearest(name, names.clone()) {
                    help.push(format!("did you mean `{near}`?"));
                }
                let names: Vec<_> = names.collect();
                help.push(format!(
                    "name a file (./component.wasm) or one that is built in: {}",
                    names.join(", ")
                ));
                help
            }
            Self::Unreadable { path, .. } => vec![format!("look at it: ls -l {}", path.display())],
            Self::Remote(_) => vec!["download the component, and name the file".to_owned()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_component_names_the_one_that_was_meant() {
        let error = Reference("celry".into()).read().unwrap_err();
        assert!(error.help().iter().any(|help| help.contains("`celery`")));
    }
}
