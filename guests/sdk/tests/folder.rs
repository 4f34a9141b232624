//! The folder of this crate is copied into projects, where it has to stand by itself.

#![allow(clippy::unwrap_used, reason = "to panic is to fail")]

use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn nothing_is_inherited_from_a_workspace() {
    let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
    for (number, line) in manifest.lines().enumerate() {
        let said = line.split('#').next().unwrap_or_default();
        assert!(
            !said.contains("workspace") && !said.contains(".."),
            "line {} of Cargo.toml leads out of the folder: {line}",
            number + 1
        );
    }
}

#[test]
fn the_interface_is_in_the_folder_and_the_same_as_in_the_repository() {
    let here = folder().join("wit/deps/taskhost");
    let files = interface(&here);
    for name in ["backend.wit", "host.wit", "strategy.wit", "types.wit"] {
        assert!(files.iter().any(|file| file.ends_with(name)), "no {name}");
    }
    let there = folder().join("../../wit");
    // A copy in a project is alone.
    if there.is_dir() {
        assert_eq!(files.len(), interface(&there).len());
        for file in files {
            let name = file.file_name().unwrap();
            let (mine, theirs) = (fs::read(&file), fs::read(there.join(name)));
            assert_eq!(mine.unwrap(), theirs.unwrap(), "{}", file.display());
        }
    }
}

fn interface(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap();
    files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "wit"))
        .collect()
}
