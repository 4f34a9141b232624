//! What is shown, and whether it can be had.

use std::collections::BTreeSet;

use super::super::clause;
use super::super::describe::{compiles, of_objects};
use super::super::verdict::{Claim, Stop, died, failed, said};
use super::Bench;
use super::bench::{Wanted, who};
use super::course::Visit;
use crate::plugin::{CallError, Prompt, Shown, Strategy};
use crate::task::{Definition, Json};

pub(super) async fn stable(bench: &Bench) -> Claim {
    let catalog = bench.host(Wanted::tasks(&[])).await?.catalog();
    let strategy = bench.strategy();
    let first = show(&*strategy, &catalog).await?;
    for _ in 0..2 {
        same(&first, &show(&*strategy, &catalog).await?, "asked again")?;
    }
    let fresh = bench.strategy();
    same(
        &first,
        &show(&*fresh, &catalog).await?,
        "asked after a restart",
    )
}

fn same(first: &Shown, again: &Shown, when: &str) -> Claim {
    if first == again {
        return Ok(());
    }
    let differ = first.tools.iter().zip(&again.tools).find(|(a, b)| a != b);
    let came = match differ {
        Some((before, after)) if before.name == after.name => {
            format!("another `{}`, {when}", after.name)
        }
        Some((before, after)) => {
            format!("`{}` in the place of `{}`, {when}", after.name, before.name)
        }
        None => format!(
            "{} tools, {} prompts and {} documents, {when}",
            again.tools.len(),
            again.prompts.len(),
            again.documents.len()
        ),
    };
    failed(
        format!(
            "the same {} tools, {} prompts and {} documents",
            first.tools.len(),
            first.prompts.len(),
            first.documents.len()
        ),
        came,
        clause::TOOLS,
    )
}

pub(super) async fn in_order(bench: &Bench) -> Claim {
    let catalog = bench.host(Wanted::tasks(&[])).await?.catalog();
    check(&show(&*bench.strategy(), &catalog).await?)
}

fn check(shown: &Shown) -> Claim {
    let mut names = BTreeSet::new();
    for tool in &shown.tools {
        let name = &tool.name;
        if !names.insert(name) {
            return failed(
                "one tool of each name",
                format!("two of `{name}`"),
                clause::TOOL_NAME,
            );
        }
        of_objects(
            &format!("an input schema of `{name}`"),
            &tool.input_schema,
            clause::INPUT_SCHEMA,
        )?;
        if let Some(schema) = &tool.output_schema {
            let expected = format!("an output schema of `{name}` that compiles");
            compiles(&expected, schema, clause::INPUT_SCHEMA)?;
        }
    }
    let mut prompts = BTreeSet::new();
    for Prompt { name, .. } in &shown.prompts {
        if !prompts.insert(name) {
            return failed(
                "one prompt of each name",
                format!("two of `{name}`"),
                clause::TOOL_NAME,
            );
        }
    }
    Ok(())
}

pub(super) async fn many(bench: &Bench) -> Claim {
    for count in [0, 1, 1_000] {
        let catalog: Vec<_> = (0..count).map(definition).collect();
        let strategy = bench.strategy();
        let first = show(&*strategy, &catalog).await?;
        check(&first)?;
        same(&first, &show(&*strategy, &catalog).await?, "asked again")?;
    }
    Ok(())
}

/// One of many: with a name as long as it may be, and as little else as possible.
fn definition(number: usize) -> Definition {
    let begin = format!("task.{number:04}-");
    let name = format!("{begin}{}", "x".repeat(96 - begin.len()));
    Definition {
        name,
        title: None,
        description: None,
        input_schema: Json::of(&serde_json::json!({ "type": "object" })),
        output_schema: None,
        cancellable: number.is_multiple_of(2),
        idempotent: false,
        estimate_ms: None,
        timeout_ms: None,
        strategy: None,
    }
}

async fn show(strategy: &dyn Strategy, catalog: &[Definition]) -> Result<Shown, Stop> {
    match strategy.show(catalog).await {
        Ok(shown) => Ok(shown),
        Err(error @ CallError::Rubbish { .. }) => failed(
            "tools as the interface describes them",
            said(&error),
            clause::TOOL_NAME,
        ),
        Err(error) => failed(
            format!("the tools for {} tasks", catalog.len()),
            said(&error),
            clause::TOOLS,
        ),
    }
}

pub(super) async fn library(bench: &Bench) -> Claim {
    let host = bench.host(Wanted::tasks(&["echo"])).await?;
    let visit = Visit::new(&host, "alice", "echo", serde_json::json!({}));
    let strategy = bench.strategy();
    let shown = show(&*strategy, &host.catalog()).await?;
    for document in &shown.documents {
        let port = host.port(&visit.caller);
        if let Err(error) = strategy.read_resource(port, document.uri.clone()).await {
            return failed(
                format!("what is in `{}`, which it lists", document.uri),
                said(&error),
                clause::DOCUMENTS,
            );
        }
    }
    for prompt in &shown.prompts {
        let given = prompt.arguments.iter().filter(|one| one.required);
        let given = given.map(|one| (one.name.clone(), "x".into())).collect();
        let arguments = Json::of(&serde_json::Value::Object(given));
        let port = host.port(&visit.caller);
        let answer = strategy
            .get_prompt(port, who(), prompt.name.clone(), &arguments)
            .await;
        if let Err(error) = answer {
            return failed(
                format!("the prompt `{}`, which it lists", prompt.name),
                said(&error),
                clause::DOCUMENTS,
            );
        }
    }
    let port = host.port(&visit.caller);
    match strategy
        .read_resource(port, "no-such-scheme:x".to_owned())
        .await
    {
        Err(error) if died(&error) => failed(
            "an error for a document that is not there",
            said(&error),
            clause::NO_DOCUMENT,
        ),
        Ok(_) => failed(
            "an error for a document that is not there",
            "there is one",
            clause::NO_DOCUMENT,
        ),
        Err(_) => Ok(()),
    }
}
