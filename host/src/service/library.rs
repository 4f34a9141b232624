//! Prompts and documents of strategies, and completing arguments of them.
//!
//! The documents of tasks (`task:`) are not here: the host has them itself.

use std::sync::Arc;

use super::Service;
use super::toolbox::failed;
use crate::error::{Code, Report, nearest};
use crate::plugin::{
    CallError, CallPort, Caller, Document, DocumentBody, Reference, Refusal, Reply, Strategy,
    TaskError, ToolCaller,
};
use crate::task::Json;

impl Service {
    /// Answers one `prompts/get`.
    pub async fn get_prompt(
        &self,
        caller: Caller,
        who: ToolCaller,
        name: &str,
        arguments: &Json,
    ) -> Result<Reply, TaskError> {
        let toolbox = self.0.toolbox.borrow().clone();
        let Some((prompt, strategy)) = toolbox.prompts.get(name) else {
            let report = Report::new(Code(722), format!("there is no prompt `{name}`"));
            let near = nearest(name, toolbox.prompts.keys().map(String::as_str));
            return Err(TaskError::Unknown(match near {
                Some(near) => report.help(format!("did you mean `{near}`?")),
                None => report,
            }));
        };
        let given = arguments.value();
        if let Some(missing) = (prompt.arguments.iter())
            .find(|argument| argument.required && given.get(&argument.name).is_none())
        {
            return Err(TaskError::Invalid(Report::new(
                Code(723),
                format!("prompt `{name}` needs the argument `{}`", missing.name),
            )));
        }
        let port = CallPort::new(Arc::new(self.clone()), caller);
        strategy
            .get_prompt(port, who, name.to_owned(), arguments)
            .await
            .map_err(|error| failed(&error))
    }

    /// What is in a document of a strategy.
    pub async fn read_document(
        &self,
        caller: &Caller,
        uri: &str,
    ) -> Result<(Document, DocumentBody), TaskError> {
        let toolbox = self.0.toolbox.borrow().clone();
        let named = toolbox
            .documents
            .iter()
            .filter(|(document, _)| document.uri == uri);
        let mut asked: Vec<&str> = Vec::new();
        for (_, strategy) in named.chain(&toolbox.templates) {
            if asked.contains(&strategy.name()) {
                continue;
            }
            asked.push(strategy.name());
            let port = CallPort::new(Arc::new(self.clone()), caller.clone());
            match strategy.read_resource(port, uri.to_owned()).await {
                Err(CallError::Refused {
                    kind: Refusal::UnknownTask,
                    ..
                }) => {}
                other => return other.map_err(|error| failed(&error)),
            }
        }
        Err(TaskError::Unknown(no_document()))
    }

    /// Values for an argument of a prompt, or of a template of a strategy.
    pub async fn complete(
        &self,
        caller: &Caller,
        reference: Reference,
        argument: String,
        value: String,
    ) -> Result<Vec<String>, TaskError> {
        let toolbox = self.0.toolbox.borrow().clone();
        let strategy: Option<&Arc<dyn Strategy>> = match &reference {
            Reference::Prompt(name) => toolbox.prompts.get(name).map(|(_, strategy)| strategy),
            Reference::Document(template) => (toolbox.templates.iter())
                .find(|(known, _)| known.uri == *template)
                .map(|(_, strategy)| strategy),
        };
        let Some(strategy) = strategy else {
            return Err(TaskError::Unknown(Report::new(
                Code(724),
                "there is no such prompt, and no such resource template",
            )));
        };
        let port = CallPort::new(Arc::new(self.clone()), caller.clone());
        let mut values = strategy
            .complete(port, reference, argument, value)
            .await
            .map_err(|error| failed(&error))?;
        values.truncate(100);
        Ok(values)
    }
}

/// One text for all: whoever guesses addresses must not learn which of them exist.
fn no_document() -> Report {
    Report::new(
        Code(725),
        "no document at this address: it never existed, has expired, or belongs to someone else",
    )
}
