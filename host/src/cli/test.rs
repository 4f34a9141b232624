//! `taskhost test`: whether a backend or a strategy keeps what the interface promises.

mod replay;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{assemble, data_dir, output};
use crate::author::build;
use crate::config::{ComponentConfig, Config, Flags};
use crate::engine::Engine;
use crate::engine::cache::Cache;
use crate::engine::component::{Component, Kind};
use crate::error::{Code, Report};
use crate::plugin::admission::Sources;
use crate::plugin::load::{Loaded, prepare};
use crate::plugin::manifest::{Manifest, Trial, TrialTask};
use crate::task::Json;
use crate::trial::plan::{Errand, Named, Wishes};
use crate::trial::report::{Row, Trial as Tried};
use crate::trial::verdict::Verdict;
use crate::trial::{self, Options, Subject};

#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// celery, durable, durabletask, mock, restate, polling, a path to a component, or the directory of a project
    #[arg(value_name = "REF|DIR")]
    reference: String,
    /// Run this scenario; may be repeated [default: all of them]
    #[arg(long = "scenario", value_name = "NAME")]
    scenarios: Vec<String>,
    /// Say which scenarios there are, and stop
    #[arg(long)]
    list: bool,
    /// Configure the component: --set celery.broker=redis://localhost:6379/0
    #[arg(long = "set", value_name = "NAME.KEY=VALUE")]
    set: Vec<String>,
    /// Let the component reach something: --allow mine:tcp=localhost:6379
    #[arg(long = "allow", value_name = "NAME:WHAT=VALUE")]
    allow: Vec<String>,
    /// For a backend: run this task to its end, a hundred times and more [default: `[test] tasks` of the
    /// manifest, or those that the backend calls idempotent]
    #[arg(long, value_name = "NAME")]
    task: Option<String>,
    /// What it is told [default: the smallest that fits its schema]
    #[arg(long, value_name = "JSON", requires = "task")]
    arguments: Option<String>,
    /// For a backend: cancel this task while it runs [default: `[test] slow` of the manifest, or one that
    /// the backend calls idempotent and that goes on for a while]
    #[arg(long, value_name = "NAME")]
    slow: Option<String>,
    /// What that one is told [default: the smallest that fits its schema]
    #[arg(long, value_name = "JSON", requires = "slow")]
    slow_arguments: Option<String>,
    /// For orchestrations: instead of scenarios, show this build the histories of all runs that there are, and
    /// say whether it still decides what is written there
    #[arg(long)]
    replay: bool,
    /// Whose histories: the name of a backend [default: the one that the component would have]
    #[arg(long, value_name = "NAME", requires = "replay")]
    histories_of: Option<String>,
    /// Where the histories are kept [default: the system's directory for state; env: `TASKHOST_DATA_DIR`]
    #[arg(long, value_name = "DIR", requires = "replay")]
    data_dir: Option<PathBuf>,
    /// How to report
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    report: ReportArg,
    /// How long one scenario may take: 30s, 2m
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ReportArg {
    Text,
    Json,
}

/// Tries a component, and says what came of it.
pub(super) async fn test(args: &TestArgs) -> Result<(), Report> {
    let (engine, cache) = assemble::engine()?;
    let reference = built(&args.reference, &engine, cache.as_ref()).await?;
    let bytes = assemble::bytes(&reference).await?;
    let component =
        Component::load(&engine, cache.as_ref(), &bytes).map_err(|error| Report::from(&error))?;
    let kind = component.kind().map_err(|error| Report::from(&error))?;
    let manifest = Manifest::of_kind(&bytes, kind).map_err(|error| Report::from(&error))?;
    let said = manifest.map(|manifest| manifest.test).unwrap_or_default();
    let config = config(args, kind, &reference, &said)?;
    let sources = Sources::of(&config).map_err(|error| Report::from(&error))?;
    let load = async |kind: Kind, component: &ComponentConfig| -> Result<Loaded, Report> {
        let (cache, secrets) = (cache.as_ref(), &config.secrets);
        prepare(&engine, cache, &sources, kind, component, secrets)
            .await
            .map_err(|error| error.report())
    };
    let (mine, companion) = match kind {
        Kind::Backend => (config.backends.first(), None),
        Kind::Strategy => (config.strategies.first(), config.backends.first()),
    };
    let Some(mine) = mine else {
        return Err(Report::new(Code(100), "there is nothing to test"));
    };
    let loaded = load(kind, mine).await?;
    if args.list {
        return list(args, &loaded);
    }
    let companion = match companion {
        Some(companion) => Some(load(Kind::Backend, companion).await?),
        None => None,
    };
    let subject = Subject {
        name: mine.name.clone(),
        loaded,
        limits: mine.limits.clone(),
        companion,
        wishes: Wishes {
            tasks: said.tasks.iter().map(errand).collect(),
            slow: said.slow.as_ref().map(errand),
            volatile: said.volatile,
        },
    };
    if args.replay {
        let data_dir = data_dir(args.data_dir.clone());
        let of = args.histories_of.as_deref();
        return replay::run(&subject, &data_dir, of, args.report == ReportArg::Json).await;
    }
    let options = Options {
        scenarios: args.scenarios.clone(),
        task: named(
            args.task.as_deref(),
            args.arguments.as_deref(),
            "--arguments",
        )?,
        slow: named(
            args.slow.as_deref(),
            args.slow_arguments.as_deref(),
            "--slow-arguments",
        )?,
        timeout: args.timeout,
    };
    let text = args.report == ReportArg::Text;
    let trial = trial::run(subject, &options, &mut |row| {
        if text {
            show(row);
        }
    })
    .await
    .map_err(|error| Report::from(&error))?;
    if text {
        summarize(&trial);
    } else {
        output::json(&trial.to_json())?;
    }
    verdict(&trial)
}

