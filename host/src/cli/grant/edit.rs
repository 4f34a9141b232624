//! A configuration as text with a structure: one component's grants in it, and nothing else touched.

use std::path::Path;

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::GrantError;
use crate::config::grant::{Allowed, HttpGrant};
use crate::config::grant_table::{GrantTable, HttpEntry, TcpGrant};

/// The file, with the place of one component in it.
pub(super) struct Document {
    text: DocumentMut,
    /// `backends` or `strategies`.
    section: &'static str,
    name: String,
}

impl Document {
    /// Finds `name` in the file of this text.
    pub(super) fn open(path: &Path, text: &str, name: &str) -> Result<Self, GrantError> {
        let text: DocumentMut = text.parse().map_err(|_| {
            // It was read as a configuration a moment ago.
            GrantError::Form {
                name: name.to_owned(),
                key: "grant".to_owned(),
            }
        })?;
        let names = |section: &str| {
            let table = text.get(section).and_then(Item::as_table_like);
            let names = table.into_iter().flat_map(|table| table.iter());
            names.map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
        };
        let sections = ["backends", "strategies"];
        let found = sections
            .into_iter()
            .find(|section| names(section).iter().any(|known| known == name));
        match found {
            Some(section) => Ok(Self {
                section,
                name: name.to_owned(),
                text,
            }),
            None => Err(GrantError::NoSuch {
                path: path.to_owned(),
                name: name.to_owned(),
                known: sections.into_iter().flat_map(names).collect(),
            }),
        }
    }

    /// As it is to be written.
    pub(super) fn text(&self) -> String {
        self.text.to_string()
    }

    /// Adds what `allowed` allows, unless it is there.
    pub(super) fn grant(&mut self, allowed: &Allowed) -> Result<(), GrantError> {
        let entry = entry(allowed);
        let key = key(allowed);
        if let Allowed::Storage(_) = allowed {
            let same = self.grants().is_some_and(|grants| {
                grants.get(key).and_then(Item::as_str) == Some(entry.as_str())
            });
            if !same {
                self.grants_or_new()?.insert(key, toml_edit::value(entry));
            }
            return Ok(());
        }
        let form = self.form(key);
        let grants = self.grants_or_new()?;
        if !grants.contains_key(key) {
            grants.insert(key, toml_edit::value(Array::new()));
        }
        let list = grants.get_mut(key).and_then(Item::as_array_mut);
        let list = list.ok_or(form)?;
        let place = list.iter().position(|value| is_about(value, allowed));
        match (place, allowed) {
            (None, _) => push(list, entry),
            (Some(place), Allowed::Http(wanted)) => {
                let Some(known) = list.get(place).and_then(server) else {
                    return Ok(());
                };
                let mut both = known.clone();
                both.methods.extend(wanted.methods.iter().cloned());
                both.secrets.extend(wanted.secrets.iter().cloned());
                if both != known {
                    set(list, place, server_value(&both));
                }
            }
            (Some(place), Allowed::Env(..) | Allowed::Dir(_)) => {
                if list.get(place).and_then(Value::as_str) != Some(entry.as_str()) {
                    set(list, place, entry.into());
                }
            }
            // It is there, perhaps with more said of it.
            (Some(_), _) => {}
        }
        Ok(())
    }

    /// Takes away what `allowed` allows.
    pub(super) fn revoke(&mut self, allowed: &Allowed) -> Result<(), GrantError> {
        let key = key(allowed);
        let missing = || GrantError::NotGranted {
            name: self.name.clone(),
            word: allowed.to_string(),
            granted: self.words(),
        };
        let error = missing();
        let form = self.form(key);
        let Some(grants) = self.grants_mut() else {
            return Err(error);
        };
        if let Allowed::Storage(_) = allowed {
            grants.remove(key).ok_or(error)?;
            self.tidy();
            return Ok(());
        }
        let Some(item) = grants.get_mut(key) else {
            return Err(error);
        };
        let list = item.as_array_mut().ok_or(form)?;
        let Some(place) = list.iter().position(|value| is_about(value, allowed)) else {
            return Err(error);
        };
        let left = match allowed {
            Allowed::Http(unwanted) => list
                .get(place)
                .and_then(server)
                .and_then(|known| without(known, unwanted)),
            _ => None,
        };
        match left {
            Some(left) => set(list, place, server_value(&left)),
            None => remove(list, place),
        }
        if list.is_empty() {
            grants.remove(key);
        }
        self.tidy();
        Ok(())
    }

