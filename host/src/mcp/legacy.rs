//! Tasks as protocol 2025-11-25 has them, which rmcp does not know.
//!
//! A client asks for a task with each call, by `task` among its parameters. `tasks/result` waits for the
//! end; while it waits, it is where the client can be asked. Requests come here by [`super::reroute`].
//!
//! (2025-11-25 `basic/utilities/tasks`; error codes as in its sections on tool-level negotiation and on
//! error handling.)

use std::collections::HashSet;
use std::time::Duration;

use rmcp::model::{ErrorCode, ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext};
use rmcp::{ErrorData, RoleServer};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::counterpart::{self, notification};
use super::page;
use super::projection::{self, TaskStatus};
use super::question;
use super::server::{Augmented, Server};
use crate::plugin::{Caller, Reply, Snapshot, TaskError, TaskSupport, Tasks as _};
use crate::service::rendering;
use crate::service::watcher::{News, Watcher};
use crate::task::{Open, Outcome, Phase, Question};

/// What relates a message to its task.
const RELATED: &str = "io.modelcontextprotocol/related-task";
/// Tasks on one page of `tasks/list`.
const PAGE: usize = 100;

/// One request of a session of 2025-11-25.
pub(super) async fn answer(
    server: &Server,
    method: &str,
    params: &Value,
    context: &RequestContext<RoleServer>,
) -> Result<Value, ErrorData> {
    match method {
        "tools/list" => list_tools(server, params).await,
        "tools/call" => call_tool(server, params, context).await,
        "tasks/list" => list(server, params, context),
        "tasks/get" | "tasks/result" | "tasks/cancel" => {
            let id = params["taskId"]
                .as_str()
                .ok_or_else(|| ErrorData::invalid_params("`taskId` is missing", None))?;
            let caller = server.caller(context);
            let watcher = (server.service().watch(&caller, id)).map_err(|error| refuse(&error))?;
            match method {
                "tasks/get" => Ok(projection::v1(watcher.seen())),
                "tasks/cancel" => cancel(server, &caller, watcher.seen()).await,
                _ => result(server, &caller, watcher, context).await,
            }
        }
        _ => Err(ErrorData::new(
            ErrorCode::METHOD_NOT_FOUND,
            method.to_owned(),
            None,
        )),
    }
}

async fn list_tools(server: &Server, params: &Value) -> Result<Value, ErrorData> {
    let request = serde_json::from_value(params.clone()).ok();
    let shown = server.list_tools_page(request).await?;
    let mut result = serde_json::to_value(&shown).map_err(|error| defect(&error))?;
    if let Some(fields) = result.as_object_mut() {
        fields.remove("resultType");
    }
    let toolbox = server.service().toolbox();
    let toolbox = toolbox.borrow();
    for tool in result["tools"].as_array_mut().into_iter().flatten() {
        let support = (tool["name"].as_str())
            .and_then(|name| toolbox.find(name))
            .map_or(TaskSupport::Forbidden, |tool| tool.task_support);
        tool["execution"] = json!({"taskSupport": match support {
            TaskSupport::Forbidden => "forbidden",
            TaskSupport::Optional => "optional",
            TaskSupport::Required => "required",
        }});
    }
    Ok(result)
}

/// `tools/call` with `task`.
async fn call_tool(
    server: &Server,
    params: &Value,
    context: &RequestContext<RoleServer>,
) -> Result<Value, ErrorData> {
    let request: rmcp::model::CallToolRequestParams = serde_json::from_value(params.clone())
        .map_err(|error| ErrorData::invalid_params(error.to_string(), None))?;
    let support = (server.service().toolbox().borrow())
        .find(&request.name)
        .map(|tool| tool.task_support);
    if support == Some(TaskSupport::Forbidden) {
        return Err(ErrorData::new(
            ErrorCode::METHOD_NOT_FOUND,
            format!("`{}` cannot be called as a task", request.name),
            None,
        ));
    }
    let augmented = Augmented {
        ttl_ms: params["task"]["ttl"].as_u64(),
    };
    let name = request.name.clone();
    match server.answer(request, context, Some(augmented)).await? {
        Reply::Task(id, meta) => {
            let caller = server.caller(context);
            let watcher = (server.service().watch(&caller, &id)).map_err(|error| refuse(&error))?;
            let mut created = json!({"task": projection::v1(watcher.seen())});
            if let Some(meta) = meta {
                created["_meta"] = meta.value();
            }
            server.follow(follow(
                watcher,
                context.peer.clone(),
                context.meta.get_progress_token(),
                server.session_ends(),
            ));
            Ok(created)
        }
        Reply::Answer(_) | Reply::InputRequired { .. } => Err(ErrorData::internal_error(
            format!("`{name}` gave an answer where a task was asked for"),
            None,
        )),
        Reply::Refused {
            code,
            message,
            data,
        } => Err(ErrorData::new(
            ErrorCode(code),
            message,
            data.map(|data| data.value()),
        )),
    }
}

