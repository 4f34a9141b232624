//! `taskhost grant` and `taskhost revoke`: what a component may reach, changed in the file.
//!
//! Only the lines of that grant change: comments, order and spacing of everything else stay. What is
//! written is read back first, so a file that was in order stays in order; it is replaced by rename, so
//! nobody ever reads half of it.

mod edit;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use similar::TextDiff;

use crate::config::grant::{AllowError, Allowed};
use crate::config::{Config, ConfigError};
use crate::error::{Code, Explain, Report, nearest};
use edit::Document;

#[derive(Debug, Args)]
#[command(after_help = WORDS)]
pub(super) struct GrantArgs {
    /// What the component is called in the file
    name: String,
    /// What it may reach: tcp=redis:6379
    #[arg(required = true, value_name = "WHAT=VALUE")]
    what: Vec<String>,
    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = "taskhost.toml")]
    config: PathBuf,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

const WORDS: &str = "\
What can be granted:
  tcp=HOST:PORT                                    open connections to this endpoint
  dns=NAME                                         look up this name
  http=[METHOD,…@]https://HOST[:PORT][+SECRET,…]   send requests there, with these secrets put in
  secret=SECRET                                    read this secret
  env=NAME[=VALUE]                                 see this variable of the host, or this value
  dir=HOSTPATH:GUESTPATH[:rw]                      read, or read and write, this directory
  storage=SIZE                                     store so much

Relative directories are relative to the file. A host that runs takes the change up when it reloads.";

/// Whether something is given or taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Grant,
    Revoke,
}

/// Changes the file, and shows the difference.
pub(super) fn grant(args: &GrantArgs, change: Change) -> Result<(), Report> {
    let difference = apply(args, change).map_err(|error| Report::from(&error))?;
    let Some(difference) = difference else {
        eprintln!(
            "{} says so already: nothing was changed",
            args.config.display()
        );
        return Ok(());
    };
    print!("{difference}");
    if args.dry_run {
        eprintln!("nothing was changed: this was only to see");
    } else {
        eprintln!(
            "written to {}; a host that runs takes it up when it reloads: taskhost backends reload {}",
            args.config.display(),
            args.name
        );
    }
    Ok(())
}

/// Why the file is as it was.
#[derive(Debug, thiserror::Error)]
enum GrantError {
    /// It is no configuration, or would not be one any more.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It is no grant.
    #[error("`{word}` is no grant")]
    Word { word: String, source: AllowError },
    /// It has no such component.
    #[error("there is no component `{name}` in {}", .path.display())]
    NoSuch {
        path: PathBuf,
        name: String,
        known: Vec<String>,
    },
    /// It is not there.
    #[error("`{word}` is not granted to `{name}`")]
    NotGranted {
        name: String,
        word: String,
        granted: Vec<String>,
    },
    /// It is written in a way that this does not edit.
    #[error("`{key}` in the grants of `{name}` is written in a form that is not edited here")]
    Form { name: String, key: String },
    /// The system does not write it.
    #[error("cannot write the configuration {}", .path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl Explain for GrantError {
    fn code(&self) -> Code {
        match self {
            Self::Config(error) => error.code(),
            Self::Word { .. } => Code(130),
            Self::NoSuch { .. } => Code(131),
            Self::NotGranted { .. } => Code(132),
            Self::Form { .. } => Code(133),
            Self::Write { .. } => Code(122),
        }
    }

    fn help(&self) -> Vec<String> {
        match self {
            Self::Config(error) => error.help(),
            Self::Word { .. } => vec![
                "for example: taskhost grant mine tcp=redis:6379".to_owned(),
                "see what can be granted: taskhost grant --help".to_owned(),
            ],
            Self::NoSuch { name, known, .. } => {
                let mut help = Vec::new();
                if let Some(near) = nearest(name, known.iter().map(String::as_str)) {
                    help.push(format!("did you mean `{near}`?"));
                }
                help.push(match known.as_slice() {
                    [] => "there is none in it".to_owned(),
                    known => format!("components in it: {}", known.join(", ")),
                });
                help
            }
            Self::NotGranted {
                name,
                word,
                granted,
            } => {
                let mut help = Vec::new();
                if let Some(near) = nearest(word, granted.iter().map(String::as_str)) {
                    help.push(format!("did you mean: taskhost revoke {name} {near}"));
                }
                help.push(match granted.as_slice() {
                    [] => "nothing is granted to it".to_owned(),
                    granted => format!("granted to it: {}", granted.join(", ")),
                });
                help
            }
            Self::Form { name, .. } => vec![format!(
                "edit it by hand: the table [backends.{name}.grant]"
            )],
            Self::Write { path, .. } => vec![format!("look at it: ls -l {}", path.display())],
        }
    }
}

