//! JSON Schema, compiled once and asked often.
//!
//! Draft 2020-12, no references to other documents, and regular expressions that run in linear time:
//! a schema comes from a third party, and its arguments from a fourth.

use std::fmt;

use jsonschema::PatternOptions;

use crate::task::Json;

/// Problems listed in one answer. More would not help to mend the first.
const LISTED: usize = 5;

/// A compiled schema.
pub struct Validator(jsonschema::Validator);

impl Validator {
    /// Compiles `schema`, or says what is wrong with it.
    pub fn compile(schema: &Json) -> Result<Self, String> {
        jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .with_pattern_options(PatternOptions::regex())
            .build(&schema.value())
            .map(Self)
            .map_err(|error| error.to_string())
    }

    /// Says in one sentence what does not fit, if anything.
    pub fn check(&self, document: &Json) -> Result<(), String> {
        let document = document.value();
        let mut problems: Vec<String> = self
            .0
            .iter_errors(&document)
            .take(LISTED + 1)
            .map(|error| {
                let place = error.instance_path().to_string();
                if place.is_empty() {
                    error.to_string()
                } else {
                    format!("at {place}: {error}")
                }
            })
            .collect();
        if problems.is_empty() {
            return Ok(());
        }
        if problems.len() > LISTED {
            problems.truncate(LISTED);
            problems.push("and more".to_owned());
        }
        Err(problems.join("; "))
    }
}

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Validator")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validator(schema: &str) -> Result<Validator, String> {
        Validator::compile(&Json::parse(schema).unwrap())
    }

    #[test]
    fn what_does_not_fit_is_said_with_its_place() {
        let schema = r#"{"type":"object","properties":{"x":{"type":"integer"}},"required":["x"]}"#;
        let validator = validator(schema).unwrap();
        let check = |text: &str| validator.check(&Json::parse(text).unwrap());
        assert_eq!(check(r#"{"x": 1}"#), Ok(()));
        assert!(check(r#"{"x": "no"}"#).unwrap_err().starts_with("at /x: "));
        assert!(
            check("{}")
                .unwrap_err()
                .contains("\"x\" is a required property")
        );
    }

    #[test]
    fn references_to_other_documents_are_refused() {
        assert!(validator(r#"{"$ref":"http://127.0.0.1:9/schema.json"}"#).is_err());
        assert!(validator(r#"{"$ref":"file:///etc/passwd"}"#).is_err());
    }

    #[test]
    fn a_pattern_that_would_backtrack_for_ever_does_not() {
        let validator = validator(r#"{"type":"string","pattern":"^(a+)+$"}"#).unwrap();
        let text = format!("\"{}!\"", "a".repeat(50_000));
        assert!(validator.check(&Json::parse(text).unwrap()).is_err());
    }
}
