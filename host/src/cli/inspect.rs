//! `taskhost inspect`: what a component is and what it asks for, without giving it anything.

mod asks;

use std::borrow::Cow;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use wit_component::{DecodedWasm, WitPrinter};

use super::{assemble, check, flows, output};
use crate::config::component::name_of;
use crate::config::grant::Allowed;
use crate::config::limits::Limits;
use crate::config::{Config, Flags};
use crate::engine::component::{Component, DURABLE, Kind};
use crate::engine::load::LoadError;
use crate::error::{Code, Report};
use crate::plugin::admission::Sources;
use crate::plugin::flows::{Described, Named, described};
use crate::plugin::load::{config_schema, link, study};
use crate::plugin::manifest::Manifest;
use crate::plugin::reach::Reach;
use crate::plugin::{Info, embedded};
use crate::task::Json;
use asks::asks;

#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// celery, durable, durabletask, mock, restate, polling, a path to a component, an https URL or an OCI reference
    #[arg(
        value_name = "REF",
        required_unless_present = "name",
        conflicts_with = "name"
    )]
    reference: Option<String>,
    /// A component of a configuration, with what it is granted there
    #[arg(long, value_name = "NAME", requires = "config")]
    name: Option<String>,
    /// The configuration that `--name` is about
    #[arg(long, value_name = "FILE", requires = "name")]
    config: Option<PathBuf>,
    /// Print its interface, as WIT
    #[arg(long)]
    wit: bool,
    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
}

/// What was found.
struct Found {
    bytes: Cow<'static, [u8]>,
    kind: Kind,
    component: Component,
    info: Info,
    manifest: Option<Manifest>,
    first_party: bool,
    /// What it is called where it says nothing of that.
    called: String,
    /// Its name in the configuration, and what comes of its asks there.
    configured: Option<(String, Reach)>,
    /// It has orchestrations, or is an engine that runs those of another file.
    runs: Option<Runs>,
}

/// Orchestrations, and whose.
struct Runs {
    described: Described,
    /// The file that a setting names. `None`: it is the file that is looked at.
    named: Option<Named>,
}

/// Looks at a component and says what it is.
pub(super) async fn inspect(args: &InspectArgs) -> Result<(), Report> {
    if let (Some(reference), true, false) = (&args.reference, args.wit, args.json) {
        print!("{}", wit_of(&assemble::bytes(reference).await?)?);
        return Ok(());
    }
    let found = match (&args.reference, &args.name) {
        (Some(reference), _) => by_reference(reference).await?,
        (None, name) => by_name(args.config.clone(), name.as_deref().unwrap_or_default()).await?,
    };
    let wit = wit_of(&found.bytes)?;
    if args.json {
        return output::json(&summary(&found, &wit));
    }
    if args.wit {
        print!("{wit}");
    } else {
        show(&found);
    }
    Ok(())
}

impl Found {
    /// Whether it has orchestrations itself, which an engine runs: then `info` is of that.
    fn is_flows(&self) -> bool {
        self.component.has_orchestrations()
    }

    fn who(&self) -> (&str, Option<&str>) {
        match &self.manifest {
            _ if !self.is_flows() => (&self.info.name, Some(&self.info.version)),
            Some(manifest) => (&manifest.name, Some(&manifest.version)),
            None => (&self.called, None),
        }
    }

    fn description(&self) -> Option<&String> {
        let summary = self.manifest.as_ref().map(|manifest| &manifest.summary);
        let summary = summary.filter(|text| !text.is_empty());
        // What is said of the engine, and what of the orchestrations in it, are two things.
        let is_engine = self.component.runs_orchestrations();
        let own = Some(&self.info).filter(|_| !self.is_flows());
        let own = own.and_then(|info| info.description.as_ref());
        if is_engine {
            own.or(summary)
        } else {
            summary.or(own)
        }
    }

    fn interface(&self) -> String {
        if self.is_flows() {
            format!("taskhost:durable@{DURABLE}")
        } else {
            format!("taskhost:plugin@{}", self.component.interface())
        }
    }

