//! What a client hears of a call before its answer: progress and log messages.
//!
//! A strategy reports as often as it likes and is never held up: the newest report waits in one slot,
//! and what the client has not read by then is overtaken. The protocol demands that the numbers rise, so
//! a report that does not go further than the one before it is dropped, unless nothing was sent for
//! [`SILENCE`]: then it is a sign of life, and goes with the smallest number that is larger.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken, ServerNotification};
use rmcp::service::Peer;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::task::Progress;

/// Where a call reports.
pub(super) type Listener = Arc<dyn Fn(Progress) + Send + Sync>;

/// Passes on what one call says.
pub(super) struct Relay {
    peer: Peer<RoleServer>,
    token: Option<ProgressToken>,
    newest: watch::Receiver<Option<Progress>>,
    logs: mpsc::Receiver<ServerNotification>,
    sent: f64,
    sent_at: Option<Instant>,
}

/// The shortest time between two notifications: faster than anybody reads, slow enough for any client.
const PAUSE: Duration = Duration::from_millis(100);
/// After so long, any report is worth sending: clients that give up after 30 s hear it in time.
const SILENCE: Duration = Duration::from_secs(5);
/// How long a client may take to accept one. The call goes on without it.
const PATIENCE: Duration = Duration::from_secs(2);

impl Relay {
    /// A relay to `peer`, and where to report. Ends with [`Relay::during`]. Without a token nobody
    /// listens to progress; what comes out of `logs` goes to the client in any case.
    pub(super) fn new(
        peer: Peer<RoleServer>,
        token: Option<ProgressToken>,
        logs: mpsc::Receiver<ServerNotification>,
    ) -> (Listener, Self) {
        let (slot, newest) = watch::channel(None);
        let listener: Listener = Arc::new(move |report: Progress| {
            if report.current.is_finite() {
                slot.send_replace(Some(report));
            }
        });
        (
            listener,
            Self {
                peer,
                token,
                newest,
                logs,
                sent: f64::NEG_INFINITY,
                sent_at: None,
            },
        )
    }

    /// Runs `call` to its end and passes on what it says meanwhile, to the last word.
    ///
    /// The call rests while a notification is written: one that is cut off in the middle could follow
    /// the answer, and a client that does not read would not get the answer either.
    pub(super) async fn during<T>(mut self, call: impl Future<Output = T>) -> T {
        let mut call = pin!(call);
        let mut not_before = Instant::now();
        let answer = loop {
            tokio::select! {
                biased;
                answer = &mut call => break answer,
                Some(message) = self.logs.recv() => self.pass_on(message).await,
                Ok(()) = async {
                    sleep_until(not_before).await;
                    self.newest.changed().await
                } => {
                    if self.send(false).await {
                        not_before = Instant::now() + PAUSE;
                    }
                }
            }
        };
        while let Ok(message) = self.logs.try_recv() {
            self.pass_on(message).await;
        }
        self.send(true).await;
        answer
    }

    /// Whether there was something to send. The `last` report of a call is no sign of life.
    async fn send(&mut self, last: bool) -> bool {
        let (Some(token), Some(report)) =
            (self.token.clone(), self.newest.borrow_and_update().clone())
        else {
            return false;
        };
        let silent = (self.sent_at).is_none_or(|at| at.elapsed() >= SILENCE);
        let number = if report.current > self.sent {
            report.current
        } else if silent && !last {
            self.sent.next_up().max(self.sent + 1e-6)
        } else {
            return false;
        };
        self.sent = number;
        self.sent_at = Some(Instant::now());
        let mut notification = ProgressNotificationParam::new(token, number);
        notification.total = report.total.filter(|total| total.is_finite());
        notification.message = report.message;
        match timeout(PATIENCE, self.peer.notify_progress(notification)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!("progress was not delivered: {error}"),
            Err(_) => tracing::debug!("progress was not delivered: the client does not read"),
        }
        true
    }

