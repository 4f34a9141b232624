//! The files of a fresh project, as they are in the binary.
//!
//! `{{name}}` in them is the project's name. They lie below `host/templates`, where they can be read, and a
//! test builds and runs each.

use super::language::Language;
use super::new::Part;

/// One file: its path in the project, and its text.
pub(super) type File = (&'static str, &'static str);

macro_rules! files {
    ($from:literal, $into:literal: $($path:literal),+ $(,)?) => {
        &[$((concat!($into, $path), include_str!(concat!("../../", $from, $path)))),+]
    };
}

macro_rules! interface {
    ($into:literal) => {
        files!("../wit/", $into: "types.wit", "host.wit", "backend.wit", "strategy.wit", "worlds.wit")
    };
}

/// All files of a project. `None`: there is no such project.
pub(super) fn of(part: Part, language: Language) -> Option<impl Iterator<Item = &'static File>> {
    let own: &[File] = match (part, language) {
        (Part::Backend, Language::Rust) => RUST_BACKEND,
        (Part::Strategy, Language::Rust) => RUST_STRATEGY,
        (Part::Orchestration, Language::Rust) => RUST_ORCHESTRATION,
        (Part::Backend, Language::Python) => PYTHON_BACKEND,
        (Part::Strategy, Language::Python) => PYTHON_STRATEGY,
        (Part::Backend, Language::Js) => JS_BACKEND,
        (Part::Strategy, Language::Js) | (Part::Orchestration, Language::Python | Language::Js) => {
            return None;
        }
    };
    let with: &[&[File]] = match (part, language) {
        (Part::Orchestration, _) => &[FLOW, FLOW_INTERFACE, SDK, SDK_INTERFACE],
        (_, Language::Rust) => &[SDK, SDK_INTERFACE],
        (_, Language::Python) => &[GUARD_PY, INTERFACE, HTTP, CLOCKS],
        (_, Language::Js) => &[GUARD_JS, INTERFACE, SOCKETS, CLOCKS],
    };
    Some(
        own.iter()
            .chain(with.iter().copied().flatten())
            .chain(&COMMON),
    )
}

/// Everything that is made is below `target`.
const COMMON: [File; 1] = [(".gitignore", "/target\n__pycache__\n")];

// `Cargo.toml.in`: a `Cargo.toml` would make a package of the template.
const RUST_BACKEND: &[File] = &[
    (
        "Cargo.toml",
        include_str!("../../templates/backend/rust/Cargo.toml.in"),
    ),
    (
        "README.md",
        include_str!("../../templates/backend/rust/README.md"),
    ),
    (
        "plugin.toml",
        include_str!("../../templates/backend/rust/plugin.toml"),
    ),
    (
        "src/lib.rs",
        include_str!("../../templates/backend/rust/src/lib.rs"),
    ),
    (
        "src/tests.rs",
        include_str!("../../templates/backend/rust/src/tests.rs"),
    ),
];
const RUST_STRATEGY: &[File] = &[
    (
        "Cargo.toml",
        include_str!("../../templates/strategy/rust/Cargo.toml.in"),
    ),
    (
        "README.md",
        include_str!("../../templates/strategy/rust/README.md"),
    ),
    (
        "plugin.toml",
        include_str!("../../templates/strategy/rust/plugin.toml"),
    ),
    (
        "src/lib.rs",
        include_str!("../../templates/strategy/rust/src/lib.rs"),
    ),
    (
        "src/tests.rs",
        include_str!("../../templates/strategy/rust/src/tests.rs"),
    ),
];
const RUST_ORCHESTRATION: &[File] = &[
    (
        "Cargo.toml",
        include_str!("../../templates/orchestration/rust/Cargo.toml.in"),
    ),
    (
        "README.md",
        include_str!("../../templates/orchestration/rust/README.md"),
    ),
    (
        "plugin.toml",
        include_str!("../../templates/orchestration/rust/plugin.toml"),
    ),
    (
        "src/lib.rs",
        include_str!("../../templates/orchestration/rust/src/lib.rs"),
    ),
    (
        "src/tests.rs",
        include_str!("../../templates/orchestration/rust/src/tests.rs"),
    ),
];
const PYTHON_BACKEND: &[File] = files!(
    "templates/backend/python/", "":
    "README.md", "plugin.py", "plugin.toml", "stand_in.py", "test_plugin.py", "wit/world.wit",
);
const PYTHON_STRATEGY: &[File] = files!(
    "templates/strategy/python/", "":
    "README.md", "plugin.py", "plugin.toml", "stand_in.py", "test_plugin.py", "wit/world.wit",
);
const JS_BACKEND: &[File] = files!(
    "templates/backend/js/", "":
    "README.md", "package.json", "plugin.js", "plugin.test.mjs", "plugin.toml", "stand-in.mjs", "wit/world.wit",
);

/// The same in every project of the language.
const GUARD_PY: &[File] = files!("templates/", "": "guard.py");
const GUARD_JS: &[File] = files!("templates/", "": "guard.js");

