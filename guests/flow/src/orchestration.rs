//! One orchestration, as a component has it.

use std::future::Future;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::taskhost::durable::types;
use crate::replay::Code;
use crate::{Context, Failure};

/// Code that a history brings back to where it was.
pub trait Orchestration {
    /// Unique within the component: lower-case letters, digits and `_`.
    const NAME: &'static str;
    /// For whoever chooses among tools.
    const DESCRIPTION: Option<&'static str> = None;
    /// An object.
    type Input: DeserializeOwned + JsonSchema + 'static;
    /// Its result.
    type Output: Serialize + JsonSchema + 'static;

    /// Runs it. Called anew for each replay.
    fn run(
        context: Context,
        input: Self::Input,
    ) -> impl Future<Output = Result<Self::Output, Failure>> + 'static;
}

/// How one orchestration of a component is begun, whatever its types are.
#[derive(Clone, Copy, Debug)]
pub struct Begin {
    /// What it is called.
    pub name: &'static str,
    begin: fn(Context, &str) -> Result<Code, Failure>,
}

impl Begin {
    /// Of `O`.
    pub const fn of<O: Orchestration>() -> Self {
        Self {
            name: O::NAME,
            begin: begin::<O>,
        }
    }

    pub(crate) fn begin(&self, context: Context, input: &str) -> Result<Code, Failure> {
        (self.begin)(context, input)
    }
}

fn begin<O: Orchestration>(context: Context, input: &str) -> Result<Code, Failure> {
    let input = serde_json::from_str(input).map_err(|error| {
        Failure::new(
            "invalid-input",
            format!("the input of `{}`: {error}", O::NAME),
        )
    })?;
    let running = O::run(context, input);
    Ok(Box::pin(async move {
        let output = running.await?;
        serde_json::to_string(&output).map_err(|error| {
            let message = format!(
                "the result of `{}` cannot be written as JSON: {error}",
                O::NAME
            );
            Failure::new("unwritable", message)
        })
    }))
}

/// How tools show it.
pub fn definition<O: Orchestration>() -> types::Orchestration {
    types::Orchestration {
        name: O::NAME.to_owned(),
        description: O::DESCRIPTION.map(str::to_owned),
        input_schema: schemars::schema_for!(O::Input).to_value().to_string(),
        output_schema: Some(schemars::schema_for!(O::Output).to_value().to_string()),
    }
}
