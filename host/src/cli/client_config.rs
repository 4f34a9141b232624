//! `taskhost client-config`: what an MCP client has to be told so that it finds this taskhost.
//!
//! Without `--install` nothing is touched: the entry goes to standard output, and where it belongs to
//! standard error. With it, the client's file is edited, and nothing but the one entry changes.

mod client;
mod file;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser as _};
use serde_json::{Map, Value, json};

use super::{Cli, Verb, output};
use crate::config::grant::{Allow, Allowed, DirGrant};
use crate::error::{Code, Report};
pub(super) use client::Client;
use client::{Command, Entry};
use file::{Edit, ServerFile};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ClientConfigArgs {
    /// Which client
    client: Client,
    /// What the client calls this server
    #[arg(long, default_value = "taskhost", value_parser = name)]
    name: String,
    /// Connect to a taskhost that runs already, at this address, in place of starting one
    #[arg(long, value_name = "URL", value_parser = url)]
    http: Option<String>,
    /// The file of this project, in place of the user's own
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// Let one call take so long, for clients that can be told: 10m, 1h
    #[arg(long, value_name = "TIME", value_parser = timeout)]
    timeout: Option<Duration>,
    /// Edit the client's file, keeping a copy of it beside it
    #[arg(long)]
    install: bool,
    /// Take the entry out of the client's file again
    #[arg(long, conflicts_with = "install")]
    uninstall: bool,
    /// What the client starts: the arguments of `taskhost run`
    #[arg(last = true, value_name = "RUN-ARGS", conflicts_with_all = ["http", "uninstall"])]
    run: Vec<String>,
}

const EXAMPLES: &str = "\
Examples:
  taskhost client-config claude-code -- --config taskhost.toml
  taskhost client-config cursor --install -- --backend mock --strategy polling
  taskhost client-config vscode --install --project . --http http://127.0.0.1:7420/mcp
  taskhost client-config cursor --uninstall

Paths after `--` may be relative: they are made absolute, since the client starts taskhost
somewhere else. Standard output is the entry as JSON, standard error says where it goes.";

/// Prints what the client has to be told, or tells it.
pub(super) fn client_config(args: &ClientConfigArgs) -> Result<(), Report> {
    let client = args.client;
    let path = client.file(args.project.as_deref())?;
    let file = ServerFile::new(path, client.key(), &args.name);
    if args.uninstall {
        return uninstall(&file);
    }
    let entry = entry(args)?;
    let json = client.entry(&entry)?;
    if args.install {
        install(&file, &json)?;
    } else {
        let servers = Map::from_iter([(args.name.clone(), json.clone())]);
        output::json(&json!({ client.key(): servers }))?;
        eprintln!("Put it into {}, or let taskhost do that:", file.shown());
        eprintln!("  taskhost client-config {} --install …", client.name());
        let project = args.project.is_some();
        if let Some(command) = client.command(&args.name, &json, &entry, project) {
            eprintln!("Or let the client do it:");
            eprintln!("  {command}");
        }
    }
    eprintln!();
    for note in client.notes(&entry) {
        eprintln!("note: {note}");
    }
    Ok(())
}

fn install(file: &ServerFile, entry: &Value) -> Result<(), Report> {
    match file.put(entry)? {
        Edit::None => eprintln!("{} says so already: nothing was changed", file.shown()),
        Edit::Done { before, backup } => {
            eprintln!("{}:", file.shown());
            if let Some(before) = before {
                difference('-', file.name(), &before);
            }
            difference('+', file.name(), entry);
            kept(backup.as_deref());
            eprintln!("The client sees it after a restart.");
        }
    }
    Ok(())
}

fn uninstall(file: &ServerFile) -> Result<(), Report> {
    match file.take()? {
        Edit::None => eprintln!(
            "there is no `{}` in {}: nothing was changed",
            file.name(),
            file.shown()
        ),
        Edit::Done { before, backup } => {
            eprintln!("{}:", file.shown());
            difference('-', file.name(), &before.unwrap_or_default());
            kept(backup.as_deref());
        }
    }
    Ok(())
}

fn difference(sign: char, name: &str, entry: &Value) {
    let whole = format!("{}: {entry:#}", json!(name));
    for line in whole.lines() {
        eprintln!("{sign} {line}");
    }
}

fn kept(backup: Option<&Path>) {
    if let Some(backup) = backup {
        eprintln!("What it was before is in {}", backup.display());
    }
}

/// What the client is to be told, whichever it is.
fn entry(args: &ClientConfigArgs) -> Result<Entry, Report> {
    let command = match &args.http {
        Some(url) => Command::Connect(url.clone()),
        None => Command::Start {
            program: program()?,
            args: run_args(&args.run)?,
        },
    };
    Ok(Entry {
        command,
        timeout: args.timeout,
    })
}

fn program() -> Result<String, Report> {
    let program = std::env::current_exe().map_err(|error| {
        Report::new(Code(784), "it cannot be found out where this program is")
            .because(error.to_string())
            .help("start it by its full path")
    })?;
    text(program)
}

