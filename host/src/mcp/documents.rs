//! Documents: those of tasks, which are the host's own, and those of strategies.
//!
//! | address | what is in it |
//! |---|---|
//! | `task://<id>` | how the task stands, as JSON |
//! | `task://<id>/result` | what it returned, whole: a string as text, anything else as JSON |
//! | `task://<id>/output` | the newest lines that the work printed, growing while it runs |
//!
//! They are not listed: whoever holds an id can read them, and whoever does not shall not learn of them.

use data_encoding::BASE64;
use rmcp::ErrorData;
use rmcp::model::{
    ErrorCode, Prompt, PromptArgument, ReadResourceResult, Resource, ResourceContents,
    ResourceTemplate,
};
use serde_json::{Value, json};

use super::projection;
use crate::error::{Code, Report};
use crate::plugin::{self, Caller, DocumentBody, Snapshot, TaskError, Tasks as _};
use crate::service::Service;
use crate::task::Outcome;

/// A document of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Status,
    Result,
    Output,
}

/// All lines of output that are kept.
const LINES: usize = 1_000;

/// Task and part, where `uri` is the address of a document of a task.
pub(super) fn of_task(uri: &str) -> Option<(&str, Part)> {
    let rest = uri.strip_prefix("task://")?;
    Some(match rest.split_once('/') {
        None => (rest, Part::Status),
        Some((id, "result")) => (id, Part::Result),
        Some((id, "output")) => (id, Part::Output),
        Some(_) => return None,
    })
}

/// The addresses of the documents of tasks.
pub(super) fn templates() -> [ResourceTemplate; 3] {
    let template = |uri: &str, name: &str, description: &str| {
        ResourceTemplate::new(uri, name).with_description(description)
    };
    [
        template(
            "task://{id}",
            "task",
            "How a task stands. Can be subscribed to.",
        )
        .with_mime_type("application/json"),
        template(
            "task://{id}/result",
            "task-result",
            "What a task returned, whole, once it is over.",
        ),
        template(
            "task://{id}/output",
            "task-output",
            "The newest lines that the work of a task printed. Grows while it runs; can be subscribed to.",
        )
        .with_mime_type("text/plain"),
    ]
}

/// What is at `uri`.
pub(super) async fn read(
    service: &Service,
    caller: &Caller,
    uri: &str,
) -> Result<ReadResourceResult, ErrorData> {
    let missing = |error: TaskError| not_read(uri, &error);
    if let Some((id, part)) = of_task(uri) {
        let contents = part_of(service, caller, id, part, uri).map_err(missing)?;
        return Ok(ReadResourceResult::new(vec![contents]));
    }
    let (document, body) = service.read_document(caller, uri).await.map_err(missing)?;
    let contents = match body {
        DocumentBody::Text(text) => ResourceContents::TextResourceContents {
            uri: document.uri,
            mime_type: document.mime_type,
            text,
            meta: None,
        },
        DocumentBody::Blob(bytes) => ResourceContents::BlobResourceContents {
            uri: document.uri,
            mime_type: document.mime_type,
            blob: BASE64.encode(&bytes),
            meta: None,
        },
    };
    Ok(ReadResourceResult::new(vec![contents]))
}

fn part_of(
    service: &Service,
    caller: &Caller,
    id: &str,
    part: Part,
    uri: &str,
) -> Result<ResourceContents, TaskError> {
    let snapshot = service.get(caller, id)?;
    let (mime_type, text) = match part {
        Part::Status => ("application/json", status(&snapshot).to_string()),
        Part::Output => {
            let (lines, _) = service.output(caller, id, 0, LINES)?;
            ("text/plain", lines.join("\n"))
        }
        Part::Result => match snapshot.record.outcome() {
            Some(Outcome::Completed(result)) => match result.value() {
                Value::String(text) => ("text/plain", text),
                _ => ("application/json", result.text().to_owned()),
            },
            Some(_) => (
                "application/json",
                service.result(caller, id)?.value()["structuredContent"].to_string(),
            ),
            None => {
                return Err(TaskError::Invalid(
                    Report::new(Code(716), "the task is not over: it has no result")
                        .help(format!("read how it stands: task://{id}")),
                ));
            }
        },
    };
    Ok(ResourceContents::TextResourceContents {
        uri: uri.to_owned(),
        mime_type: Some(mime_type.to_owned()),
        text,
        meta: None,
    })
}

fn status(snapshot: &Snapshot) -> Value {
    let record = &*snapshot.record;
    let id = record.id();
    let mut status = projection::v2(snapshot);
    status["task"] = json!(record.origin.task);
    status["state"] = json!(record.status().name());
    status["result"] = json!(format!("task://{id}/result"));
    status["output"] = json!(format!("task://{id}/output"));
    status
}

/// The protocol's own error for a document that is not there. Revisions up to 2025-11-25 have a code for
/// it, which rmcp translates for later ones.
fn not_read(uri: &str, error: &TaskError) -> ErrorData {
    let data = Some(json!({"uri": uri}));
    let message = error.report().to_string();
    match error {
        TaskError::Unknown(_) => ErrorData::resource_not_found(message, data),
        TaskError::Invalid(_) | TaskError::Unsupported(_) => {
            ErrorData::invalid_params(message, data)
        }
        TaskError::Busy(..) | TaskError::Unavailable(..) | TaskError::Internal(_) => {
            ErrorData::new(ErrorCode::INTERNAL_ERROR, message, data)
        }
    }
}

/// A document of a strategy, as it is listed.
pub(super) fn resource_out(document: &plugin::Document) -> Resource {
    let mut resource = Resource::new(document.uri.clone(), document.name.clone());
    resource.mime_type.clone_from(&document.mime_type);
    resource.description.clone_from(&document.description);
    resource
}

/// A template of a strategy, as it is listed.
pub(super) fn template_out(document: &plugin::Document) -> ResourceTemplate {
    let mut template = ResourceTemplate::new(document.uri.clone(), document.name.clone());
    template.mime_type.clone_from(&document.mime_type);
    template.description.clone_from(&document.description);
    template
}

/// A prompt of a strategy, as it is listed.
pub(super) fn prompt_out(prompt: &plugin::Prompt) -> Prompt {
    let arguments = prompt.arguments.iter().map(|argument| {
        let mut shown = PromptArgument::new(argument.name.clone());
        shown.description.clone_from(&argument.description);
        shown.required = Some(argument.required);
        shown
    });
    let mut shown = Prompt::new(
        prompt.name.clone(),
        prompt.description.clone(),
        Some(arguments.collect()),
    );
    shown.title.clone_from(&prompt.title);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_of_a_task_have_addresses() {
        assert_eq!(of_task("task://a"), Some(("a", Part::Status)));
        assert_eq!(of_task("task://a/result"), Some(("a", Part::Result)));
        assert_eq!(of_task("task://a/output"), Some(("a", Part::Output)));
        assert_eq!(of_task("task://a/other"), None);
        assert_eq!(of_task("test://a"), None);
    }
}