    /// All that is granted, in the words of `--allow`.
    fn words(&self) -> Vec<String> {
        let Some(grants) = self.grants() else {
            return Vec::new();
        };
        let mut table = Table::new();
        for (key, item) in grants.iter() {
            table.insert(key, item.clone());
        }
        let table: Result<GrantTable, _> = toml::from_str(&table.to_string());
        let words = table
            .map(|table| table.grants().words())
            .unwrap_or_default();
        words.iter().map(ToString::to_string).collect()
    }

    fn form(&self, key: &str) -> GrantError {
        GrantError::Form {
            name: self.name.clone(),
            key: key.to_owned(),
        }
    }

    fn grants(&self) -> Option<&dyn TableLike> {
        let component = self
            .text
            .get(self.section)?
            .as_table_like()?
            .get(&self.name)?;
        component.as_table_like()?.get("grant")?.as_table_like()
    }

    fn grants_mut(&mut self) -> Option<&mut dyn TableLike> {
        self.component()?.get_mut("grant")?.as_table_like_mut()
    }

    fn component(&mut self) -> Option<&mut dyn TableLike> {
        let section = self.text.get_mut(self.section)?.as_table_like_mut()?;
        section.get_mut(&self.name)?.as_table_like_mut()
    }

    fn grants_or_new(&mut self) -> Result<&mut dyn TableLike, GrantError> {
        let form = self.form("grant");
        let is_inline = self
            .text
            .get(self.section)
            .and_then(|section| section.as_table_like()?.get(&self.name))
            .is_some_and(Item::is_inline_table);
        let Some(component) = self.component() else {
            return Err(form);
        };
        if !component.contains_key("grant") {
            let new = if is_inline {
                Item::Value(InlineTable::new().into())
            } else {
                Item::Table(Table::new())
            };
            component.insert("grant", new);
        }
        self.grants_mut().ok_or(form)
    }

    /// Takes away the table of grants when nothing is left in it.
    fn tidy(&mut self) {
        if self.grants().is_some_and(TableLike::is_empty)
            && let Some(component) = self.component()
        {
            component.remove("grant");
        }
    }
}

/// The key of the file that has what `allowed` allows.
fn key(allowed: &Allowed) -> &'static str {
    match allowed {
        Allowed::Tcp(_) => "tcp",
        Allowed::Dns(_) => "dns",
        Allowed::Http(_) => "http",
        Allowed::Secret(_) => "secrets",
        Allowed::Env(..) => "env",
        Allowed::Dir(_) => "dirs",
        Allowed::Storage(_) => "storage",
    }
}

/// What stands there: the word without its kind.
fn entry(allowed: &Allowed) -> String {
    let word = allowed.to_string();
    match word.split_once('=') {
        Some((_, entry)) => entry.to_owned(),
        None => word,
    }
}

/// Whether `value` is the entry about the thing that `allowed` is about.
fn is_about(value: &Value, allowed: &Allowed) -> bool {
    let word = |what: &str| {
        let text = value.as_str()?;
        format!("{what}={text}").parse::<Allowed>().ok()
    };
    match allowed {
        Allowed::Tcp(authority) => {
            endpoint(value).is_some_and(|known| &known.endpoint().authority == authority)
        }
        Allowed::Http(grant) => server(value).is_some_and(|known| known.origin == grant.origin),
        Allowed::Secret(name) => value.as_str() == Some(name),
        Allowed::Env(name, _) => {
            matches!(word("env"), Some(Allowed::Env(known, _)) if known == *name)
        }
        Allowed::Dir(grant) => {
            matches!(word("dir"), Some(Allowed::Dir(known)) if known.guest == grant.guest)
        }
        Allowed::Dns(_) => word("dns").as_ref() == Some(allowed),
        Allowed::Storage(_) => false,
    }
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Option<T> {
    let mut table = Table::new();
    table.insert("it", Item::Value(value.clone().decorated("", "")));
    let mut read: std::collections::BTreeMap<String, T> =
        toml::from_str(&table.to_string()).ok()?;
    read.remove("it")
}

fn endpoint(value: &Value) -> Option<TcpGrant> {
    read(value)
}

fn server(value: &Value) -> Option<HttpGrant> {
    read::<HttpEntry>(value).map(|entry| entry.grant())
}

/// How a server is written: a word, where that says all.
fn server_value(grant: &HttpGrant) -> Value {
    let written = toml::Value::try_from(HttpEntry::of(grant)).map(|value| value.to_string());
    written
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| entry(&Allowed::Http(grant.clone())).into())
}

