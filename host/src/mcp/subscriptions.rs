//! What a client has asked to hear of: lists, documents and tasks.
//!
//! One `subscriptions/listen` of 2026-07-28 is one stream. The first message on it is the
//! acknowledgement, with what will really be told; for each task it is followed by how the task stands
//! at that moment, so that nothing can happen unheard between the creation of a task and this. After
//! that, changes: those of one task in order, none after its end. Progress that comes faster than the
//! client reads becomes one change.
//!
//! A task that is not there and a task of someone else are left out of the acknowledgement alike.
//!
//! (SEP-2575 `basic/patterns/subscriptions`; SEP-2663 `notifications/tasks`.)

use std::collections::HashSet;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use rmcp::ErrorData;
use rmcp::RoleServer;
use rmcp::service::{Peer, RequestContext};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::audience::Changes;
use super::counterpart::notification;
use super::documents::{Part, of_task};
use super::projection;
use super::server::Server;
use crate::plugin::Caller;
use crate::service::Service;
use crate::service::watcher::{News, Watcher};

/// How many tasks and documents one stream may follow.
const MOST: usize = 1_000;
/// How long lines of output gather before the client is told that there are more.
const GATHER: Duration = Duration::from_millis(250);

/// What one stream is to carry.
#[derive(Default)]
struct Wanted {
    tools: bool,
    prompts: bool,
    documents: bool,
    uris: Vec<String>,
    tasks: Vec<String>,
}

/// One thing on the stream that is followed by itself.
struct Followed {
    what: What,
    watcher: Watcher,
}

enum What {
    Task,
    Document(String, Part),
}

/// Serves one `subscriptions/listen` to its end.
pub(super) async fn listen(
    server: &Server,
    caller: &Caller,
    params: &Value,
    speaks_tasks: bool,
    context: &RequestContext<RoleServer>,
) -> Result<Value, ErrorData> {
    let mut wanted = Wanted::read(&params["notifications"])?;
    if !wanted.tasks.is_empty() && !speaks_tasks {
        return Err(super::server::tasks_not_declared());
    }
    let service = server.service();
    let mut watched = follow(service, caller, &mut wanted);
    let mut changes = server.changes();
    let mut known: Changes = *changes.borrow_and_update();
    let mut documents = service.document_changes();
    let stream = Stream {
        peer: &context.peer,
        id: serde_json::to_value(&context.id).unwrap_or_default(),
    };
    let acknowledged = json!({"notifications": wanted.acknowledged()});
    let mut ok = stream
        .send("notifications/subscriptions/acknowledged", acknowledged)
        .await;
    for one in &watched {
        if let What::Task = one.what {
            ok = ok && stream.task(&one.watcher).await;
        }
    }
    let mut next: FuturesUnordered<_> = watched.drain(..).map(Followed::next).collect();
    while ok {
        tokio::select! {
            () = context.ct.cancelled() => break,
            () = server.closing() => break,
            Ok(()) = changes.changed() => {
                let now = *changes.borrow_and_update();
                for method in now.since(known) {
                    if wanted.wants(method) {
                        ok = ok && stream.send(method, json!({})).await;
                    }
                }
                known = now;
            }
            heard = documents.recv() => {
                let uris: Vec<_> = match heard {
                    Ok(uri) => wanted.uris.iter().filter(|wanted| **wanted == uri).cloned().collect(),
                    // So many that some were lost: any of them may have changed.
                    Err(RecvError::Lagged(_)) => wanted.uris.clone(),
                    // The service is gone, and with it whoever could change one.
                    Err(RecvError::Closed) => break,
                };
                for uri in uris {
                    ok = ok && stream.send("notifications/resources/updated", json!({"uri": uri})).await;
                }
            }
            Some(one) = next.next() => {
                let Some(one) = one else { continue };
                ok = match &one.what {
                    What::Task => stream.task(&one.watcher).await,
                    What::Document(uri, _) => {
                        stream.send("notifications/resources/updated", json!({"uri": uri})).await
                    }
                };
                next.push(one.next());
            }
        }
    }
    Ok(json!({"resultType": "complete", "_meta": stream.meta()}))
}

/// Tells a session of the older revisions of changes of one document, until `until`.
pub(super) async fn follow_document(
    service: Service,
    caller: Caller,
    uri: String,
    peer: Peer<RoleServer>,
    until: CancellationToken,
) {
    let telling = async {
        let updated = || notification("notifications/resources/updated", json!({"uri": uri}));
        if let Some((id, part)) = of_task(&uri) {
            let Ok(watcher) = service.watch(&caller, id) else {
                return;
            };
            let mut next = Followed {
                what: What::Document(uri.clone(), part),
                watcher,
            };
            while let Some(one) = next.next().await {
                if peer.send_notification(updated()).await.is_err() {
                    return;
                }
                next = one;
            }
            return;
        }
        let mut documents = service.document_changes();
        loop {
            let concerned = match documents.recv().await {
                Ok(changed) => changed == uri,
                Err(RecvError::Lagged(_)) => true,
                Err(RecvError::Closed) => return,
            };
            if concerned && peer.send_notification(updated()).await.is_err() {
                return;
            }
        }
    };
    until.run_until_cancelled(telling).await;
}

