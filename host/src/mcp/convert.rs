//! Tools, answers and errors in MCP's words.
//!
//! What a model can do something about is a tool result with `isError`, because that is what clients
//! show to models; a protocol error is what only the author of the client can repair.

use std::sync::Arc;

use rmcp::ErrorData;
use rmcp::model::{
    CallToolResponse, CallToolResult, ContentBlock, ErrorCode, GetPromptResponse, GetPromptResult,
    Implementation, InputRequests, InputRequiredResult, JsonObject, MetaObject, ResultType, Tool,
    ToolAnnotations,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::projection;

use crate::error::Report;
use crate::plugin::{self, Reply, Snapshot, TaskError};
use crate::task::Json;

/// A tool as clients see it. One with a schema that is no object is not shown.
pub(super) fn tool_out(tool: &plugin::Tool) -> Option<Tool> {
    let Some(input_schema) = object(&tool.input_schema) else {
        tracing::error!("tool `{}` is not shown: its schema is no object", tool.name);
        return None;
    };
    let mut shown = Tool::new_with_raw(
        tool.name.clone(),
        tool.description.clone().map(Into::into),
        input_schema,
    );
    shown.title.clone_from(&tool.title);
    shown.output_schema = tool.output_schema.as_ref().and_then(object);
    shown.annotations = tool.annotations.as_ref().and_then(|annotations| {
        serde_json::from_str::<ToolAnnotations>(annotations.text())
            .inspect_err(|error| {
                tracing::warn!("the annotations of `{}` are left out: {error}", tool.name);
            })
            .ok()
    });
    shown.meta = tool
        .meta
        .as_ref()
        .and_then(|meta| serde_json::from_str(meta.text()).ok());
    Some(shown)
}

/// What came of a `tools/call`. Errors that a model can do something about are answers.
pub(super) fn reply_in(name: &str, reply: Result<Reply, TaskError>) -> Result<Reply, ErrorData> {
    match reply {
        Ok(reply) => Ok(reply),
        Err(error @ TaskError::Unknown(_)) => Err(protocol_error(&error)),
        Err(error) => {
            let result = serde_json::to_value(failed(&error)).map_err(|why| {
                ErrorData::internal_error(format!("the answer of `{name}`: {why}"), None)
            })?;
            Ok(Reply::Answer(Json::of(&result)))
        }
    }
}

/// The answer to a `tools/call`.
pub(super) fn answer_out(name: &str, reply: Reply) -> Result<CallToolResponse, ErrorData> {
    match reply {
        Reply::Answer(answer) => {
            let mut result: CallToolResult = read(name, &answer)?;
            // Required from 2026-07-28 on; rmcp takes it out for everybody else.
            result.result_type = Some(ResultType::COMPLETE);
            Ok(result.into())
        }
        Reply::Task(task, _) => Err(ErrorData::internal_error(
            format!("`{name}` answered with task {task}, which nobody asked it to"),
            None,
        )),
        Reply::InputRequired { requests, state } => Ok(CallToolResponse::InputRequired(wanted(
            name, &requests, state,
        )?)),
        Reply::Refused {
            code,
            message,
            data,
        } => Err(refused(code, message, data)),
    }
}

/// A task as the answer to a `tools/call` of 2026-07-28.
pub(super) fn task_out(
    snapshot: &Snapshot,
    meta: Option<Json>,
) -> Result<CallToolResponse, ErrorData> {
    let mut created = projection::v2(snapshot);
    created["resultType"] = json!("task");
    if let Some(meta) = meta {
        created["_meta"] = meta.value();
    }
    serde_json::from_value(created)
        .map(CallToolResponse::Task)
        .map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

/// The answer to a `prompts/get`.
pub(super) fn prompt_answer_out(name: &str, reply: Reply) -> Result<GetPromptResponse, ErrorData> {
    match reply {
        Reply::Answer(answer) => {
            let mut result: GetPromptResult = read(name, &answer)?;
            result.result_type = Some(ResultType::COMPLETE);
            Ok(GetPromptResponse::Complete(result))
        }
        Reply::InputRequired { requests, state } => Ok(GetPromptResponse::InputRequired(wanted(
            name, &requests, state,
        )?)),
        Reply::Refused {
            code,
            message,
            data,
        } => Err(refused(code, message, data)),
        Reply::Task(..) => Err(ErrorData::internal_error(
            format!("prompt `{name}` answered with a task"),
            None,
        )),
    }
}

/// An error where there is no tool result to put it in.
pub(super) fn protocol_error(error: &TaskError) -> ErrorData {
    let report = error.report();
    let message = for_model(report);
    let data = |retryable| {
        let after = match error {
            TaskError::Busy(_, after) | TaskError::Unavailable(_, after) => *after,
            _ => None,
        };
        Some(json!({
            "code": report.code.to_string(),
            "retryable": retryable,
            "retry_after_ms": after,
        }))
    };
    match error {
        TaskError::Unknown(_) | TaskError::Invalid(_) | TaskError::Unsupported(_) => {
            ErrorData::invalid_params(message, None)
        }
        TaskError::Busy(..) | TaskError::Unavailable(..) => {
            ErrorData::internal_error(message, data(true))
        }
        TaskError::Internal(_) => ErrorData::internal_error(message, data(false)),
    }
}

fn read<T: DeserializeOwned>(name: &str, answer: &Json) -> Result<T, ErrorData> {
    serde_json::from_str(answer.text()).map_err(|error| {
        tracing::error!("the answer of `{name}` is not what the protocol wants: {error}");
        ErrorData::internal_error(
            format!("`{name}` answered with something that the protocol does not have"),
            None,
        )
    })
}

fn wanted(
    name: &str,
    requests: &[(String, Json)],
    state: Option<String>,
) -> Result<InputRequiredResult, ErrorData> {
    let requests = (requests.iter())
        .map(|(key, request)| Ok((key.clone(), read(name, request)?)))
        .collect::<Result<InputRequests, ErrorData>>()?;
    let requests = (!requests.is_empty()).then_some(requests);
    Ok(InputRequiredResult::new(requests, state))
}

fn refused(code: i32, message: String, data: Option<Json>) -> ErrorData {
    ErrorData::new(ErrorCode(code), message, data.map(|data| data.value()))
}

/// An error that the model is told of.
pub(super) fn failed(error: &TaskError) -> CallToolResult {
    let report = error.report();
    let mut structured = json!({
        "error": report.message,
        "code": report.code.to_string(),
        "is_error": true,
    });
    if let (
        TaskError::Busy(_, Some(after)) | TaskError::Unavailable(_, Some(after)),
        Some(fields),
    ) = (error, structured.as_object_mut())
    {
        fields.insert("retry_after_ms".to_owned(), json!(after));
    }
    let mut result = CallToolResult::error(vec![ContentBlock::text(for_model(report))]);
    result.structured_content = Some(structured);
    result
}

/// Adds who answered, which clients of 2026-07-28 find with each result.
pub(super) fn sign(meta: &mut Option<MetaObject>, server: &Implementation) {
    if let Ok(server) = serde_json::to_value(server) {
        meta.get_or_insert_default()
            .insert("io.modelcontextprotocol/serverInfo".to_owned(), server);
    }
}

/// The arguments of a call. None given are no arguments.
pub(super) fn arguments_in(arguments: Option<JsonObject>) -> Json {
    Json::of(&Value::Object(arguments.unwrap_or_default()))
}

/// The whole report as text: what, why, and what to do.
fn for_model(report: &Report) -> String {
    let mut text = report.to_string();
    for help in &report.help {
        text.push('\n');
        text.push_str(help);
    }
    text
}

fn object(json: &Json) -> Option<Arc<JsonObject>> {
    serde_json::from_str::<JsonObject>(json.text())
        .ok()
        .map(Arc::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn an_answer_keeps_what_the_strategy_said() {
        let answer = Json::parse(
            r#"{"content":[{"type":"text","text":"done"}],"structuredContent":{"n":1},
                "isError":true,"_meta":{"x/y":2}}"#,
        )
        .unwrap();
        let CallToolResponse::Complete(result) =
            answer_out("tool", Reply::Answer(answer.clone())).unwrap()
        else {
            panic!("an answer is complete");
        };
        let mut sent = serde_json::to_value(result).unwrap();
        assert_eq!(sent["resultType"], "complete");
        sent.as_object_mut().unwrap().remove("resultType");
        assert_eq!(sent, answer.value());
    }

    #[test]
    fn a_model_reads_what_went_wrong_and_what_to_do() {
        let report = Report::new(Code(713), "no room")
            .because("10 tasks are alive")
            .help("wait for one of them");
        let result = failed(&TaskError::Busy(report, Some(250)));
        let sent = serde_json::to_value(result).unwrap();
        assert_eq!(
            sent["content"][0]["text"],
            "no room [TH0713]: 10 tasks are alive\nwait for one of them"
        );
        assert_eq!(
            sent["structuredContent"],
            json!({"error": "no room", "code": "TH0713", "is_error": true, "retry_after_ms": 250})
        );
        assert_eq!(sent["isError"], true);
    }

    #[test]
    fn a_native_task_that_nobody_asked_for_is_a_protocol_error() {
        let error = answer_out("tool", Reply::Task("id".to_owned(), None)).unwrap_err();
        assert_eq!(error.code, rmcp::model::ErrorCode::INTERNAL_ERROR);
    }
}
