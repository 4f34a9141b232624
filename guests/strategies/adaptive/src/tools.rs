//! The tool of one task, and what is said of it.

use serde_json::json;
use taskhost_strategy_kit::action::Action;
use taskhost_strategy_kit::description::{returns, what};
use taskhost_strategy_kit::duration::{so_far, usually};
use taskhost_strategy_kit::guide::Guide;
use taskhost_strategy_kit::input;
use taskhost_strategy_kit::interface::{TaskDefinition, Tool};

use crate::config::Config;

/// The tool for `definition`, or why there can be none.
pub(crate) fn of(definition: &TaskDefinition, config: &Config) -> Result<Tool, String> {
    let task = &definition.name;
    let what = what(definition);
    let usually = usually(definition.estimate_ms);
    let guide = guide(task, config);
    let waiting = match config.limits.of(task) {
        0 => "It runs in the background: the answer is a `token`.".into(),
        limit_ms => format!(
            "The answer is the result if that is there within {}. Otherwise the work goes on in \
             the background, and the answer is a `token`.",
            so_far(limit_ms)
        ),
    };
    let (follow, then) = (&guide.follow, &guide.then);
    let returns = returns(definition, "the result");
    let description = format!(
        "{what}\n\n{waiting}{usually} {follow}{then}. Do not call this tool again meanwhile: a \
         second call is a second task.{returns}"
    );
    Ok(Tool {
        name: config.naming.task(task),
        route: Action::Start.route(task),
        title: Some(definition.title.as_ref().unwrap_or(task).clone()),
        description: Some(description),
        input_schema: input::of_task(&definition.input_schema)?,
        // The work's own result, or a token: nothing that both are can be promised.
        output_schema: None,
        // Nothing is known of what the work does, so nothing is said about it.
        annotations: Some(
            json!({ "readOnlyHint": false, "idempotentHint": definition.idempotent }).to_string(),
        ),
        meta: None,
        task_support: config.native.support(),
    })
}

/// How a client goes on with a task of this kind.
pub(crate) fn guide(task: &str, config: &Config) -> Guide {
    config
        .companions
        .guide(format!("`{}`", config.naming.task(task)))
}

/// What the model reads while its client follows the task natively.
pub(crate) fn immediate(task: &str, config: &Config) -> String {
    let name = config.naming.task(task);
    format!(
        "`{name}` has begun, and runs in the background. Its result will come by itself. Do not \
         call `{name}` again for the same work."
    )
}

#[cfg(test)]
mod tests {
    use taskhost_strategy_kit::interface::TaskSupport;
    use taskhost_strategy_kit::sample::definition;

    use super::*;

    #[test]
    fn the_tool_is_called_like_the_task_and_says_what_will_come() {
        let tool = of(&definition(), &Config::read("{}").unwrap()).unwrap();
        assert_eq!(tool.name, "render");
        assert_eq!(tool.task_support, TaskSupport::Optional);
        assert_eq!(
            tool.description.as_deref(),
            Some(
                "Renders a film.\n\nThe answer is the result if that is there within 25 s. \
                 Otherwise the work goes on in the background, and the answer is a `token`. It \
                 usually takes about 3 minutes. Call `task_status` with the token and wait_seconds \
                 25 to follow it, and `task_result` when it is COMPLETED. Do not call this tool \
                 again meanwhile: a second call is a second task."
            )
        );
    }

    #[test]
    fn a_task_with_a_limit_of_its_own_says_that_one() {
        let config =
            Config::read(r#"{"tasks":{"render":{"limit_seconds":0}},"task_support":"required"}"#)
                .unwrap();
        let tool = of(&definition(), &config).unwrap();
        assert_eq!(tool.task_support, TaskSupport::Required);
        let description = tool.description.unwrap();
        assert!(
            description.contains("the answer is a `token`."),
            "{description}"
        );
    }
}
