//! A task as an operator sees it: the same facts for tables and for `--json`.

use serde::{Deserialize, Serialize};

use crate::plugin::Snapshot;
use crate::store::{Store, StoreError};
use crate::task::{
    Entry, Event, Failure, Json, Outcome, Phase, Progress, Question, Status, TaskId,
};

/// One task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskView {
    /// Its name, which is the client's token.
    pub id: TaskId,
    /// Name of the definition.
    pub task: String,
    /// Who runs it.
    pub backend: String,
    /// Whose it is.
    pub owner: String,
    /// Where it stands.
    pub status: Status,
    /// The backend's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// How far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// What it waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Question>,
    /// Somebody asked to stop it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancel_requested: bool,
    /// Why it does not move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What it returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Json>,
    /// What went wrong, in the end or in the last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Why it was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it was started with.
    pub arguments: Json,
    /// Milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// Milliseconds since the Unix epoch.
    pub updated_ms: u64,
    /// When it is ended if it still runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// When the record goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
    /// Rises with every change.
    pub revision: u64,
}

impl TaskView {
    /// How `snapshot` looks.
    pub fn of(snapshot: &Snapshot) -> Self {
        let record = &snapshot.record;
        let mut view = Self {
            id: record.id(),
            task: record.origin.task.clone(),
            backend: record.origin.backend.clone(),
            owner: record.origin.owner.name().to_owned(),
            status: record.status(),
            handle: record.handle().map(|handle| handle.0.clone()),
            progress: None,
            questions: Vec::new(),
            cancel_requested: record.cancel_requested(),
            note: snapshot.note.clone(),
            result: None,
            failure: None,
            reason: None,
            arguments: record.origin.arguments.clone(),
            created_ms: record.origin.created_ms,
            updated_ms: record.updated_ms,
            deadline_ms: record.origin.deadline_ms,
            expires_ms: record.expires_ms,
            revision: record.revision,
        };
        if let Some(open) = record.open() {
            match &open.phase {
                Phase::Pending => {}
                Phase::Running(progress) => view.progress.clone_from(progress),
                Phase::Retrying(failure) => view.failure = Some(failure.clone()),
                Phase::AwaitingInput(questions) => view.questions.clone_from(questions),
            }
        }
        match record.outcome() {
            None => {}
            Some(Outcome::Completed(result)) => view.result = Some(result.clone()),
            Some(Outcome::Failed(failure)) => view.failure = Some(failure.clone()),
            Some(Outcome::Cancelled(reason)) => view.reason.clone_from(reason),
        }
        view
    }

    /// One line that says what there is to know besides the status.
    pub fn message(&self) -> String {
        if let Some(note) = &self.note {
            return note.clone();
        }
        if let Some(failure) = &self.failure {
            return format!("{}: {}", failure.code, failure.message);
        }
        if let Some(question) = self.questions.first() {
            return question.message.clone();
        }
        if let Some(progress) = &self.progress {
            let share = progress
                .total
                .map(|total| format!("{:.0} %", progress.current / total * 100.0));
            let parts: Vec<_> = share.into_iter().chain(progress.message.clone()).collect();
            return parts.join(" ");
        }
        if self.cancel_requested {
            return "cancellation requested".to_owned();
        }
        self.reason.clone().unwrap_or_default()
    }
}

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventView {
    /// The record's revision after it.
    pub revision: u64,
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// One word.
    pub event: String,
    /// The rest.
    pub detail: Event,
}

impl EventView {
    /// How `entry` looks.
    pub fn of(entry: Entry) -> Self {
        Self {
            revision: entry.revision,
            at_ms: entry.at_ms,
            event: entry.event.name().to_owned(),
            detail: entry.event,
        }
    }
}

/// The history of one run of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunView {
    /// Its name: the id of the task, or that and more.
    pub run: String,
    /// It has ended.
    pub over: bool,
    /// Oldest first. Objects of its engine's own making, with a member `what`.
    pub entries: Vec<Json>,
}

impl RunView {
    /// Those of all runs of the task `id`. None: it is no orchestration, or there is no such task.
    pub fn all(store: &dyn Store, id: TaskId) -> Result<Vec<Self>, StoreError> {
        let Some(record) = store.load(id)? else {
            return Ok(Vec::new());
        };
        let component = &record.origin.backend;
        let heads = store.runs(component, Some(id))?;
        let runs = heads.into_iter().map(|head| {
            let entries = store.run_read(component, &head.run)?.unwrap_or_default();
            let entries = (entries.into_iter()).filter_map(|entry| Json::parse(entry).ok());
            Ok(Self {
                run: head.run.to_string(),
                over: head.over,
                entries: entries.collect(),
            })
        });
        runs.collect()
    }
}
