//! The tool of one task, and what is said of it.

use taskhost_strategy_kit::action::Action;
use taskhost_strategy_kit::description::{returns, what};
use taskhost_strategy_kit::duration::usually;
use taskhost_strategy_kit::guide::{Guide, Id};
use taskhost_strategy_kit::interface::{TaskDefinition, TaskSupport, Tool};

use crate::config::Config;
use crate::schemas::Schemas;

/// The tool for `definition`, or why there can be none.
pub(crate) fn of(
    definition: &TaskDefinition,
    config: &Config,
    schemas: &Schemas,
) -> Result<Tool, String> {
    let task = &definition.name;
    let guide = guide(task, config);
    let cancel = if definition.cancellable {
        " `cancel` asks it to stop."
    } else {
        ""
    };
    let description = format!(
        "{}\n\nAction `start` takes `arguments`, starts the work in the background and answers at \
         once with a `token`.{} All other actions take that token: `check` says how far it is, \
         `result` gives what it returned, `answer` answers a question that it asks.{cancel} {}{}. \
         Do not start it again while it runs: a second start is a second task.{}",
        what(definition),
        usually(definition.estimate_ms),
        guide.follow,
        guide.then,
        returns(definition, "`result`"),
    );
    Ok(Tool {
        name: config.naming.task(task),
        route: Action::Start.route(task),
        title: Some(definition.title.as_ref().unwrap_or(task).clone()),
        description: Some(description),
        input_schema: schemas.input(definition)?,
        output_schema: Some(schemas.output.clone()),
        annotations: Some(r#"{"readOnlyHint":false}"#.into()),
        meta: None,
        task_support: TaskSupport::Forbidden,
    })
}

/// How a client goes on with a task of this kind.
pub(crate) fn guide(task: &str, config: &Config) -> Guide {
    let name = config.naming.task(task);
    let check = format!("Call `{name}` with action \"check\" and the token");
    Guide {
        id: Id::Token,
        follow: match config.max_wait_seconds {
            0 => format!("{check} every few seconds to follow it"),
            seconds => format!("{check} and wait_seconds {seconds} to follow it"),
        },
        then: ", and with action \"result\" when it is COMPLETED".into(),
        fetch: format!("Call `{name}` with action \"result\" and this token for the result."),
        answer: format!(
            "call `{name}` with action \"answer\", this token and `answer` {{key, response}}"
        ),
        start: format!("`{name}` with action \"start\""),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use taskhost_strategy_kit::sample::definition;

    use super::*;

    #[test]
    fn the_tool_takes_an_action_and_the_tasks_own_arguments() {
        let definition = TaskDefinition {
            input_schema: r##"{"properties":{"a":{"$ref":"#/$defs/a"}},"$defs":{"a":{}}}"##.into(),
            ..definition()
        };
        let schema = schema_of(&definition);
        let properties = &schema["properties"];
        assert_eq!(
            properties["action"]["enum"],
            json!(["start", "check", "result", "answer", "cancel"])
        );
        assert_eq!(properties["arguments"]["type"], "object");
        assert_eq!(
            properties["arguments"]["properties"]["a"]["$ref"],
            "#/properties/arguments/$defs/a"
        );
        assert_eq!(schema["required"], json!(["action"]));
    }

    #[test]
    fn what_cannot_be_cancelled_offers_no_such_action() {
        let definition = TaskDefinition {
            cancellable: false,
            ..definition()
        };
        let schema = schema_of(&definition);
        assert!(!schema.to_string().contains("cancel"), "{schema}");
        let tool = tool_of(&definition);
        assert!(!tool.description.unwrap().contains("`cancel`"));
    }

    fn schema_of(definition: &TaskDefinition) -> Value {
        serde_json::from_str(&tool_of(definition).input_schema).unwrap()
    }

    fn tool_of(definition: &TaskDefinition) -> Tool {
        let config = Config::read("{}").unwrap();
        of(definition, &config, &Schemas::new(config.max_wait_seconds)).unwrap()
    }
}
