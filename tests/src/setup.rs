//! What a fresh machine lacks, installed under the workspace's `target/` by whoever needs it first.
//!
//! Each piece has a stamp with what it was made from, so that later runs cost nothing, and a lock,
//! so that two test processes do not make it twice. `examples/celery/run` follows the same
//! protocol in the same folders.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

mod binary;
mod componentize;
mod node;
mod python;
mod redis;
mod restate;

pub use binary::{component, host_binary, workspace_file};
pub use componentize::python_component;
pub use node::{Node, node};
pub use python::{fastmcp, python};
pub use redis::redis_server;
pub use restate::{restate_python, restate_server};

/// The folder of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Where the host keeps the tools that components are built with, in tests.
pub fn tools() -> PathBuf {
    workspace().join("target/tools")
}

/// A file below `tests/fixtures`.
pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(path)
}

/// Makes `dir` by `make` unless its stamp says that it was made from `recipe` already.
fn once(dir: &Path, recipe: &str, make: impl FnOnce(&Path)) {
    let stamp = dir.join(".made-from");
    let is_made = || fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == recipe);
    if is_made() {
        return;
    }
    let _lock = lock(dir);
    if is_made() {
        return;
    }
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => panic!("{}: {e}", dir.display()),
        _ => make(dir),
    }
    fs::write(&stamp, recipe).unwrap();
}

/// Held until dropped, among all processes. Stands beside `path`.
///
/// # Panics
/// When there can be no file beside it.
pub fn lock(path: &Path) -> File {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(name)
        .unwrap();
    file.lock().unwrap();
    file
}

/// What a command prints, which must succeed.
fn output_of(command: &mut Command, help: &str) -> String {
    match command.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).into_owned()
        }
        Ok(output) => panic!(
            "{help}\n{command:?}\n{}",
            String::from_utf8_lossy(&output.stderr)
        ),
        Err(error) => panic!("{help}\n{command:?}: {error}"),
    }
}
