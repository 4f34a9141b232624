//! What a component says of itself.

use super::backend::Bench as Backend;
use super::clause;
use super::strategy::Bench as Strategy;
use super::verdict::{Claim, failed};
use super::{Subject, clause::Clause};
use crate::error::Report;
use crate::plugin::load::Linked;
use crate::schema::Validator;
use crate::task::Json;

pub(super) async fn backend(bench: &Backend) -> Claim {
    stable(bench.subject()).await
}

pub(super) async fn strategy(bench: &Strategy) -> Claim {
    stable(bench.subject()).await
}

async fn stable(subject: &Subject) -> Claim {
    let first = &subject.loaded.info;
    for _ in 0..2 {
        let again = match &subject.loaded.linked {
            Linked::Backend(linked) => linked.describe().await,
            Linked::Strategy(linked) => linked.describe().await,
        };
        match again {
            Ok(again) if again == *first => {}
            Ok(again) => {
                return failed(
                    format!("the same description again: {first:?}"),
                    format!("{again:?}"),
                    clause::DESCRIBE,
                );
            }
            Err(error) => {
                let came = Report::from(&error).to_string();
                return failed("the same description again", came, clause::DESCRIBE);
            }
        }
    }
    if !is_semantic(&first.version) {
        return failed(
            "a version like 1.2.3",
            format!("`{}`", first.version),
            clause::VERSION,
        );
    }
    match &first.config_schema {
        Some(schema) => compiles(
            "a schema of the configuration that compiles",
            schema,
            clause::CONFIG,
        ),
        None => Ok(()),
    }
}

/// Fails where `schema` is none.
pub(super) fn compiles(expected: &str, schema: &Json, clause: Clause) -> Claim {
    match Validator::compile(schema) {
        Ok(_) => Ok(()),
        Err(why) => failed(expected, why, clause),
    }
}

/// Fails where `schema` is one of something else than objects.
pub(super) fn of_objects(what: &str, schema: &Json, clause: Clause) -> Claim {
    compiles(&format!("{what} that compiles"), schema, clause)?;
    match schema.value().get("type") {
        Some(kind) if kind != "object" => failed(
            format!("{what} that describes an object"),
            format!("one for {kind}"),
            clause,
        ),
        _ => Ok(()),
    }
}

/// Three numbers, and what semantic versions may have after them.
fn is_semantic(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let numbers: Vec<_> = core.split('.').collect();
    let is_number = |text: &&str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && (*text == "0" || !text.starts_with('0'))
    };
    numbers.len() == 3 && numbers.iter().all(is_number)
}

#[cfg(test)]
mod tests {
    use super::is_semantic;

    #[test]
    fn versions_have_three_numbers() {
        for version in ["0.1.0", "1.20.3-rc.1", "1.0.0+build-7"] {
            assert!(is_semantic(version), "{version}");
        }
        for version in ["", "1", "1.0", "1.0.x", "v1.0.0", "01.0.0", "1.0.0.0"] {
            assert!(!is_semantic(version), "{version}");
        }
    }
}
