//! The tools of one task.
//!
//! The descriptions are for a model that has seen nothing else: what the work is, how long it takes,
//! which tool comes next, and that starting twice is not the way to ask again.

use serde_json::{Value, json};
use taskhost_strategy_kit::action::Action;
use taskhost_strategy_kit::description::{returns, what};
use taskhost_strategy_kit::duration::usually;
use taskhost_strategy_kit::guide::Id;
use taskhost_strategy_kit::input;
use taskhost_strategy_kit::interface::{TaskDefinition, TaskSupport, Tool};
use taskhost_strategy_kit::payload::schema;

use crate::config::Config;
use crate::guide;

/// The tools for `definition`, or why there can be none.
pub(crate) fn of(definition: &TaskDefinition, config: &Config) -> Result<Vec<Tool>, String> {
    let input_schema = input::of_task(&definition.input_schema)?;
    let mut tools = vec![
        start(definition, config, input_schema),
        status(definition, config),
        result(definition, config),
    ];
    if config.answer {
        tools.push(answer(definition, config));
    }
    if definition.cancellable {
        tools.push(cancel(definition, config));
    }
    Ok(tools)
}

fn start(definition: &TaskDefinition, config: &Config, input_schema: String) -> Tool {
    let what = what(definition);
    let duration = usually(definition.estimate_ms);
    let description = format!(
        "{what}\n\nThis starts the work in the background and returns at once with a `token`.\
         {duration} {}, and `{}` when it is COMPLETED. Do not start it again while it runs: a \
         second start is a second task.",
        guide::follow(config, &definition.name),
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
         FAILED or CANCELLED, with its progress.{waiting}",
        config.naming.tool(&definition.name, Action::Start),
    );
    tool(
        definition,
        config,
        Action::Status,
        description,
        input::object(
            [Some(token()), input::wait_seconds(config.max_wait_seconds)]
                .into_iter()
                .flatten(),
            &["token"],
        )
        .to_string(),
        &json!({ "readOnlyHint": true }),
    )
}

fn result(definition: &TaskDefinition, config: &Config) -> Tool {
    let description = format!(
        "Gives the `result` of a task of `{}` that is COMPLETED, or the error of one that FAILED. \
         Before that it says how far the task is.{}",
        config.naming.tool(&definition.name, Action::Start),
        returns(definition, "`result`"),
    );
    tool(
        definition,
        config,
        Action::Result,
        description,
        input::object([token()], &["token"]).to_string(),
        &json!({ "readOnlyHint": true }),
    )
}

fn answer(definition: &TaskDefinition, config: &Config) -> Tool {
    let description = format!(
        "Answers a question of a task of `{}` that is INPUT_REQUIRED, so that it goes on. Tells \
         where it stands then.",
        config.naming.tool(&definition.name, Action::Start),
    );
    let properties = [token()].into_iter().chain(input::answer());
    tool(
        definition,
        config,
        Action::Answer,
        description,
        input::object(properties, &["token", "key", "response"]).to_string(),
        &json!({ "readOnlyHint": false, "destructiveHint": false, "idempotentHint": true }),
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
        input::object([token(), input::reason()], &["token"]).to_string(),
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
        output_schema: Some(schema::output(Id::Token).to_string()),
        annotations: Some(annotations.to_string()),
        meta: None,
        task_support: TaskSupport::Forbidden,
    }
}

fn token() -> (&'static str, Value) {
    input::id(Id::Token, "the start tool")
}

#[cfg(test)]
mod tests {
    use taskhost_strategy_kit::sample::definition;

    use super::*;

    #[test]
    fn a_task_has_five_tools_and_one_that_cannot_be_cancelled_has_four() {
        let names = |definition: &TaskDefinition| -> Vec<String> {
            let tools = of(definition, &config()).unwrap();
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
        for tool in of(&definition(), &config()).unwrap() {
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
        let tools = of(&definition, &config()).unwrap();
        assert_eq!(tools[0].input_schema, definition.input_schema);
    }

    #[test]
    fn start_says_what_it_does_how_long_it_takes_and_what_comes_next() {
        let tools = of(&definition(), &config()).unwrap();
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
        let tools = of(&definition, &config()).unwrap();
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
        let tools = of(&definition, &config()).unwrap();
        let description = tools[2].description.clone().unwrap();
        assert!(
            description.ends_with(r#"{"type":"integer"}"#),
            "{description}"
        );
        assert_eq!(tools[2].output_schema, tools[1].output_schema);
    }

    fn config() -> Config {
        Config::read("{}").unwrap()
    }
}
