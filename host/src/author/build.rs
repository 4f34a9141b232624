//! From a project to a component that this host can run.
//!
//! The tools of the languages make a component; here it becomes one that says what it is. The manifest goes
//! in last and outermost, with the schema of the configuration that the component itself describes, so that
//! an operator reads it without running anything.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::language::Language;
use super::tools::{Say, Tools};
use super::{javascript, python, rust, section};
use crate::config::limits::Limits;
use crate::engine::Engine;
use crate::engine::cache::Cache;
use crate::engine::component::{Component, Kind};
use crate::engine::load::LoadError;
use crate::error::{Code, Explain};
use crate::plugin::Info;
use crate::plugin::flows::{Described, described};
use crate::plugin::load::link;
use crate::plugin::manifest::{Ask, Manifest, ManifestError};

/// Name of the file that makes a folder a project.
pub const MANIFEST: &str = "plugin.toml";

/// What was made.
#[derive(Debug)]
pub struct Built {
    /// The component, with its manifest.
    pub file: PathBuf,
    /// Its size, in bytes.
    pub size: usize,
    /// What it is.
    pub kind: Kind,
    /// Its name, by the manifest.
    pub name: String,
    /// Its version, by the manifest.
    pub version: String,
    /// What it is written in.
    pub language: Language,
    /// Who it says it is; of orchestrations, who their engine is.
    pub info: Info,
    /// The orchestrations that it has, where it has some.
    pub flows: Option<Described>,
    /// What it asks for.
    pub asks: Vec<Ask>,
    /// Where manifest and component contradict each other, each a sentence.
    pub doubts: Vec<String>,
}

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The folder is no project.
    #[error("there is no {MANIFEST} in {}", .0.display())]
    NoProject(PathBuf),
    /// A file that each project of its language has is not there.
    #[error("there is no {file} in {}", .project.display())]
    Missing {
        /// Where.
        project: PathBuf,
        /// Which.
        file: &'static str,
    },
    /// It cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The manifest is no manifest.
    #[error("{}: {why}", .path.display())]
    Manifest {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: ManifestError,
    },
    /// The manifest does not say what the project is written in.
    #[error("{} does not say what the project is written in", .0.display())]
    NoLanguage(PathBuf),
    /// The language has no tool that could do it.
    #[error("a strategy cannot be written in JavaScript yet")]
    NoStrategyInJs,
    /// A tool is not on this machine.
    #[error("`{tool}` cannot be started")]
    NoTool {
        /// Which.
        tool: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A tool has failed.
    #[error("{tool} failed ({status})")]
    Tool {
        /// Which.
        tool: &'static str,
        /// How it ended.
        status: String,
        /// The last that it said.
        #[source]
        said: Said,
    },
    /// A tool has succeeded, and there is no component.
    #[error("{tool} made no component")]
    Nothing {
        /// Which.
        tool: &'static str,
        /// What to do.
        help: &'static str,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {}", .path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What came out does not fit this host, or is not what the manifest says.
    #[error("what was built cannot be used: {0}")]
    Unusable(Box<LoadError>),
}

/// The words of a tool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Said(pub String);

/// Makes the component of the project in `project`, and checks that it can be loaded.
///
/// Blocks on the tools of the languages in a thread of their own; `say` hears what goes on.
pub async fn build(
    project: &Path,
    engine: &Engine,
    cache: Option<&Cache>,
    say: Say,
) -> Result<Built, BuildError> {
    let path = project.join(MANIFEST);
    let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => BuildError::NoProject(project.to_owned()),
        _ => BuildError::Read {
            path: path.clone(),
            source: error,
        },
    })?;
    let wrong = |why| BuildError::Manifest {
        path: path.clone(),
        why,
    };
    let manifest = Manifest::read(text.as_bytes()).map_err(wrong)?;
    let language = manifest
        .build
        .language
        .ok_or_else(|| BuildError::NoLanguage(path.clone()))?;
    if (manifest.kind, language) == (Kind::Strategy, Language::Js) {
        return Err(BuildError::NoStrategyInJs);
    }
    let raw = make(project.to_owned(), language, say).await?;
    let bytes = fs::read(&raw).map_err(|source| BuildError::write(&raw, source))?;
    let unusable = |error| BuildError::Unusable(Box::new(error));
    // Not out of the cache: what is kept is what will be run, which has the manifest in it.
    let component = Component::load(engine, None, &bytes).map_err(unusable)?;
    component.expect(manifest.kind).map_err(unusable)?;
    let (linked, info) = link(engine, None, &component, manifest.kind)
        .await
        .map_err(unusable)?;
    let flows = described(&linked, &Limits::default())
        .await
        .map_err(unusable)?;
    // What the engine takes, and what it calls itself, is not theirs to say.
    let own = Some(&info).filter(|_| flows.is_none());
    let text = own.map_or_else(|| text.clone(), |info| with_schema(&text, info));
    // What was filled in must not make another manifest of it.
    Manifest::read(text.as_bytes()).map_err(wrong)?;
    let bytes = section::with_manifest(&bytes, &text)
        .map_err(|error| unusable(LoadError::Damaged(error.to_string())))?;
    let file = project
        .join("target")
        .join(&manifest.name)
        .with_added_extension("wasm");
    replace(&file, &bytes)?;
    if let Some(cache) = cache {
        component.keep_for(engine, cache, &bytes);
    }
    Ok(Built {
        file,
        size: bytes.len(),
        kind: manifest.kind,
        language,
        doubts: own.map_or_else(Vec::new, |info| doubts(&manifest, info)),
        name: manifest.name,
        version: manifest.version,
        asks: manifest.asks,
        flows,
        info,
    })
}

