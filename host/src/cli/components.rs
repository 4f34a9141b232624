//! `taskhost backends` and `taskhost strategies`: how the components of a running host are, and another build
//! of one in place of what runs.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{data_dir, output};
use crate::admin::client::Host;
use crate::admin::component::{AskView, ComponentView, OutcomeView, ReloadView, State};
use crate::admin::protocol::{ErrorView, Request, Response};
use crate::admin::socket::verb;
use crate::clock::{Clock as _, SystemClock};
use crate::error::{Code, Report};
use crate::plugin::{Kind, Usage};

#[derive(Debug, Args)]
pub(super) struct ComponentsArgs {
    #[command(subcommand)]
    verb: ComponentsVerb,
    /// Where the host keeps its tasks [default: the system's directory for state; env: `TASKHOST_DATA_DIR`]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum ComponentsVerb {
    /// List them, with the generation, the health and the last reload of each
    List,
    /// Show one: also what it may reach and use
    Show {
        /// Its name in this host
        name: String,
    },
    /// Put the build that is there now in place of the one that runs, if it is good
    ///
    /// Calls that are under way end where they began; no call fails. Whatever is wrong with the new build, the
    /// old one serves on.
    Reload {
        /// Its name in this host
        name: String,
    },
    /// Say how each is; fail unless all are ready
    Health,
}

/// Asks the running host about its components of this kind.
pub(super) fn components(kind: Kind, args: ComponentsArgs) -> Result<(), Report> {
    let data_dir = data_dir(args.data_dir);
    let Some(host) = Host::find(&data_dir) else {
        return Err(Report::new(
            Code(733),
            format!(
                "no host runs on {}: its {} are only there while it does",
                data_dir.display(),
                verb(kind)
            ),
        )
        .help("name the directory of the host: --data-dir DIR")
        .help(format!(
            "or see what would be loaded: taskhost check --config taskhost.toml --data-dir {}",
            data_dir.display()
        )));
    };
    let request = match &args.verb {
        ComponentsVerb::List | ComponentsVerb::Health => Request::Components { kind },
        ComponentsVerb::Show { name } => Request::Component {
            kind,
            name: name.clone(),
        },
        ComponentsVerb::Reload { name } => Request::Reload {
            kind,
            name: name.clone(),
        },
    };
    let mut done = Ok(());
    host.ask(&request, |response| {
        done = print(&response, &args.verb, args.json);
        Ok(false)
    })?;
    done
}

