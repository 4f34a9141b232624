//! Answers, in the words of MCP.

use serde_json::{Value, json};

use taskhost_sdk::{InputRequired, Reply};

/// A `CallToolResult` of one text.
pub(crate) fn text(text: impl Into<String>) -> Reply {
    content(&json!([block(text)]))
}

/// A `CallToolResult` of these blocks.
pub(crate) fn content(blocks: &Value) -> Reply {
    Reply::Answer(json!({ "content": blocks }).to_string())
}

/// A `CallToolResult` that says what went wrong.
pub(crate) fn failure(text: &str) -> Reply {
    Reply::Answer(json!({ "content": [block(text)], "isError": true }).to_string())
}

/// A text as a block of content.
pub(crate) fn block(text: impl Into<String>) -> Value {
    json!({ "type": "text", "text": text.into() })
}

/// The client is to call again, with the answer to one request.
pub(crate) fn ask(key: &str, request: Value, state: Option<&str>) -> Reply {
    input_required([(key, request)], state)
}

/// The client is to call again, with answers to these requests.
pub(crate) fn input_required<'a>(
    requests: impl IntoIterator<Item = (&'a str, Value)>,
    state: Option<&str>,
) -> Reply {
    Reply::InputRequired(InputRequired {
        requests: requests
            .into_iter()
            .map(|(key, request)| (key.to_owned(), request.to_string()))
            .collect(),
        state: state.map(str::to_owned),
    })
}

/// An elicitation of one required property.
pub(crate) fn elicit(message: &str, property: &str, kind: &str) -> Value {
    json!({
        "method": "elicitation/create",
        "params": {
            "mode": "form",
            "message": message,
            "requestedSchema": {
                "type": "object",
                "properties": { property: { "type": kind } },
                "required": [property],
            },
        },
    })
}

/// A question to the client's model.
pub(crate) fn sample(prompt: &str) -> Value {
    json!({ "method": "sampling/createMessage", "params": sample_params(prompt) })
}

/// The `params` of [`sample`].
pub(crate) fn sample_params(prompt: &str) -> Value {
    json!({
        "messages": [{ "role": "user", "content": block(prompt) }],
        "maxTokens": 100,
    })
}

/// What the client lets the server see.
pub(crate) fn list_roots() -> Value {
    json!({ "method": "roots/list", "params": {} })
}