/// The difference that was made, or that would be made. None: there is none.
fn apply(args: &GrantArgs, change: Change) -> Result<Option<String>, GrantError> {
    let path = &args.config;
    let words = args.what.iter().map(|word| {
        let allowed: Allowed = word.parse().map_err(|source| GrantError::Word {
            word: word.clone(),
            source,
        })?;
        Ok(allowed)
    });
    let words = words.collect::<Result<Vec<_>, GrantError>>()?;
    let before = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.clone(),
        source,
    })?;
    Config::components_in(path, &before)?;
    let mut document = Document::open(path, &before, &args.name)?;
    for word in &words {
        match change {
            Change::Grant => document.grant(word)?,
            Change::Revoke => document.revoke(word)?,
        }
    }
    let after = document.text();
    if after == before {
        return Ok(None);
    }
    Config::components_in(path, &after)?;
    if !args.dry_run {
        replace(path, &after).map_err(|source| GrantError::Write {
            path: path.clone(),
            source,
        })?;
    }
    let difference = TextDiff::from_lines(&before, &after);
    let name = path.display().to_string();
    Ok(Some(
        difference
            .unified_diff()
            .context_radius(3)
            .header(&name, &name)
            .to_string(),
    ))
}

/// Puts `text` where the file is, whole or not at all, with the rights that the file has.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    // A link stays a link: what it leads to is replaced.
    let path = fs::canonicalize(path)?;
    let rights = fs::metadata(&path)?.permissions();
    let mut new = path.clone().into_os_string();
    new.push(".new");
    let new = PathBuf::from(new);
    let mut file = fs::File::create(&new)?;
    file.set_permissions(rights)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, &path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# ours
version = 1

[backends.mine]            # a stranger's
component = \"./mine.wasm\"

