//! Python: `CPython` as a component, with the project's modules in its memory.
//!
//! The tool runs the project's module once and keeps the memory that it leaves: what is not imported by then
//! is not there at run time, and pure-Python packages come in the same way.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::build::BuildError;
use super::tools::{Say, Tools, in_venv, run};

/// Has the `async` of the component model, without which one call would stop all others, and was tried with
/// all of the interface.
const PACKAGE: &str = "componentize-py==0.25.1";

/// The module that has the exported class.
const MODULE: &str = "plugin";

/// Interfaces that would be renamed as soon as another of the same name comes into the world, and what they
/// are called in any case.
const NAMES: [&str; 2] = [
    "taskhost:plugin/types@0.1.1=types",
    "wasi:http/types@0.3.0=http_types",
];

/// Builds `project` with `plugin.py`, and gives the file.
pub(super) fn component(project: &Path, tools: &Tools, say: Say) -> Result<PathBuf, BuildError> {
    BuildError::expect(project, "plugin.py")?;
    BuildError::expect(project, "wit/world.wit")?;
    let python = tools.python(PACKAGE, say)?;
    let packages = packages(project, &python, say)?;
    let target = project.join("target");
    fs::create_dir_all(&target).map_err(|source| BuildError::write(&target, source))?;
    let component = target.join("plugin.raw.wasm");
    say("building with componentize-py");
    let mut tool = Command::new(in_venv(
        python.parent().and_then(Path::parent).unwrap_or(&target),
        "componentize-py",
    ));
    tool.args(["-d", "wit", "-w", "project"]);
    for name in NAMES {
        tool.args(["--import-interface-name", name]);
    }
    tool.args(["componentize", MODULE, "-p", "."]);
    if let Some(packages) = packages {
        tool.arg("-p").arg(packages);
    }
    tool.arg("-o")
        .arg("target/plugin.raw.wasm")
        .current_dir(project)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    run(&mut tool, "componentize-py")?;
    Ok(component)
}

/// The folder with what `requirements.txt` names, where there is such a file.
fn packages(project: &Path, python: &Path, say: Say) -> Result<Option<PathBuf>, BuildError> {
    let Ok(wanted) = fs::read_to_string(project.join("requirements.txt")) else {
        return Ok(None);
    };
    let folder = project.join("target/packages");
    let stamp = folder.join(".made-from");
    if fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == wanted) {
        return Ok(Some("target/packages".into()));
    }
    say("fetching what requirements.txt names");
    // Whatever it held for another list would be found too.
    _ = fs::remove_dir_all(&folder);
    let mut pip = Command::new(python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ])
    .args(["--target", "target/packages", "-r", "requirements.txt"])
    .current_dir(project);
    run(&mut pip, "pip")?;
    fs::create_dir_all(&folder).map_err(|source| BuildError::write(&folder, source))?;
    fs::write(&stamp, wanted).map_err(|source| BuildError::write(&stamp, source))?;
    Ok(Some("target/packages".into()))
}
