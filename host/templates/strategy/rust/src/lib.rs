//! The strategy `{{name}}`: how tasks look to a client.
//!
//! `TASK` starts the work and waits a few seconds for it, so that short work is answered at once. Longer
//! work is answered with an id, and `TASK_check` goes on waiting, or stops it. A strategy keeps nothing:
//! all that is known of a task is asked of the host, by the `call` that comes with each request.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use taskhost_sdk::strategy::arguments;
use taskhost_sdk::{
    Call, Caller, Error, Reply, Snapshot, StartOptions, Strategy, TaskDefinition, Tool, schema, time,
};

/// The strategy.
pub struct Plugin {
    config: Config,
}

/// What the operator may set.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long a tool waits for the work.
    #[schemars(range(max = 50))]
    wait_seconds: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { wait_seconds: 10 }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Check {
    id: String,
    /// Stop the work.
    #[serde(default)]
    stop: bool,
}

impl Strategy for Plugin {
    const NAME: &'static str = "{{name}}";
    type Config = Config;

    fn new(config: Config) -> Result<Self, Error> {
        Ok(Self { config })
    }

    fn tools(&self, catalog: &[TaskDefinition]) -> Vec<Tool> {
        catalog.iter().flat_map(tools).collect()
    }

    async fn call_tool(
        &self,
        call: &Call,
        _caller: &Caller,
        route: &str,
        given: String,
    ) -> Result<Reply, Error> {
        let (action, task) = route.split_once(' ').unwrap_or((route, ""));
        let mut snapshot = if action == "start" {
            call.start(task.into(), given, StartOptions::default())
                .await?
        } else {
            let Check { id, stop } = arguments(&given)?;
            if stop {
                call.cancel(id, Some("the client asked".into())).await?
            } else {
                call.get(id).await?
            }
        };
        let end_ms = time::now_ms() + u64::from(self.config.wait_seconds) * 1000;
        // Each change of the task ends a wait, progress too.
        while !is_over(&snapshot) && time::now_ms() < end_ms {
            let left_ms = u32::try_from(end_ms - time::now_ms()).unwrap_or(u32::MAX);
            snapshot = call.wait(snapshot.id, snapshot.revision, left_ms).await?;
        }
        if is_over(&snapshot) {
            return Ok(Reply::Answer(call.result(snapshot.id).await?));
        }
        let next = format!("call {task}_check with this id");
        let answer = json!({ "id": snapshot.id, "running": true, "next": next });
        let content = json!([{ "type": "text", "text": answer.to_string() }]);
        Ok(Reply::Answer(
            json!({ "content": content, "structuredContent": answer }).to_string(),
        ))
    }
}

fn tools(task: &TaskDefinition) -> [Tool; 2] {
    let name = &task.name;
    let what = task.description.as_ref().unwrap_or(name);
    let start = Tool::new(name, format!("start {name}"), &task.input_schema);
    let check = Tool::new(
        format!("{name}_check"),
        format!("check {name}"),
        schema::of::<Check>().to_string(),
    );
    let started = format!("{what}. Answers with the result, or with an id when it takes long.");
    let checked = format!("Waits for `{name}` by the id that it gave.");
    [
        Tool {
            description: Some(started),
            ..start
        },
        Tool {
            description: Some(checked),
            ..check
        },
    ]
}

fn is_over(snapshot: &Snapshot) -> bool {
    snapshot.observation.is_over()
}

taskhost_sdk::export_strategy!(Plugin);
taskhost_sdk::manifest!();

#[cfg(test)]
mod tests;