    async fn pass_on(&self, message: ServerNotification) {
        match timeout(PATIENCE, self.peer.send_notification(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!("a log message was not delivered: {error}"),
            Err(_) => tracing::debug!("a log message was not delivered: the client does not read"),
        }
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::{CallToolRequestParams, CallToolResponse, CallToolResult};
    use rmcp::service::RequestContext;
    use rmcp::{ErrorData, ServerHandler};
    use serde_json::{Value, json};
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

    use super::*;

    /// Reports what it is told to in its one call.
    struct Reporter(Vec<(f64, u64)>);

    impl ServerHandler for Reporter {
        async fn call_tool(
            &self,
            _request: CallToolRequestParams,
            context: RequestContext<RoleServer>,
        ) -> Result<CallToolResponse, ErrorData> {
            let token = context.meta.get_progress_token().unwrap();
            let (_logs, queue) = mpsc::channel(1);
            let (listener, relay) = Relay::new(context.peer, Some(token), queue);
            relay
                .during(async {
                    for (current, pause) in &self.0 {
                        listener(Progress {
                            current: *current,
                            total: Some(10.0),
                            message: Some(format!("at {current}")),
                            detail: None,
                        });
                        tokio::time::sleep(Duration::from_millis(*pause)).await;
                    }
                })
                .await;
            Ok(CallToolResult::success(Vec::new()).into())
        }
    }

    /// What a client reads after it has called `reporter`.
    async fn read(reporter: Reporter) -> Vec<Value> {
        let (here, there) = tokio::io::duplex(1 << 16);
        let serving = tokio::spawn(async move {
            let session = rmcp::serve_server(reporter, tokio::io::split(there)).await;
            session.unwrap().waiting().await.unwrap();
        });
        let (input, mut output) = tokio::io::split(here);
        let mut input = BufReader::new(input).lines();
        for message in [
            json!({"jsonrpc": "2.0", "id": 1, "method": "initialize",
                "params": crate::mcp::fixture::initialize("2025-11-25")}),
            json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call",
                "params": {"name": "x", "_meta": {"progressToken": "p"}}}),
        ] {
            output
                .write_all(format!("{message}\n").as_bytes())
                .await
                .unwrap();
        }
        let mut messages = Vec::new();
        while messages.len() < 100 {
            let line = input.next_line().await.unwrap().unwrap();
            let message: Value = serde_json::from_str(&line).unwrap();
            if message["id"] == 2 {
                break;
            }
            messages.push(message);
        }
        output.shutdown().await.unwrap();
        serving.await.unwrap();
        messages.split_off(1)
    }

    #[tokio::test(start_paused = true)]
    async fn reports_arrive_rising_and_before_the_answer() {
        let messages = read(Reporter(vec![
            (1.0, 200),
            (3.0, 200),
            (2.0, 200),
            (3.0, 200),
            (f64::NAN, 200),
            (4.0, 0),
        ]))
        .await;
        let numbers: Vec<_> = messages
            .iter()
            .map(|message| message["params"]["progress"].as_f64().unwrap())
            .collect();
        assert_eq!(numbers, [1.0, 3.0, 4.0]);
        assert_eq!(
            messages[0]["params"],
            json!({"progressToken": "p", "progress": 1.0, "total": 10.0, "message": "at 1"})
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_faster_than_anybody_reads_becomes_one() {
        let reports = (1..=1_000).map(|current| (f64::from(current), 1));
        let messages = read(Reporter(reports.collect())).await;
        assert!((5..=30).contains(&messages.len()), "{}", messages.len());
        let last = messages.last().unwrap();
        assert_eq!(last["params"]["progress"], 1_000.0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sign_of_life_goes_with_a_number_that_rises() {
        let messages = read(Reporter(vec![(1.0, 10_000), (1.0, 10_000), (1.0, 10_000)])).await;
        let numbers: Vec<_> = messages
            .iter()
            .map(|message| message["params"]["progress"].as_f64().unwrap())
            .collect();
        assert_eq!(numbers.len(), 3, "{numbers:?}");
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        assert!(numbers[2] < 1.001);
    }
}
