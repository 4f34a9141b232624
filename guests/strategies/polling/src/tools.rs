//! The tools of one task.
//!
//! The descriptions are for a model that has seen nothing else: what the work is, how long it takes,
//! which tool comes next, and that starting twice is not the way to ask again.

use serde_json::{Map, Value, json};

use crate::action::Action;
use crate::bindings::exports::taskhost::plugin::strategy::{TaskDefinition, TaskSupport, Tool};
use crate::config::Config;
use crate::{next, schema};

/// A result's schema longer than this is not worth the reader's attention.
const MOST_RESULT_SCHEMA: usize = 1024;

/// The tools for `definition`, or why there can be none.
pub(crate) fn of(definition: &TaskDefinition, config: &Config) -> Result<Vec<Tool>, String> {
    let input_schema = input_schema(&definition.input_schema)?;
    let mut tools = vec![
        start(definition, config, input_schema),
        status(definition, config),
        result(definition, config),
    ];
    if definition.cancellable {
        tools.push(cancel(definition, config));
    }
    Ok(tools)
}

fn start(definition: &TaskDefinition, config: &Config, input_schema: String) -> Tool {
    let what = definition
        .description
        .as_ref()
        .or(definition.title.as_ref())
        .map_or_else(
            || format!("Runs the task `{}`.", definition.name),
            |what| what.trim().to_owned(),
        );
    let duration = definition.estimate_ms.map_or_else(String::new, |ms| {
        format!(" It usually takes {}.", duration(ms))
    });
    let description = format!(
        "{what}\n\nThis starts the work in the background and returns at once with a `token`.\
         {duration} {}, and `{}` when it is COMPLETED. Do not start it again while it runs: a \
         second start is a second task.",
        next::follow(config, &definition.name),
        config.naming.tool(&definition.name, Action::Result),
    );
    tool(
        definition,
        config,
        Action::Start,
        description,
        input_schema,
        // Nothing is known of what the work does, so nothing is said about it.
        &json!({ "readOnlyHint": false, "idempotentHint": definition.idempotent }),
    )
}

fn status(definition: &TaskDefinition, config: &Config) -> Tool {
    let waiting = if config.max_wait_seconds > 0 {
        " With `wait_seconds` it answers as soon as something changes."
    } else {
        ""
    };
    let description = format!(
        "Tells how far a task of `{}` is: PENDING, RUNNING, RETRYING, INPUT_REQUIRED, COMPLETED, \
         FAILED or CANCELLED, with its progress.{waiting} When the task asks something \
         (INPUT_REQUIRED), this tool also takes the `answer`.",
        config.naming.tool(&definition.name, Action::Start),
    );
    tool(
        definition,
        config,
        Action::Status,
        description,
        schema::status(config).to_string(),
        // An answer makes the task go on, so this tool does not only read.
        &json!({ "readOnlyHint": false, "destructiveHint": false, "idempotentHint": true }),
    )
}

fn result(definition: &TaskDefinition, config: &Config) -> Tool {
    let mut description = format!(
        "Gives the `result` of a task of `{}` that is COMPLETED, or the error of one that FAILED. \
         Before that it says how far the task is.",
        config.naming.tool(&definition.name, Action::Start),
    );
    // Told and not enforced: nobody checks what the work really returns.
    if let Some(schema) = definition
        .output_schema
        .as_ref()
        .filter(|schema| schema.len() <= MOST_RESULT_SCHEMA)
    {
        description.push_str("\n\nJSON Schema of `result`: ");
        description.push_str(schema);
    }
    tool(
        definition,
        config,
        Action::Result,
        description,
        schema::result().to_string(),
        &json!({ "readOnlyHint": true }),
    )
}

fn cancel(definition: &TaskDefinition, config: &Config) -> Tool {
    let description = format!(
        "Asks a task of `{}` to stop, and tells where it stands then. It may take a while to stop, \
         and may complete before it does. A task that is over stays as it is.",
        config.naming.tool(&definition.name, Action::Start),
    );
    tool(
        definition,
        config,
        Action::Cancel,
        description,
        schema::cancel().to_string(),
        &json!({ "readOnlyHint": false, "destructiveHint": true, "idempotentHint": true }),
    )
}

fn tool(
    definition: &TaskDefinition,
    config: &Config,
    action: Action,
    description: String,
    input_schema: String,
    annotations: &Value,
) -> Tool {
    let title = definition.title.as_ref().unwrap_or(&definition.name);
    Tool {
        name: config.naming.tool(&definition.name, action),
        route: action.route(&definition.name),
        title: Some(format!("{title}: {}", action.word())),
        description: Some(description),
        input_schema,
        output_schema: Some(schema::output().to_string()),
        annotations: Some(annotations.to_string()),
        meta: None,
        task_support: TaskSupport::Forbidden,
    }
}

