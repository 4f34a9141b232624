//! The tool of one task, and what is said of it.

use serde_json::json;
use taskhost_strategy_kit::action::Action;
use taskhost_strategy_kit::description::{returns, what};
use taskhost_strategy_kit::duration::{so_far, usually};
use taskhost_strategy_kit::guide::Guide;
use taskhost_strategy_kit::input;
use taskhost_strategy_kit::interface::{TaskDefinition, TaskSupport, Tool};

use crate::config::Config;

/// The tool for `definition`, or why there can be none.
pub(crate) fn of(definition: &TaskDefinition, config: &Config) -> Result<Tool, String> {
    let task = &definition.name;
    let description = format!(
        "{}\n\nWaits for the result.{} What takes longer than {} is {}.{}",
        what(definition),
        usually(definition.estimate_ms),
        so_far(config.limits.of(task)),
        if definition.cancellable {
            "cancelled"
        } else {
            "given up"
        },
        returns(definition, "the result")
    );
    Ok(Tool {
        name: config.naming.task(task),
        route: Action::Start.route(task),
        title: Some(definition.title.as_ref().unwrap_or(task).clone()),
        description: Some(description),
        input_schema: input::of_task(&definition.input_schema)?,
        // Nobody checks what the work returns, and what is given up returns something else.
        output_schema: None,
        annotations: Some(
            json!({ "readOnlyHint": false, "idempotentHint": definition.idempotent }).to_string(),
        ),
        meta: None,
        task_support: TaskSupport::Forbidden,
    })
}

/// There is nothing to go on with but the tool itself.
pub(crate) fn guide(task: &str, config: &Config) -> Guide {
    Guide {
        start: format!("`{}`", config.naming.task(task)),
        ..Guide::default()
    }
}

#[cfg(test)]
mod tests {
    use taskhost_strategy_kit::sample::definition;

    use super::*;

    #[test]
    fn the_tool_says_how_long_it_waits() {
        let tool = of(&definition(), &Config::read("{}").unwrap()).unwrap();
        assert_eq!(tool.name, "render");
        assert_eq!(
            tool.description.as_deref(),
            Some(
                "Renders a film.\n\nWaits for the result. It usually takes about 3 minutes. What \
                 takes longer than 50 s is cancelled."
            )
        );
    }
}
