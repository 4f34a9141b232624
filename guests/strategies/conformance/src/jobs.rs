//! Tools that are tasks of the `conformance` backend: native ones where the client accepts them,
//! and otherwise a call that waits.

use serde_json::json;

use crate::reply::ask;
use crate::rounds::{Responses, ask_name};
use crate::tool::{self, Route};
use taskhost_sdk::{Call, Caller, Error, Reply, RpcError, TaskDefinition, TaskSupport, Tool};
use taskhost_sdk::{Observation, Outcome};
use taskhost_sdk::{Snapshot, StartOptions};

/// Asks a name first, by being called again, and starts its task with it.
const AFTER_A_ROUND: &str = "test_tool_with_task";

/// The suite wants these refused to clients that do not speak tasks.
const REQUIRED: [&str; 2] = ["failing_job", AFTER_A_ROUND];

/// How long one wait is. The host waits for 55 seconds at most.
const WAIT_MS: u32 = 50_000;

/// `Internal error`.
const INTERNAL_ERROR: i32 = -32603;

/// A tool for each task, of the same name.
pub(crate) fn tools(catalog: &[TaskDefinition]) -> Vec<Tool> {
    catalog.iter().map(of).collect()
}

fn of(definition: &TaskDefinition) -> Tool {
    let name = definition.name.as_str();
    let description = definition.description.as_deref().unwrap_or(name);
    let mut tool = tool::tool(Route::Jobs, name, description, &tool::no_arguments());
    if name != AFTER_A_ROUND {
        tool.input_schema.clone_from(&definition.input_schema);
    }
    tool.task_support = if REQUIRED.contains(&name) {
        TaskSupport::Required
    } else {
        TaskSupport::Optional
    };
    tool
}

pub(crate) async fn call(
    call: &Call,
    caller: &Caller,
    task: &str,
    arguments: String,
) -> Result<Reply, Error> {
    let arguments = if task == AFTER_A_ROUND {
        match Responses::of(caller).content("user_name", "name") {
            Some(name) => json!({ "user_name": name }).to_string(),
            None => return Ok(ask("user_name", ask_name(), None)),
        }
    } else {
        arguments
    };
    let options = StartOptions {
        idempotency_key: None,
        retention_ms: None,
        timeout_ms: None,
        options: None,
        with_call: !caller.accepts_task,
    };
    let started = call.start(task.into(), arguments, options).await?;
    if caller.accepts_task {
        return Ok(Reply::Task((started.id, None)));
    }
    wait(call, started).await
}

/// The answer of a task to a client that knows of none.
async fn wait(call: &Call, mut task: Snapshot) -> Result<Reply, Error> {
    loop {
        match task.observation {
            Observation::Finished(Outcome::Failed(failure)) if failure.system => {
                return Ok(Reply::Refused(RpcError {
                    code: INTERNAL_ERROR,
                    message: failure.message,
                    data: None,
                }));
            }
            Observation::Finished(_) => return Ok(Reply::Answer(call.result(task.id).await?)),
            Observation::InputRequired(_) => {
                call.cancel(task.id, None).await?;
                return Err(Error::Unsupported(
                    "it asks questions, and can be answered as a task only".into(),
                ));
            }
            _ => task = call.wait(task.id, task.revision, WAIT_MS).await?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_a_tool_of_its_name_with_its_arguments() {
        let tool = of(&definition("slow_compute"));
        assert_eq!(tool.name, "slow_compute");
        assert_eq!(tool.input_schema, r#"{"type":"object","required":["x"]}"#);
        assert_eq!(tool.task_support, TaskSupport::Optional);
        assert_eq!(
            of(&definition("failing_job")).task_support,
            TaskSupport::Required
        );
    }

    #[test]
    fn what_is_asked_first_is_no_argument() {
        let tool = of(&definition(AFTER_A_ROUND));
        assert_eq!(tool.input_schema, tool::no_arguments().to_string());
    }

    fn definition(name: &str) -> TaskDefinition {
        TaskDefinition {
            name: name.into(),
            title: None,
            description: None,
            input_schema: r#"{"type":"object","required":["x"]}"#.into(),
            output_schema: None,
            cancellable: true,
            idempotent: true,
            estimate_ms: None,
            timeout_ms: None,
            strategy: None,
        }
    }
}
