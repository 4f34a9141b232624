//! What a task wants to know.

use serde::Serialize;
use serde_json::value::RawValue;

use super::reply::raw;
use crate::interface::{Error, Question};

/// A question as a client reads it.
#[derive(Debug, Serialize)]
pub(super) struct OpenQuestion {
    key: String,
    message: String,
    schema: Box<RawValue>,
}

impl OpenQuestion {
    pub(super) fn of(question: &Question) -> Result<Self, Error> {
        Ok(Self {
            key: question.key.clone(),
            message: question.message.clone(),
            schema: raw(&question.schema)?,
        })
    }
}