/// What is left of `known`: without the secrets that are named, or else without the methods.
fn without(mut known: HttpGrant, unwanted: &HttpGrant) -> Option<HttpGrant> {
    if unwanted.secrets.is_empty() {
        known
            .methods
            .retain(|method| !unwanted.methods.contains(method));
    } else if unwanted.methods == known.methods && unwanted.secrets == known.secrets {
        return None;
    } else {
        known
            .secrets
            .retain(|secret| !unwanted.secrets.contains(secret));
    }
    (!known.methods.is_empty()).then_some(known)
}

/// Adds at the end, on a line of its own where the others have theirs.
fn push(list: &mut Array, entry: String) {
    let prefix = list.iter().last().map(|last| prefix_of(last).to_owned());
    let Some((_, indent)) = prefix
        .as_deref()
        .and_then(|prefix| prefix.rsplit_once('\n'))
    else {
        list.push(entry);
        return;
    };
    let mut value = Value::from(entry);
    // What stands behind the last one on its line is about it.
    if list.trailing_comma() {
        let trailing = list.trailing().as_str().unwrap_or_default().to_owned();
        let (about_last, rest) = line_and_rest(&trailing);
        value
            .decor_mut()
            .set_prefix(format!("{about_last}\n{indent}"));
        list.set_trailing(rest);
    } else if let Some(last) = list.iter_mut().last() {
        let suffix = last.decor().suffix().and_then(|suffix| suffix.as_str());
        let (about_last, rest) = line_and_rest(suffix.unwrap_or_default());
        value
            .decor_mut()
            .set_prefix(format!("{about_last}\n{indent}"));
        value.decor_mut().set_suffix(rest.to_owned());
        last.decor_mut().set_suffix("");
    }
    list.push_formatted(value);
}

fn set(list: &mut Array, place: usize, mut value: Value) {
    if let Some(old) = list.get(place) {
        *value.decor_mut() = old.decor().clone();
        list.replace_formatted(place, value);
    }
}

/// Takes one away, and leaves the others as if it had never been there.
fn remove(list: &mut Array, place: usize) {
    let was_last = place + 1 == list.len();
    let removed = list.remove(place);
    let before = prefix_of(&removed);
    if was_last && list.trailing_comma() {
        let trailing = list.trailing().as_str().unwrap_or_default();
        let trailing = joined(before, trailing);
        list.set_trailing(trailing);
    } else if was_last {
        let suffix = removed.decor().suffix().and_then(|suffix| suffix.as_str());
        let suffix = joined(before, suffix.unwrap_or_default());
        if let Some(last) = list.iter_mut().last()
            && suffix.contains('\n')
        {
            last.decor_mut().set_suffix(suffix);
        }
    } else if let Some(next) = list.get_mut(place) {
        let prefix = if before.contains('\n') {
            joined(before, prefix_of(next))
        } else {
            before.to_owned()
        };
        next.decor_mut().set_prefix(prefix);
    }
}

fn prefix_of(value: &Value) -> &str {
    let prefix = value.decor().prefix();
    prefix
        .and_then(|prefix| prefix.as_str())
        .unwrap_or_default()
}

/// What stands behind an entry on its line, with what stands behind the next entry on the lines after it.
fn joined(before: &str, after: &str) -> String {
    if !before.contains('\n') {
        return after.to_owned();
    }
    format!("{}{}", line_and_rest(before).0, line_and_rest(after).1)
}

/// Up to the end of the line, and from there.
fn line_and_rest(text: &str) -> (&str, &str) {
    text.split_at(text.find('\n').unwrap_or(text.len()))
}
