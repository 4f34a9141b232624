//! Virtual environments of Python, one for each set of packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{once, output_of, workspace};

/// The interpreter of the environment `target/python/<name>`, with these packages installed.
///
/// # Panics
/// When there is no Python 3, or the packages cannot be installed.
pub fn python(name: &str, packages: &[&str]) -> PathBuf {
    let dir = workspace().join("target/python").join(name);
    once(&dir, &packages.join("\n"), |dir| install(dir, packages));
    dir.join("bin/python")
}

/// An environment with `FastMCP` and its background tasks.
///
/// Both by their exact versions: the one asks for the other's, and what came later has not got its other half.
pub fn fastmcp() -> PathBuf {
    python("fastmcp-4", &["fastmcp==4.1.4", "fastmcp-tasks==4.1.4"])
}

fn install(dir: &Path, packages: &[&str]) {
    eprintln!("installing {} into {}", packages.join(", "), dir.display());
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(dir);
    output_of(
        &mut venv,
        "the tests need python3 (3.10 or newer) with its `venv` module to run Celery workers; \
         help: apt-get install python3-venv",
    );
    if packages.is_empty() {
        return;
    }
    let mut pip = Command::new(dir.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ])
    .args(packages);
    output_of(
        &mut pip,
        "pip could not install the packages; help: check the network and try again",
    );
}
