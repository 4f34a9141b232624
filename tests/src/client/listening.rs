//! A subscription to the changes of tasks.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Client, Wire};
use crate::wait::{SHORT, wait_for};

/// Everything that came over one `subscriptions/listen`, in its order.
#[derive(Debug)]
pub struct Listening<'c> {
    client: &'c Client,
    id: Value,
    // Over HTTP, where each has a stream of its own.
    stream: Option<Arc<Stream>>,
}

type Stream = Mutex<Received>;

#[derive(Debug, Default)]
struct Received {
    messages: Vec<Value>,
    has_ended: bool,
}

impl<'c> Listening<'c> {
    pub(super) fn open(client: &'c Client, ids: &[&str]) -> Self {
        let (listening, agreed) = Self::ask(client, &json!({ "taskIds": ids }));
        assert_eq!(agreed["taskIds"], json!(ids));
        listening
    }

    /// A subscription to all of `wanted`, and what of it was agreed to.
    pub(super) fn ask(client: &'c Client, wanted: &Value) -> (Self, Value) {
        let id = Value::from(format!("listen-{}", client.next_id()));
        let params = json!({ "notifications": wanted });
        let request = client.message(&id, "subscriptions/listen", &params);
        let stream = match &client.wire {
            Wire::Stdio(stdio) => {
                stdio.send(&request).unwrap();
                None
            }
            Wire::Http(http) => {
                let messages = http.stream(&request).unwrap();
                let stream = Arc::new(Stream::default());
                let reader = Arc::clone(&stream);
                thread::spawn(move || fill(&reader, messages));
                Some(stream)
            }
        };
        let listening = Self { client, id, stream };
        let agreed = wait_for(SHORT, "the server agrees to a subscription", || {
            let mut messages = listening.messages().into_iter();
            messages.next().map(|first| {
                assert_eq!(
                    first["method"], "notifications/subscriptions/acknowledged",
                    "the first message: {first}"
                );
                first["params"]["notifications"].clone()
            })
        });
        (listening, agreed)
    }

    /// Where its tasks stood and what changed about them since, as it came.
    pub fn states(&self) -> Vec<Value> {
        let messages = self.messages().into_iter().skip(1);
        messages
            .map(|message| {
                assert_eq!(message["method"], "notifications/tasks", "{message}");
                message["params"].clone()
            })
            .collect()
    }

    /// Waits until `is_it` is true for all that has come.
    ///
    /// # Panics
    /// With `what` when it is not for a long time.
    #[track_caller]
    pub fn until(&self, patience: Duration, what: &str, is_it: impl Fn(&[Value]) -> bool) {
        wait_for(patience, what, || {
            let open = self.is_open();
            let states = self.states();
            assert!(open || is_it(&states), "{what}: it ended: {states:?}");
            is_it(&states).then_some(())
        });
    }

    /// Whether more may come.
    pub fn is_open(&self) -> bool {
        let stream = self.stream.as_ref();
        stream.is_none_or(|stream| !stream.lock().unwrap().has_ended)
    }

    fn messages(&self) -> Vec<Value> {
        let all = match (&self.stream, &self.client.wire) {
            (Some(stream), _) => stream.lock().unwrap().messages.clone(),
            (None, Wire::Stdio(stdio)) => stdio.notifications(),
            (None, Wire::Http(_)) => Vec::new(),
        };
        let subscription = "io.modelcontextprotocol/subscriptionId";
        all.into_iter()
            .filter(|message| message["params"]["_meta"][subscription] == self.id)
            .collect()
    }
}

fn fill(stream: &Stream, messages: impl Iterator<Item = Value>) {
    for message in messages {
        stream.lock().unwrap().messages.push(message);
    }
    stream.lock().unwrap().has_ended = true;
}
