//! The host's end of the control socket.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::component::ComponentView;
use super::protocol::{ErrorView, LONGEST_LINE, Request, Response};
use super::view::{EventView, RunView, TaskView};
use crate::error::{Code, Report, nearest};
use crate::plugin::placed::Placed;
use crate::plugin::reload::Components;
use crate::plugin::{Kind, Snapshot, TaskError};
use crate::service::Service;
use crate::store::Filter;
use crate::task::{Status, TaskId};

/// Connections at a time. An operator has a few terminals; more is a loop in a script.
const CONNECTIONS: usize = 32;

/// The control socket of a running host.
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
}

/// What an operator can ask about, and act on.
#[derive(Clone)]
pub struct Operated {
    /// All tasks.
    pub service: Service,
    /// All components.
    pub components: Components,
}

/// Where the socket of the host on `data_dir` is. The system allows a path of about 100 bytes; for
/// longer ones the socket is in the directory for temporary files, under a name made of the path.
pub fn path(data_dir: &Path) -> PathBuf {
    use sha2::{Digest as _, Sha256};
    let data_dir = fs::canonicalize(data_dir).unwrap_or_else(|_| data_dir.to_owned());
    let path = data_dir.join("control.sock");
    if path.as_os_str().len() < 100 {
        return path;
    }
    let digest =
        data_encoding::HEXLOWER.encode(&Sha256::digest(data_dir.as_os_str().as_encoded_bytes()));
    std::env::temp_dir().join(format!(
        "taskhost-{}.sock",
        digest.get(..16).unwrap_or(&digest)
    ))
}

impl ControlSocket {
    /// Opens it. The caller holds the data directory, so a socket that is there is left over.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        let path = path(data_dir);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// Serves until `stop`.
    pub async fn serve(self, host: Operated, stop: CancellationToken) {
        let tracker = TaskTracker::new();
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!("the control socket: {error}");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Ok(permit) = room.clone().try_acquire_owned() else {
                continue;
            };
            let (host, stop) = (host.clone(), stop.clone());
            tracker.spawn(async move {
                // Whoever left does not need an answer.
                _ = stop.run_until_cancelled(answer(stream, &host)).await;
                drop(permit);
            });
        }
        tracker.close();
        tracker.wait().await;
        _ = fs::remove_file(&self.path);
    }
}

async fn answer(stream: UnixStream, host: &Operated) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    BufReader::new(reader.take(LONGEST_LINE))
        .read_line(&mut line)
        .await?;
    let request: Request = match serde_json::from_str(&line) {
        Ok(request) => request,
        Err(error) => {
            let report = Report::new(
                Code(731),
                format!("this host does not understand the request: {error}"),
            )
            .help("use the taskhost that runs the host: taskhost --version");
            return send(&mut writer, &Response::Error(ErrorView::of(&report))).await;
        }
    };
    if let Request::Watch { id, output } = request {
        return watch(&mut writer, &host.service, &id, output).await;
    }
    let response = respond(host, request)
        .await
        .unwrap_or_else(|error| Response::Error(ErrorView::of(error.report())));
    send(&mut writer, &response).await
}

async fn respond(host: &Operated, request: Request) -> Result<Response, TaskError> {
    let service = &host.service;
    Ok(match request {
        Request::List(list) => Response::Tasks(
            service
                .list(&Filter {
                    owner: None,
                    statuses: list.statuses,
                    task: list.task,
                    before: None,
                    limit: list.limit,
                })?
                .iter()
                .map(|record| match service.look(record.id()) {
                    Ok(snapshot) => TaskView::of(&snapshot),
                    Err(_) => TaskView::of(&Snapshot {
                        record: Arc::new(record.clone()),
                        note: None,
                    }),
                })
                .collect(),
        ),
        Request::Show { id } | Request::Watch { id, .. } => {
            let id = resolve(service, &id)?;
            Response::Task(Box::new(TaskView::of(&service.look(id)?)))
        }
        Request::Events { id } => {
            let id = resolve(service, &id)?;
            Response::Events(
                service
                    .journal(id, 0)?
                    .into_iter()
                    .map(EventView::of)
                    .collect(),
            )
        }
        Request::History { id } => {
            let id = resolve(service, &id)?;
            let runs = RunView::all(service.store(), id);
            Response::History(runs.map_err(|error| TaskError::Internal(Report::from(&error)))?)
        }
        Request::Cancel { id, reason } => {
            let id = resolve(service, &id)?;
            Response::Task(Box::new(TaskView::of(&service.stop(id, reason).await?)))
        }
        Request::Components { kind } => Response::Components(
            (host.components.of(kind))
                .map(|placed| ComponentView::of(placed, service))
                .collect(),
        ),
        Request::Component { kind, name } => {
            let placed = component(host, kind, &name)?;
            Response::Component(Box::new(ComponentView::of(placed, service)))
        }
        Request::Reload { kind, name } => {
            let placed = component(host, kind, &name)?;
            let reload = host.components.reload(placed).await;
            let view = ComponentView::of(placed, service).after(&reload);
            Response::Component(Box::new(view))
        }
    })
}

