//! Progress of one call, as notifications to the client that asked for it.
//!
//! A strategy reports as often as it likes and is never held up: the newest report waits in one slot,
//! and what the client has not read by then is overtaken. The protocol demands that the numbers rise, so
//! a report that does not go further than the one before it is dropped.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::Peer;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::task::Progress;

/// Where a call reports.
pub(super) type Listener = Arc<dyn Fn(Progress) + Send + Sync>;

/// Passes the reports of one call on.
pub(super) struct Relay {
    peer: Peer<RoleServer>,
    token: ProgressToken,
    newest: watch::Receiver<Option<Progress>>,
    sent: f64,
}

/// The shortest time between two notifications: faster than anybody reads, slow enough for any client.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a client may take to accept one. The call goes on without it.
const PATIENCE: Duration = Duration::from_secs(2);

impl Relay {
    /// A relay to `peer`, and where to report. Ends with [`Relay::during`].
    pub(super) fn new(peer: Peer<RoleServer>, token: ProgressToken) -> (Listener, Self) {
        let (slot, newest) = watch::channel(None);
        let listener: Listener = Arc::new(move |report: Progress| {
            slot.send_if_modified(move |newest: &mut Option<Progress>| {
                let further = report.current.is_finite()
                    && newest
                        .as_ref()
                        .is_none_or(|newest| report.current > newest.current);
                if further {
                    *newest = Some(report);
                }
                further
            });
        });
        (
            listener,
            Self {
                peer,
                token,
                newest,
                sent: f64::NEG_INFINITY,
            },
        )
    }

    /// Runs `call` to its end and passes on what it reports meanwhile, the last report included.
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
                Ok(()) = async {
                    sleep_until(not_before).await;
                    self.newest.changed().await
                } => {
                    self.send().await;
                    not_before = Instant::now() + PAUSE;
                }
            }
        };
        self.send().await;
        answer
    }

    async fn send(&mut self) {
        let Some(report) = self.newest.borrow_and_update().clone() else {
            return;
        };
        if report.current <= self.sent {
            return;
        }
        self.sent = report.current;
        let mut notification = ProgressNotificationParam::new(self.token.clone(), report.current);
        notification.total = report.total.filter(|total| total.is_finite());
        notification.message = report.message;
        match timeout(PATIENCE, self.peer.notify_progress(notification)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!("progress was not delivered: {error}"),
            Err(_) => tracing::debug!("progress was not delivered: the client does not read"),
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
            let (listener, relay) = Relay::new(context.peer, token);
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
}
