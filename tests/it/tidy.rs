//! The rules that hold the sources together, read from the sources.
//!
//! The table is the one in `host/ARCHITECTURE.md`. A failure names the file, the line and the rule.

use std::fs;
use std::path::{Path, PathBuf};

/// Which module of the host may name which others.
const MAY_USE: [(&str, &[&str]); 18] = [
    (
        "cli",
        &[
            "author",
            "mcp",
            "admin",
            "trial",
            "service",
            "plugin",
            "engine",
            "capability",
            "store",
            "config",
            "task",
            "schema",
            "error",
            "clock",
            "shutdown",
            "telemetry",
            "token",
        ],
    ),
    ("author", &["plugin", "engine", "config", "task", "error"]),
    (
        "mcp",
        &["service", "plugin", "config", "task", "error", "token"],
    ),
    ("admin", &["service", "plugin", "store", "task", "error"]),
    (
        "trial",
        &[
            "service", "plugin", "store", "config", "schema", "task", "error", "clock",
        ],
    ),
    (
        "service",
        &[
            "plugin", "store", "schema", "config", "task", "error", "clock",
        ],
    ),
    (
        "plugin",
        &[
            "engine",
            "capability",
            "schema",
            "config",
            "task",
            "error",
            "clock",
        ],
    ),
    (
        "engine",
        &["capability", "config", "task", "error", "clock"],
    ),
    ("capability", &["config", "task", "error", "clock"]),
    ("store", &["task", "error"]),
    ("config", &["store", "task", "error", "token"]),
    ("schema", &["task"]),
    ("task", &[]),
    ("error", &[]),
    ("clock", &[]),
    ("shutdown", &[]),
    ("telemetry", &[]),
    ("token", &[]),
];

/// What is named in some places only: the text, the places, the reason.
const ONLY_IN: [(&str, &[&str], &str); 8] = [
    (
        "wasmtime",
        &["engine", "capability"],
        "components are behind handles everywhere else",
    ),
    ("rmcp", &["mcp"], "the protocol is known in one place"),
    ("sled::", &["store/sled"], "the store is known by its trait"),
    ("println!", &["cli"], "standard output is the protocol"),
    ("print!(", &["cli"], "standard output is the protocol"),
    (
        "std::env::var",
        &["config/env.rs"],
        "one reader of the environment",
    ),
    (
        "SystemTime::now",
        &["clock.rs"],
        "everybody asks the clock, so that tests own time",
    ),
    (
        "unbounded_channel",
        &[],
        "every queue has a bound and a policy",
    ),
];

#[test]
fn dependencies_between_modules_point_one_way() {
    let mut wrong = Vec::new();
    for source in sources() {
        let module = source.module();
        let allowed = MAY_USE
            .iter()
            .find(|(name, _)| *name == module)
            .map_or_else(
                || panic!("{}: `{module}` is in no table", source.path),
                |(_, allowed)| *allowed,
            );
        for (line, text) in source.code() {
            for named in text.split("crate::").skip(1) {
                for used in names(named) {
                    if used != module && !allowed.contains(&used) && is_module(used) {
                        wrong.push(format!(
                            "{}:{line}: `{module}` must not use `{used}`",
                            source.path
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn each_library_has_its_place() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (what, places, reason) in ONLY_IN {
            if places.iter().any(|place| source.path.starts_with(place)) {
                continue;
            }
            for (line, text) in source.code() {
                if text.contains(what) && !text.contains(&format!("::{what}")) {
                    wrong.push(format!(
                        "{}:{line}: `{what}` has no place here: {reason}",
                        source.path
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_map_names_every_folder() {
    let map = fs::read_to_string(host().join("ARCHITECTURE.md")).unwrap();
    for entry in fs::read_dir(host().join("src")).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            let name = entry.file_name().into_string().unwrap();
            assert!(
                map.contains(&format!("`{name}/`")),
                "ARCHITECTURE.md does not name `{name}/`"
            );
        }
    }
}

/// One source file of the host.
struct Source {
    /// Below `src`.
    path: String,
    text: String,
}

impl Source {
    fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Lines that are compiled, but for tests, with their numbers.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let tests = self
            .text
            .find("#[cfg(test)]\nmod tests {")
            .unwrap_or(self.text.len());
        let end = self.text.split_at(tests).0.lines().count();
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line.trim()))
            .take(end)
            .filter(|(_, line)| !line.starts_with("//"))
    }
}

fn sources() -> Vec<Source> {
    let root = host().join("src");
    let mut sources = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !["lib.rs", "main.rs", "tests.rs", "fixture.rs", "suite.rs"].contains(&name)
            {
                sources.push(Source {
                    path: path
                        .strip_prefix(&root)
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .to_owned(),
                    text: fs::read_to_string(&path).unwrap(),
                });
            }
        }
    }
    assert!(sources.len() > 50, "the sources were not found");
    sources
}

/// The modules that the rest of a path after `crate::` names: one, or several in braces.
fn names(rest: &str) -> Vec<&str> {
    let word = |text: &str| {
        text.find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(text.len())
    };
    match rest.strip_prefix('{') {
        Some(list) => list
            .split(',')
            .map(str::trim)
            .map(|item| &item[..word(item)])
            .collect(),
        None => vec![&rest[..word(rest)]],
    }
}

fn is_module(name: &str) -> bool {
    MAY_USE.iter().any(|(module, _)| *module == name)
}

fn host() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .join("host")
}
