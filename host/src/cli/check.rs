//! `taskhost check`: everything that `run` does before it opens anything.

use serde_json::json;

use super::assemble::{self, Prepared};
use super::{flows, output};
use crate::config::grant::{Allowed, Grants};
use crate::config::{ComponentConfig, Config, Flags};
use crate::engine::component::Kind;
use crate::error::Report;
use crate::plugin;
use crate::plugin::flows::{Described, Named};
use crate::plugin::load::Loaded;

/// Loads, links and describes everything, and says what was found. Opens no socket and no store.
pub(super) async fn check(flags: &Flags, as_json: bool) -> Result<(), Report> {
    let config = Config::resolve(flags).map_err(|error| Report::from(&error))?;
    let prepared = assemble::load(config).await?;
    let runs = described(&prepared).await?;
    if as_json {
        return output::json(&summary(&prepared, &runs));
    }
    let mut table = output::table(&["KIND", "NAME", "COMPONENT", "VERSION", "MAY REACH"]);
    for (kind, config, loaded) in parts(&prepared) {
        table.add_row(vec![
            kind.to_string(),
            config.name.clone(),
            config.reference.clone(),
            version(loaded),
            reached(&loaded.reach.grants),
        ]);
    }
    println!("{table}");
    for ((_, config, loaded), runs) in parts(&prepared).zip(&runs) {
        if let Some(runs) = runs {
            let [orchestrations, activities] = flows::in_short(runs);
            println!(
                "\n{}\n{orchestrations}\n{activities}",
                run_by(&config.name, loaded)
            );
        }
        for line in remarks(&config.name, loaded) {
            println!("\n{line}");
        }
    }
    let auth = prepared.config.auth();
    if !auth.is_empty() {
        let names: Vec<_> = auth.keys().map(String::as_str).collect();
        println!("\nmay come in over HTTP: {}", names.join(", "));
    }
    println!("\ndata directory: {}", prepared.config.data_dir.display());
    println!("everything is in order");
    Ok(())
}

/// The orchestrations of each component that has some, or runs some.
async fn described(prepared: &Prepared) -> Result<Vec<Option<Described>>, Report> {
    let mut all = Vec::new();
    for (_, config, loaded) in parts(prepared) {
        let described = plugin::flows::described(&loaded.linked, &config.limits).await;
        all.push(described.map_err(|error| error.report())?);
    }
    Ok(all)
}

/// What it calls itself, and what it runs in.
fn version(loaded: &Loaded) -> String {
    let own = format!("{} {}", loaded.info.name, loaded.info.version);
    match &loaded.manifest {
        _ if !loaded.component.has_orchestrations() => own,
        Some(manifest) => format!("{} {} in {own}", manifest.name, manifest.version),
        None => format!("in {own}"),
    }
}

fn run_by(name: &str, loaded: &Loaded) -> String {
    let engine = format!("{} {}", loaded.info.name, loaded.info.version);
    match &loaded.flows {
        Some(flows) => format!("`{name}` runs {} in {engine}", flows.locked.reference),
        None => format!("`{name}` runs in {engine}, which comes with taskhost"),
    }
}

/// The file that a setting names.
pub(super) fn named(named: &Named) -> serde_json::Value {
    json!({
        "component": named.locked.reference,
        "digest": named.locked.digest,
        "bytes": named.locked.size,
        "first_party": named.first_party,
    })
}

/// What these amount to, in a line. Everybody may store something.
fn reached(grants: &Grants) -> String {
    let words: Vec<_> = grants
        .words()
        .iter()
        .filter_map(|word| match word {
            Allowed::Storage(_) => None,
            // The name says enough, and the value may be nobody's business.
            Allowed::Env(name, _) => Some(format!("env {name}")),
            word => Some(word.to_string().replacen('=', " ", 1)),
        })
        .collect();
    if words.is_empty() {
        "nothing".to_owned()
    } else {
        words.join(", ")
    }
}

/// What the operator should know of asks and grants that do not meet.
fn remarks(name: &str, loaded: &Loaded) -> Vec<String> {
    let mut remarks = Vec::new();
    let first_party = (loaded.flows.as_ref()).map_or(loaded.first_party, |flows| flows.first_party);
    if loaded.manifest.is_none() && !first_party {
        remarks.push(format!(
            "`{name}` carries no manifest: it asks for nothing that is known, and gets all that it is granted"
        ));
    }
    for missing in &loaded.reach.missing {
        remarks.push(format!(
            "`{name}` asks for {} {}{}, and it is not granted: {}\n  help: taskhost grant {name} {}",
            missing.ask.what.kind(),
            missing.ask.what,
            if missing.ask.optional { " (optional)" } else { "" },
            missing.ask.reason,
            missing.grant,
        ));
    }
    for word in &loaded.reach.unasked {
        remarks.push(format!(
            "`{name}` is granted {word}, does not ask for it, and does not get it\n  \
             help: taskhost revoke {name} {word}"
        ));
    }
    remarks
}

fn parts(prepared: &Prepared) -> impl Iterator<Item = (Kind, &ComponentConfig, &Loaded)> {
    let backends = prepared.config.backends.iter().zip(&prepared.backends);
    let strategies = prepared.config.strategies.iter().zip(&prepared.strategies);
    backends
        .map(|(config, loaded)| (Kind::Backend, config, loaded))
        .chain(strategies.map(|(config, loaded)| (Kind::Strategy, config, loaded)))
}

/// What a component gets. The values of variables may be nobody's business.
pub(super) fn grants(grants: &Grants) -> serde_json::Value {
    json!({
        "tcp": grants.tcp,
        "dns": grants.dns,
        "http": grants.http,
        "secrets": grants.secrets,
        "env": grants.env.keys().collect::<Vec<_>>(),
        "dirs": grants.dirs,
        "storage": grants.storage,
    })
}

fn summary(prepared: &Prepared, runs: &[Option<Described>]) -> serde_json::Value {
    let components: Vec<_> = parts(prepared)
        .zip(runs)
        .map(|((kind, config, loaded), runs)| {
            let mut component = json!({
                "kind": kind,
                "name": config.name,
                "component": config.reference,
                "plugin": loaded.info.name,
                "version": loaded.info.version,
                "digest": format!("sha256:{}", loaded.component.digest),
                "first_party": loaded.first_party,
                "manifest": loaded.manifest.is_some(),
                "asks": loaded.manifest.as_ref().map(|manifest| &manifest.asks),
                "grants": grants(&loaded.reach.grants),
                "missing": loaded.reach.missing,
                "not_asked_for": loaded.reach.unasked,
            });
            if let (Some(runs), Some(component)) = (runs, component.as_object_mut()) {
                component.extend(flows::summary(runs));
                if let Some(flows) = &loaded.flows {
                    component.insert("flows".to_owned(), named(flows));
                }
            }
            component
        })
        .collect();
    json!({
        "components": components,
        "principals": prepared.config.auth().iter().map(|(name, row)| {
            json!({ "name": name, "tokens": row.tokens.len(), "groups": row.groups })
        }).collect::<Vec<_>>(),
        "data_dir": prepared.config.data_dir,
        "durability": prepared.config.durability,
    })
}
