//! The Restate server, out of its npm package, and what its workers in Python need.

use std::env::consts::{ARCH, OS};
use std::path::PathBuf;

use super::{node, python};

const VERSION: &str = "1.7.12";

/// With pydantic, by which handlers describe what they take.
const WORKER: [&str; 3] = ["restate-sdk==1.3.*", "hypercorn==0.18.*", "pydantic==2.*"];

/// `restate-server`. It needs no Node to run.
///
/// # Panics
/// When the package cannot be installed, or has no server for this platform.
pub fn restate_server() -> PathBuf {
    let system = match OS {
        "macos" => "darwin",
        other => other,
    };
    let machine = match ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let package = format!("@restatedev/restate-server@{VERSION}");
    let folder = format!("@restatedev/restate-server-{system}-{machine}");
    node("restate", &[&package]).file(&format!("{folder}/bin/restate-server"))
}

/// The interpreter that runs Restate workers.
pub fn restate_python() -> PathBuf {
    python("restate", &WORKER)
}
