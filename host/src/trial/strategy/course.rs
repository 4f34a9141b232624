//! From a call to the result of a task, by what the tools say.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::argument::smallest;
use super::super::clause;
use super::super::text::shortened;
use super::super::verdict::{Claim, Stop, failed, skipped};
use super::Bench;
use super::bench::{Host, Wanted, caller};
use super::hand::{Known, ways};
use super::listener::Listener;
use crate::config::settings::Settings;
use crate::plugin::{Caller, Reply, TaskError, Tool};
use crate::task::{Json, Phase, Record, State};

/// A text that nobody else says.
pub(super) const MARK: &str = "a-mark-that-comes-back";

/// Somebody at work with the tools.
pub(super) struct Visit<'a> {
    pub(super) host: &'a Host,
    pub(super) caller: Caller,
    pub(super) listener: Arc<Listener>,
    pub(super) task: &'static str,
    pub(super) arguments: Value,
}

/// A task that was started by calling a tool.
pub(super) struct Started {
    /// Its id.
    pub(super) token: String,
    /// What the call was answered with.
    pub(super) reply: String,
}

impl<'a> Visit<'a> {
    pub(super) fn new(host: &'a Host, name: &str, task: &'static str, arguments: Value) -> Self {
        let listener = Arc::new(Listener::default());
        Self {
            host,
            caller: caller(name, &listener),
            listener,
            task,
            arguments,
        }
    }

    /// Calls tools until there is a task.
    pub(super) async fn start(&self) -> Result<Started, Stop> {
        let known = self.known(None);
        let mut calls = 0;
        for tool in self.host.tools() {
            for arguments in ways(&tool, &known) {
                calls += 1;
                let reply = self.host.call(&self.caller, &tool.name, &arguments).await;
                let reply = read(&tool.name, reply)?.unwrap_or_default();
                let mine = self.host.tasks_of(&self.caller.principal);
                if let Some(record) = mine.iter().find(|record| record.origin.task == self.task) {
                    return Ok(Started {
                        token: record.id().to_string(),
                        reply,
                    });
                }
            }
        }
        failed(
            format!("a tool by which `{}` is started", self.task),
            format!(
                "{calls} calls of {} tools started none",
                self.host.tools().len()
            ),
            clause::CALL_TOOL,
        )
    }

    /// Calls tools with the token until one says `what` is looked for. The last answer, where none does.
    pub(super) async fn seek(
        &self,
        token: &str,
        what: impl Fn(&str) -> bool,
    ) -> Result<Result<String, String>, Stop> {
        let known = self.known(Some(token));
        let mut last = "no tool takes a token".to_owned();
        let mut tools = self.host.tools();
        // A task that was stopped on the way shows no longer what is looked for.
        tools.sort_by_key(harm);
        for tool in tools {
            for arguments in ways(&tool, &known) {
                // A way that says nothing of the token asks for something else.
                if !arguments.text().contains(token) {
                    continue;
                }
                let reply = self.host.call(&self.caller, &tool.name, &arguments).await;
                if let Some(reply) = read(&tool.name, reply)? {
                    if what(&reply) {
                        return Ok(Ok(reply));
                    }
                    last = format!("`{}` answers {}", tool.name, shortened(&reply));
                }
            }
        }
        Ok(Err(last))
    }

    /// The record, when it is over.
    pub(super) async fn until_over(&self, token: &str) -> Result<Arc<Record>, Stop> {
        let over = |record: &Record| record.state.is_done();
        match self.host.until(&self.caller, token, over).await {
            Some(record) if record.state.is_done() => Ok(record),
            _ => skipped(format!(
                "`{}` of the backend beside it does not end",
                self.task
            )),
        }
    }

    fn known<'b>(&'b self, token: Option<&'b str>) -> Known<'b> {
        Known {
            task: self.task,
            arguments: &self.arguments,
            token,
        }
    }
}

/// How much a tool may change, by what it says of itself.
fn harm(tool: &Tool) -> u8 {
    let annotations = tool.annotations.as_ref().map(Json::value);
    let annotations = annotations.unwrap_or_default();
    let says = |hint: &str| annotations.get(hint).and_then(Value::as_bool);
    match (says("readOnlyHint"), says("destructiveHint")) {
        (Some(true), _) => 0,
        (_, Some(false)) => 1,
        _ => 2,
    }
}

/// All that a reply says, as text. `None`: there was none in time. A death is the end of the scenario.
pub(super) fn read(
    tool: &str,
    reply: Option<Result<Reply, TaskError>>,
) -> Result<Option<String>, Stop> {
    Ok(Some(match reply {
        None => return Ok(None),
        Some(Ok(reply)) => text(&reply),
        Some(Err(error)) => {
            let report = error.report();
            // What the range of limits and traps says: the component, not the caller, is at fault.
            if matches!(report.code.0, 401..=404 | 406 | 407) {
                return failed(
                    format!("an answer of `{tool}`, or an error that says what is wrong"),
                    report.to_string(),
                    clause::CALL_TRAP,
                );
            }
            report.to_string()
        }
    }))
}

/// All that a reply says, as text.
pub(super) fn text(reply: &Reply) -> String {
    match reply {
        Reply::Answer(answer) => answer.text().to_owned(),
        Reply::Task(id, _) => id.clone(),
        Reply::InputRequired { requests, .. } => {
            let requests = requests.iter().map(|(_, request)| request.text());
            requests.collect::<Vec<_>>().join("\n")
        }
        Reply::Refused { message, .. } => message.clone(),
    }
}

/// Where the host itself shows the result of a task.
fn address(token: &str) -> String {
    format!("task://{token}")
}

