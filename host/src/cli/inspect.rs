//! `taskhost inspect`: what a component is, without giving it anything.

use clap::Args;
use serde_json::{Value, json};
use wit_component::{DecodedWasm, WitPrinter};

use super::{assemble, output};
use crate::config::env;
use crate::engine::component::{Component, INTERFACE};
use crate::engine::load::LoadError;
use crate::error::{Code, Report};
use crate::plugin::load::link;
use crate::plugin::source::shelf::Shelf;
use crate::plugin::source::{Pin, Reference};
use crate::plugin::{Info, embedded};

#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// celery, mock, polling, a path to a component, an https URL or an OCI reference
    #[arg(value_name = "REF")]
    reference: String,
    /// Print its interface, as WIT
    #[arg(long)]
    wit: bool,
    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
}

/// Looks at a component and says what it is.
pub(super) async fn inspect(args: &InspectArgs) -> Result<(), Report> {
    let reference = Reference(args.reference.clone());
    let shelf = env::downloads_dir().map(|directory| Shelf::new(&directory));
    let bytes = reference
        .read(shelf.as_ref(), Pin::Unsaid)
        .await
        .map_err(|error| Report::from(&error))?
        .bytes;
    let (engine, cache) = assemble::engine()?;
    let component =
        Component::load(&engine, cache.as_ref(), &bytes).map_err(|error| Report::from(&error))?;
    let wit = wit_of(&bytes)?;
    if args.wit && !args.json {
        print!("{wit}");
        return Ok(());
    }
    let failed = |error: LoadError| error.compared(&bytes).report();
    let kind = component.kind().map_err(failed)?;
    let (_, info) = link(&engine, &component, kind).await.map_err(failed)?;
    let first_party = embedded::is_first_party(&component.digest);
    let asks = asks(&component, &info);
    if args.json {
        return output::json(&json!({
            "kind": kind,
            "name": info.name,
            "version": info.version,
            "description": info.description,
            "interface": format!("taskhost:plugin@{INTERFACE}"),
            "digest": format!("sha256:{}", component.digest),
            "bytes": bytes.len(),
            "first_party": first_party,
            "exports": component.exports,
            "imports": component.imports,
            "asks": asks,
            "config_schema": info.config_schema,
            "wit": wit,
        }));
    }
    println!(
        "{} {}   {kind}   taskhost:plugin@{INTERFACE}",
        info.name, info.version
    );
    if let Some(description) = &info.description {
        println!("  {description}");
    }
    println!("  digest    sha256:{}", component.digest);
    println!("  size      {} KiB", bytes.len().div_ceil(1024));
    println!(
        "  origin    {}",
        if first_party {
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
        "            and {} of WASI, which reach nothing",
        component.imports.len() - ours.len()
    );
    println!("  asks for");
    for ask in &asks {
        println!("    {:<9} {}", ask.what, ask.how);
    }
    if asks.is_empty() {
        println!("    nothing beyond logging and time");
    }
    if let Some(schema) = &info.config_schema {
        println!("  takes (--set NAME.KEY=VALUE)");
        for (key, meaning) in keys(&schema.value()) {
            println!("    {key:<28} {meaning}");
        }
    }
    Ok(())
}

#[derive(serde::Serialize)]
struct Ask {
    what: &'static str,
    how: String,
}

/// What its imports, and the endpoints in its configuration, say that it will want.
fn asks(component: &Component, info: &Info) -> Vec<Ask> {
    let imports = |name: &str| {
        let interface = format!("taskhost:plugin/{name}@{INTERFACE}");
        component.imports.contains(&interface)
    };
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
