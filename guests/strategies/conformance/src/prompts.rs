//! Prompts of every kind, and completion of their arguments.

use serde_json::{Value, json};

use crate::reply::{self, ask, elicit};
use crate::rounds::Responses;
use crate::{content, documents, lists};
use taskhost_sdk::{Caller, Error, Prompt, PromptArgument, Reference, Reply};

/// What the first argument of `test_prompt_with_arguments` may be completed to.
const PLACES: [&str; 4] = ["paris", "park", "party", "test"];

pub(crate) fn list() -> Vec<Prompt> {
    let mut prompts = vec![
        prompt("test_simple_prompt", "A text", &[]),
        prompt(
            "test_prompt_with_arguments",
            "A text with two arguments in it",
            &["arg1", "arg2"],
        ),
        prompt(
            "test_prompt_with_embedded_resource",
            "A resource, and what to do with it",
            &["resourceUri"],
        ),
        prompt(
            "test_prompt_with_image",
            "An image, and what to do with it",
            &[],
        ),
        prompt(
            "test_input_required_result_prompt",
            "Asks for a context before it is one (SEP-2322)",
            &[],
        ),
    ];
    if lists::has_extra_prompt() {
        prompts.push(prompt("test_extra_prompt", "Comes and goes", &[]));
    }
    prompts
}

pub(crate) fn get(caller: &Caller, name: &str, arguments: &str) -> Result<Reply, Error> {
    let arguments: Value = serde_json::from_str(arguments)
        .map_err(|error| Error::InvalidInput(format!("arguments of `{name}`: {error}")))?;
    let argument = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or("");
    Ok(match name {
        "test_simple_prompt" | "test_extra_prompt" => {
            says([reply::block("This is a simple prompt for testing.")])
        }
        "test_prompt_with_arguments" => says([reply::block(format!(
            "Prompt with arguments: arg1='{}', arg2='{}'",
            argument("arg1"),
            argument("arg2")
        ))]),
        "test_prompt_with_embedded_resource" => says([
            content::resource(
                argument("resourceUri"),
                "text/plain",
                "Embedded resource content for testing.",
            ),
            reply::block("Please process the embedded resource above."),
        ]),
        "test_prompt_with_image" => says([
            content::image(),
            reply::block("Please analyze the image above."),
        ]),
        "test_input_required_result_prompt" => {
            match Responses::of(caller).content("user_context", "context") {
                Some(context) => says([reply::block(format!("Mind the context: {context}"))]),
                None => ask(
                    "user_context",
                    elicit("What context shall it have?", "context", "string"),
                    None,
                ),
            }
        }
        _ => return Err(Error::UnknownTask(format!("there is no prompt `{name}`"))),
    })
}

pub(crate) fn complete(reference: &Reference, argument: &str, value: &str) -> Vec<String> {
    let values: &[&str] = match (reference, argument) {
        (Reference::Prompt(prompt), "arg1") if prompt == "test_prompt_with_arguments" => &PLACES,
        (Reference::Document(template), "id") if template == documents::TEMPLATE => {
            &["1", "12", "123"]
        }
        _ => &[],
    };
    values
        .iter()
        .filter(|known| known.starts_with(value))
        .map(|&known| known.to_owned())
        .collect()
}

/// A `GetPromptResult` of one message for each block of content.
fn says<const N: usize>(blocks: [Value; N]) -> Reply {
    let messages: Vec<Value> = blocks
        .into_iter()
        .map(|block| json!({ "role": "user", "content": block }))
        .collect();
    Reply::Answer(json!({ "messages": messages }).to_string())
}

fn prompt(name: &str, description: &str, arguments: &[&str]) -> Prompt {
    Prompt {
        name: name.into(),
        title: None,
        description: Some(description.into()),
        arguments: arguments
            .iter()
            .map(|&name| PromptArgument {
                name: name.into(),
                description: None,
                required: true,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prompt_that_is_listed_can_be_had() {
        for prompt in list() {
            assert!(
                get(&nobody(), &prompt.name, "{}").is_ok(),
                "{}",
                prompt.name
            );
        }
        assert!(get(&nobody(), "test_nothing", "{}").is_err());
    }

    #[test]
    fn completions_begin_as_what_was_typed() {
        let prompt = Reference::Prompt("test_prompt_with_arguments".into());
        assert_eq!(complete(&prompt, "arg1", "par"), ["paris", "park", "party"]);
        assert_eq!(complete(&prompt, "arg2", "par"), [] as [&str; 0]);
        let template = Reference::Document(documents::TEMPLATE.into());
        assert_eq!(complete(&template, "id", "12"), ["12", "123"]);
    }

    fn nobody() -> Caller {
        Caller {
            accepts_task: false,
            wants_progress: false,
            client_name: None,
            protocol: Some("2026-07-28".into()),
            capabilities: "{}".into(),
            input_responses: None,
            request_state: None,
        }
    }
}
