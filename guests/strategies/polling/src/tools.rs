//! The tools of one task.
//!
//! The descriptions are for a model that has seen nothing else: what the work is, how long it takes,
//! which tool comes next, and that starting twice is not the way to ask again.

use taskhost_strategy_kit::action::Action;
use taskhost_strategy_kit::description::{returns, what};
use taskhost_strategy_kit::duration::usually;
use taskhost_strategy_kit::input;
use taskhost_strategy_kit::interface::{TaskDefinition, TaskSupport, Tool};

use crate::config::Config;
use crate::guide;
use crate::schemas::Schemas;

/// It only looks.
const LOOKS: &str = r#"{"readOnlyHint":true}"#;
const ANSWERS: &str = r#"{"readOnlyHint":false,"destructiveHint":false,"idempotentHint":true}"#;
const CANCELS: &str = r#"{"readOnlyHint":false,"destructiveHint":true,"idempotentHint":true}"#;

/// The tools for `definition`, or why there can be none.
pub(crate) fn of(
    definition: &TaskDefinition,
    config: &Config,
    schemas: &Schemas,
) -> Result<Vec<Tool>, String> {
    let mut tools = vec![
        start(definition, config, schemas)?,
        status(definition, config, schemas),
        result(definition, config, schemas),
    ];
    if config.answer {
        tools.push(answer(definition, config, schemas));
    }
    if definition.cancellable {
        tools.push(cancel(definition, config, schemas));
    }
    Ok(tools)
}

fn start(definition: &TaskDefinition, config: &Config, schemas: &Schemas) -> Result<Tool, String> {
    let what = what(definition);
    let duration = usually(definition.estimate_ms);
    let description = format!(
        "{what}\n\nThis starts the work in the background and returns at once with a `token`.\
         {duration} {}, and `{}` when it is COMPLETED. Do not start it again while it runs: a \
         second start is a second task.",
        guide::follow(config, &definition.name),
        config.naming.tool(&definition.name, Action::Result),
    );
    // Nothing is known of what the work does, so nothing is said about it.
    let annotations = format!(
        r#"{{"readOnlyHint":false,"idempotentHint":{}}}"#,
        definition.idempotent
    );
    Ok(Tool {
        description: Some(description),
        input_schema: input::of_task(&definition.input_schema)?,
        annotations: Some(annotations),
        ..tool(definition, config, schemas, Action::Start)
    })
}

fn status(definition: &TaskDefinition, config: &Config, schemas: &Schemas) -> Tool {
    let waiting = if config.max_wait_seconds > 0 {
        " With `wait_seconds` it answers as soon as something changes."
    } else {
        ""
    };
    let description = format!(
        "Tells how far a task of `{}` is: PENDING, RUNNING, RETRYING, INPUT_REQUIRED, COMPLETED, \
         FAILED or CANCELLED, with its progress.{waiting}",
        config.naming.tool(&definition.name, Action::Start),
    );
    Tool {
        description: Some(description),
        input_schema: schemas.status.clone(),
        annotations: Some(LOOKS.into()),
        ..tool(definition, config, schemas, Action::Status)
    }
}

fn result(definition: &TaskDefinition, config: &Config, schemas: &Schemas) -> Tool {
    let description = format!(
        "Gives the `result` of a task of `{}` that is COMPLETED, or the error of one that FAILED. \
         Before that it says how far the task is.{}",
        config.naming.tool(&definition.name, Action::Start),
        returns(definition, "`result`"),
    );
    Tool {
        description: Some(description),
        input_schema: schemas.result.clone(),
        annotations: Some(LOOKS.into()),
        ..tool(definition, config, schemas, Action::Result)
    }
}

fn answer(definition: &TaskDefinition, config: &Config, schemas: &Schemas) -> Tool {
    let description = format!(
        "Answers a question of a task of `{}` that is INPUT_REQUIRED, so that it goes on. Tells \
         where it stands then.",
        config.naming.tool(&definition.name, Action::Start),
    );
    Tool {
        description: Some(description),
        input_schema: schemas.answer.clone(),
        annotations: Some(ANSWERS.into()),
        ..tool(definition, config, schemas, Action::Answer)
    }
}

fn cancel(definition: &TaskDefinition, config: &Config, schemas: &Schemas) -> Tool {
    let description = format!(
        "Asks a task of `{}` to stop, and tells where it stands then. It may take a while to stop, \
         and may complete before it does. A task that is over stays as it is.",
        config.naming.tool(&definition.name, Action::Start),
    );
    Tool {
        description: Some(description),
        input_schema: schemas.cancel.clone(),
        annotations: Some(CANCELS.into()),
        ..tool(definition, config, schemas, Action::Cancel)
    }
}

/// What all of them have.
fn tool(definition: &TaskDefinition, config: &Config, schemas: &Schemas, action: Action) -> Tool {
    let title = definition.title.as_ref().unwrap_or(&definition.name);
    Tool {
        name: config.naming.tool(&definition.name, action),
        route: action.route(&definition.name),
        title: Some(format!("{title}: {}", action.word())),
        description: None,
        input_schema: String::new(),
        output_schema: Some(schemas.output.clone()),
        annotations: None,
        meta: None,
        task_support: TaskSupport::Forbidden,
    }
}

#[cfg(test)]
mod tests {
    use taskhost_strategy_kit::sample::definition;

    use super::*;

    #[test]
    fn a_task_has_five_tools_and_one_that_cannot_be_cancelled_has_four() {
        let names = |definition: &TaskDefinition| -> Vec<String> {
            let tools = tools_of(definition, &config());
            tools.into_iter().map(|tool| tool.name).collect()
        };
        let mut definition = definition();
        assert_eq!(
            names(&definition),
            [
                "render_start",
                "render_status",
                "render_result",
                "render_answer",
                "render_cancel"
            ]
        );
        definition.cancellable = false;
        assert_eq!(
            names(&definition),
            [
                "render_start",
                "render_status",
                "render_result",
                "render_answer"
            ]
        );
    }

    #[test]
    fn tools_that_only_look_say_so() {
        for tool in tools_of(&definition(), &config()) {
            let annotations = tool.annotations.unwrap();
            let looks = tool.name.ends_with("_status") || tool.name.ends_with("_result");
            assert_eq!(
                annotations.contains(r#""readOnlyHint":true"#),
                looks,
                "{}",
                tool.name
            );
        }
    }

    #[test]
    fn start_takes_exactly_the_arguments_of_the_task() {
        let definition = TaskDefinition {
            input_schema:
                r#"{ "type": "object", "properties": { "token": { "type": "integer" } } }"#.into(),
            ..definition()
        };
        let tools = tools_of(&definition, &config());
        assert_eq!(tools[0].input_schema, definition.input_schema);
    }

    #[test]
    fn start_says_what_it_does_how_long_it_takes_and_what_comes_next() {
        let tools = tools_of(&definition(), &config());
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
        let tools = tools_of(&definition, &config());
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
            ..config()
        };
        for tool in tools_of(&definition(), &config) {
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
        let tools = tools_of(&definition, &config());
        let description = tools[2].description.clone().unwrap();
        assert!(
            description.ends_with(r#"{"type":"integer"}"#),
            "{description}"
        );
        assert_eq!(tools[2].output_schema, tools[1].output_schema);
    }

    fn tools_of(definition: &TaskDefinition, config: &Config) -> Vec<Tool> {
        of(definition, config, &Schemas::new(config.max_wait_seconds)).unwrap()
    }

    fn config() -> Config {
        Config::read("{}").unwrap()
    }
}