fn print(response: &Response, verb: &ComponentsVerb, json: bool) -> Result<(), Report> {
    match (response, verb) {
        (Response::Components(all), ComponentsVerb::Health) => {
            if json {
                let health: Vec<_> = all.iter().map(health_only).collect();
                output::json(&health)?;
            } else {
                health(all);
            }
            all_ready(all)
        }
        (Response::Components(all), _) if json => output::json(all),
        (Response::Components(all), _) => {
            list(all);
            Ok(())
        }
        (Response::Component(one), ComponentsVerb::Reload { .. }) => {
            if json {
                output::json(one)?;
            }
            reloaded(one, json)
        }
        (Response::Component(one), _) if json => output::json(one),
        (Response::Component(one), _) => {
            show(one);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn list(all: &[ComponentView]) {
    if all.is_empty() {
        println!("none");
        return;
    }
    let mut table = output::table(&[
        "NAME",
        "COMPONENT",
        "DIGEST",
        "GENERATION",
        "HEALTH",
        "TASKS",
        "CALLS",
        "LAST RELOAD",
    ]);
    for one in all {
        table.add_row(vec![
            one.name.clone(),
            format!("{} {}", one.component, one.version),
            short(&one.digest).to_owned(),
            or_dash(one.generation),
            in_words(one.health.state.name(), one.health.why.as_ref()),
            or_dash(one.tasks_alive),
            one.usage.calls.to_string(),
            one.reload.as_ref().map_or_else(|| "-".to_owned(), last),
        ]);
    }
    println!("{table}");
}

fn health(all: &[ComponentView]) {
    let mut table = output::table(&["NAME", "HEALTH"]);
    for one in all {
        let health = in_words(one.health.state.name(), one.health.why.as_ref());
        table.add_row(vec![one.name.clone(), health]);
    }
    println!("{table}");
}

fn health_only(one: &ComponentView) -> serde_json::Value {
    serde_json::json!({ "name": one.name, "kind": one.kind, "health": one.health })
}

fn all_ready(all: &[ComponentView]) -> Result<(), Report> {
    let not_ready = all.iter().filter(|one| one.health.state != State::Ready);
    let names: Vec<_> = not_ready.map(|one| format!("`{}`", one.name)).collect();
    let Some(first) = all.iter().find(|one| one.health.state != State::Ready) else {
        return Ok(());
    };
    Err(
        Report::new(Code(737), format!("not ready: {}", names.join(", "))).help(format!(
            "taskhost {} show {}",
            verb(first.kind),
            first.name
        )),
    )
}

/// What came of a reload; an error unless the build that is there now serves.
fn reloaded(one: &ComponentView, json: bool) -> Result<(), Report> {
    let Some(reload) = &one.reload else {
        return Ok(());
    };
    let kept = format!("the old build serves on ({})", build(one));
    match reload.outcome {
        OutcomeView::Swapped | OutcomeView::Unchanged if json => Ok(()),
        OutcomeView::Swapped => {
            println!(
                "{} {}: swapped, {} {} {} serves as generation {}",
                one.kind,
                one.name,
                one.component,
                one.version,
                build(one),
                or_dash(one.generation)
            );
            Ok(())
        }
        OutcomeView::Unchanged => {
            println!(
                "{} {}: unchanged, neither the component ({}) nor its configuration is another",
                one.kind,
                one.name,
                build(one)
            );
            Ok(())
        }
        OutcomeView::Failed => {
            let mut report = Report::new(
                Code(735),
                format!("{} `{}` was not reloaded: {kept}", one.kind, one.name),
            );
            if let Some(why) = reload.why.clone() {
                let why = why.into_report();
                report = report.because(format!("{} [{}]", why.message, why.code));
                report.causes.extend(why.causes);
                report.help = why.help;
            }
            Err(report.help(format!(
                "then again: taskhost {} reload {}",
                verb(one.kind),
                one.name
            )))
        }
        OutcomeView::Held => {
            let mut report = Report::new(
                Code(736),
                format!(
                    "the update of {} `{}` is held: {kept}, because the new one asks for more than it is \
                     granted",
                    one.kind, one.name
                ),
            );
            for ask in &reload.asks {
                report = report
                    .because(format!("{}: {}", ask.what, ask.reason))
                    .help(format!("taskhost grant {} {}", one.name, ask.grant()));
            }
            Err(report.help(format!(
                "then again: taskhost {} reload {}",
                verb(one.kind),
                one.name
            )))
        }
    }
}

fn show(one: &ComponentView) {
    let row = |name: &str, value: &str| println!("{name:<12} {value}");
    row("name", &one.name);
    row("kind", &one.kind.to_string());
    row("component", &format!("{} {}", one.component, one.version));
    if let Some(description) = &one.description {
        row("", description);
    }
    row("source", &one.source);
    row("digest", &one.digest);
    let origin = if one.first_party {
        "came with this taskhost"
    } else {
        "third party"
    };
    row("origin", origin);
    if let Some(flows) = &one.flows {
        row("runs", &format!("{} {}", flows.source, flows.digest));
    }
    row("generation", &or_dash(one.generation));
    row(
        "health",
        &in_words(one.health.state.name(), one.health.why.as_ref()),
    );
    if let Some(reload) = &one.reload {
        row("last reload", &last(reload));
        asks(&one.name, &reload.asks);
    }
    if let Some(alive) = one.tasks_alive {
        row("tasks", &format!("{alive} alive"));
    }
    row("calls", &one.usage.calls.to_string());
    if let Some(shows) = &one.shows {
        row("shows", &shows.join(", "));
    }
    if one.grants.is_empty() {
        row("may reach", "nothing");
    }
    for (place, grant) in one.grants.iter().enumerate() {
        row(if place == 0 { "may reach" } else { "" }, grant);
    }
    match &one.asks {
        Some(all) => asks(&one.name, all),
        None => row(
            "asks for",
            "it carries no manifest: it gets what is granted",
        ),
    }
    for denial in &one.denials {
        row(
            "denied",
            &format!("{} times: {}", denial.count, denial.what),
        );
        if let Some(grant) = &denial.grant {
            row("", &format!("help: taskhost grant {} {grant}", one.name));
        }
    }
    println!();
    usage(&one.usage);
}

/// What it uses beside what it may use: one line for each limit.
fn usage(usage: &Usage) {
    let mut table = output::table(&["LIMIT", "NOW", "MOST", "ALLOWED"]);
    let sizes = [("memory", usage.memory), ("storage", usage.storage)];
    for (name, gauge) in sizes {
        let [now, peak, limit] = [gauge.now, gauge.peak, gauge.limit].map(size);
        table.add_row(vec![name.to_owned(), now, peak, limit]);
    }
    for (name, longest) in [("without-yield", usage.without_yield), ("call", usage.call)] {
        let [most, limit] = [longest.ms, longest.limit_ms].map(|ms| format!("{ms} ms"));
        table.add_row(vec![name.to_owned(), "-".to_owned(), most, limit]);
    }
    for (name, gauge) in [
        ("in-flight", usage.in_flight),
        ("queue", usage.queued),
        ("abandoned", usage.abandoned),
        ("handles", usage.handles),
        ("connections", usage.connections),
        ("table-elements", usage.table_elements),
        ("restarts", usage.restarts),
    ] {
        let [now, peak, limit] = [gauge.now, gauge.peak, gauge.limit].map(|n| n.to_string());
        table.add_row(vec![name.to_owned(), now, peak, limit]);
    }
    println!("{table}\n");
    let mut table = output::table(&["FLOW", "PASSED", "DROPPED", "ALLOWED"]);
    for (name, rate) in [
        ("events", usage.events),
        ("log-lines", usage.log_lines),
        ("output-lines", usage.output_lines),
    ] {
        table.add_row(vec![
            name.to_owned(),
            rate.passed.to_string(),
            rate.dropped.to_string(),
            format!("{} a second", rate.limit_per_second),
        ]);
    }
    println!("{table}\n");
    let row = |name: &str, value: &str| println!("{name:<12} {value}");
    row(
        "calls",
        &format!(
            "{}, {} refused as busy, {} without an answer in time",
            usage.calls, usage.refused_as_busy, usage.timed_out
        ),
    );
    row("ran", &format!("{} ms", usage.ran_ms));
    row("instances", &usage.instances.to_string());
    for (code, times) in &usage.ended {
        row("ended by", &format!("{code}, {times} times"));
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_240 => format!("{bytes} B"),
        10_240..10_485_760 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

fn asks(component: &str, asks: &[AskView]) {
    for ask in asks {
        let optional = if ask.optional { " (optional)" } else { "" };
        println!("{:<12} {}{optional}   {}", "asks for", ask.what, ask.reason);
        if let Some(grant) = &ask.missing {
            println!(
                "{:<12} missing; help: taskhost grant {component} {grant}",
                ""
            );
        }
    }
}

/// `failed 3m ago: the component is damaged … [TH0303]`
fn last(reload: &ReloadView) -> String {
    let now = SystemClock::default().now_ms();
    let outcome = format!(
        "{} {} ago",
        reload.outcome.name(),
        output::ago(now, reload.at_ms)
    );
    if reload.asks.is_empty() {
        return in_words(&outcome, reload.why.as_ref());
    }
    let asks: Vec<_> = reload.asks.iter().map(|ask| ask.what.as_str()).collect();
    format!("{outcome}: asks for {}", asks.join(", "))
}

fn in_words(word: &str, why: Option<&ErrorView>) -> String {
    match why {
        Some(why) => {
            let message = why.message.lines().next().unwrap_or_default();
            format!("{word}: {message} [{}]", Code(why.code))
        }
        None => word.to_owned(),
    }
}

/// Which build it is: for an engine, also that of what it runs.
fn build(one: &ComponentView) -> String {
    let own = short(&one.digest);
    match &one.flows {
        Some(flows) => format!("{own} with {} {}", flows.source, short(&flows.digest)),
        None => own.to_owned(),
    }
}

/// The beginning of a digest, long enough to tell builds apart.
fn short(digest: &str) -> &str {
    let hex = digest.trim_start_matches("sha256:");
    hex.get(..12).unwrap_or(hex)
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
