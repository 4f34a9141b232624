//! One component of the configuration, from its table and its flags.

use std::collections::BTreeMap;
use std::path::Path;

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::file::{ComponentTable, GrantTable, LimitsTable};
use super::grant::Grants;
use super::limits::Limits;
use super::mistake::ConfigError;
use super::units::Size;

/// One component, before it is loaded.
#[derive(Clone, Debug)]
pub struct ComponentConfig {
    /// What it is called here.
    pub name: String,
    /// Name of an embedded component, or a path.
    pub reference: String,
    /// What it is configured with.
    pub config: toml::Table,
    /// `--set` for it: keys and the text after `=`. What type the text has, its schema decides.
    pub set: Vec<(Vec<String>, String)>,
    /// What it may reach.
    pub grants: Grants,
    /// What it may use.
    pub limits: Limits,
    /// For a strategy: which tasks it shows. `None`: all of them.
    pub tasks: Option<Patterns>,
    limits_table: LimitsTable,
}

/// Names of tasks, in which `*` stands for anything.
#[derive(Clone, Debug)]
pub struct Patterns {
    written: Vec<String>,
    compiled: GlobSet,
}

impl Patterns {
    fn compile(written: Vec<String>) -> Result<Self, globset::Error> {
        let mut set = GlobSetBuilder::new();
        for pattern in &written {
            set.add(Glob::new(pattern)?);
        }
        Ok(Self {
            compiled: set.build()?,
            written,
        })
    }

    /// As they are written.
    pub fn written(&self) -> &[String] {
        &self.written
    }

    /// Whether one of them matches.
    pub fn matches(&self, task: &str) -> bool {
        self.compiled.is_match(task)
    }
}

impl ComponentConfig {
    /// Whether a component would notice no difference: same source, same configuration, same grants, same
    /// limits. Which tasks a strategy shows is not its own affair.
    pub fn is_same(&self, other: &Self) -> bool {
        self.reference == other.reference
            && self.config == other.config
            && self.set == other.set
            && self.grants == other.grants
            && self.limits == other.limits
    }

    /// The table that this amounts to.
    pub(super) fn to_table(&self) -> ComponentTable {
        ComponentTable {
            component: self.reference.clone(),
            config: self.config.clone(),
            grant: GrantTable::of(&self.grants),
            limits: self.limits_table.clone(),
            tasks: self.tasks.as_ref().map(|tasks| tasks.written.clone()),
        }
    }
}

/// The components of a file, with those that flags name added to them.
pub(super) fn components(
    tables: BTreeMap<String, ComponentTable>,
    flags: &[String],
) -> Result<Vec<ComponentConfig>, ConfigError> {
    let mut components = Vec::new();
    for (name, table) in tables {
        components.push(component(name, table)?);
    }
    for flag in flags {
        let (name, reference) = match flag.split_once('=') {
            Some((name, reference)) => (name.to_owned(), reference.to_owned()),
            None => (name_of(flag), flag.clone()),
        };
        // A flag for a name that the file has replaces what is loaded, and keeps how it is configured.
        if let Some(known) = components
            .iter_mut()
            .find(|component| component.name == name)
        {
            known.reference = reference;
            continue;
        }
        let table = ComponentTable {
            component: reference,
            ..ComponentTable::default()
        };
        components.push(component(name, table)?);
    }
    Ok(components)
}

/// What a component is called where the operator gives it no name: the stem of its file.
fn name_of(reference: &str) -> String {
    let stem = Path::new(reference)
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let name: String = stem
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    name.trim_matches('-').to_owned()
}

fn component(name: String, table: ComponentTable) -> Result<ComponentConfig, ConfigError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        return Err(ConfigError::Name {
            name,
            why: "names have letters, digits, `-` and `_`, at most 64",
        });
    }
    let tasks = table
        .tasks
        .map(Patterns::compile)
        .transpose()
        .map_err(|source| ConfigError::Pattern {
            name: name.clone(),
            source,
        })?;
    Ok(ComponentConfig {
        name,
        reference: table.component,
        config: table.config,
        set: Vec::new(),
        grants: table.grant.grants(),
        limits: limits(&table.limits),
        tasks,
        limits_table: table.limits,
    })
}

fn limits(table: &LimitsTable) -> Limits {
    let default = Limits::default();
    let bytes = |size: Option<Size>| size.map(|size| size.0);
    Limits {
        memory: bytes(table.memory).map_or(default.memory, |bytes| {
            usize::try_from(bytes).unwrap_or(usize::MAX)
        }),
        without_yield: table
            .without_yield
            .map_or(default.without_yield, |span| span.0),
        call: table.call.map_or(default.call, |span| span.0),
        queue: table.queue.unwrap_or(default.queue).max(1),
        storage: bytes(table.storage).unwrap_or(default.storage),
        restarts: table.restarts.unwrap_or(default.restarts),
        ..default
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_called_by_the_stem_of_its_file() {
        assert_eq!(name_of("./My_Backend.v2.wasm"), "my-backend-v2");
        assert_eq!(name_of("mock"), "mock");
    }
}
