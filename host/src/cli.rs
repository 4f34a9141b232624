//! The command line: the only place that prints.
//!
//! Standard output is data, or the protocol. Everything said to a person goes to standard error.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what this module is for"
)]

pub mod assemble;
pub mod build;
pub mod check;
pub mod client_config;
pub mod components;
pub mod demo;
mod flows;
pub mod grant;
pub mod inspect;
mod lock;
pub mod new;
pub mod output;
pub mod run;
pub mod tasks;
pub mod test;
pub mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{Flags, env};
use crate::error::{Code, Report, render};
use crate::plugin::Kind;
use crate::store::Durability;
use crate::telemetry::{self, LogFormat};

/// Durable, cancellable, observable tasks over MCP.
///
/// taskhost turns long-running work into MCP tools that any LLM client can start, watch, fetch and
/// cancel. What runs the work (a backend) and how it is shown (a strategy) are WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "taskhost", version, about, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
    /// What to log, on standard error: error, warn, info, debug, trace, or a filter by module
    #[arg(long, global = true, value_name = "FILTER", env = "TASKHOST_LOG")]
    log: Option<String>,
    /// How to log
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormatArg,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    the thing asked for failed
  2    wrong usage
  65   a component cannot be used
  69   no running host
  73   the data directory is in use
  74   the data directory cannot be used
  78   wrong configuration
  130  interrupted twice";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormatArg {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serve tasks over MCP, at standard input and output or over HTTP
    Run(RunArgs),
    /// Load everything that `run` would, and stop there
    Check(CheckArgs),
    /// Say what a component is, what it wants and what it would get
    Inspect(inspect::InspectArgs),
    /// Write down exactly which components a configuration amounts to
    Lock(lock::LockArgs),
    /// Try whether a backend or a strategy keeps what the interface promises, faults included
    Test(test::TestArgs),
    /// Begin a component: a folder with sources, a test and a manifest
    New(new::NewArgs),
    /// Make the component of such a folder, whatever it is written in
    Build(build::BuildArgs),
    /// Let a component reach something: change its grants in the configuration file
    Grant(grant::GrantArgs),
    /// Take back what a component may reach, in the configuration file
    Revoke(grant::GrantArgs),
    /// See and stop tasks, of all clients
    Tasks(tasks::TasksArgs),
    /// See who runs the tasks of a running host, and reload them
    Backends(components::ComponentsArgs),
    /// See how tasks are shown by a running host, and reload that
    Strategies(components::ComponentsArgs),
    /// Say how an MCP client is told of taskhost, or tell it
    ClientConfig(client_config::ClientConfigArgs),
    /// Make a token for somebody who comes over HTTP, and show it once
    Token(token::TokenArgs),
    /// Start a host and a client, kill the host in mid-task, and see the task complete
    Demo(demo::DemoArgs),
}

#[derive(Debug, Args)]
struct RunArgs {
    #[command(flatten)]
    host: HostArgs,
    /// Print the configuration file that the flags amount to, and stop
    #[arg(long)]
    print_config: bool,
    /// Reload a component when its file, or its part of the configuration file, has become another
    #[arg(long)]
    watch: bool,
}

