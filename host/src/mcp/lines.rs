//! One JSON-RPC message to a line: stdin and stdout as a transport of rmcp.
//!
//! In place of rmcp's own, which forgets the requests that are in flight when the input ends, answers
//! nothing to a line that it cannot read, and ends the session over a notification that comes too early.
//!
//! ```text
//! input ─▶ Cut ─▶ reroute, parse ─▶ receive ─▶ rmcp ─▶ send ─▶ queue ─▶ writer ─▶ output
//!                   └─ refusals ────────────────────────────────┘
//! ```
//!
//! **Invariant:** rmcp learns that the input has ended when every request has been answered, or when
//! [`Ending::over`] says that it has taken too long.
//!
//! **Ends:** the writer ends with the transport, or with the first write that fails; that one ends the
//! session, for nobody is left to read.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, OnceLock};

use futures::StreamExt as _;
use rmcp::RoleServer;
use rmcp::model::{
    ClientJsonRpcMessage, ClientNotification, ClientRequest, ErrorData, GetMeta as _, JsonRpcError,
    ProtocolVersion, RequestId, ServerJsonRpcMessage, ServerResult,
};
use rmcp::transport::Transport;
use serde_json::error::Category;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::bytes::BytesMut;
use tokio_util::codec::{Decoder, FramedRead};
use tokio_util::sync::CancellationToken;

use super::LONGEST_MESSAGE;
use super::ending::Ending;
use super::reroute::{Reroute, complete_initialize};
use super::server::Server;

/// Messages that wait to be written. Whoever has one more waits.
const QUEUE: usize = 64;

/// The transport.
pub(super) struct Lines<R> {
    input: FramedRead<R, Cut>,
    queue: Option<mpsc::Sender<Outgoing>>,
    writer: Option<JoinHandle<()>>,
    /// Nobody reads the output any more.
    broken: CancellationToken,
    /// What is to be answered to a line that could not be read. Kept here because `receive` may be
    /// dropped at any await.
    refusal: Option<Vec<u8>>,
    unanswered: Arc<watch::Sender<HashSet<RequestId>>>,
    reroute: Reroute,
    /// Whether callers may have lists of their tasks.
    lists: bool,
    /// The protocol revision that `initialize` was answered with.
    negotiated: Arc<OnceLock<String>>,
    /// A request has opened the session. rmcp takes nothing but requests before.
    open: bool,
    ending: Ending,
}

struct Outgoing {
    line: Vec<u8>,
    written: Option<oneshot::Sender<()>>,
}

impl<R: AsyncRead + Send + Unpin> Lines<R> {
    /// Reads `input` and writes `output`.
    pub(super) fn new(
        input: R,
        output: impl AsyncWrite + Send + Unpin + 'static,
        server: &Server,
        ending: Ending,
    ) -> Self {
        let (queue, outgoing) = mpsc::channel(QUEUE);
        let broken = CancellationToken::new();
        let writer = tokio::spawn(write(output, outgoing, broken.clone().drop_guard()));
        Self {
            input: FramedRead::new(input, Cut::default()),
            queue: Some(queue),
            writer: Some(writer),
            broken,
            refusal: None,
            unanswered: Arc::default(),
            reroute: server.reroute().clone(),
            lists: true,
            negotiated: Arc::default(),
            open: false,
            ending,
        }
    }