fn component<'a>(host: &'a Operated, kind: Kind, name: &str) -> Result<&'a Arc<Placed>, TaskError> {
    host.components.find(kind, name).ok_or_else(|| {
        let report = Report::new(Code(734), format!("this host has no {kind} `{name}`"));
        let names = || host.components.of(kind).map(|placed| placed.name());
        let report = match nearest(name, names()) {
            Some(near) => report.help(format!("did you mean `{near}`?")),
            None => report,
        };
        let verb = verb(kind);
        TaskError::Unknown(report.help(format!("see which there are: taskhost {verb} list")))
    })
}

async fn watch(
    writer: &mut (impl tokio::io::AsyncWrite + Unpin),
    service: &Service,
    id: &str,
    output: bool,
) -> io::Result<()> {
    let mut watcher = match resolve(service, id).and_then(|id| service.watch_any(id)) {
        Ok(watcher) => watcher,
        Err(error) => return send(writer, &Response::Error(ErrorView::of(error.report()))).await,
    };
    let id = watcher.seen().record.id();
    let mut printed = 0;
    loop {
        if output {
            let lines = service.printed(id, printed).unwrap_or_default();
            if let Some((last, _)) = lines.last() {
                printed = *last;
                let lines = lines.into_iter().map(|(_, line)| line).collect();
                send(writer, &Response::Output(lines)).await?;
            }
        }
        // Sent also when nothing has changed: that is how an asker that left is noticed.
        let task = TaskView::of(watcher.seen());
        send(writer, &Response::Task(Box::new(task))).await?;
        if watcher.seen().record.state.is_done() {
            return Ok(());
        }
        // Whether it is news or nothing for a while: both are told.
        _ = tokio::time::timeout(LONGEST_LOOK, watcher.next()).await;
    }
}

/// How long one look may take: short enough that whoever left is noticed.
const LONGEST_LOOK: std::time::Duration = std::time::Duration::from_secs(20);

/// What the command line calls components of this kind.
pub fn verb(kind: Kind) -> &'static str {
    match kind {
        Kind::Backend => "backends",
        Kind::Strategy => "strategies",
    }
}

/// The id that `text` is, or is the beginning of.
fn resolve(service: &Service, text: &str) -> Result<TaskId, TaskError> {
    let ids = || {
        Ok(service
            .list(&Filter::default())?
            .iter()
            .map(crate::task::Record::id)
            .collect())
    };
    resolve_among(text, ids)
}

/// The id that `text` is, or the only one among `ids` that begins with it.
pub fn resolve_among(
    text: &str,
    ids: impl FnOnce() -> Result<Vec<TaskId>, TaskError>,
) -> Result<TaskId, TaskError> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let unknown = |message: String| {
        let report =
            Report::new(Code(732), message).help("see which there are: taskhost tasks list");
        Err(TaskError::Unknown(report))
    };
    if text.len() < 4 {
        return unknown(format!("`{text}` is too short for the beginning of an id"));
    }
    let mut matching = ids()?
        .into_iter()
        .filter(|id| id.to_string().starts_with(text));
    match (matching.next(), matching.next()) {
        (Some(id), None) => Ok(id),
        (None, _) => unknown(format!("no task has an id that begins with `{text}`")),
        (Some(_), Some(_)) => unknown(format!(
            "more than one task has an id that begins with `{text}`"
        )),
    }
}

async fn send(
    writer: &mut (impl tokio::io::AsyncWrite + Unpin),
    response: &Response,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(response)?;
    line.push(b'\n');
    writer.write_all(&line).await?;
    writer.flush().await
}

/// Every status that is not an end.
pub fn active() -> Vec<Status> {
    Status::ALL
        .into_iter()
        .filter(|status| !status.is_done())
        .collect()
}
