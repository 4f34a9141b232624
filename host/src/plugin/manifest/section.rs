//! Where the manifest is in the file of a component.

use wasmparser::{Parser, Payload};

use super::ManifestError;

/// Name of the custom section.
pub const SECTION: &str = "taskhost:manifest";

/// The content of the outermost section of that name; of two at one level, the last.
pub(super) fn find(bytes: &[u8]) -> Result<Option<&[u8]>, ManifestError> {
    let mut depth = 0_usize;
    let mut found: Option<(usize, &[u8])> = None;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| ManifestError::Damaged(error.message().to_owned()))? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            // The file itself ends too.
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section)
                if section.name() == SECTION && found.is_none_or(|(at, _)| depth <= at) =>
            {
                found = Some((depth, section.data()));
            }
            _ => {}
        }
    }
    Ok(found.map(|(_, content)| content))
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{Component, CustomSection, Module, ModuleSection};

    use super::*;

    fn section(content: &str) -> CustomSection<'_> {
        CustomSection {
            name: SECTION.into(),
            data: content.as_bytes().into(),
        }
    }

    fn module(content: &str) -> Module {
        let mut module = Module::new();
        module.section(&section(content));
        module
    }

    #[test]
    fn a_manifest_in_a_core_module_is_found() {
        let mut component = Component::new();
        component.section(&ModuleSection(&module("inner")));
        assert_eq!(find(&component.finish()).unwrap(), Some(&b"inner"[..]));
    }

    #[test]
    fn the_outermost_manifest_wins_wherever_it_stands() {
        let inner = module("inner");
        for outer_first in [true, false] {
            let mut component = Component::new();
            if outer_first {
                component.section(&section("outer"));
            }
            component.section(&ModuleSection(&inner));
            if !outer_first {
                component.section(&section("outer"));
            }
            assert_eq!(find(&component.finish()).unwrap(), Some(&b"outer"[..]));
        }
    }

    #[test]
    fn of_two_at_one_level_the_last_counts() {
        let mut component = Component::new();
        component.section(&section("first"));
        component.section(&ModuleSection(&Module::new()));
        component.section(&section("last"));
        assert_eq!(find(&component.finish()).unwrap(), Some(&b"last"[..]));
    }

    #[test]
    fn a_component_without_one_has_none_and_a_cut_file_is_an_error() {
        let mut component = Component::new();
        component.section(&ModuleSection(&Module::new()));
        let bytes = component.finish();
        assert_eq!(find(&bytes).unwrap(), None);
        assert!(find(bytes.get(..bytes.len() - 1).unwrap()).is_err());
    }
}