    /// The message in one line, if it is one for rmcp.
    fn read(&mut self, line: &[u8]) -> Option<ClientJsonRpcMessage> {
        let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        if line.trim_ascii().is_empty() {
            return None;
        }
        let session = self.negotiated.get().map(String::as_str);
        let read = match self.reroute.inbound(line, session) {
            Some(rerouted) => serde_json::from_value(rerouted),
            None => serde_json::from_slice::<ClientJsonRpcMessage>(line),
        };
        let message = match read {
            Ok(message) => message,
            Err(error) => {
                self.refusal = refuse(line, &error);
                return None;
            }
        };
        match &message {
            ClientJsonRpcMessage::Request(request) => {
                self.open |= opens(&request.request);
                self.unanswered.send_modify(|unanswered| {
                    unanswered.insert(request.id.clone());
                });
            }
            _ if !self.open => {
                tracing::debug!("a message that is no request came before the session was open");
                return None;
            }
            ClientJsonRpcMessage::Notification(notification) => {
                if let ClientNotification::CancelledNotification(cancelled) =
                    &notification.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    answered(&self.unanswered, id);
                }
            }
            ClientJsonRpcMessage::Response(_) | ClientJsonRpcMessage::Error(_) => {}
        }
        Some(message)
    }

    /// Resolves when the last answer has been written, or has been waited for long enough.
    async fn see_off(&mut self) {
        let mut unanswered = self.unanswered.subscribe();
        tokio::select! {
            _ = unanswered.wait_for(HashSet::is_empty) => {}
            () = self.ending.over.cancelled() => {
                tracing::warn!("the session ends with requests that have no answer");
            }
            () = self.broken.cancelled() => {}
        }
    }
}

