//! A strategy that is right, to be made wrong in one thing at a time.
//!
//! It shows a task as two tools, `NAME_start` and `NAME_fetch`. An example takes [`tools`] and
//! [`call_tool`] and changes one of them. What it breaks is what `taskhost test` has to name.

use serde::Deserialize;
use serde_json::{Value, json};
use taskhost_sdk::strategy::{Call, Reply, StartOptions, Tool, arguments};
use taskhost_sdk::{Error, Observation, TaskDefinition};

/// Two for each task.
pub fn tools(catalog: &[TaskDefinition]) -> Vec<Tool> {
    let two = |definition: &TaskDefinition| {
        let token = json!({
            "type": "object",
            "properties": { "token": { "type": "string" } },
            "required": ["token"],
        });
        [
            tool(&definition.name, "start", definition.input_schema.clone()),
            tool(&definition.name, "fetch", token.to_string()),
        ]
    };
    catalog.iter().flat_map(two).collect()
}

/// A tool of this task.
pub fn tool(task: &str, action: &str, input_schema: String) -> Tool {
    Tool::new(
        format!("{task}_{action}"),
        format!("{action}:{task}"),
        input_schema,
    )
}

/// Starts a task, or says how it stands.
pub async fn call_tool(call: &Call, route: &str, arguments: String) -> Result<Reply, Error> {
    match route.split_once(':') {
        Some(("start", task)) => {
            let started = call
                .start(task.to_owned(), arguments, StartOptions::default())
                .await?;
            Ok(text(&json!({ "token": started.id })))
        }
        Some(("fetch", _)) => fetch(call, &token(&arguments)?).await,
        _ => Err(Error::InvalidInput(format!("there is no `{route}`"))),
    }
}

/// The token among the arguments.
pub fn token(text: &str) -> Result<String, Error> {
    #[derive(Deserialize)]
    struct Arguments {
        token: String,
    }
    Ok(arguments::<Arguments>(text)?.token)
}

/// How a task stands, and its result where it has one.
pub async fn fetch(call: &Call, token: &str) -> Result<Reply, Error> {
    let snapshot = call.get(token.to_owned()).await?;
    match snapshot.observation {
        Observation::Finished(_) => Ok(Reply::Answer(call.result(token.to_owned()).await?)),
        Observation::InputRequired(questions) => {
            let words: Vec<_> = questions.into_iter().map(|one| one.message).collect();
            Ok(text(&json!({ "asks": words })))
        }
        _ => Ok(text(&json!({ "token": token, "status": "not over" }))),
    }
}

/// A result with this text.
pub fn text(value: &Value) -> Reply {
    Reply::text(&value.to_string())
}
