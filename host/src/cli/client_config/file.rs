//! One entry in somebody else's file.
//!
//! **Invariant:** what is not the entry stays as it was written, number for number and line for line.
//! Only the members of the two objects on the way to it may be laid out anew.
//!
//! **Invariant:** the file is the old one or the new one, whenever somebody looks.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::{Code, Report};

/// A client's file, and the entry in it that is ours.
#[derive(Debug)]
pub(super) struct ServerFile {
    path: PathBuf,
    key: &'static str,
    name: String,
}

/// What was done to it.
#[derive(Debug)]
pub(super) enum Edit {
    /// It was so already.
    None,
    /// It was written.
    Done {
        /// The entry that was there.
        before: Option<Value>,
        /// What the file was before, if there was one.
        backup: Option<PathBuf>,
    },
}

impl ServerFile {
    pub(super) fn new(path: PathBuf, key: &'static str, name: &str) -> Self {
        Self {
            path,
            key,
            name: name.to_owned(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Where it is, in full.
    pub(super) fn shown(&self) -> String {
        let path = std::path::absolute(&self.path);
        path.as_ref().unwrap_or(&self.path).display().to_string()
    }

    /// Makes the entry what it shall be.
    pub(super) fn put(&self, entry: &Value) -> Result<Edit, Report> {
        let old = self.read()?;
        let text = old.as_deref().unwrap_or_default();
        let before = self.find(text)?;
        if before.as_ref() == Some(entry) {
            return Ok(Edit::None);
        }
        let new = self.with(text, Some(entry))?;
        self.replace(old.as_deref(), &new, before)
    }

    /// Takes the entry away.
    pub(super) fn take(&self) -> Result<Edit, Report> {
        let Some(old) = self.read()? else {
            return Ok(Edit::None);
        };
        let Some(before) = self.find(&old)? else {
            return Ok(Edit::None);
        };
        let new = self.with(&old, None)?;
        self.replace(Some(&old), &new, Some(before))
    }

    fn find(&self, text: &str) -> Result<Option<Value>, Report> {
        let members = self.members(text)?;
        let Some(servers) = members.get(self.key) else {
            return Ok(None);
        };
        let servers = self.servers(servers)?;
        let entry = servers.get(&self.name);
        entry.map_or(Ok(None), |entry| {
            serde_json::from_str(entry)
                .map(Some)
                .map_err(|error| self.unreadable(&error))
        })
    }

    /// The text with `entry` in it, or without.
    fn with(&self, text: &str, entry: Option<&Value>) -> Result<String, Report> {
        let mut members = self.members(text)?;
        let mut servers = match members.get(self.key) {
            Some(servers) => self.servers(servers)?,
            None => Members::default(),
        };
        let indent = indent(text);
        match entry {
            Some(entry) => servers.set(&self.name, pretty(entry, &indent, 2)),
            None => servers.remove(&self.name),
        }
        members.set(self.key, servers.laid_out(&indent, 1));
        let mut new = members.laid_out(&indent, 0);
        if text.is_empty() || text.ends_with('\n') {
            new.push('\n');
        }
        Ok(new)
    }

    fn members(&self, text: &str) -> Result<Members, Report> {
        if text.trim().is_empty() {
            return Ok(Members::default());
        }
        // Told apart, since the way out is another one.
        let value: &RawValue =
            serde_json::from_str(text).map_err(|error| self.unreadable(&error))?;
        serde_json::from_str(value.get()).map_err(|_| self.unexpected("it is no JSON object"))
    }

    fn servers(&self, text: &str) -> Result<Members, Report> {
        serde_json::from_str(text)
            .map_err(|_| self.unexpected(&format!("its `{}` is no JSON object", self.key)))
    }

    fn read(&self) -> Result<Option<String>, Report> {
        match fs::read_to_string(&self.path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("read", &error)),
        }
    }

    fn replace(&self, old: Option<&str>, new: &str, before: Option<Value>) -> Result<Edit, Report> {
        let failed = |error: io::Error| self.failed("write", &error);
        // What a link points to is replaced, and the link stays.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(failed)?;
        }
        let backup = match old {
            Some(old) => {
                let backup = beside(&path, ".bak");
                write(&backup, old, &path).map_err(failed)?;
                Some(backup)
            }
            None => None,
        };
        write(&path, new, &path).map_err(failed)?;
        Ok(Edit::Done { before, backup })
    }

    fn unreadable(&self, error: &serde_json::Error) -> Report {
        Report::new(
            Code(781),
            format!("{} is not JSON, and stays as it is", self.shown()),
        )
        .because(error.to_string())
        .help("comments and trailing commas are no JSON: take them out and try again")
        .help("or put the entry in by hand: the same command without `--install` prints it")
    }

    fn unexpected(&self, why: &str) -> Report {
        Report::new(
            Code(782),
            format!("{} is not what the client reads: {why}", self.shown()),
        )
        .help("put it right, or move it away and try again")
    }

    fn failed(&self, verb: &str, error: &io::Error) -> Report {
        Report::new(Code(783), format!("cannot {verb} {}", self.shown()))
            .because(error.to_string())
            .help("put the entry in by hand: the same command without `--install` prints it")
    }
}

/// The members of a JSON object in their order, each with its text as it was written.
#[derive(Debug, Default)]
struct Members(Vec<(String, String)>);

impl Members {
    /// The last one of that name, as every reader takes it.
    fn get(&self, name: &str) -> Option<&str> {
        let mut named = self.0.iter().rev().filter(|(member, _)| member == name);
        named.next().map(|(_, text)| text.as_str())
    }

