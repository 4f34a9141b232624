//! The tool of one task, and what is said of it.

use serde_json::json;
use taskhost_strategy_kit::action::Action;
use taskhost_strategy_kit::description::{returns, what};
use taskhost_strategy_kit::duration::usually;
use taskhost_strategy_kit::input;
use taskhost_strategy_kit::interface::{TaskDefinition, Tool};

use crate::config::Config;

/// The tool for `definition`, or why there can be none.
pub(crate) fn of(definition: &TaskDefinition, config: &Config) -> Result<Tool, String> {
    let task = &definition.name;
    let companions = config
        .companions
        .as_ref()
        .map_or_else(String::new, |companions| {
            let guide = companions.guide(String::new());
            format!(" Without resources: {}{}.", guide.follow, guide.then)
        });
    let description = format!(
        "{}\n\nThis starts the work in the background and answers at once with its address, \
         `resourceUri`: read that resource to see how far it is, or subscribe to it; its result is \
         the resource `{{resourceUri}}/result`.{}{companions} Do not call this tool again while it \
         runs: a second call is a second task.{}",
        what(definition),
        usually(definition.estimate_ms),
        returns(definition, "the result"),
    );
    Ok(Tool {
        name: config.naming.task(task),
        route: Action::Start.route(task),
        title: Some(definition.title.as_ref().unwrap_or(task).clone()),
        description: Some(description),
        input_schema: input::of_task(&definition.input_schema)?,
        // A client with native tasks gets the work's own result: nothing can be promised for both.
        output_schema: None,
        annotations: Some(
            json!({ "readOnlyHint": false, "idempotentHint": definition.idempotent }).to_string(),
        ),
        meta: None,
        task_support: config.native.support(),
    })
}

#[cfg(test)]
mod tests {
    use taskhost_strategy_kit::interface::TaskSupport;
    use taskhost_strategy_kit::sample::definition;

    use super::*;

    #[test]
    fn the_tool_says_where_the_work_will_be() {
        let tool = of(&definition(), &Config::read("{}").unwrap()).unwrap();
        assert_eq!(tool.task_support, TaskSupport::Optional);
        let description = tool.description.unwrap();
        assert!(
            description.contains("`{resourceUri}/result`"),
            "{description}"
        );
        assert!(description.contains("`task_status`"), "{description}");
    }

    #[test]
    fn tools_that_there_are_not_are_not_named() {
        let config = Config::read(r#"{"companions":false,"task_support":"required"}"#).unwrap();
        let tool = of(&definition(), &config).unwrap();
        assert_eq!(tool.task_support, TaskSupport::Required);
        let description = tool.description.unwrap();
        assert!(!description.contains("task_status"), "{description}");
    }
}
