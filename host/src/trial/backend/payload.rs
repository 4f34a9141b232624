//! Documents as large as they may be.

use serde_json::Value;

use super::super::clause;
use super::super::plan::Errand;
use super::super::verdict::{Claim, Stop, died, failed, said, skipped};
use super::Bench;
use super::bench::{Instance, is_passing};
use crate::config::limits;
use crate::plugin::{CallError, Work};
use crate::task::{Json, Outcome};

/// Large for a model, small for a machine.
const LARGE: usize = 1 << 20;

/// The largest that is tried, as a part of an instance's memory: it is there as it came, as it was read, as
/// it is stored, and once more where a language copies.
const PART: usize = 16;
/// The largest that the host lets pass, less what is around a text.
const LARGEST: usize = limits::DOCUMENT - (1 << 10);

pub(super) async fn arguments(bench: &Bench) -> Claim {
    let (errand, key) = talker(bench).await?;
    let instance = bench.instance();
    let largest = (bench.subject().limits.memory / PART).clamp(LARGE, LARGEST);
    for size in [LARGE, largest] {
        let errand = with_text(&errand, &key, "x".repeat(size));
        let began = instance.start(bench.id()?, &errand).await;
        if let Err(error) = began {
            refused(&error, size)?;
        }
        // Whoever refuses must live on.
        if let Err(error) = instance.look(&[]).await {
            return failed(
                format!("calls to be answered after arguments of {size} bytes"),
                said(&error),
                clause::JSON,
            );
        }
    }
    Ok(())
}

/// Saying no is right; dying of it is not.
fn refused(error: &CallError, size: usize) -> Claim {
    if died(error)
        || matches!(
            error,
            CallError::TimedOut { .. } | CallError::Rubbish { .. }
        )
    {
        return failed(
            format!("arguments of {size} bytes to be taken, or refused with an error"),
            said(error),
            clause::JSON,
        );
    }
    Ok(())
}

pub(super) async fn result(bench: &Bench) -> Claim {
    let (errand, key) = talker(bench).await?;
    let instance = bench.instance();
    let marker = "a-text-that-comes-back";
    let small = with_text(&errand, &key, marker.to_owned());
    let (_, outcome) = bench.run(&instance, &small).await?;
    let gives_back = |outcome: &Outcome, text: &str| match outcome {
        Outcome::Completed(result) => result.text().contains(text),
        Outcome::Failed(_) | Outcome::Cancelled(_) => false,
    };
    if !gives_back(&outcome, marker) {
        return skipped(format!(
            "`{}` does not give back what it is given",
            errand.task
        ));
    }
    let text = "y".repeat(LARGE);
    let large = with_text(&errand, &key, text.clone());
    let id = bench.id()?;
    let handle = match instance.start(id, &large).await {
        Ok(handle) => handle,
        Err(error) if is_passing(&error) => instance.hand_over(id, &large).await?,
        Err(error) => return refused(&error, LARGE),
    };
    let outcome = instance.end_of(&Work { id, handle }).await?;
    if matches!(outcome, Outcome::Failed(_)) || gives_back(&outcome, &text) {
        return Ok(());
    }
    failed(
        format!(
            "a result with all {LARGE} bytes that it was given, or a failure that says why not"
        ),
        super::bench::ended(&outcome),
        clause::JSON,
    )
}

/// A task that may be run and takes a text of any length, and the key of that text.
async fn talker(bench: &Bench) -> Result<(Errand, String), Stop> {
    bench.quick()?;
    let instance: Instance = bench.instance();
    let definitions = instance.list_tasks().await?;
    for errand in &bench.plan.quick {
        let Some(definition) = definitions.iter().find(|one| one.name == errand.task) else {
            continue;
        };
        if let Some(key) = text_key(&definition.input_schema.value()) {
            return Ok((errand.clone(), key));
        }
    }
    skipped("no task that may be run takes a text of any length")
}

/// A property that may be a string as long as one likes.
fn text_key(schema: &Value) -> Option<String> {
    let properties = schema.get("properties")?.as_object()?;
    let fits = |property: &Value| {
        let kind = property.get("type").and_then(Value::as_str);
        let bound = [
            "maxLength",
            "enum",
            "const",
            "pattern",
            "format",
            "$ref",
            "anyOf",
            "oneOf",
        ];
        kind.is_none_or(|kind| kind == "string")
            && bound.iter().all(|key| property.get(key).is_none())
    };
    let mut found = properties.iter().filter(|(_, property)| fits(property));
    found.next().map(|(key, _)| key.clone())
}

fn with_text(errand: &Errand, key: &str, text: String) -> Errand {
    let mut arguments = errand.arguments.value();
    if let Some(arguments) = arguments.as_object_mut() {
        arguments.insert(key.to_owned(), Value::String(text));
    }
    Errand {
        task: errand.task.clone(),
        arguments: Json::of(&arguments),
    }
}
