//! What goes over the control socket: one JSON document a line.
//!
//! A connection carries one [`Request`] and its [`Response`]s: one, or for `Watch` one for each change
//! until the task is over or the asker goes. Both ends are the same binary; a host that does not know a
//! request says so.

use serde::{Deserialize, Serialize};

use super::component::ComponentView;
use super::view::{EventView, RunView, TaskView};
use crate::error::{Code, Report};
use crate::plugin::Kind;
use crate::task::Status;

/// What is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "ask")]
pub enum Request {
    /// Tasks, newest first.
    List(ListRequest),
    /// One task.
    Show {
        /// Its id, or the beginning of it.
        id: String,
    },
    /// One task now, and again at each change.
    Watch {
        /// Its id, or the beginning of it.
        id: String,
        /// With the lines that its work prints.
        #[serde(default)]
        output: bool,
    },
    /// The histories of its runs, where it is an orchestration.
    History {
        /// Its id, or the beginning of it.
        id: String,
    },
    /// Its journal.
    Events {
        /// Its id, or the beginning of it.
        id: String,
    },
    /// Stop it.
    Cancel {
        /// Its id, or the beginning of it.
        id: String,
        /// Why, for the record.
        reason: Option<String>,
    },
    /// Components of one kind.
    Components {
        /// Which.
        kind: Kind,
    },
    /// One component.
    Component {
        /// Which kind.
        kind: Kind,
        /// Its configured name.
        name: String,
    },
    /// Reload it, and say what came of that.
    Reload {
        /// Which kind.
        kind: Kind,
        /// Its configured name.
        name: String,
    },
}

/// Which tasks to list.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ListRequest {
    /// Only in one of these. Empty: all.
    pub statuses: Vec<Status>,
    /// Only of this task definition.
    pub task: Option<String>,
    /// At most so many. Zero: no limit.
    pub limit: usize,
}

/// What is answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Response {
    /// To `List`.
    Tasks(Vec<TaskView>),
    /// To `Show`, `Watch` and `Cancel`.
    Task(Box<TaskView>),
    /// To `Watch`: lines that the work printed, oldest first.
    Output(Vec<String>),
    /// To `Events`.
    Events(Vec<EventView>),
    /// To `History`.
    History(Vec<RunView>),
    /// To `Components`.
    Components(Vec<ComponentView>),
    /// To `Component` and `Reload`.
    Component(Box<ComponentView>),
    /// It was not done.
    Error(ErrorView),
}

/// An error on its way to another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorView {
    /// As in `TH0710`, without the letters.
    pub code: u16,
    /// What went wrong.
    pub message: String,
    /// Why.
    #[serde(default)]
    pub causes: Vec<String>,
    /// What to do.
    #[serde(default)]
    pub help: Vec<String>,
}

impl ErrorView {
    /// How `report` looks.
    pub fn of(report: &Report) -> Self {
        Self {
            code: report.code.0,
            message: report.message.clone(),
            causes: report.causes.clone(),
            help: report.help.clone(),
        }
    }

    /// What it was made of.
    pub fn into_report(self) -> Report {
        Report {
            code: Code(self.code),
            message: self.message,
            causes: self.causes,
            help: self.help,
        }
    }
}

/// The longest line that is read: a task with a result of the largest kind.
pub const LONGEST_LINE: u64 = 64 << 20;
