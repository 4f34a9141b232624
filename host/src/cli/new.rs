//! `taskhost new`: a project that builds and passes its own test at once.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::author::language::Language;
use crate::author::new::{self, Part};
use crate::error::Report;

#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// What it is to be
    kind: KindArg,
    /// What it is to be called: letters, digits and `-`
    name: String,
    /// What it is written in
    #[arg(long, value_name = "LANGUAGE", default_value = "rust")]
    lang: LanguageArg,
    /// Where it goes [default: a new folder of that name]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum KindArg {
    /// Runs tasks
    Backend,
    /// Shows tasks
    Strategy,
    /// Steps in plain async Rust that survive anything; the engine that comes with taskhost runs them
    #[value(alias = "orchestrations", alias = "flow", alias = "flows")]
    Orchestration,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LanguageArg {
    /// All of the interface, and the smallest components
    Rust,
    /// All of the interface, with an interpreter inside
    Python,
    /// Backends without `storage`, `net` and `timers`
    Js,
}

/// Writes a project, and says what to do with it.
pub(super) fn new(args: NewArgs) -> Result<(), Report> {
    let part = match args.kind {
        KindArg::Backend => Part::Backend,
        KindArg::Strategy => Part::Strategy,
        KindArg::Orchestration => Part::Orchestration,
    };
    let language = match args.lang {
        LanguageArg::Rust => Language::Rust,
        LanguageArg::Python => Language::Python,
        LanguageArg::Js => Language::Js,
    };
    let name = args.name;
    let folder = args.dir.unwrap_or_else(|| PathBuf::from(&name));
    new::new(part, &name, language, &folder).map_err(|error| Report::from(&error))?;
    println!("{}", folder.display());
    let (what, flags) = match part {
        Part::Backend => ("a backend", "--backend"),
        Part::Strategy => ("a strategy", "--backend mock --strategy"),
        Part::Orchestration => ("an orchestration", "--backend"),
    };
    let test = match language {
        Language::Rust => "cargo test",
        Language::Python => "python3 -m unittest",
        Language::Js => "node --test",
    };
    eprintln!("{what} in {language}. Next:\n");
    for (command, what) in [
        (format!("cd {}", folder.display()), ""),
        (test.to_owned(), "its own test, without a host"),
        ("taskhost build".to_owned(), "makes the component"),
        (
            "taskhost test .".to_owned(),
            "tries whether it keeps the rules",
        ),
        (
            format!("taskhost run {flags} {name}=target/{name}.wasm"),
            "serves it",
        ),
    ] {
        eprintln!("  {command:<60} {what}");
    }
    Ok(())
}
