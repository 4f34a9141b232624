//! The components that come with taskhost.

use std::sync::LazyLock;

use crate::engine::component::digest;

/// A component inside this binary.
#[derive(Clone, Copy, Debug)]
pub struct Embedded {
    /// What it is called.
    pub name: &'static str,
    /// The component.
    pub bytes: &'static [u8],
}

/// All of them, by name.
pub fn all() -> &'static [Embedded] {
    COMPONENTS
}

/// The one called `name`.
pub fn find(name: &str) -> Option<&'static Embedded> {
    COMPONENTS.iter().find(|embedded| embedded.name == name)
}

/// Whether a component with this digest came with taskhost, wherever its file is now.
pub fn is_first_party(component: &str) -> bool {
    static DIGESTS: LazyLock<Vec<String>> = LazyLock::new(|| {
        COMPONENTS
            .iter()
            .map(|embedded| digest(embedded.bytes))
            .collect()
    });
    DIGESTS.iter().any(|digest| digest == component)
}

include!(concat!(env!("OUT_DIR"), "/components.rs"));
