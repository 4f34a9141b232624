//! `taskhost token`: a name and a token for somebody who comes over HTTP.
//!
//! The token is the only thing on standard output, so that a script can take it from there, and it is
//! nowhere else: the configuration gets its hash.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::auth::{AuthTable, PrincipalTable};
use crate::config::{Config, ConfigError};
use crate::error::{Code, Explain, Report};
use crate::token::Token;

#[derive(Debug, Args)]
pub(super) struct TokenArgs {
    /// Whose it is: `alice`, `build-7`, `alice@example.com`
    name: String,
    /// A group that they are in; may be repeated. What groups share is set by `share` in `[server]`
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Write the lines at the end of this configuration file, which is made if there is none
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Makes a token, shows it once, and shows or writes what the configuration needs.
pub(super) fn token(args: TokenArgs) -> Result<(), Report> {
    let token = Token::fresh().map_err(|error| {
        Report::new(Code(699), format!("the system has no randomness: {error}"))
    })?;
    let row = PrincipalTable {
        tokens: vec![token.hash().to_string()],
        groups: args.groups,
    };
    let lines = lines(&args.name, row)?;
    match args.config {
        Some(path) => {
            write(&path, &args.name, &lines).map_err(|error| Report::from(&error))?;
            eprintln!("written to {}:\n\n{lines}", path.display());
        }
        None => eprintln!("for the configuration, taskhost.toml:\n\n{lines}"),
    }
    eprintln!(
        "the token of `{}`, which is shown only this once:\n",
        args.name
    );
    println!("{}", token.text());
    eprintln!("\nto be sent with each request, as a header: Authorization: Bearer <token>");
    Ok(())
}

/// The table for `name`, as TOML.
fn lines(name: &str, row: PrincipalTable) -> Result<String, Report> {
    let auth: AuthTable = [(name.to_owned(), row)].into();
    Config::check_auth(&auth).map_err(|error| Report::from(&error))?;
    let file = toml::Table::from_iter([(
        "server".to_owned(),
        toml::Value::Table(toml::Table::from_iter([(
            "auth".to_owned(),
            toml::Value::try_from(auth).map_err(|error| unprintable(&error))?,
        )])),
    )]);
    toml::to_string(&file).map_err(|error| unprintable(&error))
}

fn unprintable(error: &toml::ser::Error) -> Report {
    Report::new(Code(199), format!("the lines cannot be printed: {error}"))
}

/// Why the lines are not in the file.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    /// It is no configuration, or would not be one with the lines.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The name is there already.
    #[error("`{name}` is in {} already", .path.display())]
    Taken { path: PathBuf, name: String },
    /// The system does not write it.
    #[error("cannot write the configuration {}", .path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl Explain for WriteError {
    fn code(&self) -> Code {
        match self {
            Self::Config(error) => error.code(),
            Self::Taken { .. } => Code(121),
            Self::Write { .. } => Code(122),
        }
    }

    fn help(&self) -> Vec<String> {
        match self {
            Self::Config(error) => error.help(),
            Self::Taken { name, .. } => vec![
                format!(
                    "to replace the token, add the hash that this prints to `tokens` beside the old one: \
                     taskhost token {name}"
                ),
                "take out the old one when the new one is in use".to_owned(),
            ],
            Self::Write { path, .. } => vec![format!("look at it: ls -l {}", path.display())],
        }
    }
}

/// Appends: whatever else is in the file, comments too, stays as it is.
fn write(path: &Path, name: &str, lines: &str) -> Result<(), WriteError> {
    let failed = |source| WriteError::Write {
        path: path.to_owned(),
        source,
    };
    let before = match fs::read_to_string(path) {
        Ok(text) => Config::auth_in(path, &text)?
            .contains_key(name)
            .then(|| WriteError::Taken {
                path: path.to_owned(),
                name: name.to_owned(),
            })
            .map_or(Ok(text), Err)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(source) => {
            return Err(ConfigError::Unreadable {
                path: path.to_owned(),
                source,
            }
            .into());
        }
    };
    let mut addition = String::new();
    if before.is_empty() {
        addition.push_str("version = 1\n");
    } else if !before.ends_with('\n') {
        addition.push('\n');
    }
    addition.push('\n');
    addition.push_str(lines);
    Config::auth_in(path, &format!("{before}{addition}"))?;
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(failed)?;
    file.write_all(addition.as_bytes()).map_err(failed)?;
    file.sync_all().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_and_nothing_else_changes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("taskhost.toml");
        let before = "version = 1 # ours\n\n[server]\nshare = \"group\"";
        fs::write(&path, before).unwrap();
        for name in ["alice", "bob@example.com"] {
            write(&path, name, &lines(name, row()).unwrap()).unwrap();
        }
        let after = fs::read_to_string(&path).unwrap();
        assert!(after.starts_with(before), "{after}");
        let auth = Config::auth_in(&path, &after).unwrap();
        assert_eq!(
            auth.into_keys().collect::<Vec<_>>(),
            ["alice", "bob@example.com"]
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("taskhost.toml");
        write(&path, "alice", &lines("alice", row()).unwrap()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(Config::auth_in(&path, &text).unwrap().contains_key("alice"));
    }

    #[test]
    fn a_file_that_would_be_wrong_afterwards_stays_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("taskhost.toml");
        let lines = lines("alice", row()).unwrap();
        write(&path, "alice", &lines).unwrap();
        let inline = "version = 1\nserver = { share = \"id\" }\n";
        for (before, code) in [
            (fs::read_to_string(&path).unwrap(), 121),
            (inline.to_owned(), 102),
            ("version = 2\n".to_owned(), 103),
            ("nonsense".to_owned(), 102),
        ] {
            fs::write(&path, &before).unwrap();
            let error = write(&path, "alice", &lines).unwrap_err();
            assert_eq!(error.code().0, code, "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), before);
        }
    }

    fn row() -> PrincipalTable {
        PrincipalTable {
            tokens: vec![Token::fresh().unwrap().hash().to_string()],
            groups: vec!["ops".to_owned()],
        }
    }
}
