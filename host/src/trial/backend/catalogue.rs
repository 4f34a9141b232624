//! What it says of its tasks.

use std::collections::BTreeSet;

use super::super::clause;
use super::super::describe::{compiles, of_objects};
use super::super::verdict::{Claim, failed};
use super::Bench;
use crate::task::Definition;

pub(super) async fn list_tasks(bench: &Bench) -> Claim {
    let instance = bench.instance();
    let mut known = instance.list_tasks().await?;
    for _ in 0..3 {
        let told = instance.pushes.catalogs();
        let again = instance.list_tasks().await?;
        if again != known && instance.pushes.catalogs() == told {
            return different(&known, &again, "and no `events.catalog-changed`");
        }
        known = again;
    }
    let fresh = bench.restart(instance).await;
    let again = fresh.list_tasks().await?;
    if again != known && fresh.pushes.catalogs() == 0 {
        return different(&known, &again, "from a fresh instance");
    }
    Ok(())
}

fn different(before: &[Definition], after: &[Definition], how: &str) -> Claim {
    let names = |list: &[Definition]| {
        let names: Vec<_> = list.iter().take(8).map(|one| one.name.as_str()).collect();
        names.join(", ")
    };
    failed(
        format!("the same list again: {}", names(before)),
        format!("another one, {how}: {}", names(after)),
        if how.contains("catalog-changed") {
            clause::CATALOG_CHANGED
        } else {
            clause::LIST_TASKS
        },
    )
}

pub(super) async fn definitions(bench: &Bench) -> Claim {
    let mut names = BTreeSet::new();
    for definition in bench.instance().list_tasks().await? {
        let Definition {
            name,
            input_schema,
            output_schema,
            ..
        } = definition;
        of_objects(
            &format!("an input schema of `{name}`"),
            &input_schema,
            clause::INPUT_SCHEMA,
        )?;
        if let Some(schema) = &output_schema {
            compiles(
                &format!("an output schema of `{name}` that compiles"),
                schema,
                clause::INPUT_SCHEMA,
            )?;
        }
        if !names.insert(name.clone()) {
            return failed(
                "one definition of each name",
                format!("two of `{name}`"),
                clause::DEFINITION,
            );
        }
    }
    Ok(())
}