/// The component of a project, built first; anything else is as it is.
async fn built(reference: &str, engine: &Engine, cache: Option<&Cache>) -> Result<String, Report> {
    if !Path::new(reference).is_dir() {
        return Ok(reference.to_owned());
    }
    let say = |line: &str| eprintln!("{line} …");
    let built = build::build(Path::new(reference), engine, cache, say)
        .await
        .map_err(|error| Report::from(&error))?;
    for doubt in &built.doubts {
        eprintln!("warning: {doubt}");
    }
    Ok(built.file.display().to_string())
}

/// What the flags amount to, on top of what the author gives for trials.
fn config(args: &TestArgs, kind: Kind, reference: &str, said: &Trial) -> Result<Config, Report> {
    let mut flags = Flags {
        set: args.set.clone(),
        allow: args.allow.clone(),
        ..Flags::default()
    };
    match kind {
        Kind::Backend => flags.backends.push(reference.to_owned()),
        Kind::Strategy => {
            // A strategy shows the tasks of somebody: of one whose tasks are known here.
            flags.backends.push("mock".to_owned());
            flags.strategies.push(reference.to_owned());
        }
    }
    let mut config = Config::resolve(&flags).map_err(|error| Report::from(&error))?;
    let mine = match kind {
        Kind::Backend => config.backends.first_mut(),
        Kind::Strategy => config.strategies.first_mut(),
    };
    if let (Some(mine), Some(said)) = (mine, &said.config) {
        mine.config = serde_json::from_value(said.clone()).map_err(|error| {
            Report::new(
                Code(342),
                format!("`[test] config` of its manifest: {error}"),
            )
            .help("for the author: mend plugin.toml, and build the component again")
        })?;
    }
    Ok(config)
}

fn errand(task: &TrialTask) -> Errand {
    Errand {
        task: task.name.clone(),
        arguments: Json::of(&task.arguments),
    }
}

fn named(task: Option<&str>, arguments: Option<&str>, flag: &str) -> Result<Option<Named>, Report> {
    let Some(task) = task else { return Ok(None) };
    let arguments = arguments.map(Json::parse).transpose().map_err(|error| {
        Report::new(Code(100), format!("what {flag} says is not JSON: {error}"))
            .help(format!("quote it for the shell: {flag} '{{\"ms\": 300}}'"))
    })?;
    Ok(Some(Named {
        task: task.to_owned(),
        arguments,
    }))
}

fn list(args: &TestArgs, loaded: &Loaded) -> Result<(), Report> {
    let scenarios = trial::scenarios(&loaded.linked);
    if args.report == ReportArg::Json {
        let rows: Vec<_> = scenarios
            .iter()
            .map(|(name, claim)| serde_json::json!({ "name": name, "claim": claim }))
            .collect();
        return output::json(&rows);
    }
    let mut table = output::table(&["SCENARIO", "WHAT MUST HOLD"]);
    for (name, claim) in scenarios {
        table.add_row(vec![name, claim]);
    }
    println!("{table}");
    Ok(())
}

/// One line for what holds, some more for what does not.
fn show(row: &Row) {
    let word = match &row.verdict {
        Verdict::Passed => "passed",
        Verdict::Failed(_) => "FAILED",
        Verdict::Skipped(_) => "skipped",
    };
    let usage = &row.usage;
    let mut meter = format!("{:>5.1} s", usage.took.as_secs_f64());
    if let Some((function, took)) = usage.longest {
        let calls: u64 = usage.calls.values().sum();
        // Writing to a string cannot fail.
        _ = write!(
            meter,
            "  {calls:>4} calls, longest {function} {} ms",
            took.as_millis()
        );
    }
    let memory = usage.metered.memory;
    if memory.peak > 0 {
        _ = write!(
            meter,
            ", {:.1} of {} MiB",
            mebibytes(memory.peak),
            memory.limit >> 20
        );
    }
    println!("{word:<8} {:<24} {meter}", row.name);
    match &row.verdict {
        Verdict::Passed => {}
        Verdict::Skipped(why) => println!("         {why}"),
        Verdict::Failed(failure) => {
            println!("         must hold  {}", row.claim);
            println!("         expected   {}", indented(&failure.expected));
            println!("         came       {}", indented(&failure.came));
            println!("         see        {}", failure.clause);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people, with one digit")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The last words of an instance have several lines.
fn indented(text: &str) -> String {
    text.replace('\n', "\n                    ")
}

fn summarize(trial: &Tried) {
    let (passed, failed, skipped) = trial.counts();
    println!(
        "\n{} {} {}: {passed} passed, {failed} failed, {skipped} skipped, in {:.1} s",
        trial.kind,
        trial.name,
        trial.version,
        trial.took.as_secs_f64()
    );
}

/// The command has done what it was asked for only if nothing failed.
fn verdict(trial: &Tried) -> Result<(), Report> {
    let failed: Vec<_> = trial
        .rows
        .iter()
        .filter(|row| matches!(row.verdict, Verdict::Failed(_)))
        .map(|row| row.name)
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(Report::new(
        Code(822),
        format!(
            "`{}` does not keep what the interface promises: {}",
            trial.name,
            failed.join(", ")
        ),
    )
    .help(format!(
        "run one of them again, and see what the component logs: taskhost test REF --scenario {} --log debug",
        failed.first().unwrap_or(&"NAME")
    )))
}
