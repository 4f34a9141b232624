//! One task, through the four tools of the polling strategy.

use serde_json::{Value, json};

use super::{Client, ToolAnswer};
use crate::wait::{LONG, wait_for};

const FINAL: [&str; 3] = ["COMPLETED", "FAILED", "CANCELLED"];

/// Holds nothing but the token.
#[derive(Clone, Debug)]
pub struct Task<'c> {
    client: &'c Client,
    kind: String,
    token: String,
}

impl<'c> Task<'c> {
    pub(super) fn new(client: &'c Client, kind: &str, token: &str) -> Self {
        Self {
            client,
            kind: kind.to_owned(),
            token: token.to_owned(),
        }
    }

    /// What it is known by, after a restart too.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// `_status`, at once.
    pub fn status(&self) -> ToolAnswer {
        self.use_tool("status", &json!({ "token": self.token, "wait_seconds": 0 }))
    }

    /// `_result`.
    pub fn result(&self) -> ToolAnswer {
        self.use_tool("result", &json!({ "token": self.token }))
    }

    /// `_cancel`.
    pub fn cancel(&self) -> ToolAnswer {
        self.use_tool("cancel", &json!({ "token": self.token }))
    }

    /// The payload of `_status`, once `is_it` says so.
    ///
    /// # Panics
    /// When the task has ended, or a long time has passed, without.
    #[track_caller]
    pub fn until(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let what = format!("{} is {what}", self.kind);
        wait_for(LONG, &what, || {
            let wait = u32::from(!last.is_null());
            let arguments = json!({ "token": self.token, "wait_seconds": wait });
            last = self.use_tool("status", &arguments).payload().clone();
            let has_ended = FINAL.iter().any(|status| last["status"] == *status);
            assert!(is_it(&last) || !has_ended, "{what}: ended as {last}");
            is_it(&last).then(|| last.clone())
        })
    }

    /// The payload of `_status`, once its status is this one.
    #[track_caller]
    pub fn until_status(&self, status: &str) -> Value {
        self.until(status, |payload| payload["status"] == status)
    }

    /// The answer of `_result`, once the task has ended, however it did.
    #[track_caller]
    pub fn end(&self) -> ToolAnswer {
        self.until("over", |payload| {
            FINAL.iter().any(|status| payload["status"] == *status)
        });
        self.result()
    }

    fn use_tool(&self, action: &str, arguments: &Value) -> ToolAnswer {
        self.client
            .call(&format!("{}_{action}", self.kind), arguments)
    }
}
