//! `taskhost check`: everything that `run` does before it opens anything.

use serde_json::json;

use super::assemble::{self, Prepared};
use super::output;
use crate::config::{Config, Flags};
use crate::engine::component::Kind;
use crate::error::Report;

/// Loads, links and describes everything, and says what was found. Opens no socket and no store.
pub(super) async fn check(flags: &Flags, as_json: bool) -> Result<(), Report> {
    let config = Config::resolve(flags).map_err(|error| Report::from(&error))?;
    let prepared = assemble::load(config).await?;
    if as_json {
        return output::json(&summary(&prepared));
    }
    let mut table = output::table(&["KIND", "NAME", "COMPONENT", "VERSION", "MAY REACH"]);
    for (kind, config, loaded) in parts(&prepared) {
        let mut reach: Vec<_> = loaded
            .grants
            .tcp
            .iter()
            .map(|endpoint| format!("tcp {}", endpoint.authority))
            .collect();
        reach.extend(
            loaded
                .grants
                .secrets
                .iter()
                .map(|secret| format!("secret {secret}")),
        );
        table.add_row(vec![
            kind.to_string(),
            config.name.clone(),
            config.reference.clone(),
            format!("{} {}", loaded.info.name, loaded.info.version),
            if reach.is_empty() {
                "nothing".to_owned()
            } else {
                reach.join(", ")
            },
        ]);
    }
    println!("{table}");
    let auth = prepared.config.auth();
    if !auth.is_empty() {
        let names: Vec<_> = auth.keys().map(String::as_str).collect();
        println!("\nmay come in over HTTP: {}", names.join(", "));
    }
    println!("\ndata directory: {}", prepared.config.data_dir.display());
    println!("everything is in order");
    Ok(())
}

fn parts(
    prepared: &Prepared,
) -> impl Iterator<
    Item = (
        Kind,
        &crate::config::ComponentConfig,
        &crate::plugin::load::Loaded,
    ),
> {
    let backends = prepared.config.backends.iter().zip(&prepared.backends);
    let strategies = prepared.config.strategies.iter().zip(&prepared.strategies);
    backends
        .map(|(config, loaded)| (Kind::Backend, config, loaded))
        .chain(strategies.map(|(config, loaded)| (Kind::Strategy, config, loaded)))
}

fn summary(prepared: &Prepared) -> serde_json::Value {
    let components: Vec<_> = parts(prepared)
        .map(|(kind, config, loaded)| {
            json!({
                "kind": kind,
                "name": config.name,
                "component": config.reference,
                "plugin": loaded.info.name,
                "version": loaded.info.version,
                "digest": format!("sha256:{}", loaded.component.digest),
                "first_party": loaded.first_party,
                "grants": { "tcp": loaded.grants.tcp, "secrets": loaded.grants.secrets },
            })
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
