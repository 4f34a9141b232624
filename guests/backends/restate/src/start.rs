//! Starting an invocation.
//!
//! The id of the task is the idempotency key, so that a start that is repeated gets the invocation that
//! is there. Restate takes no such key for the `run` of a workflow, which runs once for each key of the
//! workflow: there the invocation carries the id of the task in a header, which is compared.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use taskhost_sdk::http::encoded;
use taskhost_sdk::{Error, StartRequest};

use crate::Backend;
use crate::catalogue::Offer;
use crate::config::milliseconds;
use crate::discovery;
use crate::schema::{Input, Key};
use crate::server::{JSON, Server, Trouble};

/// Handlers see it, and so learn which task they work for.
const TASK_HEADER: &str = "x-taskhost-task";

/// Options of one call.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Begin this much later.
    delay_seconds: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    invocation_id: String,
    status: String,
}

/// What is sent where.
struct Letter {
    path: String,
    body: Option<String>,
    /// Another task may have chosen this key, too.
    is_shared: bool,
}

pub(crate) async fn start(backend: &Backend, request: &StartRequest) -> Result<String, Error> {
    let offer = offer(backend, &request.task).await?;
    let options: Option<Options> = request.options()?;
    let Letter {
        mut path,
        body,
        is_shared,
    } = letter(&offer, request)?;
    if let Some(seconds) = options.unwrap_or_default().delay_seconds {
        if !(0.0..=1e10).contains(&seconds) {
            return Err(Error::invalid("`delay_seconds` must be 0 or more"));
        }
        path = format!("{path}?delay={}ms", milliseconds(seconds));
    }
    let mut headers = vec![(TASK_HEADER, request.id.as_str())];
    if !offer.is_workflow_run {
        headers.push(("idempotency-key", request.id.as_str()));
    }
    let body = body.as_deref().map(|body| (JSON, body));
    let response = backend.server.post(&path, &headers, body).await?;
    if response.status == 404 {
        return Err(Error::unknown(Trouble::of(&response).message));
    }
    let sent: Sent = response.success()?.json()?;
    if is_shared
        && sent.status == "PreviouslyAccepted"
        && !is_of(&backend.server, &sent.invocation_id, &request.id).await?
    {
        return Err(Error::invalid(format!(
            "the workflow `{}` has been run under this key: choose another `key`, or none",
            offer.service
        )));
    }
    Ok(sent.invocation_id)
}

/// What is meant by the name of a task. A new instance has to ask for that first, and one that knows
/// the handler not asks again: it may be new.
async fn offer(backend: &Backend, task: &str) -> Result<Offer, Error> {
    let find = || backend.catalogue.borrow().as_ref()?.find(task).cloned();
    if let Some(offer) = find() {
        return Ok(offer);
    }
    discovery::look(backend).await?;
    find().ok_or_else(|| Error::unknown(format!("Restate has no public handler for `{task}`")))
}

fn letter(offer: &Offer, request: &StartRequest) -> Result<Letter, Error> {
    let mut arguments: BTreeMap<String, Box<RawValue>> = request.arguments()?;
    let key = match offer.form.key {
        Key::None => None,
        Key::Required | Key::Optional => arguments.get("key"),
    };
    let key: Option<String> = match key {
        Some(raw) => Some(
            serde_json::from_str(raw.get())
                .map_err(|error| Error::invalid(format!("`key` must be a text: {error}")))?,
        ),
        None => None,
    };
    let is_shared = offer.is_workflow_run && key.is_some();
    let key = match (offer.form.key, key) {
        (Key::None, _) => None,
        (_, Some(key)) if !key.is_empty() => Some(key),
        (Key::Optional, _) => Some(request.id.clone()),
        (Key::Required, _) => {
            return Err(Error::invalid(format!(
                "`key` is missing: which `{}` is meant",
                offer.service
            )));
        }
    };
    let mut parts = vec![encoded(&offer.service)];
    parts.extend(key.as_deref().map(encoded));
    parts.push(encoded(&offer.handler));
    parts.push("send".to_owned());
    let body = match offer.form.input {
        Input::None => None,
        Input::Whole => Some(request.arguments.clone()),
        Input::Field => arguments
            .remove("input")
            .map(|input| input.get().to_owned()),
    };
    Ok(Letter {
        path: parts.join("/"),
        body,
        is_shared,
    })
}

/// Whether this invocation was started for this task: the headers of a request are in the journal.
async fn is_of(server: &Server, invocation: &str, task: &str) -> Result<bool, Error> {
    #[derive(Deserialize)]
    struct Entry {
        entry_json: String,
    }
    if !invocation
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        return Err(Error::internal(format!("`{invocation}` is no invocation")));
    }
    let sql = format!("SELECT entry_json FROM sys_journal WHERE id = '{invocation}' AND index = 0");
    let entries: Vec<Entry> = server.query(&sql).await?;
    let headers = entries.first().and_then(|entry| {
        let entry: Value = serde_json::from_str(&entry.entry_json).ok()?;
        entry.pointer("/Command/Input/headers").cloned()
    });
    let headers = headers.as_ref().and_then(Value::as_array);
    Ok(headers.into_iter().flatten().any(|header| {
        let text = |key: &str| header.get(key).and_then(Value::as_str);
        text("name") == Some(TASK_HEADER) && text("value") == Some(task)
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalogue::tests::catalogue;

    fn letter(task: &str, arguments: &Value) -> Result<(String, Option<String>), Error> {
        let catalogue = catalogue(&json!([
            { "name": "films", "ty": "Service", "handlers": [
                { "name": "render", "input_json_schema": { "type": "object" } } ] },
            { "name": "cart", "ty": "VirtualObject", "handlers": [{ "name": "add", "ty": "Exclusive" }] },
            { "name": "order", "ty": "Workflow", "handlers": [{ "name": "run", "ty": "Workflow" }] },
        ]));
        let request = StartRequest::sample("t1", task, arguments);
        let letter = super::letter(catalogue.find(task).unwrap(), &request)?;
        Ok((letter.path, letter.body))
    }

    #[test]
    fn arguments_become_a_path_and_a_body() {
        let is = |task: &str, arguments: Value, path: &str, body: Option<&str>| {
            let found = letter(task, &arguments).unwrap();
            assert_eq!(found, (path.to_owned(), body.map(str::to_owned)));
        };
        let film = json!({ "film": 1.0 });
        is(
            "films_render",
            film,
            "films/render/send",
            Some(r#"{"film":1.0}"#),
        );
        is(
            "cart_add",
            json!({ "key": "a/b", "input": 1 }),
            "cart/a%2Fb/add/send",
            Some("1"),
        );
        is("cart_add", json!({ "key": "k" }), "cart/k/add/send", None);
        is(
            "order_run",
            json!({ "input": null }),
            "order/t1/run/send",
            Some("null"),
        );
        is("order_run", json!({ "key": "k" }), "order/k/run/send", None);
        assert!(letter("cart_add", &json!({ "input": 1 })).is_err());
    }
}
