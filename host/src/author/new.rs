//! From nothing to a project.
//!
//! All that a project needs is written into it, the interface too: it builds without this repository, and
//! goes on building when a later taskhost speaks a later version.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::build::no_strategy_in_js;
use super::language::Language;
use super::templates;
use crate::error::{Code, Explain};
use crate::plugin::embedded;

/// The longest name, which is also the name of a component in the configuration.
const LONGEST: usize = 64;

/// What a project is to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It runs tasks.
    Backend,
    /// It shows tasks.
    Strategy,
    /// Steps that the engine which comes with taskhost runs: as a file, a backend.
    Orchestration,
}

impl Part {
    /// All.
    pub const ALL: [Self; 3] = [Self::Backend, Self::Strategy, Self::Orchestration];

    /// As it is written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Backend => "backend",
            Self::Strategy => "strategy",
            Self::Orchestration => "orchestration",
        }
    }
}

/// Why there is no project.
#[derive(Debug, thiserror::Error)]
pub enum NewError {
    /// It cannot be called that.
    #[error("`{}` is no name for a component: {why}", .name.escape_debug())]
    Name {
        /// What was asked for.
        name: String,
        /// What a name has to be.
        why: &'static str,
    },
    /// There is something already.
    #[error("{} is not empty", .0.display())]
    Taken(PathBuf),
    /// There is no template of that kind in that language.
    #[error("a strategy cannot be written in JavaScript yet")]
    NoStrategyInJs,
    /// There is one language for orchestrations.
    #[error("orchestrations are written in Rust, not in {0}")]
    NoOrchestrationIn(Language),
    /// A file cannot be written.
    #[error("cannot write {}", .path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Writes the project `name` into `folder`, which is empty or does not exist. Nothing is written unless all
/// is in order.
pub fn new(part: Part, name: &str, language: Language, folder: &Path) -> Result<(), NewError> {
    check(name)?;
    let files = templates::of(part, language).ok_or(match part {
        Part::Orchestration => NewError::NoOrchestrationIn(language),
        Part::Backend | Part::Strategy => NewError::NoStrategyInJs,
    })?;
    let is_taken = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    };
    if is_taken {
        return Err(NewError::Taken(folder.to_owned()));
    }
    for (path, text) in files {
        write(&folder.join(path), &text.replace("{{name}}", name))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), NewError> {
    let written =
        fs::create_dir_all(path.parent().unwrap_or(path)).and_then(|()| fs::write(path, text));
    written.map_err(|source| NewError::Write {
        path: path.to_owned(),
        source,
    })
}

/// A name that is good everywhere: as a component's, a package's in each language, and a file's.
fn check(name: &str) -> Result<(), NewError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let why = if name.is_empty() {
        "it is empty"
    } else if name.len() > LONGEST {
        "it has more than 64 characters"
    } else if !name.chars().all(plain) {
        "it has other characters than `a` to `z`, digits and `-`"
    } else if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        "it does not begin with a letter"
    } else if name.ends_with('-') || name.contains("--") {
        "a `-` stands between two others"
    } else if embedded::find(name).is_some() {
        "a component of this name comes with taskhost"
    } else {
        return Ok(());
    };
    Err(NewError::Name {
        name: name.to_owned(),
        why,
    })
}

/// The good name that `name` is nearest to.
fn mended(name: &str) -> Option<String> {
    let mut mended = String::new();
    for c in name.trim().chars() {
        if c.is_ascii_alphanumeric() {
            mended.push(c.to_ascii_lowercase());
        } else if !mended.is_empty() && !mended.ends_with('-') {
            mended.push('-');
        }
    }
    let start = mended.find(|c: char| c.is_ascii_lowercase())?;
    let mut mended = mended.split_off(start);
    mended.truncate(LONGEST);
    let mended = mended.trim_end_matches('-');
    let mended = if embedded::find(mended).is_some() {
        format!("my-{mended}")
    } else {
        mended.to_owned()
    };
    check(&mended).is_ok().then_some(mended)
}

impl Explain for NewError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Name { .. } => 181,
            Self::Taken(_) => 182,
            Self::NoStrategyInJs => 285,
            Self::Write { .. } => 183,
            Self::NoOrchestrationIn(_) => 184,
        })
    }

    fn help(&self) -> Vec<String> {
        match self {
            Self::Name { name, .. } => match mended(name) {
                Some(mended) => vec![format!("did you mean `{mended}`?")],
                None => vec!["a good name: render-farm".to_owned()],
            },
            Self::Taken(folder) => vec![
                format!("look what is there: ls -A {}", folder.display()),
                "or name another folder with --dir DIR".to_owned(),
            ],
            Self::NoStrategyInJs => no_strategy_in_js(),
            Self::NoOrchestrationIn(_) => vec![
                "write them in Rust: taskhost new orchestration NAME".to_owned(),
                "or a backend that runs its work by itself, in any of the languages: taskhost new backend NAME --lang python"
                    .to_owned(),
            ],
            Self::Write { path, .. } => vec![format!(
                "look at it: ls -ld {}",
                path.parent().unwrap_or(path).display()
            )],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_name_is_explained_and_mended() {
        for (name, mended) in [
            ("My_Backend", Some("my-backend")),
            ("2nd try", Some("nd-try")),
            ("Render--Farm-", Some("render-farm")),
            ("mock", Some("my-mock")),
            ("", None),
            ("日本", None),
            ("../up", Some("up")),
        ] {
            let error = check(name).unwrap_err();
            assert_eq!(error.code(), Code(181), "{name}");
            assert_eq!(super::mended(name).as_deref(), mended, "{name}");
            assert!(!error.help().is_empty());
        }
        for name in ["a", "render-farm", "s3"] {
            check(name).unwrap();
        }
    }

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let scratch = tempfile::tempdir().unwrap();
        let mine = scratch.path().join("mine");
        fs::write(&mine, "mine").unwrap();
        for folder in [scratch.path(), &mine] {
            let error = new(Part::Backend, "demo", Language::Python, folder).unwrap_err();
            assert_eq!(error.code(), Code(182));
        }
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_project_carries_its_name_and_no_gaps() {
        let scratch = tempfile::tempdir().unwrap();
        for part in Part::ALL {
            for language in Language::ALL {
                let folder = scratch.path().join(format!("{}-{language}", part.name()));
                match new(part, "demo-7", language, &folder) {
                    Ok(()) => {}
                    Err(error) => {
                        let code = match part {
                            Part::Orchestration => Code(184),
                            Part::Backend | Part::Strategy => Code(285),
                        };
                        assert_eq!(error.code(), code, "{error}");
                        assert_ne!(language, Language::Rust);
                        assert!(!folder.exists());
                        continue;
                    }
                }
                let manifest = fs::read_to_string(folder.join("plugin.toml")).unwrap();
                assert!(manifest.contains("name = \"demo-7\""), "{manifest}");
                assert!(!manifest.contains("{{"), "{manifest}");
            }
        }
    }
}