async fn make(project: PathBuf, language: Language, say: Say) -> Result<PathBuf, BuildError> {
    let made = tokio::task::spawn_blocking(move || {
        let tools = Tools::of(&project);
        match language {
            Language::Rust => rust::component(&project, say),
            Language::Python => python::component(&project, &tools, say),
            Language::Js => javascript::component(&project, &tools, say),
        }
    });
    made.await.unwrap_or_else(|panic| {
        Err(BuildError::NoTool {
            tool: "taskhost",
            source: io::Error::other(panic),
        })
    })
}

/// The manifest with the schema that the component describes, where it has none of its own.
fn with_schema(text: &str, info: &Info) -> String {
    let (Some(schema), Ok(mut manifest)) =
        (&info.config_schema, text.parse::<toml_edit::DocumentMut>())
    else {
        return text.to_owned();
    };
    let config = manifest.entry("config").or_insert_with(toml_edit::table);
    match config.as_table_like_mut() {
        Some(config) if !config.contains_key("schema") => {
            config.insert("schema", toml_edit::value(schema.text()));
            manifest.to_string()
        }
        _ => text.to_owned(),
    }
}

/// Where what is written in the manifest is not what the component says of itself.
fn doubts(manifest: &Manifest, info: &Info) -> Vec<String> {
    let mut doubts = Vec::new();
    for (what, written, said) in [
        ("name", &manifest.name, &info.name),
        ("version", &manifest.version, &info.version),
    ] {
        if written != said {
            doubts.push(format!(
                "the {what} is `{written}` in {MANIFEST} and `{said}` by `describe`: they should be the same"
            ));
        }
    }
    doubts
}

/// Writes a new file in place of the old one: whoever still holds that keeps it whole.
fn replace(file: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    let new = file.with_added_extension("new");
    let written = fs::create_dir_all(file.parent().unwrap_or(file))
        .and_then(|()| fs::write(&new, bytes))
        .and_then(|()| fs::rename(&new, file));
    written.map_err(|source| BuildError::write(file, source))
}

impl BuildError {
    pub(super) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write {
            path: path.to_owned(),
            source,
        }
    }

    /// That `file` is there.
    pub(super) fn expect(project: &Path, file: &'static str) -> Result<(), Self> {
        if project.join(file).exists() {
            return Ok(());
        }
        Err(Self::Missing {
            project: project.to_owned(),
            file,
        })
    }
}