[backends.mine.grant]
tcp = [\"redis:6379\"]  # the broker
secrets = [
    \"TOKEN\",   # for the hook
]

[strategies.polling]
component = \"polling\"
";

    struct Place {
        _directory: tempfile::TempDir,
        path: PathBuf,
    }

    fn place(text: &str) -> Place {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("taskhost.toml");
        fs::write(&path, text).unwrap();
        Place {
            _directory: directory,
            path,
        }
    }

    impl Place {
        fn run(
            &self,
            change: Change,
            name: &str,
            words: &[&str],
        ) -> Result<Option<String>, GrantError> {
            let args = GrantArgs {
                name: name.to_owned(),
                what: words.iter().map(ToString::to_string).collect(),
                config: self.path.clone(),
                dry_run: false,
            };
            apply(&args, change)
        }

        fn text(&self) -> String {
            fs::read_to_string(&self.path).unwrap()
        }
    }

    const ALL: [&str; 8] = [
        "tcp=db:5432",
        "dns=db",
        "http=POST@https://hooks.example+TOKEN",
        "secret=OTHER",
        "env=TZ",
        "env=MODE=fast",
        "dir=/srv/spool:/spool:rw",
        "storage=1MiB",
    ];

    #[test]
    fn what_is_granted_can_be_revoked_and_leaves_no_trace() {
        let place = place(FILE);
        for word in ALL {
            let difference = place.run(Change::Grant, "mine", &[word]).unwrap().unwrap();
            assert!(
                difference
                    .lines()
                    .any(|line| line.starts_with('+') && !line.starts_with("+++")),
                "{difference}"
            );
            for comment in ["# ours", "# a stranger's", "# the broker", "# for the hook"] {
                assert!(place.text().contains(comment), "{}", place.text());
            }
            assert_eq!(
                place.run(Change::Grant, "mine", &[word]).unwrap(),
                None,
                "{word} twice"
            );
        }
        for word in ALL {
            place.run(Change::Revoke, "mine", &[word]).unwrap().unwrap();
        }
        assert_eq!(place.text(), FILE);
    }

    #[test]
    fn the_difference_is_what_changed() {
        let place = place(FILE);
        let difference = place
            .run(Change::Grant, "mine", &["tcp=db:5432"])
            .unwrap()
            .unwrap();
        let changed: Vec<_> = difference
            .lines()
            .filter(|line| {
                line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---")
            })
            .collect();
        assert_eq!(
            changed,
            [
                "-tcp = [\"redis:6379\"]  # the broker",
                "+tcp = [\"redis:6379\", \"db:5432\"]  # the broker",
            ]
        );
    }

    #[test]
    fn a_component_without_grants_gets_a_table_for_them() {
        let place = place(FILE);
        place
            .run(Change::Grant, "polling", &["env=TZ"])
            .unwrap()
            .unwrap();
        assert!(
            place.text().ends_with(
                "component = \"polling\"\n\n[strategies.polling.grant]\nenv = [\"TZ\"]\n"
            ),
            "{}",
            place.text()
        );
    }

    #[test]
    fn two_grants_for_one_server_become_one() {
        let place = place(FILE);
        place
            .run(
                Change::Grant,
                "mine",
                &[
                    "http=https://a.example",
                    "http=POST@https://a.example+TOKEN",
                ],
            )
            .unwrap();
        assert!(
            place
                .text()
                .contains("http = [\"GET,POST@https://a.example+TOKEN\"]"),
            "{}",
            place.text()
        );
        place
            .run(Change::Revoke, "mine", &["http=POST@https://a.example"])
            .unwrap();
        assert!(
            place
                .text()
                .contains("http = [\"https://a.example+TOKEN\"]"),
            "{}",
            place.text()
        );
        place
            .run(Change::Revoke, "mine", &["http=https://a.example"])
            .unwrap();
        assert_eq!(place.text(), FILE);
    }

    #[test]
    fn a_mistake_says_what_was_meant_and_changes_nothing() {
        let place = place(FILE);
        for (change, name, word, code, said) in [
            (
                Change::Grant,
                "mien",
                "tcp=a:1",
                131,
                "did you mean `mine`?",
            ),
            (
                Change::Revoke,
                "mine",
                "tcp=reids:6379",
                132,
                "taskhost revoke mine tcp=redis:6379",
            ),
            (
                Change::Revoke,
                "polling",
                "tcp=a:1",
                132,
                "nothing is granted",
            ),
            (
                Change::Grant,
                "mine",
                "tcp=a",
                130,
                "taskhost grant mine tcp=redis:6379",
            ),
            (Change::Grant, "mine", "file=/etc", 130, "--help"),
        ] {
            let error = place.run(change, name, &[word]).unwrap_err();
            assert_eq!(error.code().0, code, "{error}");
            assert!(
                error.help().iter().any(|help| help.contains(said)),
                "{:?}",
                error.help()
            );
            assert_eq!(place.text(), FILE);
        }
    }

    #[test]
    fn inline_tables_are_edited_too() {
        let inline = "version = 1\nbackends = { mine = { component = \"mock\", grant = { tcp = [\"a:1\"] } } }\n";
        let place = place(inline);
        place
            .run(Change::Grant, "mine", &["tcp=b:2"])
            .unwrap()
            .unwrap();
        assert!(
            place.text().contains("tcp = [\"a:1\", \"b:2\"]"),
            "{}",
            place.text()
        );
        place
            .run(Change::Revoke, "mine", &["tcp=b:2"])
            .unwrap()
            .unwrap();
        assert_eq!(place.text(), inline);
    }

    #[test]
    fn a_dry_run_changes_nothing() {
        let place = place(FILE);
        let args = GrantArgs {
            name: "mine".to_owned(),
            what: vec!["tcp=db:5432".to_owned()],
            config: place.path.clone(),
            dry_run: true,
        };
        assert!(apply(&args, Change::Grant).unwrap().is_some());
        assert_eq!(place.text(), FILE);
    }
}
