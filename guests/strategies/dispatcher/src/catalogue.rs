//! The kinds of tasks, in words.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use taskhost_strategy_kit::description::what;
use taskhost_strategy_kit::duration::about;
use taskhost_strategy_kit::interface::TaskDefinition;

/// What the description of a tool may weigh. What has no room is named by the enumeration alone.
const MOST_TOLD: usize = 24 * 1024;

/// What one kind may take of it.
const MOST_WORDS: usize = 400;

/// All kinds of tasks there are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Catalogue(Vec<Kind>);

/// One kind of task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kind {
    pub(crate) name: String,
    pub(crate) input_schema: String,
    pub(crate) estimate_ms: Option<u64>,
    words: String,
}

impl Catalogue {
    pub(crate) fn of(definitions: &[TaskDefinition]) -> Self {
        Self(definitions.iter().map(Kind::of).collect())
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.0.iter().map(|kind| kind.name.as_str()).collect()
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Kind> {
        self.0.iter().find(|kind| kind.name == name)
    }

    pub(crate) fn estimate_ms(&self, name: &str) -> Option<u64> {
        self.find(name)?.estimate_ms
    }

    /// A line for each kind.
    pub(crate) fn words(&self) -> String {
        let mut told = String::new();
        for kind in &self.0 {
            if told.len() + kind.words.len() > MOST_TOLD {
                told.push_str("\nThere are more: a call with wrong params tells what they take.");
                break;
            }
            told.push('\n');
            told.push_str(&kind.words);
        }
        told
    }
}

impl Kind {
    fn of(definition: &TaskDefinition) -> Self {
        let what = what(definition);
        let paragraph = what.split("\n\n").next().unwrap_or_default();
        let mut words = format!(
            "- `{}`: {} Params: {}.",
            definition.name,
            cut(&paragraph.replace('\n', " ")),
            params(&definition.input_schema)
        );
        if let Some(ms) = definition.estimate_ms {
            // Writing to a string cannot fail.
            _ = write!(words, " Usually takes {}.", about(ms));
        }
        Self {
            name: definition.name.clone(),
            input_schema: definition.input_schema.clone(),
            estimate_ms: definition.estimate_ms,
            words,
        }
    }
}

/// The parameters with their types, briefly: `steps` (integer), `path` (string, required).
fn params(schema: &str) -> String {
    let schema: Value = serde_json::from_str(schema).unwrap_or_default();
    let none = Map::new();
    let properties = schema
        .get("properties")
        .and_then(Value::as_object)
        .unwrap_or(&none);
    if properties.is_empty() {
        let is_closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
        return if is_closed { "none" } else { "any object" }.into();
    }
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let all: Vec<String> = properties
        .iter()
        .map(|(name, property)| {
            let kind = match property.get("type") {
                Some(Value::String(kind)) => kind.clone(),
                _ => "any".into(),
            };
            let need = if required.contains(&name.as_str()) {
                ", required"
            } else {
                ""
            };
            format!("`{name}` ({kind}{need})")
        })
        .collect();
    cut(&all.join(", ")).into()
}

/// The first [`MOST_WORDS`] bytes, or a little less where a character would be broken.
fn cut(text: &str) -> &str {
    let end = text.floor_char_boundary(MOST_WORDS.min(text.len()));
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use taskhost_strategy_kit::sample::definition;

    use super::*;

    #[test]
    fn a_kind_says_what_it_does_what_it_takes_and_how_long() {
        let catalogue = Catalogue::of(&[TaskDefinition {
            input_schema:
                r#"{"properties":{"film":{"type":"string"},"any":{}},"required":["film"]}"#.into(),
            ..definition()
        }]);
        assert_eq!(
            catalogue.words(),
            "\n- `render`: Renders a film. Params: `film` (string, required), `any` (any). Usually \
             takes about 3 minutes."
        );
        assert_eq!(catalogue.estimate_ms("render"), Some(200_000));
        assert_eq!(catalogue.estimate_ms("dance"), None);
    }

    #[test]
    fn nothing_known_of_params_is_said_too() {
        assert_eq!(params(r#"{"type":"object"}"#), "any object");
        assert_eq!(params(r#"{"additionalProperties":false}"#), "none");
    }

    #[test]
    fn a_large_catalogue_is_cut_and_says_so() {
        let many: Vec<TaskDefinition> = (0..5000)
            .map(|number| TaskDefinition {
                name: format!("render{number}"),
                ..definition()
            })
            .collect();
        let words = Catalogue::of(&many).words();
        assert!(words.len() < MOST_TOLD + 200);
        assert!(words.contains("There are more"));
    }
}
