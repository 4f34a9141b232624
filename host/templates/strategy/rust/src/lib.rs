//! The strategy `{{name}}`: how tasks look to a client.
//!
//! `TASK` starts the work and waits a few seconds for it, so that short work is answered at once. Longer
//! work is answered with an id, and `TASK_check` goes on waiting, answers what the task asks, or stops it. A
//! strategy keeps nothing: all that is known of a task is asked of the host, by the `call` that comes with
//! each request.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use taskhost_sdk::strategy::arguments;
use taskhost_sdk::{
    Call, Caller, Error, Observation, Question, Reply, Response, StartOptions, Strategy,
    TaskDefinition, Tool, schema, time,
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
    /// Answers to its questions, by key.
    #[serde(default)]
    answers: Map<String, Value>,
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
            let Check { id, answers, stop } = arguments(&given)?;
            for (key, answer) in answers {
                let answer = Response::Accepted(answer.to_string());
                call.answer(id.clone(), key, answer).await?;
            }
            if stop {
                call.cancel(id, Some("the client asked".into())).await?
            } else {
                call.get(id).await?
            }
        };
        let end_ms = time::now_ms() + u64::from(self.config.wait_seconds) * 1000;
        // Each change of the task ends a wait, progress too.
        while !rests(&snapshot.observation) && time::now_ms() < end_ms {
            let left_ms = u32::try_from(end_ms - time::now_ms()).unwrap_or(u32::MAX);
            snapshot = call.wait(snapshot.id, snapshot.revision, left_ms).await?;
        }
        let answer = match snapshot.observation {
            Observation::Finished(_) => {
                return Ok(Reply::Answer(call.result(snapshot.id).await?));
            }
            Observation::InputRequired(questions) => {
                let questions: Vec<_> = questions.iter().map(shown).collect();
                let next = format!("call {task}_check with this id and `answers`, by key");
                json!({ "id": snapshot.id, "questions": questions, "next": next })
            }
            _ => {
                let next = format!("call {task}_check with this id");
                json!({ "id": snapshot.id, "running": true, "next": next })
            }
        };
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
    let checked = format!("Waits for `{name}` by the id that it gave, and answers what it asks.");
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

/// Nothing will happen unless the client does something.
fn rests(now: &Observation) -> bool {
    matches!(now, Observation::Finished(_) | Observation::InputRequired(_))
}

fn shown(question: &Question) -> Value {
    let schema: Value = serde_json::from_str(&question.schema).unwrap_or_default();
    json!({ "key": question.key, "message": question.message, "schema": schema })
}

taskhost_sdk::export_strategy!(Plugin);
taskhost_sdk::manifest!();

#[cfg(test)]
mod tests;