#[derive(Debug, Args)]
struct CheckArgs {
    #[command(flatten)]
    host: HostArgs,
    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct HostArgs {
    /// Who runs the tasks: celery, durable, durabletask, mock, restate, or a path to a component or to
    /// orchestrations; may be repeated [default: durable, with three orchestrations to try]
    #[arg(long = "backend", value_name = "[NAME=]REF")]
    backends: Vec<String>,
    /// How tasks are shown: adaptive, blocking, dispatcher, operation-resource, polling, single-tool,
    /// or a path to a component; may be repeated [default: adaptive]
    #[arg(long = "strategy", value_name = "[NAME=]REF")]
    strategies: Vec<String>,
    /// Read the configuration from this file; flags win over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Configure a component: --set celery.broker=redis://localhost:6379/0
    #[arg(long = "set", value_name = "NAME.KEY=VALUE")]
    set: Vec<String>,
    /// Let a component reach something: --allow mine:tcp=localhost:6379; see `taskhost grant --help` for
    /// what there is
    #[arg(long = "allow", value_name = "NAME:WHAT=VALUE")]
    allow: Vec<String>,
    /// Serve Streamable HTTP at this loopback address instead of stdio: --http 127.0.0.1:7420
    #[arg(long, value_name = "ADDR")]
    http: Option<String>,
    /// Keep tasks here [default: the system's directory for state; env: `TASKHOST_DATA_DIR`]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// What an acknowledged task survives
    #[arg(long, value_name = "WHAT")]
    durability: Option<DurabilityArg>,
    /// Refuse every component that is not in the lock file exactly as it is
    #[arg(long)]
    locked: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DurabilityArg {
    /// A power cut: one fsync before each reply [default]
    Power,
    /// `kill -9` of the host, not a power cut
    Process,
}

impl HostArgs {
    fn flags(self) -> Flags {
        Flags {
            config: self.config,
            backends: self.backends,
            strategies: self.strategies,
            set: self.set,
            allow: self.allow,
            http: self.http,
            data_dir: self.data_dir,
            locked: self.locked,
            durability: self.durability.map(|durability| match durability {
                DurabilityArg::Power => Durability::Power,
                DurabilityArg::Process => Durability::Process,
            }),
        }
    }
}

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let format = match cli.log_format {
        LogFormatArg::Text => LogFormat::Text,
        LogFormatArg::Json => LogFormat::Json,
    };
    let filter = cli.log.as_deref().unwrap_or(match cli.verb {
        Verb::Run(_) => crate::mcp::DEFAULT_LOG,
        Verb::Check(_)
        | Verb::Inspect(_)
        | Verb::Lock(_)
        | Verb::Test(_)
        | Verb::New(_)
        | Verb::Build(_)
        | Verb::Grant(_)
        | Verb::Revoke(_)
        | Verb::Tasks(_)
        | Verb::Backends(_)
        | Verb::Strategies(_)
        | Verb::ClientConfig(_)
        | Verb::Token(_)
        | Verb::Demo(_) => "error",
    });
    if let Err(why) = telemetry::start(filter, format) {
        eprintln!("error: `--log {filter}` means nothing: {why}");
        return ExitCode::from(2);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the system gives no threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(async {
        match cli.verb {
            Verb::Run(args) => run::run(args.host.flags(), args.print_config, args.watch).await,
            Verb::Check(args) => check::check(&args.host.flags(), args.json).await,
            Verb::Inspect(args) => inspect::inspect(&args).await,
            Verb::Lock(args) => lock::lock(args).await,
            Verb::Test(args) => test::test(&args).await,
            Verb::New(args) => new::new(args),
            Verb::Build(args) => build::build(&args).await,
            Verb::Grant(args) => grant::grant(&args, grant::Change::Grant),
            Verb::Revoke(args) => grant::grant(&args, grant::Change::Revoke),
            Verb::Tasks(args) => tasks::tasks(args),
            Verb::Backends(args) => components::components(Kind::Backend, args),
            Verb::Strategies(args) => components::components(Kind::Strategy, args),
            Verb::ClientConfig(args) => client_config::client_config(&args),
            Verb::Token(args) => token::token(args),
            Verb::Demo(args) => demo::demo(&args).await,
        }
    });
    // A thread may still be blocked in reading standard input: nothing is waited for any more.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(report) => {
            eprint!("{}", render(&report));
            ExitCode::from(exit_code(&report))
        }
    }
}

/// Help and version as clap prints them; anything else as an error like every other.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Standard output may be closed: then nobody wants to know.
        _ = error.print();
        return ExitCode::SUCCESS;
    }
    eprint!("{}", render(&misuse(error)));
    ExitCode::from(2)
}

/// What clap has to say, as a report.
fn misuse(error: &clap::Error) -> Report {
    let text = error.render().to_string();
    let (said, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut report = Report::new(Code(100), said.trim_start_matches("error: ").trim());
    for line in rest.lines().map(str::trim) {
        if let Some(tip) = line.strip_prefix("tip: ") {
            report = report.help(tip);
        } else if let Some(usage) = line.strip_prefix("Usage: ") {
            report = report.help(usage);
        }
    }
    report.help("taskhost --help")
}

/// The exit code for a report: the ranges of codes are the ranges of causes.
fn exit_code(report: &Report) -> u8 {
    match report.code.0 {
        100 | 181 | 780 => 2,
        101..200 => 78,
        200..400 => 65,
        601 => 73,
        602..700 => 74,
        730 | 733 => 69,
        _ => 1,
    }
}

/// Where tasks are, for a verb that has no configuration.
fn data_dir(given: Option<PathBuf>) -> PathBuf {
    given.unwrap_or_else(env::data_dir)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
