//! The manifest as part of a component.
//!
//! A component is a row of sections after eight bytes of header. The manifest is one custom section at
//! the component's own level, not in a module inside it, so that whoever reads it need not look further.

use wasm_encoder::{ComponentSection as _, CustomSection, RawSection};
use wasmparser::{BinaryReader, BinaryReaderError};

use crate::plugin::manifest::SECTION;

const HEADER: usize = 8;
const CUSTOM: u8 = 0;

/// `component` with `manifest` as the one section of its name.
pub(super) fn with_manifest(
    component: &[u8],
    manifest: &str,
) -> Result<Vec<u8>, BinaryReaderError> {
    let mut reader = BinaryReader::new(component, 0);
    let mut with = reader.read_bytes(HEADER)?.to_vec();
    while !reader.eof() {
        let id = reader.read_u8()?;
        let size = reader.read_var_u32()?;
        let data = reader.read_bytes(usize::try_from(size).unwrap_or(usize::MAX))?;
        if id == CUSTOM && BinaryReader::new(data, 0).read_string()? == SECTION {
            continue;
        }
        RawSection { id, data }.append_to_component(&mut with);
    }
    CustomSection {
        name: SECTION.into(),
        data: manifest.as_bytes().into(),
    }
    .append_to_component(&mut with);
    Ok(with)
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{Component, Module, ModuleSection};
    use wasmparser::{Parser, Payload};

    use super::*;

    #[test]
    fn there_is_one_manifest_and_all_else_stays() {
        let mut module = Module::new();
        module.section(&CustomSection {
            name: SECTION.into(),
            data: b"inner".into(),
        });
        let mut component = Component::new();
        component.section(&ModuleSection(&module));
        let once = with_manifest(&component.finish(), "first").unwrap();
        let twice = with_manifest(&once, "second").unwrap();
        assert_eq!(manifests(&once), ["inner", "first"]);
        assert_eq!(manifests(&twice), ["inner", "second"]);
        assert_eq!(with_manifest(&twice, "second").unwrap(), twice);
    }

    #[test]
    fn a_file_that_ends_too_early_is_refused() {
        let whole = with_manifest(&Component::new().finish(), "name = \"x\"").unwrap();
        for end in [0, 4, 9, whole.len() - 1] {
            assert!(with_manifest(&whole[..end], "y").is_err(), "{end}");
        }
    }

    fn manifests(component: &[u8]) -> Vec<&str> {
        let payloads = Parser::new(0).parse_all(component).map(Result::unwrap);
        payloads
            .filter_map(|payload| match payload {
                Payload::CustomSection(section) if section.name() == SECTION => {
                    Some(str::from_utf8(section.data()).unwrap())
                }
                _ => None,
            })
            .collect()
    }
}
