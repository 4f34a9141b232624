//! Remote control of workers: what is asked, and what they answer.
//!
//! A request is published to all workers at once. Redis says how many heard it, which is how many
//! answers to expect; a worker with one thread answers only between two tasks.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::{Value, json};

/// Something to ask of workers.
#[derive(Clone, Debug)]
pub(crate) struct Request<'request> {
    pub(crate) method: &'static str,
    pub(crate) arguments: Value,
    /// Absent: all workers.
    pub(crate) destination: Option<&'request [String]>,
    /// Where the answer goes, and the word it is known again by.
    pub(crate) reply: Option<Reply<'request>>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply<'request> {
    pub(crate) routing_key: &'request str,
    pub(crate) ticket: &'request str,
}

impl Request<'_> {
    /// The message for the control channel. `tag` is unique.
    pub(crate) fn message(&self, tag: &str) -> String {
        let mut body = json!({
            "method": self.method,
            "arguments": self.arguments,
            "destination": self.destination,
            "pattern": null,
            "matcher": null,
        });
        if let (Some(reply), Value::Object(fields)) = (self.reply, &mut body) {
            fields.insert("ticket".into(), reply.ticket.into());
            // The anonymous exchange: the worker pushes to the list of this name, and needs no
            // binding in Redis that somebody would have to take away again.
            let reply_to = json!({"exchange": "", "routing_key": reply.routing_key});
            fields.insert("reply_to".into(), reply_to);
        }
        json!({
            "body": BASE64.encode(body.to_string()),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {"clock": 1},
            "properties": {
                "delivery_mode": 2,
                "delivery_info": {"exchange": "celery.pidbox", "routing_key": ""},
                "priority": 0,
                "body_encoding": "base64",
                "delivery_tag": tag,
            },
        })
        .to_string()
    }

    pub(crate) fn revoke(id: &str, terminate: Option<&str>) -> Self {
        let arguments = json!({
            "task_id": id,
            "terminate": terminate.is_some(),
            "signal": terminate.unwrap_or("SIGTERM"),
        });
        Self {
            method: "revoke",
            arguments,
            destination: None,
            reply: None,
        }
    }

    pub(crate) fn of(method: &'static str, arguments: Value) -> Self {
        Self {
            method,
            arguments,
            destination: None,
            reply: None,
        }
    }
}

/// What each worker answered.
pub(crate) type Answers = BTreeMap<String, Value>;

/// One answer, where it is one to `ticket`: by worker.
pub(crate) fn answer(message: &[u8], ticket: &str) -> Option<Answers> {
    #[derive(Deserialize)]
    struct Message {
        body: String,
        headers: Headers,
    }
    #[derive(Deserialize)]
    struct Headers {
        ticket: String,
    }
    let message: Message = serde_json::from_slice(message).ok()?;
    if message.headers.ticket != ticket {
        return None;
    }
    let body = BASE64.decode(&message.body).ok()?;
    serde_json::from_slice(&body).ok()
}

/// How a worker runs tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Worker {
    /// Changes when the worker is started anew.
    pub(crate) process: u64,
    /// Only child processes can be killed.
    pub(crate) can_terminate: bool,
}

/// The workers that answered `stats`.
pub(crate) fn workers(answers: &Answers) -> BTreeMap<String, Worker> {
    let worker = |stats: &Value| -> Option<Worker> {
        let pool = stats
            .pointer("/pool/implementation")
            .and_then(Value::as_str);
        Some(Worker {
            process: stats.get("pid")?.as_u64()?,
            can_terminate: pool.is_some_and(|pool| pool.contains("prefork")),
        })
    };
    let named = |(name, stats): (&String, &Value)| Some((name.clone(), worker(stats)?));
    answers.iter().filter_map(named).collect()
}

