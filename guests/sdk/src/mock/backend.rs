//! A backend under test.

use std::rc::Rc;

use serde_json::Value;

use super::Host;
use crate::backend::{Backend, StartRequest};
use crate::settings::Settings as _;
use crate::{Error, Work};

impl Host {
    /// The backend with this configuration, after its `init`.
    pub fn backend<B: Backend>(&self, config: &Value) -> Result<Rc<B>, Error> {
        let backend = Rc::new(B::new(B::Config::read(&config.to_string())?)?);
        self.run(backend.clone().init())?;
        Ok(backend)
    }
}

impl StartRequest {
    /// A request to start `task` under `id`, for tests.
    pub fn sample(id: &str, task: &str, arguments: &Value) -> Self {
        Self {
            id: id.into(),
            task: task.into(),
            arguments: arguments.to_string(),
            deadline_ms: None,
            options: "{}".into(),
        }
    }
}

impl Work {
    /// The work `id`, for tests.
    pub fn sample(id: &str, handle: &str) -> Self {
        Self {
            id: id.into(),
            handle: handle.into(),
        }
    }
}
