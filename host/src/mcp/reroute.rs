//! Messages that rmcp would not understand, under names by which it passes them on unread.
//!
//! rmcp 3.9 knows one of the two task protocols: the extension of 2026-07-28. It has no `task` parameter,
//! no `execution` on tools, and no `taskIds` in a subscription. What it does not know, it hands to
//! [`rmcp::ServerHandler::on_custom_request`] as it came, if the method is one that it does not know
//! either. So what concerns tasks is given a name of our own before rmcp reads it:
//!
//! | protocol | method | goes on as |
//! |---|---|---|
//! | 2025-11-25 | `tools/list`, `tasks/…`, and `tools/call` with a `task` | `x-<nonce>/v1/<method>` |
//! | 2026-07-28 | `subscriptions/listen` | `x-<nonce>/v2/<method>` |
//!
//! The nonce is of this process: a client that uses such a name itself has guessed 128 bits, and is
//! refused before it comes here.
//!
//! In the other direction, the answer to `initialize` gains `capabilities.tasks` for 2025-11-25, where
//! rmcp has no field for it.

use std::borrow::Cow;
use std::fmt::Write as _;

use rmcp::model::ProtocolVersion;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The private names of one process.
#[derive(Clone, Debug)]
pub(super) struct Reroute {
    prefix: String,
}

/// Which protocol a private name belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Era {
    /// Tasks as in 2025-11-25.
    V1,
    /// From 2026-07-28 on.
    V2,
}

impl Reroute {
    /// Names that nobody can guess.
    pub(super) fn new() -> Self {
        let mut nonce = [0; 16];
        // Without randomness the names can be guessed, and what is behind them checks its caller anyway.
        _ = getrandom::fill(&mut nonce);
        let mut prefix = "x-".to_owned();
        for byte in nonce {
            _ = write!(prefix, "{byte:02x}");
        }
        prefix.push('/');
        Self { prefix }
    }

    /// The message under its private name, where it needs one. `session` is what was negotiated when the
    /// session was opened.
    pub(super) fn inbound(&self, message: &[u8], session: Option<&str>) -> Option<Value> {
        let method = method(message).ok()??;
        let candidate = ["tools/list", "tools/call", "subscriptions/listen"].contains(&&*method)
            || method.starts_with("tasks/")
            || method.starts_with(&self.prefix);
        if !candidate {
            return None;
        }
        let mut value: Value = serde_json::from_slice(message).ok()?;
        let to = self.private(&method, &value, session)?;
        value["method"] = Value::String(to);
        Some(value)
    }

    /// What `method` goes on as.
    fn private(&self, method: &str, message: &Value, session: Option<&str>) -> Option<String> {
        if method.starts_with(&self.prefix) {
            // Answered as any method that does not exist.
            return Some("x-none".to_owned());
        }
        let params = &message["params"];
        let own = params["_meta"]["io.modelcontextprotocol/protocolVersion"].as_str();
        let version = own.or(session)?;
        if version == ProtocolVersion::V_2025_11_25.as_str() {
            let ours = match method {
                "tools/call" => params["task"].is_object(),
                "subscriptions/listen" => false,
                _ => true,
            };
            return ours.then(|| format!("{}v1/{method}", self.prefix));
        }
        let modern = version >= ProtocolVersion::V_2026_07_28.as_str();
        let listens = method == "subscriptions/listen" && params["notifications"].is_object();
        (modern && listens).then(|| format!("{}v2/{method}", self.prefix))
    }

    /// The method behind a private name.
    pub(super) fn outbound<'a>(&self, method: &'a str) -> Option<(Era, &'a str)> {
        let rest = method.strip_prefix(&self.prefix)?;
        let (era, method) = rest.split_once('/')?;
        match era {
            "v1" => Some((Era::V1, method)),
            "v2" => Some((Era::V2, method)),
            _ => None,
        }
    }
}

/// The method of a message, which is read to its end and not kept: an error says that it is no JSON, or
/// no object.
pub(super) fn method(message: &[u8]) -> serde_json::Result<Option<Cow<'_, str>>> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        method: Option<Cow<'a, str>>,
    }
    Ok(serde_json::from_slice::<Head<'_>>(message)?.method)
}

/// Adds to the answer to `initialize` what rmcp has no field for. `lists`: callers can be told apart, so
/// that each may have a list of its own tasks.
pub(super) fn complete_initialize(result: &mut Value, lists: bool) {
    if result["protocolVersion"] != ProtocolVersion::V_2025_11_25.as_str() {
        return;
    }
    let mut tasks = Map::new();
    if lists {
        tasks.insert("list".to_owned(), json!({}));
    }
    tasks.insert("cancel".to_owned(), json!({}));
    tasks.insert("requests".to_owned(), json!({"tools": {"call": {}}}));
    if let Some(capabilities) = result["capabilities"].as_object_mut() {
        capabilities.insert("tasks".to_owned(), Value::Object(tasks));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goes(message: &Value, session: Option<&str>) -> Option<(Era, String)> {
        let reroute = Reroute::new();
        let rerouted = reroute.inbound(message.to_string().as_bytes(), session)?;
        assert_eq!(rerouted["params"], message["params"]);
        let method = rerouted["method"].as_str().unwrap();
        let (era, method) = reroute.outbound(method).unwrap();
        Some((era, method.to_owned()))
    }

    fn request(method: &str, params: &Value) -> Value {
        json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    }

    #[test]
    fn tasks_of_2025_11_25_are_ours() {
        let session = Some("2025-11-25");
        for method in ["tools/list", "tasks/get", "tasks/result", "tasks/list"] {
            let to = goes(&request(method, &json!({})), session);
            assert_eq!(to, Some((Era::V1, method.to_owned())));
        }
        let plain = request("tools/call", &json!({"name": "x"}));
        assert_eq!(goes(&plain, session), None);
        let augmented = request("tools/call", &json!({"name": "x", "task": {}}));
        assert!(goes(&augmented, session).is_some());
        assert_eq!(goes(&augmented, Some("2025-06-18")), None);
    }

    #[test]
    fn what_a_request_says_of_itself_counts_more_than_its_session() {
        let meta = json!({"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}});
        assert_eq!(
            goes(&request("tools/list", &meta), Some("2025-11-25")),
            None
        );
        let mut listen = meta;
        listen["notifications"] = json!({"taskIds": ["a"]});
        let to = goes(&request("subscriptions/listen", &listen), None);
        assert_eq!(to, Some((Era::V2, "subscriptions/listen".to_owned())));
    }

    #[test]
    fn a_private_name_from_outside_leads_nowhere() {
        let reroute = Reroute::new();
        let method = format!("{}v1/tasks/get", reroute.prefix);
        let message = request(&method, &json!({})).to_string();
        let rerouted = reroute.inbound(message.as_bytes(), None).unwrap();
        assert_eq!(reroute.outbound(rerouted["method"].as_str().unwrap()), None);
    }

    #[test]
    fn only_2025_11_25_is_told_of_its_tasks() {
        let mut result = json!({"protocolVersion": "2025-11-25", "capabilities": {}});
        complete_initialize(&mut result, true);
        assert_eq!(
            result["capabilities"]["tasks"],
            json!({"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}})
        );
        let mut result = json!({"protocolVersion": "2025-06-18", "capabilities": {}});
        complete_initialize(&mut result, true);
        assert_eq!(result["capabilities"], json!({}));
    }
}