impl Explain for BuildError {
    fn code(&self) -> Code {
        Code(match self {
            Self::NoProject(_) => 281,
            Self::Missing { .. } => 282,
            Self::Read { .. } => 283,
            Self::Manifest { why, .. } => return why.code(),
            Self::NoLanguage(_) => 284,
            Self::NoStrategyInJs => 285,
            Self::NoTool { .. } => 286,
            Self::Tool { .. } => 287,
            Self::Nothing { .. } => 288,
            Self::Write { .. } => 289,
            Self::Unusable(error) => return error.code(),
        })
    }

    fn help(&self) -> Vec<String> {
        match self {
            Self::NoProject(_) => vec![
                "name the folder of a project: taskhost build DIR".to_owned(),
                "or begin one: taskhost new backend NAME".to_owned(),
            ],
            Self::Missing { file, .. } => vec![format!(
                "compare with a fresh project, which has {file}: taskhost new backend example --dir /tmp/example"
            )],
            Self::Read { path, .. } => vec![format!("look at it: ls -l {}", path.display())],
            Self::Manifest { path, .. } => vec![format!(
                "mend {}; what may be in it: guests/README.md of taskhost",
                path.display()
            )],
            Self::NoLanguage(_) => {
                let names = Language::ALL.map(|language| format!("\"{language}\""));
                vec![format!(
                    "add the lines: [build] and below it language = {}",
                    names.join(" or ")
                )]
            }
            Self::NoStrategyInJs => no_strategy_in_js(),
            Self::NoTool { tool, .. } => vec![install(tool)],
            Self::Tool { tool, .. } => match *tool {
                "pip" | "npm" | "rustup" => vec![format!(
                    "check the network, and what {tool} is configured to use"
                )],
                "python3" => vec!["install its module: apt-get install python3-venv".to_owned()],
                _ => vec!["mend what it complains of, and build again: taskhost build".to_owned()],
            },
            Self::Nothing { help, .. } => vec![(*help).to_owned()],
            Self::Write { path, .. } => vec![format!(
                "look at it: ls -ld {}",
                path.parent().unwrap_or(path).display()
            )],
            Self::Unusable(error) => error.help(),
        }
    }
}

/// What to do instead.
pub(super) fn no_strategy_in_js() -> Vec<String> {
    vec![
        "use another language: --lang python or --lang rust".to_owned(),
        "the reason: a strategy imports `async` functions of taskhost, and componentize-qjs 0.4.5 makes \
         components with no others than WASI's"
            .to_owned(),
    ]
}

fn install(tool: &str) -> String {
    match tool {
        "cargo" | "rustc" | "rustup" => {
            "install Rust: https://rustup.rs, then: rustup target add wasm32-wasip2".to_owned()
        }
        "python3" => {
            "install Python 3.10 or newer: apt-get install python3 python3-venv".to_owned()
        }
        tool => format!("install {tool}, and see that it is in PATH"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Json;

    #[test]
    fn the_schema_comes_from_the_component_unless_it_is_written() {
        let info = info(Some(r#"{"type":"object","title":"it's"}"#));
        let text = "name = \"x\" # ours\n\n[build]\nlanguage = \"js\"\n";
        let filled = with_schema(text, &info);
        assert!(filled.starts_with(text), "{filled}");
        let read: toml::Table = toml::from_str(&filled).unwrap();
        assert_eq!(
            read["config"]["schema"].as_str(),
            Some(r#"{"type":"object","title":"it's"}"#)
        );
        let own = "[config]\nschema = '{}'\n";
        assert_eq!(with_schema(own, &info), own);
    }

    #[test]
    fn a_name_that_is_not_the_same_everywhere_is_a_doubt() {
        let text = "name = \"x\"\nversion = \"2\"\nkind = \"backend\"\nsummary = \"Tries\"\n";
        let manifest = Manifest::read(text.as_bytes()).unwrap();
        assert_eq!(doubts(&manifest, &info(None)).len(), 1);
    }

    fn info(schema: Option<&str>) -> Info {
        Info {
            name: "x".to_owned(),
            version: "1".to_owned(),
            description: None,
            config_schema: schema.map(|text| Json::of(&serde_json::from_str(text).unwrap())),
            observe_every: None,
        }
    }
}
