//! Components in Python, made by componentize-py.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{fixture, once, output_of, python, workspace};

/// The version that the reference measurements were made with.
const TOOL: &str = "componentize-py==0.25.1";

/// The component that `tests/fixtures/<name>` is the source of: `app.py`, and the world
/// `taskhost:fixtures/prober` below `wit`.
///
/// # Panics
/// When the tool cannot be had, or refuses the sources.
pub fn python_component(name: &str) -> PathBuf {
    let source = fixture(name);
    let dir = workspace().join("target/python-components").join(name);
    let mut recipe = TOOL.to_owned();
    for path in [workspace().join("wit"), source.clone()] {
        add(&path, &mut recipe);
    }
    once(&dir, &recipe, |dir| build(&source, dir));
    dir.join("component.wasm")
}

/// All files below `path`, with what is in them.
fn add(path: &Path, recipe: &mut String) {
    if path.is_dir() {
        let mut entries: Vec<_> = fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| !path.ends_with("__pycache__"))
            .collect();
        entries.sort();
        for entry in entries {
            add(&entry, recipe);
        }
    } else {
        recipe.push_str(&path.display().to_string());
        recipe.push_str(&fs::read_to_string(path).unwrap());
    }
}

fn build(source: &Path, dir: &Path) {
    let tool = python("componentize", &[TOOL]).with_file_name("componentize-py");
    fs::create_dir_all(dir).unwrap();
    eprintln!("making a component of {}", source.display());
    let mut command = Command::new(tool);
    command.arg("-d").arg(workspace().join("wit"));
    command.arg("-d").arg(source.join("wit"));
    command.args(["-w", "taskhost:fixtures/prober"]);
    // Several interfaces are called `types`: each is told by its package.
    for name in [
        "taskhost:plugin/types@0.1.1=plugin_types",
        "wasi:http/types@0.2.9=wasi_http_types",
    ] {
        command.args(["--import-interface-name", name]);
    }
    command.args(["componentize", "app", "-o"]);
    command.arg(dir.join("component.wasm")).current_dir(source);
    output_of(
        &mut command,
        "componentize-py did not make a component; help: look at what it says",
    );
}