/// Names of tasks with their `mcp` attribute, from the answers to `registered`.
///
/// Nothing where no worker gave a list: an attribute that raises makes the whole answer an error.
pub(crate) fn registered(answers: &Answers) -> Option<BTreeMap<String, Option<String>>> {
    let lists: Vec<&Vec<Value>> = answers.values().filter_map(Value::as_array).collect();
    if lists.is_empty() {
        return None;
    }
    let mut tasks = BTreeMap::new();
    for entry in lists.into_iter().flatten().filter_map(Value::as_str) {
        let (name, attribute) = match entry.split_once(" [mcp=") {
            Some((name, rest)) => (name, rest.strip_suffix(']').map(str::to_owned)),
            None => (entry, None),
        };
        if name.is_empty() || name.starts_with("celery.") {
            continue;
        }
        // During a roll-out one worker may say more than another.
        let known = tasks.entry(name.to_owned()).or_insert(None);
        if attribute.is_some() {
            *known = attribute;
        }
    }
    Some(tasks)
}

/// Where a task is, as far as workers know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    /// On this worker, and running.
    Active(String),
    /// With this worker, which has not begun.
    Waiting(String),
    /// No worker that answered has it.
    Nowhere,
}

/// Reads the answers to `query_task`.
pub(crate) fn whereabouts(answers: &Answers, id: &str) -> Whereabouts {
    let mut found = Whereabouts::Nowhere;
    for (worker, tasks) in answers {
        match tasks
            .get(id)
            .and_then(|task| task.get(0))
            .and_then(Value::as_str)
        {
            Some("active") => return Whereabouts::Active(worker.clone()),
            Some("reserved" | "scheduled") => found = Whereabouts::Waiting(worker.clone()),
            _ => {}
        }
    }
    found
}

/// Whether a worker that answered `query_task` has a task, in whatever state.
///
/// Celery says `ready` of a task that it holds and has not put anywhere yet. Of one that is over it
/// says nothing.
pub(crate) fn has(answers: &Answers, id: &str) -> bool {
    answers.values().any(|tasks| tasks.get(id).is_some())
}

/// Whether a worker could not answer.
pub(crate) fn failed(answers: &Answers) -> bool {
    answers.values().any(|answer| answer.get("error").is_some())
}

/// The tasks in the answers to `active`.
pub(crate) fn active(answers: &Answers) -> BTreeSet<String> {
    entries(answers, "id")
}

/// The queues in the answers to `active_queues`.
pub(crate) fn queues(answers: &Answers) -> BTreeSet<String> {
    entries(answers, "name")
}

fn entries(answers: &Answers, field: &str) -> BTreeSet<String> {
    let lists = answers.values().filter_map(Value::as_array).flatten();
    let texts = lists.filter_map(|entry| entry.get(field)?.as_str());
    texts.map(str::to_owned).collect()
}