/// The crate, by copy: nothing of a project comes from this repository.
const SDK: &[File] = files!(
    "../guests/sdk/", "sdk/":
    "Cargo.toml", "README.md", "wit/sdk.wit", "wit/deps/wasi-clocks/clocks.wit", "wit/deps/wasi-http/http.wit",
    "src/backend.rs",
    "src/bindings.rs",
    "src/events.rs",
    "src/host.rs",
    "src/http.rs",
    "src/http/wasi.rs",
    "src/lib.rs",
    "src/log.rs",
    "src/manifest.rs",
    "src/mock.rs",
    "src/mock/backend.rs",
    "src/mock/calls.rs",
    "src/mock/imports.rs",
    "src/mock/peer.rs",
    "src/mock/requests.rs",
    "src/net.rs",
    "src/schema.rs",
    "src/secrets.rs",
    "src/settings.rs",
    "src/spawn.rs",
    "src/storage.rs",
    "src/strategy.rs",
    "src/task.rs",
    "src/time.rs",
    "src/value.rs",
);
const SDK_INTERFACE: &[File] = interface!("sdk/wit/deps/taskhost/");

/// The crate of orchestrations, by copy too.
const FLOW: &[File] = files!(
    "../guests/flow/", "flow/":
    "Cargo.toml",
    "examples/process_data.rs",
    "macros/Cargo.toml",
    "macros/src/lib.rs",
    "macros/src/tests.rs",
    "src/activity.rs",
    "src/activity/tests.rs",
    "src/awaited.rs",
    "src/bindings.rs",
    "src/calls.rs",
    "src/context.rs",
    "src/export.rs",
    "src/failure.rs",
    "src/gather.rs",
    "src/lib.rs",
    "src/orchestration.rs",
    "src/panics.rs",
    "src/random.rs",
    "src/received.rs",
    "src/replay.rs",
    "src/replay/tests.rs",
    "src/replay/tests/anew.rs",
    "src/replay/tests/gather.rs",
    "src/shield.rs",
    "src/state.rs",
);
const FLOW_INTERFACE: &[File] = files!(
    "../wit/durable/", "flow/wit/": "activities.wit", "engine.wit", "orchestrator.wit",
);
const INTERFACE: &[File] = interface!("wit/deps/taskhost-plugin/");
const HTTP: &[File] = files!("../guests/sdk/wit/deps/", "wit/deps/": "wasi-http/http.wit");
const CLOCKS: &[File] = &[(
    "wit/deps/wasi-clocks/clocks.wit",
    include_str!("../../templates/wit/wasi-clocks.wit"),
)];
const SOCKETS: &[File] = &[(
    "wit/deps/wasi-sockets/sockets.wit",
    include_str!("../../templates/wit/wasi-sockets.wit"),
)];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_a_template_and_of_the_crates_is_in_the_binary() {
        let host = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (part, language, files) in all() {
            let folder = host.join("templates").join(part.name());
            let mut there = list(&folder.join(language.name()), "");
            if language == Language::Rust {
                there.extend(list(&host.join("../guests/sdk"), "sdk/"));
            }
            if part == Part::Orchestration {
                there.extend(list(&host.join("../guests/flow"), "flow/"));
                there.extend(list(&host.join("../wit/durable"), "flow/wit/"));
            }
            for path in there {
                let path = path.trim_end_matches(".in");
                assert!(
                    files.contains(path),
                    "{} in {language}: {path}",
                    part.name()
                );
            }
        }
    }

    #[test]
    fn every_file_of_the_interface_goes_with_a_project() {
        let wit = list(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit"), "");
        for (part, language, files) in all() {
            // In folders are what was released before, and other packages.
            let now = |name: &&String| {
                Path::new(name)
                    .extension()
                    .is_some_and(|kind| kind == "wit")
                    && !name.contains('/')
            };
            for name in wit.iter().filter(now) {
                assert!(
                    files.iter().any(|path| path.ends_with(&format!("/{name}"))),
                    "{} in {language}: {name}",
                    part.name()
                );
            }
        }
    }

    #[test]
    fn the_crate_of_orchestrations_stands_by_itself() {
        for name in ["Cargo.toml", "macros/Cargo.toml"] {
            let (_, text) = FLOW
                .iter()
                .find(|(path, _)| *path == format!("flow/{name}"))
                .unwrap();
            for line in text.lines() {
                let said = line.split('#').next().unwrap_or_default();
                assert!(
                    !said.contains("workspace") && !said.contains(".."),
                    "{name} leads out of the folder: {line}"
                );
            }
        }
    }

    fn all() -> Vec<(Part, Language, BTreeSet<&'static str>)> {
        let mut all = Vec::new();
        for part in Part::ALL {
            for language in Language::ALL {
                if let Some(files) = of(part, language) {
                    all.push((part, language, files.map(|(path, _)| *path).collect()));
                }
            }
        }
        assert_eq!(all.len(), 6);
        all
    }

    /// All files below `folder`, with `prefix`. A link is another folder's affair.
    fn list(folder: &Path, prefix: &str) -> Vec<String> {
        let mut there = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            let kind = entry.file_type().unwrap();
            if kind.is_dir() && !["sdk/target", "sdk/tests", "flow/target"].contains(&name.as_str())
            {
                there.extend(list(&entry.path(), &format!("{name}/")));
            } else if kind.is_file() {
                there.push(name);
            }
        }
        there
    }
}
