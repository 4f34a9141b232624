//! Tools for any task, whichever tool started it: its token is all they need.
//!
//! For strategies with one tool for each task, so that three tools more serve them all.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::action::Action;
use crate::guide::{Guide, Id};
use crate::input::{self, Answer};
use crate::interface::{Call, Caller, Error, Observation, Reply, Snapshot, TaskSupport, Tool};
use crate::lookup::{self, Refusal};
use crate::naming::Naming;
use crate::payload::{Payload, schema};

/// The template of their names where nobody sets another.
pub const DEFAULT_NAMING: &str = "task_{action}";

/// The generic tools of one strategy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Companions {
    /// Their names: a template with an action.
    pub naming: Naming,
    /// The longest that `status` waits.
    pub max_wait_seconds: u32,
    /// True: a tool gives results. False: `status` shows them.
    pub with_result_tool: bool,
}

impl Companions {
    /// The tools, the same whatever tasks there are.
    pub fn tools(&self) -> Vec<Tool> {
        self.actions().map(|action| self.tool(action)).collect()
    }

    /// How a client goes on with a task that `start` names the tool of.
    pub fn guide(&self, start: String) -> Guide {
        let status = self.naming.action(Action::Status);
        let follow = match self.max_wait_seconds {
            0 => format!("Call `{status}` with the token every few seconds to follow it"),
            seconds => {
                format!("Call `{status}` with the token and wait_seconds {seconds} to follow it")
            }
        };
        let (then, fetch) = if self.with_result_tool {
            let result = self.naming.action(Action::Result);
            (
                format!(", and `{result}` when it is COMPLETED"),
                format!("Call `{result}` with this token for the result."),
            )
        } else {
            (
                ": it shows the result when it is COMPLETED".into(),
                format!("Call `{status}` with this token for the result."),
            )
        };
        Guide {
            id: Id::Token,
            follow,
            then,
            fetch,
            answer: format!(
                "call `{}` with this token, `key` and `response`",
                self.naming.action(Action::Answer)
            ),
            start,
        }
    }

    /// The action behind a route, if it is that of one of these tools.
    pub fn read(&self, route: &str) -> Option<Action> {
        self.actions().find(|action| action.word() == route)
    }

    /// Answers a call of the tool for `action`. `start` is what the tool of a task is called.
    pub async fn carry_out(
        &self,
        action: Action,
        call: &Call,
        caller: &Caller,
        arguments: &str,
        start: impl Fn(&str) -> String,
    ) -> Result<Reply, Error> {
        let unknown = self.guide("the tool that starts it".into());
        let asked: Arguments = input::read(arguments)?;
        let snapshot = match lookup::find(call, asked.token.clone(), &unknown).await {
            Ok(snapshot) => snapshot,
            Err(refusal) => return refusal.payload()?.into_reply(),
        };
        let guide = self.guide(format!("`{}`", start(&snapshot.task)));
        let found = self
            .act(action, call, caller, snapshot, asked, &guide)
            .await;
        let payload = match found {
            Ok(snapshot) if self.with_result_tool => {
                if action == Action::Result
                    && matches!(snapshot.observation, Observation::Finished(_))
                {
                    return Ok(Reply::Answer(call.result(snapshot.id).await?));
                }
                Payload::of(action, &snapshot, &guide)
            }
            Ok(snapshot) => Payload::with_result(action, &snapshot, &guide),
            Err(refusal) => refusal.payload(),
        };
        payload?.into_reply()
    }

    async fn act(
        &self,
        action: Action,
        call: &Call,
        caller: &Caller,
        snapshot: Snapshot,
        asked: Arguments,
        guide: &Guide,
    ) -> Result<Snapshot, Refusal> {
        match action {
            Action::Cancel => lookup::cancel(call, snapshot, asked.reason, guide).await,
            Action::Answer => {
                let (Some(key), Some(response)) = (asked.key, asked.response) else {
                    return Err(
                        Error::InvalidInput("`key` and `response` are missing".into()).into(),
                    );
                };
                lookup::answer(call, snapshot, Answer { key, response }, guide).await
            }
            Action::Status => {
                let seconds = asked.wait_seconds.min(f64::from(self.max_wait_seconds));
                lookup::news(call, caller, snapshot, seconds, guide).await
            }
            Action::Start | Action::Result => Ok(snapshot),
        }
    }

    fn actions(&self) -> impl Iterator<Item = Action> {
        [
            Action::Status,
            Action::Result,
            Action::Answer,
            Action::Cancel,
        ]
        .into_iter()
        .filter(|action| self.with_result_tool || *action != Action::Result)
    }