fn list(
    server: &Server,
    params: &Value,
    context: &RequestContext<RoleServer>,
) -> Result<Value, ErrorData> {
    let caller = server.caller(context);
    if !Server::lists(&caller) {
        return Err(ErrorData::new(
            ErrorCode::METHOD_NOT_FOUND,
            "callers cannot be told apart here, so nobody is shown a list".to_owned(),
            None,
        ));
    }
    let before = (params["cursor"].as_str())
        .map(|cursor| {
            page::read(cursor)?
                .parse()
                .map_err(|_| ErrorData::invalid_params("unknown cursor", None))
        })
        .transpose()?;
    let mut tasks = (server.service())
        .tasks_of(&caller, before, PAGE + 1)
        .map_err(|error| refuse(&error))?;
    let more = tasks.len() > PAGE;
    tasks.truncate(PAGE);
    let mut result = json!({"tasks": tasks.iter().map(projection::v1).collect::<Vec<_>>()});
    if let (true, Some(last)) = (more, tasks.last()) {
        result["nextCursor"] = json!(page::write(&last.record.id().to_string()));
    }
    Ok(result)
}

async fn cancel(server: &Server, caller: &Caller, seen: &Snapshot) -> Result<Value, ErrorData> {
    if TaskStatus::v1(&seen.record).is_terminal() {
        return Err(ErrorData::invalid_params(
            "the task is over and cannot be cancelled",
            None,
        ));
    }
    let id = seen.record.id().to_string();
    let snapshot =
        (server.service().cancel(caller, &id, None).await).map_err(|error| refuse(&error))?;
    if TaskStatus::v1(&snapshot.record) == TaskStatus::Cancelled {
        return Ok(projection::v1(&snapshot));
    }
    // It ended while it was being asked to.
    Err(ErrorData::invalid_params(
        "the task is over and cannot be cancelled",
        None,
    ))
}

/// Waits for the end, and asks the client whatever the task asks meanwhile.
async fn result(
    server: &Server,
    caller: &Caller,
    mut watcher: Watcher,
    context: &RequestContext<RoleServer>,
) -> Result<Value, ErrorData> {
    let mut asked = HashSet::new();
    loop {
        let snapshot = watcher.seen().clone();
        if TaskStatus::v1(&snapshot.record).is_terminal() {
            return ended(&snapshot);
        }
        let open = open_question(&snapshot, &asked);
        let can_ask = (context.client_capabilities())
            .is_some_and(|capabilities| capabilities.elicitation.is_some());
        let Some(open) = open.filter(|_| can_ask) else {
            if watcher.next().await.is_none() {
                return ended(watcher.seen());
            }
            continue;
        };
        asked.insert(open.key.clone());
        tokio::select! {
            () = ask(server, caller, &snapshot, &open, context) => {}
            // Somebody else may have answered, or stopped it.
            () = moved_on(&mut watcher, &open.key) => {}
        }
        if let Ok(fresh) = server
            .service()
            .watch(caller, &snapshot.record.id().to_string())
        {
            watcher = fresh;
        }
    }
}

