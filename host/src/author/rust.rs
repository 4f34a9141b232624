//! Rust: cargo makes the component by itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::build::BuildError;
use super::tools::{Say, run};

/// The target whose output is a component already.
const TARGET: &str = "wasm32-wasip2";

/// Builds the package in `project`, and gives the file.
pub(super) fn component(project: &Path, say: Say) -> Result<PathBuf, BuildError> {
    BuildError::expect(project, "Cargo.toml")?;
    ensure_target(project, say)?;
    say("building with cargo");
    let mut cargo = cargo(project);
    // Cargo says itself where it has put what it made.
    cargo
        .args(["build", "--release", "--target", TARGET])
        .arg("--message-format=json-render-diagnostics");
    let output = run(&mut cargo, "cargo")?;
    let mut made: Vec<PathBuf> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Value>(line).ok())
        .filter(|message| {
            message
                .get("reason")
                .is_some_and(|reason| reason == "compiler-artifact")
        })
        .filter_map(|message| message.get("filenames")?.as_array().cloned())
        .flatten()
        .filter_map(|file| file.as_str().map(PathBuf::from))
        .filter(|file| {
            file.extension()
                .is_some_and(|extension| extension == "wasm")
        })
        .collect();
    // The package itself is built last.
    made.pop().ok_or(BuildError::Nothing {
        tool: "cargo",
        help: "make it a library that is a component: [lib] crate-type = [\"cdylib\", \"rlib\"]",
    })
}

/// Adds the target where rustup can; otherwise says how.
fn ensure_target(project: &Path, say: Say) -> Result<(), BuildError> {
    let mut ask = Command::new("rustc");
    ask.args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(project);
    let printed = run(&mut ask, "rustc")?;
    if Path::new(String::from_utf8_lossy(&printed.stdout).trim()).is_dir() {
        return Ok(());
    }
    say(&format!("adding the Rust target {TARGET}"));
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", TARGET]).current_dir(project);
    run(&mut rustup, "rustup").map(drop)
}

/// Cargo without what an outer cargo, or the operator for native code, has set.
fn cargo(project: &Path) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(project);
    for variable in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "CLIPPY_ARGS",
    ] {
        cargo.env_remove(variable);
    }
    cargo
}
