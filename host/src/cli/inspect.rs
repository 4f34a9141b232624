//! `taskhost inspect`: what a component is and what it asks for, without giving it anything.

use std::borrow::Cow;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use wit_component::{DecodedWasm, WitPrinter};

use super::{assemble, check, output};
use crate::config::grant::Allowed;
use crate::config::{Config, Flags};
use crate::engine::component::{Component, Kind};
use crate::engine::load::LoadError;
use crate::error::{Code, Report};
use crate::plugin::admission::Sources;
use crate::plugin::load::{config_schema, link, study};
use crate::plugin::manifest::Manifest;
use crate::plugin::reach::Reach;
use crate::plugin::{Info, embedded};

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
    /// Its name in the configuration, and what comes of its asks there.
    configured: Option<(String, Reach)>,
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

async fn by_reference(reference: &str) -> Result<Found, Report> {
    let bytes = assemble::bytes(reference).await?;
    let (engine, cache) = assemble::engine()?;
    let component =
        Component::load(&engine, cache.as_ref(), &bytes).map_err(|error| Report::from(&error))?;
    let failed = |error: LoadError| error.compared(&bytes).report();
    let kind = component.kind().map_err(failed)?;
    let manifest = Manifest::of_kind(&bytes, kind).map_err(|error| Report::from(&error))?;
    let (_, info) = link(&engine, cache.as_ref(), &component, kind)
        .await
        .map_err(failed)?;
    Ok(Found {
        first_party: embedded::is_first_party(&component.digest),
        bytes,
        kind,
        component,
        info,
        manifest,
        configured: None,
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
    Ok(Found {
        bytes: studied.bytes,
        kind,
        component: studied.component,
        info: studied.info,
        manifest: studied.manifest,
        first_party: studied.first_party,
        configured: Some((name.to_owned(), studied.reach)),
    })
}

fn summary(found: &Found, wit: &str) -> Value {
    let Found {
        info, component, ..
    } = found;
    let mut summary = json!({
        "kind": found.kind,
        "name": info.name,
        "version": info.version,
        "description": info.description,
        "interface": format!("taskhost:plugin@{}", component.interface()),
        "digest": format!("sha256:{}", component.digest),
        "bytes": found.bytes.len(),
        "first_party": found.first_party,
        "exports": component.exports,
        "imports": component.imports,
        "manifest": found.manifest,
        "asks": match &found.manifest {
            Some(manifest) => json!(manifest.asks),
            None => json!(asks(component, info)),
        },
        "config_schema": config_schema(info, found.manifest.as_ref()),
        "wit": wit,
    });
    if let (Some((name, reach)), Some(summary)) = (&found.configured, summary.as_object_mut()) {
        summary.insert("configured_as".to_owned(), json!(name));
        summary.insert("grants".to_owned(), check::grants(&reach.grants));
        summary.insert("missing".to_owned(), json!(reach.missing));
        summary.insert("not_asked_for".to_owned(), json!(reach.unasked));
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
    println!(
        "{} {}   {kind}   taskhost:plugin@{}",
        info.name,
        info.version,
        component.interface()
    );
    let summary = found.manifest.as_ref().map(|manifest| &manifest.summary);
    if let Some(text) = summary
        .filter(|text| !text.is_empty())
        .or(info.description.as_ref())
    {
        println!("  {text}");
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
    if let Some(schema) = config_schema(info, found.manifest.as_ref()) {
        println!("  takes (--set NAME.KEY=VALUE)");
        for (key, meaning) in keys(&schema.value()) {
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
    let asks = asks(&found.component, &found.info);
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

#[derive(serde::Serialize)]
struct Ask {
    what: &'static str,
    how: String,
}

/// What its imports, and the endpoints in its configuration, say that it will want.
fn asks(component: &Component, info: &Info) -> Vec<Ask> {
    let imports = |name: &str| component.uses(name);
    let mut asks = Vec::new();
    if imports("net") {
        let endpoints: Vec<_> = info
            .config_schema
            .as_ref()
            .map(|schema| endpoint_keys(&schema.value()))
            .unwrap_or_default();
        let how = if endpoints.is_empty() {
            format!("endpoints; grant each: --allow {}:tcp=HOST:PORT", info.name)
        } else {
            format!("the endpoints configured as {}", endpoints.join(" and "))
        };
        asks.push(Ask { what: "tcp", how });
    }
    if imports("secrets") {
        asks.push(Ask {
            what: "secret",
            how: format!(
                "named values; grant each: --allow {}:secret=NAME",
                info.name
            ),
        });
    }
    if imports("storage") {
        asks.push(Ask {
            what: "storage",
            how: "a small map of its own; always granted".to_owned(),
        });
    }
    asks
}

fn endpoint_keys(schema: &Value) -> Vec<String> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .filter(|(_, property)| property.get("x-taskhost-endpoint").is_some())
        .map(|(key, _)| format!("`{key}`"))
        .collect()
}

fn keys(schema: &Value) -> Vec<(String, String)> {
    let required: Vec<_> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = schema.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .map(|(key, property)| {
            let text = property
                .get("description")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let text = text.split_once(". ").map_or(text, |(first, _)| first);
            let needed = if required.contains(&key.as_str()) {
                "(required) "
            } else {
                ""
            };
            (key.clone(), format!("{needed}{text}"))
        })
        .collect()
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
