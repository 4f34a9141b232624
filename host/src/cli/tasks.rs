//! `taskhost tasks`: what there is, and stopping it.
//!
//! While a host runs, it is asked through its control socket. While none does, the store is read
//! directly, which is enough to look and not enough to act.

mod history;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};

use super::{data_dir, output};
use crate::admin::client::Host;
use crate::admin::protocol::{ListRequest, Request, Response};
use crate::admin::socket::{active, resolve_among};
use crate::admin::view::{EventView, RunView, TaskView};
use crate::clock::{Clock as _, SystemClock};
use crate::error::{Code, Report};
use crate::plugin::{Snapshot, TaskError};
use crate::store::sled::SledStore;
use crate::store::{Filter, Store, StoreError};
use crate::task::{Record, Status, TaskId};

#[derive(Debug, Args)]
pub(super) struct TasksArgs {
    #[command(subcommand)]
    verb: TasksVerb,
    /// Where the tasks are kept [default: the system's directory for state; env: `TASKHOST_DATA_DIR`]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum TasksVerb {
    /// List tasks, newest first
    List {
        /// Only those in this state; may be repeated
        #[arg(long = "status", value_name = "STATUS")]
        statuses: Vec<StatusArg>,
        /// Only those that are not over
        #[arg(long)]
        active: bool,
        /// Only those of this kind
        #[arg(long, value_name = "NAME")]
        task: Option<String>,
        /// At most so many; 0 for all
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show one task
    Show {
        /// Its id, or the beginning of it
        id: String,
    },
    /// Follow one task until it is over
    Watch {
        /// Its id, or the beginning of it
        id: String,
        /// With the lines that its work prints
        #[arg(long)]
        output: bool,
    },
    /// Stop one task
    Cancel {
        /// Its id, or the beginning of it
        id: String,
        /// Why, for the record
        #[arg(long)]
        reason: Option<String>,
    },
    /// Show what happened in a task that is an orchestration: steps, inputs, outcomes, attempts, times
    History {
        /// Its id, or the beginning of it
        id: String,
    },
    /// Show the journal of one task
    Events {
        /// Its id, or the beginning of it
        id: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StatusArg {
    Pending,
    Running,
    Retrying,
    InputRequired,
    Completed,
    Failed,
    Cancelled,
}

impl From<StatusArg> for Status {
    fn from(status: StatusArg) -> Self {
        match status {
            StatusArg::Pending => Self::Pending,
            StatusArg::Running => Self::Running,
            StatusArg::Retrying => Self::Retrying,
            StatusArg::InputRequired => Self::InputRequired,
            StatusArg::Completed => Self::Completed,
            StatusArg::Failed => Self::Failed,
            StatusArg::Cancelled => Self::Cancelled,
        }
    }
}

/// Asks the running host, or looks for itself.
pub(super) fn tasks(args: TasksArgs) -> Result<(), Report> {
    let data_dir = data_dir(args.data_dir);
    let request = match args.verb {
        TasksVerb::List {
            statuses,
            active: only_active,
            task,
            limit,
        } => Request::List(ListRequest {
            statuses: if only_active {
                active()
            } else {
                statuses.into_iter().map(Status::from).collect()
            },
            task,
            limit,
        }),
        TasksVerb::Show { id } => Request::Show { id },
        TasksVerb::Watch { id, output } => Request::Watch { id, output },
        TasksVerb::Cancel { id, reason } => Request::Cancel { id, reason },
        TasksVerb::History { id } => Request::History { id },
        TasksVerb::Events { id } => Request::Events { id },
    };
    let lines = matches!(request, Request::Watch { .. });
    let mut shown = None;
    let show = |response: Response| -> Result<bool, Report> {
        // A watch repeats itself now and then so that a lost asker is noticed.
        if let Response::Task(task) = &response {
            if shown == Some(task.revision) {
                return Ok(true);
            }
            shown = Some(task.revision);
        }
        print(&response, args.json, lines)?;
        Ok(true)
    };
    match Host::find(&data_dir) {
        Some(host) => host.ask(&request, show),
        None => look(&data_dir, &request).and_then(show_once(show)),
    }
}

fn show_once(
    mut show: impl FnMut(Response) -> Result<bool, Report>,
) -> impl FnMut(Response) -> Result<(), Report> {
    move |response| show(response).map(|_| ())
}

/// What can be read from the store.
enum Wanted<'a> {
    List(&'a ListRequest),
    Task(&'a str),
    Events(&'a str),
    History(&'a str),
}

/// Answers from the store, while no host runs.
fn look(data_dir: &Path, request: &Request) -> Result<Response, Report> {
    if !data_dir.is_dir() {
        return Err(Report::new(
            Code(733),
            format!(
                "there are no tasks at {}, and no host runs there",
                data_dir.display()
            ),
        )
        .help("name the directory of the host: --data-dir DIR"));
    }
    let failed = |error: StoreError| Report::from(&error);
    let needs_host = |verb: &str| {
        Err(Report::new(
            Code(733),
            format!("no host runs on {}: `{verb}` needs one", data_dir.display()),
        )
        .help(format!(
            "start it: taskhost run … --data-dir {}",
            data_dir.display()
        )))
    };
    let wanted = match request {
        Request::List(list) => Wanted::List(list),
        Request::Show { id } => Wanted::Task(id),
        Request::Events { id } => Wanted::Events(id),
        Request::History { id } => Wanted::History(id),
        Request::Cancel { .. } => return needs_host("cancel"),
        Request::Watch { .. } => return needs_host("watch"),
        Request::Components { .. } | Request::Component { .. } => return needs_host("show"),
        Request::Reload { .. } => return needs_host("reload"),
    };
    let store = SledStore::open_read_only(data_dir).map_err(failed)?;
    let view = |record: Record| {
        TaskView::of(&Snapshot {
            record: Arc::new(record),
            note: None,
        })
    };
    let find = |id: &str| -> Result<TaskId, Report> {
        let ids = || match store.list(&Filter::default()) {
            Ok(records) => Ok(records.iter().map(Record::id).collect()),
            Err(error) => Err(TaskError::Internal(failed(error))),
        };
        resolve_among(id, ids).map_err(|error| error.report().clone())
    };
    Ok(match wanted {
        Wanted::List(list) => Response::Tasks(
            store
                .list(&Filter {
                    owner: None,
                    statuses: list.statuses.clone(),
                    task: list.task.clone(),
                    before: None,
                    limit: list.limit,
                })
                .map_err(failed)?
                .into_iter()
                .map(view)
                .collect(),
        ),
        Wanted::Events(id) => {
            let id = find(id)?;
            let entries = store.journal(id, 0).map_err(failed)?;
            Response::Events(entries.into_iter().map(EventView::of).collect())
        }
        Wanted::History(id) => {
            let id = find(id)?;
            Response::History(RunView::all(&store, id).map_err(failed)?)
        }
        Wanted::Task(id) => {
            let id = find(id)?;
            let record = store.load(id).map_err(failed)?;
            let record =
                record.ok_or_else(|| Report::new(Code(732), format!("there is no task {id}")))?;
            Response::Task(Box::new(view(record)))
        }
    })
}

fn print(response: &Response, json: bool, lines: bool) -> Result<(), Report> {
    match response {
        Response::Tasks(tasks) if json => output::json(tasks),
        Response::Task(task) if json && lines => output::json_line(task),
        Response::Task(task) if json => output::json(task),
        Response::Output(lines) if json => output::json_line(&serde_json::json!({"output": lines})),
        Response::Output(lines) => {
            for line in lines {
                println!("{line}");
            }
            Ok(())
        }
        Response::Events(events) if json => output::json(events),
        Response::History(runs) if json => output::json(runs),
        Response::History(runs) => {
            history::show(runs);
            Ok(())
        }
        Response::Tasks(tasks) => {
            list(tasks);
            Ok(())
        }
        Response::Task(task) if lines => {
            println!(
                "{}  {:<14} {}",
                output::moment(task.updated_ms),
                task.status.name(),
                task.message()
            );
            Ok(())
        }
        Response::Task(task) => {
            show(task);
            Ok(())
        }
        Response::Events(events) => {
            for event in events {
                println!(
                    "{:>5}  {}  {}",
                    event.revision,
                    output::moment(event.at_ms),
                    event.event
                );
            }
            Ok(())
        }
        // Never an answer to what is asked here.
        Response::Components(_) | Response::Component(_) | Response::Error(_) => Ok(()),
    }
}

fn list(tasks: &[TaskView]) {
    if tasks.is_empty() {
        println!("no tasks");
        return;
    }
    let now = SystemClock::default().now_ms();
    let mut table = output::table(&[
        "ID", "TASK", "BACKEND", "OWNER", "STATUS", "AGE", "UPDATED", "MESSAGE",
    ]);
    for task in tasks {
        table.add_row(vec![
            task.id.to_string(),
            task.task.clone(),
            task.backend.clone(),
            task.owner.clone(),
            task.status.name().to_owned(),
            output::ago(now, task.created_ms),
            output::ago(now, task.updated_ms),
            first_line(&task.message()),
        ]);
    }
    println!("{table}");
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(80).collect()
}

fn show(task: &TaskView) {
    let row = |name: &str, value: &str| println!("{name:<10} {value}");
    row("id", &task.id.to_string());
    row("task", &task.task);
    row("backend", &task.backend);
    row("owner", &task.owner);
    row("status", task.status.name());
    let message = task.message();
    if !message.is_empty() {
        row("message", &message);
    }
    if let Some(handle) = &task.handle {
        row("handle", handle);
    }
    row("created", &output::moment(task.created_ms));
    row("updated", &output::moment(task.updated_ms));
    for (name, moment) in [("deadline", task.deadline_ms), ("expires", task.expires_ms)] {
        if let Some(moment) = moment {
            row(name, &output::moment(moment));
        }
    }
    if task.cancel_requested {
        row("cancel", "requested");
    }
    row("arguments", task.arguments.text());
    if let Some(result) = &task.result {
        row("result", result.text());
    }
    if let Some(detail) = task
        .failure
        .as_ref()
        .and_then(|failure| failure.detail.as_ref())
    {
        row("detail", detail.text());
    }
}
