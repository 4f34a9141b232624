//! A component as a file: what it is, what it wants, and its machine code.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use wasmtime::component::types::ComponentItem;

use super::Engine;
use super::cache::Cache;
use super::load::LoadError;

/// What a component of orchestrations exports.
const ORCHESTRATOR: &str = "taskhost:durable/orchestrator@0.1.0";

/// What an engine of orchestrations imports.
const DISPATCH: &str = "taskhost:durable/dispatch@0.1.0";

/// The version of `taskhost:plugin` that this host speaks.
pub const INTERFACE: &str = "0.1.1";

/// Whether a component that was built for `theirs` may run where `ours` is spoken: additions raise the last
/// number alone, and what it uses that is not there is found when it is linked.
pub(super) fn is_compatible(theirs: &str, ours: &str) -> bool {
    let line = |version: &str| {
        let (line, patch) = version.rsplit_once('.')?;
        patch.parse::<u32>().ok().map(|_| line.to_owned())
    };
    theirs == ours || line(theirs).is_some_and(|theirs| line(ours) == Some(theirs))
}

/// The version of `taskhost:durable` that this host speaks.
pub const DURABLE: &str = "0.1.0";

/// What a component can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It runs tasks.
    Backend,
    /// It shows tasks.
    Strategy,
}

impl Kind {
    /// What a component of this kind exports.
    pub fn export(self) -> String {
        format!("taskhost:plugin/{self}@{INTERFACE}")
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Backend => "backend",
            Self::Strategy => "strategy",
        })
    }
}

/// A compiled component.
#[derive(Clone)]
pub struct Component {
    /// SHA-256 of the file, in hexadecimal.
    pub digest: String,
    /// Names of what it imports, in order.
    pub imports: Vec<String>,
    /// Names of what it exports, in order.
    pub exports: Vec<String>,
    pub(super) code: wasmtime::component::Component,
}

impl Component {
    /// Compiles `bytes`, or takes the machine code from `cache`.
    pub fn load(engine: &Engine, cache: Option<&Cache>, bytes: &[u8]) -> Result<Self, LoadError> {
        check_header(bytes)?;
        let digest = digest(bytes);
        let code = if let Some(code) = cache.and_then(|cache| cache.load(engine, &digest)) {
            code
        } else {
            let code = wasmtime::component::Component::from_binary(engine.wasmtime(), bytes)
                .map_err(|error| LoadError::Damaged(error.root_cause().to_string()))?;
            if let Some(cache) = cache {
                cache.store(engine, &digest, &code);
            }
            code
        };
        let kind = code.component_type();
        let names =
            |items: Vec<(String, ComponentItem)>| items.into_iter().map(|(name, _)| name).collect();
        Ok(Self {
            digest,
            imports: names(
                kind.imports(engine.wasmtime())
                    .map(|(name, item)| (name.to_owned(), item.ty))
                    .collect(),
            ),
            exports: names(
                kind.exports(engine.wasmtime())
                    .map(|(name, item)| (name.to_owned(), item.ty))
                    .collect(),
            ),
            code,
        })
    }

    /// Keeps its machine code for `bytes` too, which are what it was made from but for custom sections: these
    /// change nothing in it.
    pub fn keep_for(&self, engine: &Engine, cache: &Cache, bytes: &[u8]) {
        cache.store(engine, &digest(bytes), &self.code);
    }

    /// Whether it has orchestrations: then it is a backend by way of an engine.
    pub fn has_orchestrations(&self) -> bool {
        self.exports.iter().any(|export| export == ORCHESTRATOR)
    }

    /// Whether it is an engine, which runs what has orchestrations.
    pub fn runs_orchestrations(&self) -> bool {
        self.imports.iter().any(|import| import == DISPATCH)
    }

    /// What it can be, by what it exports.
    pub fn kind(&self) -> Result<Kind, LoadError> {
        if self.has_orchestrations() {
            return Ok(Kind::Backend);
        }
        for kind in [Kind::Backend, Kind::Strategy] {
            if version_in(&self.exports, &kind.to_string()).is_some() {
                return Ok(kind);
            }
        }
        // The same interface in a version that this host does not speak?
        let other = self
            .exports
            .iter()
            .chain(&self.imports)
            .filter_map(|name| name.strip_prefix("taskhost:plugin/")?.split_once('@'))
            .find(|(_, version)| !is_compatible(version, INTERFACE));
        Err(match other {
            Some((_, version)) => LoadError::OtherVersion {
                version: version.to_owned(),
                differences: Vec::new(),
            },
            None => LoadError::NoPlugin {
                exports: self.exports.clone(),
            },
        })
    }

    /// Whether it imports this interface of `taskhost:plugin`.
    pub fn uses(&self, interface: &str) -> bool {
        version_in(&self.imports, interface).is_some()
    }

    /// The version of `taskhost:plugin` that it was built for.
    pub fn interface(&self) -> &str {
        let kinds = [Kind::Backend, Kind::Strategy].map(|kind| kind.to_string());
        let found = kinds
            .iter()
            .find_map(|kind| version_in(&self.exports, kind));
        found.unwrap_or(INTERFACE)
    }

    /// Checks that it is of kind `wanted`.
    pub fn expect(&self, wanted: Kind) -> Result<(), LoadError> {
        let found = self.kind()?;
        if found == wanted {
            Ok(())
        } else {
            Err(LoadError::WrongKind { found, wanted })
        }
    }
}

/// The version in which `interface` of `taskhost:plugin` is among `names`, where this host speaks it.
fn version_in<'a>(names: &'a [String], interface: &str) -> Option<&'a str> {
    names.iter().find_map(|name| {
        let (found, version) = name.strip_prefix("taskhost:plugin/")?.split_once('@')?;
        (found == interface && is_compatible(version, INTERFACE)).then_some(version)
    })
}

/// SHA-256 of `bytes`, in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}

/// The first eight bytes say what a file is; the parser's own words for the same do not help anybody.
fn check_header(bytes: &[u8]) -> Result<(), LoadError> {
    const MAGIC: &[u8] = b"\0asm";
    const COMPONENT: &[u8] = &[0x0d, 0x00, 0x01, 0x00];
    const MODULE: &[u8] = &[0x01, 0x00, 0x00, 0x00];
    if bytes.is_empty() {
        return Err(LoadError::NotWasm("the file is empty".to_owned()));
    }
    if !bytes.starts_with(MAGIC) {
        return Err(LoadError::NotWasm(
            "it does not begin like a Wasm file".to_owned(),
        ));
    }
    match bytes.get(4..8) {
        Some(COMPONENT) => Ok(()),
        Some(MODULE) => Err(LoadError::CoreModule),
        Some(other) => Err(LoadError::NotWasm(format!(
            "it is in a Wasm format unknown here: {other:02x?}"
        ))),
        None => Err(LoadError::Damaged(
            "the file ends after its first bytes".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_number_of_a_version_may_differ() {
        for theirs in ["0.1.0", "0.1.1", "0.1.20"] {
            assert!(is_compatible(theirs, "0.1.1"), "{theirs}");
        }
        for theirs in ["0.4.0", "1.1.1", "0.1.2-rc.1", "0.1", ""] {
            assert!(!is_compatible(theirs, "0.1.1"), "{theirs}");
        }
    }
}