async fn ask(
    server: &Server,
    caller: &Caller,
    snapshot: &Snapshot,
    open: &Question,
    context: &RequestContext<RoleServer>,
) {
    let id = snapshot.record.id().to_string();
    let mut params = question::request(open)["params"].clone();
    params["_meta"] = json!({RELATED: {"taskId": id}});
    let said = match counterpart::ask(&context.peer, "elicitation/create", params).await {
        Ok(result) => question::response(open, &result),
        Err(error) => Err(error.to_string()),
    };
    let answered = match said {
        Ok(response) => (server.service())
            .answer(caller, &id, open.key.clone(), response)
            .await
            .map(|_| ())
            .map_err(|error| error.to_string()),
        Err(why) => Err(why),
    };
    if let Err(why) = answered {
        tracing::warn!(task_id = id, "a question was not answered: {why}");
    }
}

/// Resolves when the question is not open any more.
async fn moved_on(watcher: &mut Watcher, key: &str) {
    while watcher.next().await.is_some() {
        let open = questions(watcher.seen()).any(|question| question.key == key);
        if !open || watcher.seen().record.withdrawn {
            return;
        }
    }
}

fn open_question(snapshot: &Snapshot, asked: &HashSet<String>) -> Option<Question> {
    questions(snapshot)
        .find(|question| !asked.contains(&question.key))
        .cloned()
}

fn questions(snapshot: &Snapshot) -> impl Iterator<Item = &Question> {
    match snapshot.record.open() {
        Some(Open {
            phase: Phase::AwaitingInput(questions),
            ..
        }) => questions.as_slice(),
        _ => &[],
    }
    .iter()
}

/// What the call would have answered.
fn ended(snapshot: &Snapshot) -> Result<Value, ErrorData> {
    let record = &snapshot.record;
    let related = json!({RELATED: {"taskId": record.id().to_string()}});
    if let Some(Outcome::Failed(failure)) = record.outcome()
        && failure.system
        && !record.withdrawn
    {
        let error = projection::error(failure);
        let mut data = error["data"].clone();
        data["_meta"] = related;
        return Err(ErrorData::internal_error(
            format!("{}: {}", failure.code, failure.message),
            Some(data),
        ));
    }
    let withdrawn = record.withdrawn && !matches!(record.outcome(), Some(Outcome::Cancelled(_)));
    let mut result = match rendering::result(record) {
        Some(result) if !withdrawn => result.value(),
        _ => json!({
            "content": [{"type": "text", "text": "The task was cancelled."}],
            "isError": true,
        }),
    };
    result["_meta"] = related;
    Ok(result)
}

/// Tells the client that created a task what becomes of it, as long as its session lives.
async fn follow(
    mut watcher: Watcher,
    peer: Peer<RoleServer>,
    token: Option<ProgressToken>,
    until: CancellationToken,
) {
    let telling = async {
        // The client is to learn the task's name from the answer to its call.
        tokio::time::sleep(HEAD_START).await;
        let mut reached = f64::NEG_INFINITY;
        while let Some(news) = watcher.next().await {
            let News::Changed(snapshot) = news else {
                continue;
            };
            if let (
                Some(token),
                Some(Open {
                    phase: Phase::Running(Some(progress)),
                    ..
                }),
            ) = (&token, snapshot.record.open())
                && progress.current > reached
            {
                reached = progress.current;
                let mut report = ProgressNotificationParam::new(token.clone(), progress.current);
                report.total = progress.total;
                report.message.clone_from(&progress.message);
                let related = json!({RELATED: {"taskId": snapshot.record.id().to_string()}});
                report.meta = serde_json::from_value(related).ok();
                if peer.notify_progress(report).await.is_err() {
                    return;
                }
            }
            let status = notification("notifications/tasks/status", projection::v1(&snapshot));
            let over = TaskStatus::v1(&snapshot.record).is_terminal();
            if peer.send_notification(status).await.is_err() || over {
                return;
            }
        }
    };
    until.run_until_cancelled(telling).await;
}

/// How long the answer to a call has before notifications of its task.
const HEAD_START: Duration = Duration::from_millis(50);

/// One answer for a task that is not there and for one of someone else.
fn refuse(error: &TaskError) -> ErrorData {
    let message = error.report().to_string();
    match error {
        TaskError::Unknown(_) | TaskError::Invalid(_) | TaskError::Unsupported(_) => {
            ErrorData::invalid_params(message, None)
        }
        TaskError::Busy(..) | TaskError::Unavailable(..) | TaskError::Internal(_) => {
            ErrorData::internal_error(message, None)
        }
    }
}

fn defect(error: &serde_json::Error) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}
