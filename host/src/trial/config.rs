//! Configurations that do not fit.
//!
//! The host checks what an operator writes against the component's schema first, so most of these
//! never reach `init`. They are given to it all the same: a trap there would end each instance, and a
//! schema can be wrong.

use serde_json::{Map, Value, json};

use super::Subject;
use super::backend::Bench as Backend;
use super::clause;
use super::strategy::Bench as Strategy;
use super::verdict::{Claim, Stop, failed};
use crate::error::Report;
use crate::plugin::LoadError;
use crate::plugin::load::{Linked, config_schema};
use crate::schema::Validator;
use crate::task::Json;

pub(super) async fn backend(bench: &Backend) -> Claim {
    all(bench.subject()).await
}

pub(super) async fn strategy(bench: &Strategy) -> Claim {
    all(bench.subject()).await
}

async fn all(subject: &Subject) -> Claim {
    let loaded = &subject.loaded;
    let schema = config_schema(&loaded.info, loaded.manifest.as_ref());
    let validator = match schema.map(Validator::compile).transpose() {
        Ok(validator) => validator,
        Err(why) => {
            return failed(
                "a schema of the configuration that compiles",
                why,
                clause::CONFIG,
            );
        }
    };
    let schema = schema.map(Json::value).unwrap_or_default();
    for wrong in mistakes(&schema, &loaded.config.value()) {
        let document = Json::of(&wrong.document);
        let accepted = rehearse(subject, &document).await?;
        // Without a schema the host takes no configuration at all.
        let let_pass = validator
            .as_ref()
            .is_some_and(|one| one.check(&document).is_ok());
        if accepted && let_pass && wrong.must_be_refused {
            return failed(
                format!("{} to be refused, by the schema or by `init`", wrong.what),
                format!("it was taken: {}", document.text()),
                clause::CONFIG,
            );
        }
    }
    Ok(())
}

/// Whether `init` takes it. Its end is the end of the scenario.
async fn rehearse(subject: &Subject, document: &Json) -> Result<bool, Stop> {
    let (name, loaded) = (&subject.name, &subject.loaded);
    let (grants, secrets) = (&loaded.reach.grants, &loaded.secrets);
    let answer = match &loaded.linked {
        Linked::Backend(linked) => linked.rehearse(name, document, grants, secrets).await,
        Linked::Strategy(linked) => linked.rehearse(name, document, grants, secrets).await,
    };
    match answer {
        Ok(()) => Ok(true),
        Err(LoadError::Trapped { why, .. }) => failed(
            format!("an error from `init` with {}", document.text()),
            why.to_string(),
            clause::INIT,
        ),
        Err(LoadError::Refused(_)) => Ok(false),
        Err(error) => failed(
            format!("an error from `init` with {}", document.text()),
            Report::from(&error).to_string(),
            clause::INIT,
        ),
    }
}

/// A configuration that somebody may have written by mistake.
struct Mistake {
    what: String,
    document: Value,
    /// False: it may fit all the same.
    must_be_refused: bool,
}

fn mistakes(schema: &Value, right: &Value) -> Vec<Mistake> {
    let right = right.as_object().cloned().unwrap_or_default();
    let with = |key: &str, value: Value| {
        let mut document = right.clone();
        document.insert(key.to_owned(), value);
        Value::Object(document)
    };
    let open = [
        "additionalProperties",
        "patternProperties",
        "unevaluatedProperties",
    ];
    let open = open.iter().any(|key| {
        schema
            .get(key)
            .is_some_and(|value| value != &Value::Bool(false))
    });
    let mut mistakes = vec![Mistake {
        what: "a key that it does not have".to_owned(),
        document: with("no-such-key-of-a-trial", json!(1)),
        must_be_refused: !open,
    }];
    for document in [json!([]), json!("text"), json!(null), json!(7)] {
        mistakes.push(Mistake {
            what: "what is no object".to_owned(),
            document,
            must_be_refused: false,
        });
    }
    let empty = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object);
    for (key, property) in properties.unwrap_or(&empty) {
        if let Some(value) = wrong_type(property) {
            mistakes.push(Mistake {
                what: format!("a `{key}` of another type"),
                document: with(key, value),
                must_be_refused: true,
            });
        }
    }
    let required = schema.get("required").and_then(Value::as_array);
    for key in required.into_iter().flatten().filter_map(Value::as_str) {
        let mut document = right.clone();
        document.remove(key);
        mistakes.push(Mistake {
            what: format!("a configuration without `{key}`"),
            document: Value::Object(document),
            must_be_refused: true,
        });
    }
    mistakes
}

/// A value that `property` cannot have, where its schema names one type.
fn wrong_type(property: &Value) -> Option<Value> {
    match property.get("type")?.as_str()? {
        "string" => Some(json!({ "not": "a string" })),
        "object" | "array" => Some(json!("neither")),
        "integer" | "number" | "boolean" => Some(json!("a word")),
        _ => None,
    }
}
