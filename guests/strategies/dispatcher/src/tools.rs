//! The four tools.

use serde_json::{Value, json};
use taskhost_strategy_kit::guide::{Guide, Id};
use taskhost_strategy_kit::input;
use taskhost_strategy_kit::interface::{TaskSupport, Tool};
use taskhost_strategy_kit::payload::schema;

use crate::catalogue::Catalogue;
use crate::config::Config;

pub(crate) const START: &str = "start_background_task";
pub(crate) const STATUS: &str = "get_task_status";
pub(crate) const CANCEL: &str = "cancel_task";
pub(crate) const LIST: &str = "list_active_tasks";

/// The tools for this catalogue.
pub(crate) fn of(catalogue: &Catalogue, config: &Config) -> Vec<Tool> {
    vec![
        start(catalogue, config),
        status(config),
        cancel(config),
        list(catalogue, config),
    ]
}

/// How a client goes on with any task.
pub(crate) fn guide(config: &Config) -> Guide {
    let status = config.tool(STATUS);
    Guide {
        id: Id::TaskId,
        follow: match config.max_wait_seconds {
            0 => format!("Call `{status}` with the task_id every few seconds to follow it"),
            seconds => {
                format!("Call `{status}` with the task_id and wait_seconds {seconds} to follow it")
            }
        },
        then: ": it shows the result when it is COMPLETED".into(),
        fetch: format!("Call `{status}` with this task_id for the result."),
        answer: format!("call `{status}` with this task_id and `answer` {{key, response}}"),
        start: format!("`{}`", config.tool(START)),
    }
}

fn start(catalogue: &Catalogue, config: &Config) -> Tool {
    let guide = guide(config);
    let description = format!(
        "Starts a task in the background and answers at once with its `task_id` and, where that is \
         known, `estimated_duration_seconds`. {}{}. Do not start it again while it runs: a second \
         start is a second task.\n\nTypes of tasks:{}",
        guide.follow,
        guide.then,
        catalogue.words(),
    );
    let properties = [
        task_type(catalogue, "Which kind of task."),
        (
            "params",
            json!({
                "type": "object",
                "default": {},
                "description": "What the task is to be told. What it takes depends on its type.",
            }),
        ),
    ];
    tool(
        config,
        START,
        "Start a task",
        description,
        &input::object(properties, &["task_type"]),
        &json!({ "readOnlyHint": false }),
    )
}

fn status(config: &Config) -> Tool {
    let waiting = if config.max_wait_seconds > 0 {
        " With `wait_seconds` it answers as soon as something changes."
    } else {
        ""
    };
    let description = format!(
        "Tells how far a task is: PENDING, RUNNING, RETRYING, INPUT_REQUIRED, COMPLETED, FAILED or \
         CANCELLED, with its progress; and the `result` of one that is COMPLETED.{waiting} When the \
         task asks something (INPUT_REQUIRED), this tool also takes the `answer`."
    );
    let properties = [
        Some(task_id()),
        input::wait_seconds(config.max_wait_seconds),
        Some(input::answer_object(
            "Only when the status is INPUT_REQUIRED",
        )),
    ];
    tool(
        config,
        STATUS,
        "Status of a task",
        description,
        &input::object(properties.into_iter().flatten(), &["task_id"]),
        // An answer makes the task go on, so this tool does not only read.
        &json!({ "readOnlyHint": false, "destructiveHint": false, "idempotentHint": true }),
    )
}

fn cancel(config: &Config) -> Tool {
    tool(
        config,
        CANCEL,
        "Cancel a task",
        "Asks a task to stop, and tells where it stands then. It may take a while to stop, and may \
         complete before it does. A task that is over stays as it is."
            .into(),
        &input::object([task_id(), input::reason()], &["task_id"]),
        &json!({ "readOnlyHint": false, "destructiveHint": true, "idempotentHint": true }),
    )
}

fn list(catalogue: &Catalogue, config: &Config) -> Tool {
    tool(
        config,
        LIST,
        "Active tasks",
        "Lists your tasks that are not over, newest first: to find a `task_id` again.".into(),
        &input::object([task_type(catalogue, "Only tasks of this kind.")], &[]),
        &json!({ "readOnlyHint": true }),
    )
}

fn tool(
    config: &Config,
    route: &str,
    title: &str,
    description: String,
    input_schema: &Value,
    annotations: &Value,
) -> Tool {
    Tool {
        name: config.tool(route),
        route: route.into(),
        title: Some(title.into()),
        description: Some(description),
        input_schema: input_schema.to_string(),
        output_schema: Some(schema::output_with_list(Id::TaskId).to_string()),
        annotations: Some(annotations.to_string()),
        meta: None,
        task_support: TaskSupport::Forbidden,
    }
}

fn task_type(catalogue: &Catalogue, description: &str) -> (&'static str, Value) {
    let names = catalogue.names();
    let mut schema = json!({ "type": "string", "description": description });
    // An enumeration of nothing is no schema.
    if let (false, Some(schema)) = (names.is_empty(), schema.as_object_mut()) {
        schema.insert("enum".into(), names.into());
    }
    ("task_type", schema)
}

fn task_id() -> (&'static str, Value) {
    input::id(Id::TaskId, "the tool that started it")
}

#[cfg(test)]
mod tests {
    use taskhost_strategy_kit::sample::definition;

    use super::*;

    #[test]
    fn there_are_four_tools_whatever_tasks_there_are() {
        let config = Config::read("{}").unwrap();
        for catalogue in [Catalogue::default(), Catalogue::of(&[definition()])] {
            let names: Vec<String> = of(&catalogue, &config)
                .into_iter()
                .map(|tool| tool.name)
                .collect();
            assert_eq!(
                names,
                [
                    "start_background_task",
                    "get_task_status",
                    "cancel_task",
                    "list_active_tasks"
                ]
            );
        }
    }

    #[test]
    fn the_types_are_an_enumeration_and_each_is_described() {
        let config = Config::read(r#"{"prefix":"jobs_"}"#).unwrap();
        let tools = of(&Catalogue::of(&[definition()]), &config);
        assert_eq!(tools[0].name, "jobs_start_background_task");
        let schema: Value = serde_json::from_str(&tools[0].input_schema).unwrap();
        assert_eq!(schema["properties"]["task_type"]["enum"], json!(["render"]));
        let description = tools[0].description.clone().unwrap();
        assert!(description.contains("- `render`: Renders"), "{description}");
        assert!(
            description.contains("`jobs_get_task_status`"),
            "{description}"
        );
    }

    #[test]
    fn no_tasks_are_no_enumeration() {
        let tools = of(&Catalogue::default(), &Config::read("{}").unwrap());
        assert!(!tools[0].input_schema.contains("enum"));
    }
}
