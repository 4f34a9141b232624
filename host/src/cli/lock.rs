//! `taskhost lock`: write down which components a configuration amounts to.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use clap::Args;
use similar::TextDiff;

use super::HostArgs;
use super::assemble;
use crate::config::Config;
use crate::error::{Code, Report};
use crate::plugin::admission::{Locking, Sources};
use crate::plugin::flows;
use crate::plugin::lock::LockFile;

#[derive(Debug, Args)]
pub(super) struct LockArgs {
    #[command(flatten)]
    host: HostArgs,
    /// Write nothing; fail if the lock file would change
    #[arg(long)]
    check: bool,
}

/// Loads everything as it is now, shows what that changes in the lock file, and writes it.
pub(super) async fn lock(args: LockArgs) -> Result<(), Report> {
    let config = Config::resolve(&args.host.flags()).map_err(|error| Report::from(&error))?;
    let path = config.lock.clone();
    let sources = Sources {
        lock: None,
        locking: Locking::Writes,
        ..Sources::of(&config).map_err(|error| Report::from(&error))?
    };
    let prepared = assemble::load_from(config, &sources).await?;
    let text = locked(&prepared).text().map_err(|error| {
        Report::new(
            Code(219),
            format!("the lock file cannot be written: {error}"),
        )
    })?;
    // What cannot be read is as good as absent: it is about to be written.
    let before = fs::read_to_string(&path).unwrap_or_default();
    if before == text {
        println!("{} is up to date", path.display());
        return Ok(());
    }
    print!("{}", difference(&path, &before, &text));
    if args.check {
        return Err(
            Report::new(Code(215), format!("{} is not up to date", path.display()))
                .help("look at what has changed, and write it: taskhost lock"),
        );
    }
    LockFile::write(&path, &text).map_err(|error| Report::from(&error))
}

fn locked(prepared: &assemble::Prepared) -> LockFile {
    let backends = prepared.config.backends.iter().zip(&prepared.backends);
    let strategies = prepared.config.strategies.iter().zip(&prepared.strategies);
    let mut components = BTreeMap::new();
    for (config, loaded) in backends.chain(strategies) {
        if !loaded.first_party {
            components.insert(config.name.clone(), loaded.locked.clone());
        }
        if let Some(flows) = &loaded.flows
            && !flows.first_party
        {
            components.insert(flows::name_of(&config.name), flows.locked.clone());
        }
    }
    LockFile::of(components)
}

fn difference(path: &Path, before: &str, after: &str) -> String {
    let name = path.display().to_string();
    TextDiff::from_lines(before, after)
        .unified_diff()
        .header(&name, &name)
        .to_string()
}