/// The schema of the task itself: nothing is added to it, so no argument of ours is in the way of
/// one of theirs. Only a missing `type` is filled in, since MCP wants it said.
fn input_schema(text: &str) -> Result<String, String> {
    let mut schema: Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| format!("its input schema is no JSON object: {error}"))?;
    match schema.get("type") {
        Some(Value::String(kind)) if kind == "object" => Ok(text.to_owned()),
        None => {
            schema.insert("type".into(), "object".into());
            Ok(Value::Object(schema).to_string())
        }
        Some(other) => Err(format!(
            "its input schema must be of type \"object\", and is of {other}"
        )),
    }
}

/// A duration as one says it.
fn duration(ms: u64) -> String {
    let seconds = ms.div_ceil(1000);
    match seconds {
        0 | 1 => "a second or less".into(),
        2..120 => format!("about {seconds} seconds"),
        120..7200 => format!("about {} minutes", seconds / 60),
        _ => format!("about {} hours", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_has_four_tools_and_one_that_cannot_be_cancelled_has_three() {
        let names = |definition: &TaskDefinition| -> Vec<String> {
            let tools = of(definition, &Config::default()).unwrap();
            tools.into_iter().map(|tool| tool.name).collect()
        };
        let mut definition = definition();
        assert_eq!(
            names(&definition),
            [
                "render_start",
                "render_status",
                "render_result",
                "render_cancel"
            ]
        );
        definition.cancellable = false;
        assert_eq!(
            names(&definition),
            ["render_start", "render_status", "render_result"]
        );
    }

    #[test]
    fn start_takes_exactly_the_arguments_of_the_task() {
        let definition = TaskDefinition {
            input_schema:
                r#"{ "type": "object", "properties": { "token": { "type": "integer" } } }"#.into(),
            ..definition()
        };
        let tools = of(&definition, &Config::default()).unwrap();
        assert_eq!(tools[0].input_schema, definition.input_schema);
    }

    #[test]
    fn a_schema_without_a_type_gets_one_and_another_type_is_refused() {
        assert_eq!(
            input_schema(r#"{"properties":{}}"#).as_deref(),
            Ok(r#"{"properties":{},"type":"object"}"#)
        );
        assert!(input_schema(r#"{"type":"string"}"#).is_err());
        assert!(input_schema("true").is_err());
    }

    #[test]
    fn start_says_what_it_does_how_long_it_takes_and_what_comes_next() {
        let tools = of(&definition(), &Config::default()).unwrap();
        assert_eq!(
            tools[0].description.as_deref(),
            Some(
                "Renders a film.\n\nThis starts the work in the background and returns at once \
                 with a `token`. It usually takes about 3 minutes. Call `render_status` with the \
                 token and wait_seconds 25 to follow it, and `render_result` when it is COMPLETED. \
                 Do not start it again while it runs: a second start is a second task."
            )
        );
    }

    #[test]
    fn a_task_without_words_is_described_all_the_same() {
        let definition = TaskDefinition {
            title: None,
            description: None,
            estimate_ms: None,
            ..definition()
        };
        let tools = of(&definition, &Config::default()).unwrap();
        let description = tools[0].description.clone().unwrap();
        assert!(
            description.starts_with("Runs the task `render`."),
            "{description}"
        );
        assert_eq!(tools[0].title.as_deref(), Some("render: start"));
    }

    #[test]
    fn waiting_that_is_turned_off_is_not_offered() {
        let config = Config {
            max_wait_seconds: 0,
            ..Config::default()
        };
        for tool in of(&definition(), &config).unwrap() {
            assert!(!tool.input_schema.contains("wait_seconds"), "{}", tool.name);
            let description = tool.description.unwrap();
            assert!(!description.contains("wait_seconds"), "{description}");
        }
    }

    #[test]
    fn the_result_is_described_by_its_schema_and_not_bound_to_it() {
        let definition = TaskDefinition {
            output_schema: Some(r#"{"type":"integer"}"#.into()),
            ..definition()
        };
        let tools = of(&definition, &Config::default()).unwrap();
        let description = tools[2].description.clone().unwrap();
        assert!(
            description.ends_with(r#"{"type":"integer"}"#),
            "{description}"
        );
        assert_eq!(tools[2].output_schema, tools[1].output_schema);
    }

    fn definition() -> TaskDefinition {
        TaskDefinition {
            name: "render".into(),
            title: Some("Render".into()),
            description: Some("Renders a film.".into()),
            input_schema: r#"{"type":"object"}"#.into(),
            output_schema: None,
            cancellable: true,
            idempotent: false,
            estimate_ms: Some(200_000),
            timeout_ms: None,
            strategy: None,
        }
    }
}