    /// Of what it is configured with.
    fn schema(&self) -> Option<&Json> {
        // What a file of orchestrations says of that is not what its engine takes.
        let own = self.manifest.as_ref().filter(|_| self.runs.is_none());
        config_schema(&self.info, own)
    }
}

async fn by_reference(reference: &str) -> Result<Found, Report> {
    let bytes = assemble::bytes(reference).await?;
    let (engine, cache) = assemble::engine()?;
    let component =
        Component::load(&engine, cache.as_ref(), &bytes).map_err(|error| Report::from(&error))?;
    let failed = |error: LoadError| error.compared(&bytes).report();
    let kind = component.kind().map_err(failed)?;
    let manifest = Manifest::of_kind(&bytes, kind).map_err(|error| Report::from(&error))?;
    let (linked, info) = link(&engine, cache.as_ref(), &component, kind)
        .await
        .map_err(failed)?;
    let described = described(&linked, &Limits::default())
        .await
        .map_err(failed)?;
    Ok(Found {
        first_party: embedded::is_first_party(&component.digest),
        bytes,
        kind,
        component,
        info,
        manifest,
        called: name_of(reference),
        configured: None,
        runs: described.map(|described| Runs {
            described,
            named: None,
        }),
    })
}

async fn by_name(config: Option<PathBuf>, name: &str) -> Result<Found, Report> {
    let config = Config::resolve(&Flags {
        config,
        ..Flags::default()
    })
    .map_err(|error| Report::from(&error))?;
    let component = config
        .find(format!("--name {name}"), name)
        .map_err(|error| Report::from(&error))?;
    let kind = if config.backends.iter().any(|backend| backend.name == name) {
        Kind::Backend
    } else {
        Kind::Strategy
    };
    let (engine, cache) = assemble::engine()?;
    let sources = Sources::of(&config).map_err(|error| Report::from(&error))?;
    let studied = study(&engine, cache.as_ref(), &sources, kind, component)
        .await
        .map_err(|error| error.report())?;
    let described = described(&studied.linked, &component.limits)
        .await
        .map_err(|error| error.report())?;
    Ok(Found {
        bytes: studied.bytes,
        kind,
        component: studied.component,
        info: studied.info,
        manifest: studied.manifest,
        first_party: studied.first_party,
        called: name.to_owned(),
        configured: Some((name.to_owned(), studied.reach)),
        runs: described.map(|described| Runs {
            described,
            named: studied.flows,
        }),
    })
}

fn summary(found: &Found, wit: &str) -> Value {
    let Found {
        info, component, ..
    } = found;
    let (name, version) = found.who();
    let mut summary = json!({
        "kind": found.kind,
        "name": name,
        "version": version,
        "description": if found.is_flows() { found.description() } else { info.description.as_ref() },
        "interface": found.interface(),
        "digest": format!("sha256:{}", component.digest),
        "bytes": found.bytes.len(),
        "first_party": found.first_party,
        "exports": component.exports,
        "imports": component.imports,
        "manifest": found.manifest,
        "asks": match &found.manifest {
            Some(manifest) => json!(manifest.asks),
            None => json!(asks(component, info, name)),
        },
        "config_schema": found.schema(),
        "wit": wit,
    });
    let Some(more) = summary.as_object_mut() else {
        return summary;
    };
    if let Some(runs) = &found.runs {
        more.extend(flows::summary(&runs.described));
        if let Some(named) = &runs.named {
            more.insert("flows".to_owned(), check::named(named));
        } else {
            let engine = json!({ "name": info.name, "version": info.version });
            more.insert("engine".to_owned(), engine);
        }
    }
    if let Some((name, reach)) = &found.configured {
        more.insert("configured_as".to_owned(), json!(name));
        more.insert("grants".to_owned(), check::grants(&reach.grants));
        more.insert("missing".to_owned(), json!(reach.missing));
        more.insert("not_asked_for".to_owned(), json!(reach.unasked));
    }
    summary
}

