//! One component of the configuration, from its table and its flags.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::file::{ComponentTable, GrantTable, LimitsTable};
use super::grant::Grants;
use super::limits::{DOCUMENT, Limits};
use super::mistake::ConfigError;
use super::signature::SignatureTable;
use super::units::Size;

/// One component, before it is loaded.
#[derive(Clone, Debug)]
pub struct ComponentConfig {
    /// What it is called here.
    pub name: String,
    /// Name of an embedded component, a path, an https URL or an OCI reference.
    pub reference: String,
    /// Who must have signed it.
    pub signature: Option<SignatureTable>,
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
    /// Where the file is that it stands in. Empty: in none.
    directory: PathBuf,
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
            && self.signature == other.signature
            && self.config == other.config
            && self.set == other.set
            && self.grants == other.grants
            && self.limits == other.limits
    }

    /// What a setting means that names a component, where it is written in the file.
    pub fn from_its_file(&self, reference: &str) -> String {
        relative_to(&self.directory, reference)
    }

    /// The table that this amounts to.
    pub(super) fn to_table(&self) -> ComponentTable {
        ComponentTable {
            component: self.reference.clone(),
            signature: self.signature.clone(),
            config: self.config.clone(),
            grant: GrantTable::of(&self.grants),
            limits: self.limits_table.clone(),
            tasks: self.tasks.as_ref().map(|tasks| tasks.written.clone()),
            directory: PathBuf::new(),
        }
    }
}

/// A reference as it is meant in a file in `directory`: what has the look of a path is relative to that.
pub(super) fn relative_to(directory: &Path, reference: &str) -> String {
    let looks_like_path = reference.contains(['/', '\\'])
        || Path::new(reference)
            .extension()
            .is_some_and(|extension| extension == "wasm");
    if looks_like_path && !reference.contains("://") {
        directory.join(reference).display().to_string()
    } else {
        reference.to_owned()
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
pub fn name_of(reference: &str) -> String {
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
    let limits = limits(&name, &table.limits)?;
    Ok(ComponentConfig {
        name,
        reference: table.component,
        signature: table.signature,
        config: table.config,
        set: Vec::new(),
        grants: table.grant.grants(),
        limits,
        tasks,
        limits_table: table.limits,
        directory: table.directory,
    })
}

/// The defaults with the table on top, or what in the table cannot be.
fn limits(name: &str, table: &LimitsTable) -> Result<Limits, ConfigError> {
    let impossible = |key, why| ConfigError::Limit {
        name: name.to_owned(),
        key,
        why,
    };
    let mut limits = Limits::default();
    put(
        &mut limits.without_yield,
        table.without_yield.map(|span| span.0),
    );
    put(&mut limits.call, table.call.map(|span| span.0));
    put(&mut limits.grace, table.grace.map(|span| span.0));
    put(&mut limits.silence, table.silence.map(|span| span.0));
    put(
        &mut limits.restart_window,
        table.restart_window.map(|span| span.0),
    );
    put(&mut limits.rest, table.rest.map(|span| span.0));
    put(&mut limits.memory, table.memory.map(bytes));
    put(&mut limits.document, table.document.map(bytes));
    put(&mut limits.handed_over, table.handed_over.map(bytes));
    put(&mut limits.log_bytes, table.log_bytes.map(few_bytes));
    put(&mut limits.output_bytes, table.output_bytes.map(few_bytes));
    put(&mut limits.storage, table.storage.map(|size| size.0));
    put(&mut limits.table_elements, table.table_elements);
    put(&mut limits.modules, table.modules);
    put(&mut limits.handles, table.handles);
    put(&mut limits.abandoned, table.abandoned);
    put(&mut limits.in_flight, table.in_flight);
    put(&mut limits.queue, table.queue);
    put(&mut limits.when_full, table.when_full);
    put(&mut limits.connections, table.connections);
    put(&mut limits.log_lines, table.log_lines);
    put(&mut limits.events, table.events);
    put(&mut limits.output_lines, table.output_lines);
    put(&mut limits.restarts, table.restarts);
    for (key, span, least) in [
        ("without-yield", limits.without_yield, SHORTEST_RUN),
        ("call", limits.call, SHORTEST_CALL),
        ("silence", limits.silence, SHORTEST_CALL),
        ("rest", limits.rest, SHORTEST_CALL),
    ] {
        if span < least {
            let least = humantime::format_duration(least);
            return Err(impossible(key, format!("it is at least {least}")));
        }
    }
    for (key, number) in [("in-flight", limits.in_flight), ("queue", limits.queue)] {
        if !(1..=MOST_CALLS).contains(&number) {
            return Err(impossible(key, format!("it is 1 to {MOST_CALLS}")));
        }
    }
    if limits.document > DOCUMENT {
        let most = Size(DOCUMENT as u64);
        return Err(impossible("document", format!("it is at most {most}")));
    }
    Ok(limits)
}

/// The least that a run without coming back can be limited to: a tick is the measure, and some are lost.
const SHORTEST_RUN: Duration = Duration::from_millis(50);
/// The least that what is measured by the host's pulse can be limited to.
const SHORTEST_CALL: Duration = Duration::from_millis(100);
/// More calls than any host makes at a time.
const MOST_CALLS: usize = 1_000_000;

fn put<T>(limit: &mut T, wanted: Option<T>) {
    if let Some(wanted) = wanted {
        *limit = wanted;
    }
}

fn bytes(size: Size) -> usize {
    usize::try_from(size.0).unwrap_or(usize::MAX)
}

fn few_bytes(size: Size) -> u32 {
    u32::try_from(size.0).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::limits::WhenFull;

    #[test]
    fn a_component_is_called_by_the_stem_of_its_file() {
        assert_eq!(name_of("./My_Backend.v2.wasm"), "my-backend-v2");
        assert_eq!(name_of("mock"), "mock");
    }

    #[test]
    fn a_limit_that_cannot_be_is_named() {
        let refused = |text: &str| {
            let table: LimitsTable = toml::from_str(text).unwrap();
            limits("x", &table).unwrap_err().to_string()
        };
        assert!(refused("in-flight = 0").contains("in-flight"));
        assert!(refused("without-yield = \"1ms\"").contains("at least 50ms"));
        assert!(refused("document = \"1GiB\"").contains("at most 16MiB"));
        assert!(toml::from_str::<LimitsTable>("when-full = \"drop\"").is_err());
    }

    #[test]
    fn what_the_table_does_not_say_is_the_default() {
        let table = toml::from_str("call = \"2s\"\nwhen-full = \"wait\"").unwrap();
        let limits = limits("x", &table).unwrap();
        let expected = Limits {
            call: Duration::from_secs(2),
            when_full: WhenFull::Wait,
            ..Limits::default()
        };
        assert_eq!(limits, expected);
    }
}
