//! JavaScript: `QuickJS` as a component, with the project's modules in it.
//!
//! The tool cannot make a component that imports an `async` function, except those of WASI 0.3, which it
//! knows. So the world of a project in JavaScript is smaller than that of the others, and a strategy, which
//! cannot do without the `async` functions of `tasks`, is out of its reach.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::build::BuildError;
use super::tools::{Say, Tools, run};

/// Has `async` exports. Numbers of 64 bits are `number` in it; later ones make them `BigInt`, so that a project
/// is written for one of the two.
const PACKAGE: &str = "componentize-qjs@0.4.5";

/// Builds `project` with `plugin.js`, and gives the file.
pub(super) fn component(project: &Path, tools: &Tools, say: Say) -> Result<PathBuf, BuildError> {
    BuildError::expect(project, "plugin.js")?;
    BuildError::expect(project, "wit/world.wit")?;
    let node = tools.node(say)?;
    let package = tools.npm(&node, PACKAGE, say)?;
    let target = project.join("target");
    fs::create_dir_all(&target).map_err(|source| BuildError::write(&target, source))?;
    say("building with componentize-qjs");
    let mut tool = Command::new(&node.node);
    tool.arg(package.join("bin/componentize-qjs"))
        .args(["--wit", "wit", "--world", "project", "--js", "plugin.js"])
        .args(["-o", "target/plugin.raw.wasm"])
        .current_dir(project);
    run(&mut tool, "componentize-qjs")?;
    Ok(target.join("plugin.raw.wasm"))
}