/// `run` and its arguments as the client has to give them: checked, and good in any directory.
fn run_args(given: &[String]) -> Result<Vec<String>, Report> {
    // Whoever pastes a whole command line means the same.
    let given = given.strip_prefix(&["run".to_owned()]).unwrap_or(given);
    if given.is_empty() {
        return Err(Report::new(Code(780), "it is not said what the client shall start")
            .help("say it after `--`: taskhost client-config … -- --backend celery --set celery.broker=redis://localhost:6379/0")
            .help("or connect to a taskhost that runs: --http http://127.0.0.1:7420/mcp"));
    }
    let line = ["taskhost", "run"].into_iter().map(str::to_owned);
    let parsed = Cli::try_parse_from(line.chain(given.iter().cloned()))
        .map_err(|error| super::misuse(&error))?;
    if let Verb::Run(run) = &parsed.verb
        && run.host.http.is_some()
    {
        return Err(Report::new(
            Code(780),
            "a taskhost that a client starts serves at its pipes, and `--http` asks for an address",
        )
        .help("start it yourself, and let the client connect: taskhost client-config … --http http://127.0.0.1:7420/mcp"));
    }
    let mut args = vec!["run".to_owned()];
    let mut flag = "";
    for arg in given {
        args.push(match arg.split_once('=') {
            Some((named, value)) if PATHS.contains(&named) => {
                format!("{named}={}", absolute(named, value)?)
            }
            _ => absolute(flag, arg)?,
        });
        flag = arg;
    }
    Ok(args)
}

/// Flags whose value is a path, or may be one.
const PATHS: [&str; 5] = [
    "--config",
    "--data-dir",
    "--backend",
    "--strategy",
    "--allow",
];

/// The value of `flag`, with a path in it made absolute.
fn absolute(flag: &str, value: &str) -> Result<String, Report> {
    let (name, path) = match flag {
        "--config" | "--data-dir" => ("", value),
        // NAME=REF, where a REF is the name of a component or a path.
        "--backend" | "--strategy" => match value.split_once('=') {
            Some((name, reference)) => (name, reference),
            None => ("", value),
        },
        "--allow" => return allow(value),
        _ => return Ok(value.to_owned()),
    };
    let is_component = flag == "--backend" || flag == "--strategy";
    let is_wasm = Path::new(path)
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("wasm"));
    if is_component && !path.contains('/') && !is_wasm {
        return Ok(value.to_owned());
    }
    let path = std::path::absolute(path).map_err(|error| {
        Report::new(Code(100), format!("`{value}` is no path: {error}")).help("taskhost run --help")
    })?;
    let path = text(path)?;
    Ok(if name.is_empty() {
        path
    } else {
        format!("{name}={path}")
    })
}

/// A grant, with the directory in it made absolute. What is wrong with one, `run` says.
fn allow(value: &str) -> Result<String, Report> {
    let Ok(Allow {
        component,
        what: Allowed::Dir(grant),
    }) = value.parse()
    else {
        return Ok(value.to_owned());
    };
    let host = std::path::absolute(&grant.host).map_err(|error| {
        Report::new(Code(100), format!("`{value}` is no path: {error}")).help("taskhost run --help")
    })?;
    let host = text(host)?.into();
    Ok(format!(
        "{component}:{}",
        Allowed::Dir(DirGrant { host, ..grant })
    ))
}

/// JSON has no other paths.
fn text(path: PathBuf) -> Result<String, Report> {
    path.into_os_string().into_string().map_err(|path| {
        Report::new(
            Code(784),
            format!(
                "{} is not text, and cannot be written into a client's file",
                Path::new(&path).display()
            ),
        )
        .help("move it to a path that is valid UTF-8")
    })
}

fn name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if text.is_empty() || text.len() > 64 || !text.chars().all(fits) {
        return Err("a name is letters, digits, `-` and `_`, at most 64 of them".into());
    }
    Ok(text.to_owned())
}

fn url(text: &str) -> Result<String, String> {
    let url = url::Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("an address is like http://127.0.0.1:7420/mcp".into());
    }
    Ok(text.to_owned())
}

fn timeout(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    // Less than a second is taken for no limit at all by some.
    if time < Duration::from_secs(1) {
        return Err("at least 1s".into());
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(given: &[&str]) -> Result<Vec<String>, Report> {
        run_args(&given.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>())
    }

    fn here(path: &str) -> String {
        let path = std::env::current_dir().unwrap().join(path);
        path.to_str().unwrap().to_owned()
    }

    #[test]
    fn names_of_components_stay_and_paths_become_absolute() {
        assert_eq!(
            run(&[
                "--backend",
                "mock",
                "--strategy=show=./s.wasm",
                "--config",
                "a.toml"
            ])
            .unwrap(),
            [
                "run",
                "--backend",
                "mock",
                &format!("--strategy=show={}", here("s.wasm")),
                "--config",
                &here("a.toml"),
            ]
        );
        let backend = format!("mine={}", here("mine.wasm"));
        assert_eq!(
            run(&["--backend", "mine=mine.wasm"]).unwrap(),
            ["run", "--backend", &backend]
        );
    }

    #[test]
    fn values_that_only_look_like_paths_stay() {
        let set = "celery.broker=redis://localhost:6379/0";
        let given = ["run", "--backend", "celery", "--set", set];
        assert_eq!(run(&given).unwrap(), given);
    }

    #[test]
    fn what_run_would_refuse_is_refused_now() {
        let refused = run(&["--backnd", "mock"]).unwrap_err();
        assert_eq!(refused.code, Code(100));
        assert!(refused.message.contains("--backnd"), "{refused}");
    }

    #[test]
    fn nothing_to_run_and_an_address_of_its_own_are_refused() {
        assert_eq!(run(&[]).unwrap_err().code, Code(780));
        assert_eq!(run(&["run"]).unwrap_err().code, Code(780));
        let http = run(&["--backend", "mock", "--http", "127.0.0.1:1"]);
        assert_eq!(http.unwrap_err().code, Code(780));
    }

    #[test]
    fn names_and_addresses_are_checked() {
        assert!(name("task-host_2").is_ok());
        assert!(name("").is_err());
        assert!(name("task host").is_err());
        assert!(url("http://127.0.0.1:7420/mcp").is_ok());
        assert!(url("127.0.0.1:7420").is_err());
        assert!(url("file:///etc/passwd").is_err());
        assert!(timeout("1h").is_ok());
        assert!(timeout("10ms").is_err());
    }
}