impl<R: AsyncRead + Send + Unpin> Transport<RoleServer> for Lines<R> {
    type Error = io::Error;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let queue = self.queue.clone();
        let unanswered = self.unanswered.clone();
        let (negotiated, lists) = (self.negotiated.clone(), self.lists);
        async move {
            let id = match &message {
                ServerJsonRpcMessage::Response(response) => Some(&response.id),
                ServerJsonRpcMessage::Error(error) => error.id.as_ref(),
                ServerJsonRpcMessage::Request(_) | ServerJsonRpcMessage::Notification(_) => None,
            };
            let (written, is_written) = oneshot::channel();
            let outgoing = Outgoing {
                line: match &message {
                    ServerJsonRpcMessage::Response(response)
                        if matches!(response.result, ServerResult::InitializeResult(_)) =>
                    {
                        let mut message = serde_json::to_value(&message)?;
                        let result = &mut message["result"];
                        complete_initialize(result, lists);
                        if let Some(version) = result["protocolVersion"].as_str() {
                            _ = negotiated.set(version.to_owned());
                        }
                        line_of(&message)?
                    }
                    message => line_of(message)?,
                },
                written: Some(written),
            };
            let sent = match queue {
                Some(queue) => queue.send(outgoing).await.is_ok() && is_written.await.is_ok(),
                None => false,
            };
            if let Some(id) = id {
                answered(&unanswered, id);
            }
            if sent {
                Ok(())
            } else {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
    }

    /// # Cancel safety
    ///
    /// This method is cancel safe: a line is taken whole or not at all.
    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            if let (Some(queue), true) = (&self.queue, self.refusal.is_some()) {
                let place = queue.reserve().await.ok()?;
                if let Some(line) = self.refusal.take() {
                    place.send(Outgoing {
                        line,
                        written: None,
                    });
                }
            }
            if self.ending.closing.is_cancelled() || self.ending.no_input.is_cancelled() {
                self.see_off().await;
                return None;
            }
            let line = tokio::select! {
                biased;
                () = self.broken.cancelled() => return None,
                () = self.ending.closing.cancelled() => continue,
                line = self.input.next() => line,
            };
            match line {
                Some(Ok(Line::Whole(line))) => {
                    if let Some(message) = self.read(&line) {
                        return Some(message);
                    }
                }
                Some(Ok(Line::TooLong)) => {
                    self.refusal = refusal(
                        None,
                        ErrorData::parse_error(
                            format!("a message may have {LONGEST_MESSAGE} bytes at most"),
                            None,
                        ),
                    );
                }
                Some(Err(error)) => {
                    tracing::warn!("the input cannot be read: {error}");
                    self.ending.no_input.cancel();
                }
                None => self.ending.no_input.cancel(),
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        self.queue = None;
        if let Some(mut writer) = self.writer.take() {
            tokio::select! {
                _ = &mut writer => {}
                () = self.ending.over.cancelled() => writer.abort(),
            }
        }
        Ok(())
    }
}

async fn write(
    mut output: impl AsyncWrite + Send + Unpin,
    mut outgoing: mpsc::Receiver<Outgoing>,
    _broken: tokio_util::sync::DropGuard,
) {
    while let Some(Outgoing { line, written }) = outgoing.recv().await {
        let result = async {
            output.write_all(&line).await?;
            output.flush().await
        };
        if let Err(error) = result.await {
            tracing::debug!("the client does not read any more: {error}");
            return;
        }
        if let Some(written) = written {
            // Whoever sent it may have left.
            _ = written.send(());
        }
    }
}

/// Whether rmcp takes `request` as the beginning of a session.
fn opens(request: &ClientRequest) -> bool {
    match request {
        ClientRequest::InitializeRequest(_) => true,
        ClientRequest::PingRequest(_) | ClientRequest::DiscoverRequest(_) => false,
        request => {
            let meta = request.get_meta();
            meta.missing_required_keys(&ProtocolVersion::V_2026_07_28)
                .is_empty()
                && meta
                    .protocol_version()
                    .is_some_and(|version| ProtocolVersion::KNOWN_VERSIONS.contains(&version))
        }
    }
}

fn answered(unanswered: &watch::Sender<HashSet<RequestId>>, id: &RequestId) {
    unanswered.send_if_modified(|unanswered| unanswered.remove(id));
}

/// The answer to a line that is no message. Notifications that nobody knows get none.
fn refuse(line: &[u8], error: &serde_json::Error) -> Option<Vec<u8>> {
    if matches!(error.classify(), Category::Syntax | Category::Eof) {
        return refusal(
            None,
            ErrorData::parse_error(format!("no JSON: {error}"), None),
        );
    }
    let value: serde_json::Value = serde_json::from_slice(line).ok()?;
    let id = value
        .get("id")
        .and_then(|id| serde_json::from_value::<RequestId>(id.clone()).ok());
    if id.is_none() && value.get("method").is_some() {
        tracing::debug!("a notification that is not known was ignored");
        return None;
    }
    let why = if value.is_array() {
        "one message to a line: batches are not supported"
    } else {
        "no JSON-RPC message"
    };
    refusal(id, ErrorData::invalid_request(why, None))
}

fn refusal(id: Option<RequestId>, error: ErrorData) -> Option<Vec<u8>> {
    tracing::debug!("a line was refused: {}", error.message);
    line_of(&JsonRpcError::new(id, error)).ok()
}

fn line_of(message: &impl serde::Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

enum Line {
    Whole(BytesMut),
    TooLong,
}

/// Cuts the input into lines. One that is too long is named once and skipped; the last one needs no end.
#[derive(Default)]
struct Cut {
    /// So many bytes have been searched for the end of the line.
    searched: usize,
    skipping: bool,
}

impl Decoder for Cut {
    type Item = Line;
    type Error = io::Error;

    fn decode(&mut self, input: &mut BytesMut) -> io::Result<Option<Line>> {
        loop {
            let end = input
                .iter()
                .skip(self.searched)
                .position(|byte| *byte == b'\n')
                .map(|at| at + self.searched);
            let Some(end) = end else {
                self.searched = input.len();
                if self.skipping || input.len() > LONGEST_MESSAGE {
                    input.clear();
                    self.searched = 0;
                    let known = std::mem::replace(&mut self.skipping, true);
                    return Ok((!known).then_some(Line::TooLong));
                }
                return Ok(None);
            };
            self.searched = 0;
            let mut line = input.split_to(end + 1);
            line.truncate(end);
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            return Ok(Some(if end > LONGEST_MESSAGE {
                Line::TooLong
            } else {
                Line::Whole(line)
            }));
        }
    }

    fn decode_eof(&mut self, input: &mut BytesMut) -> io::Result<Option<Line>> {
        if let Some(line) = self.decode(input)? {
            return Ok(Some(line));
        }
        if input.is_empty() {
            return Ok(None);
        }
        self.searched = 0;
        Ok(Some(Line::Whole(input.split())))
    }
}