fn show(found: &Found) {
    let Found {
        info,
        component,
        kind,
        ..
    } = found;
    let (name, version) = found.who();
    let version = version.map_or_else(String::new, |version| format!(" {version}"));
    println!("{name}{version}   {kind}   {}", found.interface());
    if let Some(text) = found.description().filter(|text| !text.is_empty()) {
        println!("  {text}");
    }
    if found.is_flows() {
        println!(
            "  runs in   {} {}, the engine that comes with taskhost",
            info.name, info.version
        );
    }
    println!("  digest    sha256:{}", component.digest);
    println!("  size      {} KiB", found.bytes.len().div_ceil(1024));
    println!(
        "  origin    {}",
        if found.first_party {
            "came with this taskhost"
        } else {
            "third party"
        }
    );
    println!("  exports   {}", component.exports.join(", "));
    let ours: Vec<_> = component
        .imports
        .iter()
        .filter(|name| name.starts_with("taskhost:"))
        .cloned()
        .collect();
    println!("  imports   {}", ours.join(", "));
    println!(
        "            and {} of WASI, which reach what is granted",
        component.imports.len() - ours.len()
    );
    match &found.manifest {
        Some(manifest) => show_asks(found, manifest),
        None => show_imports(found),
    }
    if let Some(runs) = &found.runs {
        if let Some(named) = &runs.named {
            println!(
                "  runs      {} {}",
                named.locked.reference, named.locked.digest
            );
        }
        flows::show(&runs.described);
    }
    if let Some(schema) = found.schema() {
        println!("  takes (--set NAME.KEY=VALUE)");
        for (key, meaning) in output::keys(&schema.value()) {
            println!("    {key:<28} {meaning}");
        }
    }
}

/// What the manifest asks for, and what comes of it where that is known.
fn show_asks(found: &Found, manifest: &Manifest) {
    println!("  asks for");
    for ask in &manifest.asks {
        let optional = if ask.optional { " (optional)" } else { "" };
        println!("    {:<9} {}{optional}", ask.what.kind(), ask.what);
        println!("              {}", ask.reason);
        let Some((name, reach)) = &found.configured else {
            continue;
        };
        match reach.missing.iter().find(|missing| &missing.ask == ask) {
            Some(missing) => {
                println!(
                    "              missing; help: taskhost grant {name} {}",
                    missing.grant
                );
            }
            None => println!("              granted"),
        }
    }
    if manifest.asks.is_empty() {
        println!("    nothing beyond logging and time");
    }
    let Some((name, reach)) = &found.configured else {
        println!("  grant each with `taskhost grant NAME …`, or `--allow NAME:…`");
        return;
    };
    for word in &reach.unasked {
        println!(
            "  is granted {word} and does not ask for it; help: taskhost revoke {name} {word}"
        );
    }
}

/// What its imports say that it may want: it says nothing of that itself.
fn show_imports(found: &Found) {
    println!("  carries no manifest; by its imports, it may ask for");
    let asks = asks(&found.component, &found.info, found.who().0);
    for ask in &asks {
        println!("    {:<9} {}", ask.what, ask.how);
    }
    if asks.is_empty() {
        println!("    nothing beyond logging and time");
    }
    if let Some((_, reach)) = &found.configured {
        println!("  is granted");
        for word in reach.grants.words() {
            match word {
                Allowed::Env(name, _) => println!("    env={name}"),
                word => println!("    {word}"),
            }
        }
    }
}

fn wit_of(bytes: &[u8]) -> Result<String, Report> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Report::new(Code(303), format!("its interface cannot be read: {error}"))
    };
    let decoded =
        wit_component::decode(bytes).map_err(|error| unreadable(&format!("{error:#}")))?;
    let package = decoded.package();
    let resolve = match &decoded {
        DecodedWasm::WitPackage(resolve, _) | DecodedWasm::Component(resolve, _) => resolve,
    };
    let mut printer = WitPrinter::default();
    printer
        .print(resolve, package, &[])
        .map_err(|error| unreadable(&format!("{error:#}")))?;
    Ok(printer.output.to_string())
}
