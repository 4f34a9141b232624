//! One task in the client's own task protocol, of either era.

use serde_json::{Value, json};

use super::{Client, Era, RpcError};
use crate::wait::{LONG, wait_for};

const FINAL: [&str; 3] = ["completed", "failed", "cancelled"];

/// Holds nothing but the id.
#[derive(Clone, Debug)]
pub struct NativeTask<'c> {
    client: &'c Client,
    id: String,
}

impl<'c> NativeTask<'c> {
    pub(super) fn new(client: &'c Client, id: &str) -> Self {
        Self {
            client,
            id: id.to_owned(),
        }
    }

    /// What it is known by, after a restart too.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `tasks/get`, which may be refused.
    pub fn try_get(&self) -> Result<Value, RpcError> {
        self.ask("tasks/get")
    }

    /// `tasks/get`.
    ///
    /// # Panics
    /// When it is refused.
    pub fn get(&self) -> Value {
        self.try_get()
            .unwrap_or_else(|e| panic!("{}: {e}", self.id))
    }

    /// `tasks/cancel`.
    ///
    /// # Panics
    /// When it is refused.
    pub fn cancel(&self) -> Value {
        self.ask("tasks/cancel")
            .unwrap_or_else(|e| panic!("{}: {e}", self.id))
    }

    /// The answer of `tasks/get`, once `is_it` says so.
    ///
    /// # Panics
    /// When the task has ended, or a long time has passed, without.
    #[track_caller]
    pub fn until(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        wait_for(LONG, &format!("{} is {what}", self.id), || {
            let task = self.get();
            assert!(is_it(&task) || !is_final(&task), "ended as {task}");
            is_it(&task).then_some(task)
        })
    }

    /// The answer of `tasks/get`, once its status is this one.
    #[track_caller]
    pub fn until_status(&self, status: &str) -> Value {
        self.until(status, |task| task["status"] == status)
    }

    /// What the call would have returned, once the task has completed.
    ///
    /// # Panics
    /// When it ends otherwise.
    #[track_caller]
    pub fn result(&self) -> Value {
        let task = self.until_status("completed");
        match self.client.era {
            Era::Handshake => self
                .ask("tasks/result")
                .unwrap_or_else(|e| panic!("{}: {e}", self.id)),
            Era::Stateless => task["result"].clone(),
        }
    }

    fn ask(&self, method: &str) -> Result<Value, RpcError> {
        self.client.request(method, &json!({ "taskId": self.id }))
    }
}

/// Whether nothing more can come of it.
pub(super) fn is_final(task: &Value) -> bool {
    FINAL.iter().any(|status| task["status"] == *status)
}
