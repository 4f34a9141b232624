//! JSON lines over the pipes of a child process.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::RpcError;

/// Longer than any call may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// A thread reads; whoever waits for an answer is woken when it is there.
#[derive(Debug)]
pub(super) struct Stdio {
    stdin: Mutex<Option<ChildStdin>>,
    inbox: Arc<Inbox>,
}

#[derive(Debug, Default)]
struct Inbox {
    received: Mutex<Received>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Received {
    answers: HashMap<u64, Value>,
    notifications: Vec<Value>,
    end: Option<String>,
}

impl Stdio {
    pub(super) fn new(stdin: ChildStdin, stdout: ChildStdout) -> Self {
        let inbox = Arc::new(Inbox::default());
        let reader = Arc::clone(&inbox);
        thread::spawn(move || reader.fill(stdout));
        Self {
            stdin: Mutex::new(Some(stdin)),
            inbox,
        }
    }

    pub(super) fn send(&self, message: &Value) -> Result<(), RpcError> {
        self.write(format!("{message}\n").as_bytes())
    }

    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), RpcError> {
        let mut stdin = self.stdin.lock().unwrap();
        let Some(stdin) = stdin.as_mut() else {
            return Err(RpcError::Gone("hung up".into()));
        };
        stdin
            .write_all(bytes)
            .map_err(|e| RpcError::Gone(e.to_string()))
    }

    pub(super) fn answer(&self, id: u64) -> Result<Value, RpcError> {
        let received = self.inbox.received.lock().unwrap();
        let (mut received, waited) = self
            .inbox
            .changed
            .wait_timeout_while(received, PATIENCE, |received| {
                !received.answers.contains_key(&id) && received.end.is_none()
            })
            .unwrap();
        match (received.answers.remove(&id), &received.end) {
            (Some(answer), _) => Ok(answer),
            (None, Some(end)) => Err(RpcError::Gone(end.clone())),
            (None, None) => {
                assert!(waited.timed_out());
                panic!("request {id} has no answer after {PATIENCE:?}")
            }
        }
    }

    pub(super) fn notifications(&self) -> Vec<Value> {
        self.inbox.received.lock().unwrap().notifications.clone()
    }

    pub(super) fn hang_up(&self) {
        self.stdin.lock().unwrap().take();
    }
}

impl Inbox {
    fn fill(&self, stdout: ChildStdout) {
        let mut end = "the server closed its stdout".to_owned();
        for line in BufReader::with_capacity(1 << 20, stdout).lines() {
            let message = match line.map(|line| serde_json::from_str::<Value>(&line)) {
                Ok(Ok(message)) => message,
                Ok(Err(error)) => {
                    end = format!("a line on stdout is not JSON: {error}");
                    break;
                }
                Err(error) => {
                    end = error.to_string();
                    break;
                }
            };
            self.put(message);
        }
        self.received.lock().unwrap().end = Some(end);
        self.changed.notify_all();
    }

    fn put(&self, message: Value) {
        let mut received = self.received.lock().unwrap();
        match message.get("id").and_then(Value::as_u64) {
            Some(id) if message.get("method").is_none() => {
                received.answers.insert(id, message);
            }
            _ => received.notifications.push(message),
        }
        drop(received);
        self.changed.notify_all();
    }
}
