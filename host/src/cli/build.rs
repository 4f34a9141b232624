//! `taskhost build`: makes the component of a project, whatever it is written in.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{assemble, flows, output};
use crate::author::build;
use crate::error::Report;

#[derive(Debug, Args)]
pub(super) struct BuildArgs {
    /// The project
    #[arg(value_name = "DIR", default_value = ".")]
    project: PathBuf,
    /// Print what was made as JSON
    #[arg(long)]
    json: bool,
}

/// Builds a project and says what came out.
pub(super) async fn build(args: &BuildArgs) -> Result<(), Report> {
    let (engine, cache) = assemble::engine()?;
    let say = |line: &str| eprintln!("{line} …");
    let built = build::build(&args.project, &engine, cache.as_ref(), say)
        .await
        .map_err(|error| Report::from(&error))?;
    for doubt in &built.doubts {
        eprintln!("warning: {doubt}");
    }
    if args.json {
        let mut summary = json!({
            "file": built.file,
            "bytes": built.size,
            "kind": built.kind,
            "name": built.name,
            "version": built.version,
            "language": built.language,
            "asks": built.asks,
            "config_schema": built.info.config_schema,
            "doubts": built.doubts,
        });
        if let (Some(described), Some(summary)) = (&built.flows, summary.as_object_mut()) {
            summary.extend(flows::summary(described));
        }
        return output::json(&summary);
    }
    println!(
        "{}   {} {} {}   {} KiB",
        built.file.display(),
        built.kind,
        built.name,
        built.version,
        built.size.div_ceil(1024)
    );
    if let Some(described) = &built.flows {
        let [orchestrations, activities] = flows::in_short(described);
        println!("{orchestrations}\n{activities}");
    }
    for ask in &built.asks {
        println!(
            "  asks for {} {}: {}",
            ask.what.kind(),
            ask.what,
            ask.reason
        );
    }
    Ok(())
}
