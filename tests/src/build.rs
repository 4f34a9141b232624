//! Other builds of a component, good ones and broken ones, made of its bytes.

use std::borrow::Cow;

use wasm_encoder::{CustomSection, Section as _};
use wasmparser::{ExternalKind, Parser, Payload, TypeRef};

/// Does the same, and has another digest: one for each `mark`.
pub fn marked(component: &[u8], mark: &str) -> Vec<u8> {
    with_section(component, "mark", mark)
}

/// Does the same, and says this of itself.
pub fn with_manifest(component: &[u8], manifest: &str) -> Vec<u8> {
    with_section(component, "taskhost:manifest", manifest)
}

fn with_section(component: &[u8], name: &str, content: &str) -> Vec<u8> {
    let mut build = component.to_vec();
    let section = CustomSection {
        name: Cow::Borrowed(name),
        data: Cow::Borrowed(content.as_bytes()),
    };
    section.append_to(&mut build);
    build
}

/// Ends in the middle, as a file does that is being written.
///
/// # Panics
/// When it has no middle.
pub fn truncated(component: &[u8]) -> Vec<u8> {
    component[..component.len() / 2].to_vec()
}

/// Two instructions.
const UNREACHABLE: u8 = 0x00;
const END: u8 = 0x0b;

/// Traps in its `init`, and is otherwise the same.
///
/// # Panics
/// When it has no `init`.
pub fn trapping_in_init(component: &[u8]) -> Vec<u8> {
    let (mut functions, mut bodies) = (0, 0);
    let mut init = None;
    let mut code = None;
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::Version { .. } => {
                (functions, bodies, init) = (0, 0, None);
            }
            Payload::ImportSection(imports) => {
                let imports = imports.into_imports().map(Result::unwrap);
                functions += imports
                    .filter(|import| matches!(import.ty, TypeRef::Func(_)))
                    .count();
            }
            Payload::ExportSection(exports) => {
                let found = exports.into_iter().map(Result::unwrap).find(|export| {
                    export.kind == ExternalKind::Func && export.name.ends_with("#init")
                });
                init = found.map(|export| usize::try_from(export.index).unwrap());
            }
            Payload::CodeSectionEntry(body) => {
                if init == Some(functions + bodies) && code.is_none() {
                    let start = body.get_operators_reader().unwrap().original_position();
                    code = Some(start..body.range().end);
                }
                bodies += 1;
            }
            _ => {}
        }
    }
    let mut build = component.to_vec();
    let code = code.expect("there is an `init`");
    build[code.clone()].fill(UNREACHABLE);
    build[code.end - 1] = END;
    build
}

/// Says that it was built for another version of the interface, of as many characters.
///
/// # Panics
/// When it was not built for version 0.1.1.
pub fn of_interface(component: &[u8], version: &str) -> Vec<u8> {
    const OURS: &[u8] = b"@0.1.1";
    assert_eq!(version.len() + 1, OURS.len());
    let mut build = component.to_vec();
    let mut replaced = 0;
    for at in 0..component.len() - OURS.len() {
        let name = component[..at].rsplit(|byte| *byte == b':').next().unwrap();
        if component[at..].starts_with(OURS) && name.starts_with(b"plugin/") {
            build[at + 1..at + OURS.len()].copy_from_slice(version.as_bytes());
            replaced += 1;
        }
    }
    assert!(replaced > 0, "it names no interface of version 0.1.1");
    build
}

/// What comes of building for the wrong target.
pub fn core_module() -> Vec<u8> {
    wasm_encoder::Module::new().finish()
}
