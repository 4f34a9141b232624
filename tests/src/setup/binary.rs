//! The host's binary: the one that this very build made.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;
use std::{env, fs};

use super::{lock, workspace};

/// Names a binary to test in place of the workspace's own.
const OVERRIDE: &str = "TASKHOST_BIN";

static BINARY: OnceLock<PathBuf> = OnceLock::new();

/// `taskhost`, built if it is missing or older than its sources.
///
/// `cargo test --workspace` has built it by now. `cargo test -p taskhost-tests` has not, since cargo
/// builds binaries only for the tests of their own package.
pub fn host_binary() -> &'static Path {
    BINARY.get_or_init(|| match env::var_os(OVERRIDE) {
        Some(path) => {
            fs::canonicalize(&path).unwrap_or_else(|e| panic!("{OVERRIDE}={}: {e}", path.display()))
        }
        None => built(),
    })
}

/// A first-party component as a file, which the build of the host writes beside its binaries.
pub fn component(name: &str) -> PathBuf {
    let target = host_binary().parent().and_then(Path::parent).unwrap();
    let file = target.join("components").join(name).with_extension("wasm");
    assert!(file.exists(), "{} is missing", file.display());
    file
}

/// A file of the workspace, which must be there.
pub fn workspace_file(path: &str) -> PathBuf {
    let file = workspace().join(path);
    assert!(file.exists(), "{} is missing", file.display());
    file
}

fn built() -> PathBuf {
    // target/<profile>/deps/it-…
    let test = env::current_exe().unwrap();
    let profile_dir = test.parent().and_then(Path::parent).unwrap();
    let binary = profile_dir.join("taskhost");
    let _lock = lock(&binary);
    if is_stale(&binary) {
        build(profile_dir);
    }
    binary
}

fn is_stale(binary: &Path) -> bool {
    let Ok(built) = binary.metadata().and_then(|m| m.modified()) else {
        return true;
    };
    [
        "Cargo.toml",
        "Cargo.lock",
        "host/Cargo.toml",
        "host/build.rs",
        "host/src",
        "guests",
        "wit",
    ]
    .iter()
    .any(|path| is_newer(&workspace().join(path), built))
}

fn is_newer(path: &Path, than: SystemTime) -> bool {
    let Ok(metadata) = path.metadata() else {
        return false;
    };
    if metadata.is_dir() {
        fs::read_dir(path)
            .unwrap()
            .any(|entry| is_newer(&entry.unwrap().path(), than))
    } else {
        metadata.modified().unwrap() > than
    }
}

/// With `--workspace`, so that features unify as they do in `cargo test --workspace` and nothing is
/// compiled twice.
fn build(profile_dir: &Path) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--workspace", "--bin", "taskhost", "--target-dir"]);
    cargo
        .arg(profile_dir.parent().unwrap())
        .current_dir(workspace());
    match profile_dir.file_name().and_then(|name| name.to_str()) {
        Some("debug") => {}
        Some(profile) => {
            cargo.args(["--profile", profile]);
        }
        None => panic!("no profile in {}", profile_dir.display()),
    }
    assert!(cargo.status().unwrap().success(), "{cargo:?} failed");
}