    fn set(&mut self, name: &str, text: String) {
        match self.0.iter_mut().rev().find(|(member, _)| member == name) {
            Some((_, old)) => *old = text,
            None => self.0.push((name.to_owned(), text)),
        }
    }

    fn remove(&mut self, name: &str) {
        self.0.retain(|(member, _)| member != name);
    }

    /// As the value of something `depth` deep.
    fn laid_out(&self, indent: &str, depth: usize) -> String {
        if self.0.is_empty() {
            return "{}".into();
        }
        let mut text = String::from("{");
        for (index, (name, value)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let space = indent.repeat(depth + 1);
            _ = write!(
                text,
                "{comma}\n{space}{}: {value}",
                Value::from(name.as_str())
            );
        }
        text.push('\n');
        text.push_str(&indent.repeat(depth));
        text.push('}');
        text
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    members.push((name, value.get().to_owned()));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

/// `value` as the value of something `depth` deep.
fn pretty(value: &Value, indent: &str, depth: usize) -> String {
    let text = format!("{value:#}");
    let mut lines = text.lines();
    let mut laid_out = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        let inner = line.trim_start_matches(' ');
        let deep = (line.len() - inner.len()) / 2;
        _ = write!(laid_out, "\n{}{inner}", indent.repeat(depth + deep));
    }
    laid_out
}

/// What the file indents by.
fn indent(text: &str) -> String {
    let of_line = |line: &str| {
        let inner = line.trim_start_matches([' ', '\t']);
        let space = line.get(..line.len() - inner.len())?;
        (!space.is_empty() && inner.starts_with('"')).then(|| space.to_owned())
    };
    text.lines()
        .find_map(of_line)
        .unwrap_or_else(|| "  ".into())
}

/// Replaces the file at `path` as a whole, with the permissions of `like`, or for nobody but the user.
fn write(path: &Path, text: &str, like: &Path) -> io::Result<()> {
    let new = beside(path, ".taskhost-new");
    // Left by one that was killed.
    _ = fs::remove_file(&new);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    let written = fill(&mut file, text, like).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        _ = fs::remove_file(&new);
    }
    written
}

fn fill(file: &mut File, text: &str, like: &Path) -> io::Result<()> {
    match fs::metadata(like) {
        Ok(metadata) => file.set_permissions(metadata.permissions())?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn edited(text: &str, entry: Option<&Value>) -> Result<String, Report> {
        ServerFile::new("f".into(), "mcpServers", "taskhost").with(text, entry)
    }

    fn entry() -> Value {
        json!({ "command": "/bin/taskhost", "args": ["run"] })
    }

    #[test]
    fn an_entry_is_added_to_nothing() {
        let expected = "{\n  \"mcpServers\": {\n    \"taskhost\": {\n      \"command\": \"/bin/taskhost\",\n      \"args\": [\n        \"run\"\n      ]\n    }\n  }\n}\n";
        for text in ["", "{}\n"] {
            assert_eq!(edited(text, Some(&entry())).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_not_the_entry_stays_as_it_was_written() {
        let text = "{\n\t\"big\": 12345678901234567890123,\n\t\"float\": 1.0e3,\n\t\"mcpServers\": {\n\t\t\"other\": { \"command\":\"x\" },\n\t\t\"taskhost\": 1\n\t},\n\t\"list\": [ 1,\n\t\t2 ]\n}";
        let new = edited(text, Some(&json!({ "command": "y" }))).unwrap();
        assert_eq!(
            new,
            text.replace(
                "\"taskhost\": 1",
                "\"taskhost\": {\n\t\t\t\"command\": \"y\"\n\t\t}"
            )
        );
    }

    #[test]
    fn what_is_added_and_taken_away_again_leaves_no_trace() {
        let text = "{\n    \"a\": 1,\n    \"mcpServers\": {\n        \"other\": {}\n    }\n}\n";
        let with = edited(text, Some(&entry())).unwrap();
        assert_ne!(with, text);
        assert_eq!(edited(&with, None).unwrap(), text);
    }

    #[test]
    fn names_are_read_as_json_and_not_as_text() {
        let text = r#"{"mcpServers": {"task\u0068ost": 1, "say \"hi\"": 2}}"#;
        let new: Value = serde_json::from_str(&edited(text, None).unwrap()).unwrap();
        assert_eq!(new, json!({ "mcpServers": { "say \"hi\"": 2 } }));
    }

    #[test]
    fn what_cannot_be_read_is_not_touched() {
        for (text, code) in [
            ("{ // a comment\n}", 781),
            ("{\"mcpServers\": {},}", 781),
            ("{} {}", 781),
            ("[]", 782),
            ("{\"mcpServers\": []}", 782),
            ("{\"mcpServers\": null}", 782),
        ] {
            let refused = edited(text, Some(&entry())).unwrap_err();
            assert_eq!(refused.code, Code(code), "{text}");
            assert!(!refused.help.is_empty());
        }
    }
}
