//! The schema of one tool: what all of them have in common is printed once, and the task's own arguments
//! are put into it as the text that they are.

use serde_json::{Value, json};
use taskhost_strategy_kit::guide::Id;
use taskhost_strategy_kit::input;
use taskhost_strategy_kit::interface::TaskDefinition;
use taskhost_strategy_kit::payload::schema;

use crate::nested;
use crate::verb::Verb;

/// What the tools take and what they answer, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schemas {
    cancellable: Around,
    unstoppable: Around,
    pub(crate) output: String,
}

/// The text before the arguments of the task, and the one after them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Around(String, String);

impl Schemas {
    /// `max_wait_seconds` is the longest that `check` waits; zero: it does not offer to.
    pub(crate) fn new(max_wait_seconds: u32) -> Self {
        Self {
            cancellable: Around::new(true, max_wait_seconds),
            unstoppable: Around::new(false, max_wait_seconds),
            output: schema::output_with_preview(Id::Token).to_string(),
        }
    }

    /// What the tool for `definition` takes, or why there can be none.
    pub(crate) fn input(&self, definition: &TaskDefinition) -> Result<String, String> {
        let Around(before, after) = if definition.cancellable {
            &self.cancellable
        } else {
            &self.unstoppable
        };
        let arguments = input::of_task(&definition.input_schema)?;
        let arguments = nested::at("#/properties/arguments", arguments)?;
        Ok(format!("{before}{arguments}{after}"))
    }
}

impl Around {
    fn new(cancellable: bool, max_wait_seconds: u32) -> Self {
        let verbs: Vec<&str> = Verb::offered(cancellable).map(Verb::word).collect();
        let mut token = input::id(Id::Token, "action `start`");
        if let Some(schema) = token.1.as_object_mut() {
            let description = "The token from action `start`. Every other action needs it.";
            schema.insert("description".into(), description.into());
        }
        let action = json!({
            "type": "string",
            "enum": verbs,
            "description": "What to do. `start` needs `arguments`; all others need `token`; \
                            `answer` needs `answer` too.",
        });
        let properties = [
            Some(("action", action)),
            Some(("arguments", Value::Null)),
            Some(token),
            input::wait_seconds(max_wait_seconds),
            Some(input::answer_object("For action `answer`")),
            cancellable.then(input::reason),
        ];
        let text = input::object(properties.into_iter().flatten(), &["action"]).to_string();
        // A key: within a text, its quotes would be escaped.
        let (before, after) = text
            .split_once(r#""arguments":null"#)
            .unwrap_or((&text, ""));
        Self(format!(r#"{before}"arguments":"#), after.into())
    }
}
