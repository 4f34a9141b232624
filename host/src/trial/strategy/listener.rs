//! The program at the other end of a call: it keeps what it is asked, and says yes.

use std::sync::{Mutex, PoisonError};

use futures::future::BoxFuture;
use serde_json::json;

use crate::plugin::{Client, TaskError};
use crate::task::Json;

/// Answers every question in the same way.
#[derive(Default)]
pub(super) struct Listener(Mutex<Vec<String>>);

impl Listener {
    /// All that it was asked, as text.
    pub(super) fn asked(&self) -> String {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.join("\n")
    }
}

impl Client for Listener {
    fn log(&self, _: String, _: Option<String>, _: Json) {}

    fn ask(&self, _: String, params: Json) -> BoxFuture<'static, Result<Json, TaskError>> {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(params.text().to_owned());
        let answer = json!({ "action": "accept", "content": { "text": "yes" } });
        Box::pin(async move { Ok(Json::of(&answer)) })
    }
}
