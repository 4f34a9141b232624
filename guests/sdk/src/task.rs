//! Kinds of tasks that a backend can run, from the types of their arguments.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::{TaskDefinition, schema};

/// One kind of task, as it is built.
///
/// ```
/// use schemars::JsonSchema;
/// use serde::Deserialize;
/// use taskhost_sdk::{Task, TaskDefinition};
///
/// /// Renders a film.
/// #[derive(Deserialize, JsonSchema)]
/// struct Render {
///     /// Which one.
///     film: String,
/// }
///
/// let task: TaskDefinition = Task::new::<Render>("render").title("Render").into();
/// assert_eq!(task.description.as_deref(), Some("Renders a film."));
/// assert!(task.input_schema.contains("Which one."));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Task(TaskDefinition);

impl Task {
    /// A task that takes an `Arguments`, whose documentation says what it does. It can be cancelled,
    /// and starting it twice may do harm, unless something else is said.
    pub fn new<Arguments: JsonSchema>(name: impl Into<String>) -> Self {
        let (schema, words) = schema::with_words::<Arguments>();
        Self(TaskDefinition {
            name: name.into(),
            title: None,
            description: words,
            input_schema: schema.to_string(),
            output_schema: None,
            cancellable: true,
            idempotent: false,
            estimate_ms: None,
            timeout_ms: None,
            strategy: None,
        })
    }

    /// A task whose arguments this schema describes, an object's: where they are not known to Rust.
    pub fn untyped(name: impl Into<String>, schema: &Value) -> Self {
        let mut task = Self::new::<NoArguments>(name);
        task.0.input_schema = schema.to_string();
        task.0.description = None;
        task
    }

    /// For people.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.0.title = Some(title.into());
        self
    }

    /// What it does, for the model that calls it. Instead of what the type's documentation says.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.0.description = Some(description.into());
        self
    }

    /// What comes of it. For the reader: nobody checks results.
    #[must_use]
    pub fn returns<T: JsonSchema>(mut self) -> Self {
        self.0.output_schema = Some(schema::of::<T>().to_string());
        self
    }

    /// No way to cancel it is offered.
    #[must_use]
    pub fn uncancellable(mut self) -> Self {
        self.0.cancellable = false;
        self
    }

    /// Starting it twice does no harm.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.0.idempotent = true;
        self
    }

    /// How long it usually takes.
    #[must_use]
    pub fn estimate(mut self, duration: Duration) -> Self {
        self.0.estimate_ms = Some(milliseconds(duration));
        self
    }

    /// How long it may take. Absent: as the operator says.
    #[must_use]
    pub fn timeout(mut self, duration: Duration) -> Self {
        self.0.timeout_ms = Some(milliseconds(duration));
        self
    }

    /// The one strategy that shows it, by its configured name.
    #[must_use]
    pub fn strategy(mut self, name: impl Into<String>) -> Self {
        self.0.strategy = Some(name.into());
        self
    }
}

impl From<Task> for TaskDefinition {
    fn from(task: Task) -> Self {
        task.0
    }
}

impl From<TaskDefinition> for Task {
    fn from(definition: TaskDefinition) -> Self {
        Self(definition)
    }
}

/// A task takes no arguments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(description = "")]
pub struct NoArguments {}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_task_without_arguments_takes_an_object_and_says_nothing_of_itself() {
        let task: TaskDefinition = Task::new::<NoArguments>("tick").into();
        let schema: Value = serde_json::from_str(&task.input_schema).unwrap();
        assert_eq!(schema["type"], "object");
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(task.description, None);
    }

    #[test]
    fn what_is_said_of_a_task_is_in_its_definition() {
        let task = Task::untyped("t", &json!({ "type": "object" }))
            .title("T")
            .description("does t")
            .returns::<Vec<String>>()
            .uncancellable()
            .idempotent()
            .estimate(Duration::from_millis(1500))
            .timeout(Duration::from_secs(2))
            .strategy("polling");
        let definition = TaskDefinition::from(task);
        assert_eq!(definition.input_schema, r#"{"type":"object"}"#);
        assert_eq!(
            definition.output_schema.as_deref(),
            Some(r#"{"type":"array","items":{"type":"string"}}"#)
        );
        assert!(!definition.cancellable && definition.idempotent);
        assert_eq!(
            (definition.estimate_ms, definition.timeout_ms),
            (Some(1500), Some(2000))
        );
    }
}