/// The arguments of `query_task`.
pub(crate) fn query<'id>(ids: impl IntoIterator<Item = &'id str>) -> Value {
    let ids: Vec<&str> = ids.into_iter().collect();
    json!({ "ids": ids })
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! replies {
        ($name:literal) => {{
            let fixture: Value =
                serde_json::from_str(include_str!(concat!("../fixtures/pidbox/", $name, ".json")))
                    .unwrap();
            let reply = fixture["replies"][0]["payload"].clone();
            let ticket = reply["headers"]["ticket"].as_str().unwrap().to_owned();
            answer(reply.to_string().as_bytes(), &ticket).unwrap()
        }};
    }

    fn decoded(message: &str) -> Value {
        let message: Value = serde_json::from_str(message).unwrap();
        let body = BASE64.decode(message["body"].as_str().unwrap()).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    #[test]
    fn a_revoke_is_what_celery_sends() {
        let fixture: Value = serde_json::from_str(include_str!(
            "../fixtures/pidbox/revoke_running_terminate.json"
        ))
        .unwrap();
        let captured = &fixture["published"][0];
        let id = captured["decoded_body"]["arguments"]["task_id"]
            .as_str()
            .unwrap();
        let ours = Request::revoke(id, Some("SIGTERM")).message("tag");
        assert_eq!(decoded(&ours), captured["decoded_body"]);
        let ours: Value = serde_json::from_str(&ours).unwrap();
        let keys = |message: &Value| {
            message
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(keys(&ours), keys(&captured["payload"]));
        assert_eq!(
            keys(&ours["properties"]),
            keys(&captured["payload"]["properties"])
        );
    }

    #[test]
    fn answers_are_known_by_their_ticket() {
        let destination = ["w1@vm".to_owned()];
        let request = Request {
            destination: Some(&destination),
            reply: Some(Reply {
                routing_key: "taskhost.reply.1",
                ticket: "t",
            }),
            ..Request::of("ping", json!({}))
        };
        let body = decoded(&request.message("tag"));
        assert_eq!(
            body["reply_to"],
            json!({"exchange": "", "routing_key": "taskhost.reply.1"})
        );
        assert_eq!(
            (&body["ticket"], &body["destination"]),
            (&json!("t"), &json!(["w1@vm"]))
        );
        assert_eq!(replies!("ping")["w2@vm"], json!({"ok": "pong"}));
        assert_eq!(answer(b"{}", "t"), None);
        assert_eq!(
            answer(br#"{"body": "", "headers": {"ticket": "other"}}"#, "t"),
            None
        );
    }

    #[test]
    fn stats_tell_the_pool() {
        let workers = workers(&replies!("inspect_stats"));
        assert_eq!(
            workers["w2@vm"],
            Worker {
                process: 15426,
                can_terminate: true
            }
        );
        let threads =
            json!({"pid": 1, "pool": {"implementation": "celery.concurrency.thread:TaskPool"}});
        let answers = Answers::from([("a".into(), threads), ("b".into(), json!({"error": "x"}))]);
        assert_eq!(super::workers(&answers).len(), 1);
        assert!(!super::workers(&answers)["a"].can_terminate);
    }

    #[test]
    fn registered_gives_names_and_attributes() {
        let tasks = registered(&replies!("inspect_registered_fields")).unwrap();
        assert!(tasks.keys().any(|name| name.starts_with("labapp.add")));
        let schema = r#"{"type":"object","properties":{"q":{"enum":["a]","[b"]}}}"#;
        let answers = Answers::from([
            (
                "w1".into(),
                json!(["a.plain", "celery.ping", format!("a.q [mcp={schema}]")]),
            ),
            ("w2".into(), json!(["a.q", "b.other"])),
            ("w3".into(), json!({"error": "ValueError()"})),
        ]);
        let tasks = registered(&answers).unwrap();
        assert_eq!(
            tasks.keys().collect::<Vec<_>>(),
            ["a.plain", "a.q", "b.other"]
        );
        assert_eq!(tasks["a.q"].as_deref(), Some(schema));
        assert_eq!(
            registered(&Answers::from([("w".into(), json!({"error": "x"}))])),
            None
        );
    }

    #[test]
    fn query_task_tells_where_a_task_is() {
        let answers = replies!("inspect_query_task");
        let worker = || "w2@vm".to_owned();
        for (id, place) in [
            (
                "c66ca986-2e3a-4888-bb59-1520d6be8c30",
                Whereabouts::Active(worker()),
            ),
            (
                "c9c11360-3a15-4805-9008-b883ebfbb55a",
                Whereabouts::Waiting(worker()),
            ),
            (
                "53b1d005-c0c5-473e-bcbb-cc411aae3ce1",
                Whereabouts::Waiting(worker()),
            ),
            ("nope", Whereabouts::Nowhere),
        ] {
            assert_eq!(whereabouts(&answers, id), place, "{id}");
            assert_eq!(has(&answers, id), place != Whereabouts::Nowhere);
        }
        let held = Answers::from([("w".into(), json!({"a": ["ready", {}]}))]);
        assert!(has(&held, "a") && !has(&held, "b") && !failed(&held));
        assert!(failed(&Answers::from([(
            "w".into(),
            json!({"error": "x"})
        )])));
    }

    #[test]
    fn lists_of_what_runs_and_of_queues() {
        let answers = Answers::from([
            ("w1".into(), json!([{"id": "a", "name": "labapp.add"}])),
            ("w2".into(), json!([{"id": "b", "name": "labapp.add"}])),
        ]);
        assert_eq!(active(&answers), ["a", "b"].map(String::from).into());
        assert_eq!(queues(&answers), ["labapp.add".to_owned()].into());
    }
}