    fn tool(&self, action: Action) -> Tool {
        let token = input::id(Id::Token, "the tool that started the task");
        let (description, input, annotations) = match action {
            Action::Start | Action::Status => (
                self.status_description(),
                input::object(
                    [Some(token), input::wait_seconds(self.max_wait_seconds)]
                        .into_iter()
                        .flatten(),
                    &["token"],
                ),
                json!({ "readOnlyHint": true }),
            ),
            Action::Result => (
                "Gives what a task that is COMPLETED has returned, or the error of one that FAILED. \
                 Before that it says how far the task is."
                    .into(),
                input::object([token], &["token"]),
                json!({ "readOnlyHint": true }),
            ),
            Action::Answer => (
                "Answers a question of a task that is INPUT_REQUIRED, so that it goes on.".into(),
                input::object([token].into_iter().chain(input::answer()), &[
                    "token", "key", "response",
                ]),
                json!({ "readOnlyHint": false, "destructiveHint": false, "idempotentHint": true }),
            ),
            Action::Cancel => (
                "Asks a task to stop, and tells where it stands then. It may take a while to stop, \
                 and may complete before it does. A task that is over stays as it is."
                    .into(),
                input::object([token, input::reason()], &["token"]),
                json!({ "readOnlyHint": false, "destructiveHint": true, "idempotentHint": true }),
            ),
        };
        Tool {
            name: self.naming.action(action),
            route: action.word().into(),
            title: Some(format!("Task: {}", action.word())),
            description: Some(description),
            input_schema: input.to_string(),
            output_schema: self.output(action).map(|schema| schema.to_string()),
            annotations: Some(annotations.to_string()),
            meta: None,
            task_support: TaskSupport::Forbidden,
        }
    }

    /// What comes of the work is shown as the host shows it, and promises nothing.
    fn output(&self, action: Action) -> Option<Value> {
        if !self.with_result_tool {
            return Some(schema::output_with_preview(Id::Token));
        }
        (action != Action::Result).then(|| schema::output(Id::Token))
    }

    fn status_description(&self) -> String {
        let waiting = if self.max_wait_seconds > 0 {
            " With `wait_seconds` it answers as soon as something changes."
        } else {
            ""
        };
        let result = if self.with_result_tool {
            ""
        } else {
            " Shows the result of a task that is COMPLETED."
        };
        format!(
            "Tells how far a task is: PENDING, RUNNING, RETRYING, INPUT_REQUIRED, COMPLETED, FAILED \
             or CANCELLED, with its progress.{waiting}{result}"
        )
    }
}

#[derive(Deserialize)]
struct Arguments {
    token: String,
    #[serde(default)]
    wait_seconds: f64,
    reason: Option<String>,
    key: Option<String>,
    #[serde(default, deserialize_with = "present")]
    response: Option<Box<serde_json::value::RawValue>>,
}

/// A response that is null is there.
fn present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Box<serde_json::value::RawValue>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naming::Kind;

    #[test]
    fn they_are_four_tools_or_three_where_status_shows_the_result() {
        let names = |with_result_tool| -> Vec<String> {
            let tools = companions(with_result_tool).tools();
            tools.into_iter().map(|tool| tool.name).collect()
        };
        assert_eq!(
            names(true),
            ["task_status", "task_result", "task_answer", "task_cancel"]
        );
        assert_eq!(names(false), ["task_status", "task_answer", "task_cancel"]);
    }

    #[test]
    fn every_route_leads_to_its_action_and_no_other_does() {
        let companions = companions(true);
        for tool in companions.tools() {
            assert!(companions.read(&tool.route).is_some(), "{}", tool.route);
        }
        assert_eq!(companions.read("start:count"), None);
        assert_eq!(companions.read("start"), None);
    }

    #[test]
    fn a_response_that_is_null_is_a_response() {
        let asked: Arguments = input::read(r#"{"token":"t","key":"k","response":null}"#).unwrap();
        assert_eq!(asked.response.unwrap().get(), "null");
        let asked: Arguments = input::read(r#"{"token":"t"}"#).unwrap();
        assert!(asked.response.is_none());
    }

    fn companions(with_result_tool: bool) -> Companions {
        Companions {
            naming: Naming::parse(Kind::Action, "naming", DEFAULT_NAMING).unwrap(),
            max_wait_seconds: 25,
            with_result_tool,
        }
    }
}