/// Watches what is wanted and takes out of `wanted` what cannot be had.
fn follow(service: &Service, caller: &Caller, wanted: &mut Wanted) -> Vec<Followed> {
    let mut followed = Vec::new();
    wanted.tasks.retain(|id| {
        let Ok(watcher) = service.watch(caller, id) else {
            return false;
        };
        followed.push(Followed {
            what: What::Task,
            watcher,
        });
        true
    });
    wanted.uris.retain(|uri| {
        let Some((id, part)) = of_task(uri) else {
            return true;
        };
        let Ok(watcher) = service.watch(caller, id) else {
            return false;
        };
        followed.push(Followed {
            what: What::Document(uri.clone(), part),
            watcher,
        });
        true
    });
    followed
}

impl Followed {
    /// Resolves when there is something to tell, with itself; `None`: never again.
    async fn next(mut self) -> Option<Self> {
        loop {
            let news = self.watcher.next().await?;
            if !self.is_concerned_by(&news) {
                continue;
            }
            if let News::Printed = news {
                tokio::time::sleep(GATHER).await;
            }
            return Some(self);
        }
    }

    fn is_concerned_by(&self, news: &News) -> bool {
        let part = match &self.what {
            What::Task => Part::Status,
            What::Document(_, part) => *part,
        };
        match (part, news) {
            (Part::Status, News::Changed(_)) | (Part::Output, News::Printed) => true,
            (Part::Result, News::Changed(snapshot)) => snapshot.record.state.is_done(),
            (Part::Status | Part::Result, News::Printed) | (Part::Output, News::Changed(_)) => {
                false
            }
        }
    }
}

impl Wanted {
    fn read(filter: &Value) -> Result<Self, ErrorData> {
        let flag = |name: &str| match &filter[name] {
            Value::Null => Ok(false),
            Value::Bool(flag) => Ok(*flag),
            _ => Err(unfit(name, "true or false")),
        };
        let texts = |name: &str| -> Result<Vec<String>, ErrorData> {
            let Value::Array(values) = &filter[name] else {
                return match filter[name] {
                    Value::Null => Ok(Vec::new()),
                    _ => Err(unfit(name, "a list of strings")),
                };
            };
            let mut seen = HashSet::new();
            let mut texts = Vec::new();
            for value in values {
                let text = value
                    .as_str()
                    .ok_or_else(|| unfit(name, "a list of strings"))?;
                if seen.insert(text) {
                    texts.push(text.to_owned());
                }
            }
            if texts.len() > MOST {
                return Err(unfit(name, &format!("at most {MOST} entries long")));
            }
            Ok(texts)
        };
        Ok(Self {
            tools: flag("toolsListChanged")?,
            prompts: flag("promptsListChanged")?,
            documents: flag("resourcesListChanged")?,
            uris: texts("resourceSubscriptions")?,
            tasks: texts("taskIds")?,
        })
    }

    fn acknowledged(&self) -> Value {
        let mut accepted = json!({});
        for (name, flag) in [
            ("toolsListChanged", self.tools),
            ("promptsListChanged", self.prompts),
            ("resourcesListChanged", self.documents),
        ] {
            if flag {
                accepted[name] = json!(true);
            }
        }
        for (name, list) in [
            ("resourceSubscriptions", &self.uris),
            ("taskIds", &self.tasks),
        ] {
            if !list.is_empty() {
                accepted[name] = json!(list);
            }
        }
        accepted
    }

    fn wants(&self, method: &str) -> bool {
        match method {
            "notifications/tools/list_changed" => self.tools,
            "notifications/prompts/list_changed" => self.prompts,
            "notifications/resources/list_changed" => self.documents,
            _ => false,
        }
    }
}

fn unfit(name: &str, what: &str) -> ErrorData {
    ErrorData::invalid_params(format!("`notifications.{name}` must be {what}"), None)
}

/// Messages of one subscription.
struct Stream<'a> {
    peer: &'a Peer<RoleServer>,
    id: Value,
}

impl Stream<'_> {
    fn meta(&self) -> Value {
        json!({"io.modelcontextprotocol/subscriptionId": self.id})
    }

    /// False: nobody reads it any more.
    async fn send(&self, method: &str, mut params: Value) -> bool {
        params["_meta"] = self.meta();
        let sent = self.peer.send_notification(notification(method, params));
        sent.await
            .inspect_err(|error| tracing::debug!("a subscriber is gone: {error}"))
            .is_ok()
    }

    async fn task(&self, watcher: &Watcher) -> bool {
        let task = projection::v2_detailed(watcher.seen());
        self.send("notifications/tasks", task).await
    }
}