pub(super) async fn every_tool(bench: &Bench) -> Claim {
    let host = bench.host(Wanted::tasks(&["echo", "fail", "ask"])).await?;
    let visit = Visit::new(&host, "alice", "echo", json!({}));
    for tool in host.tools() {
        let Ok(arguments) = smallest(&tool.input_schema) else {
            continue;
        };
        // Some wait as long as they may; to take the call back is fine.
        let patience = Duration::from_secs(2).min(bench.patience);
        let reply = host
            .call_for(patience, &visit.caller, &tool.name, &arguments)
            .await;
        read(&tool.name, reply)?;
    }
    Ok(())
}

pub(super) async fn task_and_result(bench: &Bench) -> Claim {
    let host = bench.host(Wanted::tasks(&["echo"])).await?;
    started_and_found(&Visit::new(
        &host,
        "alice",
        "echo",
        json!({ "value": MARK }),
    ))
    .await
}

pub(super) async fn slow_backend(bench: &Bench) -> Claim {
    let host = bench
        .host(Wanted {
            settings: Settings {
                hand_over: Duration::from_millis(100),
                ..Settings::default()
            },
            start: Duration::from_secs(1),
            ..Wanted::tasks(&["echo"])
        })
        .await?;
    let visit = Visit::new(&host, "alice", "echo", json!({ "value": MARK }));
    match started_and_found(&visit).await {
        Err(Stop::Failed(failure)) => failed(failure.expected, failure.came, clause::PENDING_NOTE),
        other => other,
    }
}

async fn started_and_found(visit: &Visit<'_>) -> Claim {
    let started = visit.start().await?;
    visit.until_over(&started.token).await?;
    found(visit, &started).await.map(drop)
}

/// Whether the result came with the call, or a tool or an address has it. True: by a tool.
async fn found(visit: &Visit<'_>, started: &Started) -> Result<bool, Stop> {
    let here = |reply: &str| reply.contains(MARK);
    let linked = started.reply.contains(&address(&started.token));
    if here(&started.reply) || linked {
        return Ok(false);
    }
    match visit.seek(&started.token, here).await? {
        Ok(_) => Ok(true),
        Err(last) => failed(
            "a tool that gives the result, or a link to it",
            last,
            clause::CALL_TOOL,
        ),
    }
}

pub(super) async fn restart(bench: &Bench) -> Claim {
    let host = bench.host(Wanted::tasks(&["echo"])).await?;
    let visit = Visit::new(&host, "alice", "echo", json!({ "value": MARK }));
    let started = visit.start().await?;
    visit.until_over(&started.token).await?;
    if !found(&visit, &started).await? {
        return skipped("the result, or a link to it, comes with the call that starts the task");
    }
    bench.room.end().await;
    let host = bench.host(Wanted::tasks(&["echo"])).await?;
    let visit = Visit::new(&host, "alice", "echo", json!({ "value": MARK }));
    match visit
        .seek(&started.token, |reply| reply.contains(MARK))
        .await?
    {
        Ok(_) => Ok(()),
        Err(last) => failed(
            "the result of a task that was started before the restart",
            last,
            clause::NO_STATE,
        ),
    }
}

pub(super) async fn huge_result(bench: &Bench) -> Claim {
    /// More than is shown whole, in kibibytes and in bytes.
    const KIB: usize = 2_000;
    const PREVIEW: usize = 1_000;
    let host = bench.host(Wanted::tasks(&["large"])).await?;
    let visit = Visit::new(&host, "alice", "large", json!({ "kib": KIB }));
    let started = visit.start().await?;
    let record = visit.until_over(&started.token).await?;
    let State::Done(crate::task::Outcome::Completed(_)) = &record.state else {
        return failed(
            "the task to complete, whatever its result weighs",
            format!("{:?}", record.status()),
            clause::RESULT,
        );
    };
    let address = address(&started.token);
    let shows = |reply: &str| reply.contains(&address) || reply.len() > PREVIEW;
    if shows(&started.reply) {
        return Ok(());
    }
    match visit.seek(&started.token, shows).await? {
        Ok(_) => Ok(()),
        Err(last) => failed(
            "a preview of the result, or a link to it",
            last,
            clause::RESULT,
        ),
    }
}

pub(super) async fn question(bench: &Bench) -> Claim {
    let host = bench.host(Wanted::tasks(&["ask"])).await?;
    let visit = Visit::new(&host, "alice", "ask", json!({ "question": MARK }));
    let started = visit.start().await?;
    let reached = |reply: &str| reply.contains(MARK) || visit.listener.asked().contains(MARK);
    if reached(&started.reply) {
        return Ok(());
    }
    let asks = |record: &Record| {
        let State::Open(open) = &record.state else {
            return true;
        };
        matches!(open.phase, Phase::AwaitingInput(_))
    };
    host.until(&visit.caller, &started.token, asks).await;
    match visit.seek(&started.token, reached).await? {
        Ok(_) => Ok(()),
        Err(last) => failed(
            format!("the question \"{MARK}\" to reach the client, by a tool or by asking"),
            last,
            clause::QUESTION,
        ),
    }
}

pub(super) async fn taken_back(bench: &Bench) -> Claim {
    let host = bench.host(Wanted::tasks(&["sleep", "echo"])).await?;
    let visit = Visit::new(&host, "alice", "sleep", json!({ "ms": 600_000 }));
    let known = visit.known(None);
    for tool in host.tools() {
        for arguments in ways(&tool, &known) {
            let patience = Duration::from_millis(300);
            let reply = host
                .call_for(patience, &visit.caller, &tool.name, &arguments)
                .await;
            read(&tool.name, reply)?;
        }
    }
    // Whatever was taken back, the next caller is served.
    started_and_found(&Visit::new(&host, "bob", "echo", json!({ "value": MARK }))).await
}

/// No arguments at all.
pub(super) fn nothing() -> Json {
    Json::empty_object()
}
