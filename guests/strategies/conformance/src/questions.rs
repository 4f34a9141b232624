//! Tools that ask the client within the call, as servers did until protocol 2025-11-25.

use serde_json::{Value, json};

use crate::reply;
use crate::tool::{self, Route};
use taskhost_sdk::{Call, Caller, Error, Reply, RpcError, Tool};

/// `MissingRequiredClientCapability`.
const MISSING_CAPABILITY: i32 = -32021;

pub(crate) fn tools() -> Vec<Tool> {
    let one = |name: &str, description: &str, argument: &str| {
        let schema = json!({
            "type": "object",
            "properties": { argument: { "type": "string" } },
            "required": [argument],
        });
        tool::tool(Route::Questions, name, description, &schema)
    };
    let mut tools = vec![
        one("test_sampling", "Asks the client's model", "prompt"),
        one("test_elicitation", "Asks the user", "message"),
    ];
    tools.extend(tool::plain(
        Route::Questions,
        &[
            (
                "test_elicitation_sep1034_defaults",
                "Asks the user, with a default for each answer (SEP-1034)",
            ),
            (
                "test_elicitation_sep1330_enums",
                "Asks the user to choose, in every way there is (SEP-1330)",
            ),
            (
                "test_missing_capability",
                "Is for clients with sampling only",
            ),
        ],
    ));
    tools
}

pub(crate) async fn call(
    call: &Call,
    caller: &Caller,
    name: &str,
    arguments: &str,
) -> Result<Reply, Error> {
    let arguments: Value = serde_json::from_str(arguments)
        .map_err(|error| Error::InvalidInput(format!("arguments of `{name}`: {error}")))?;
    let argument = |name: &str| arguments.get(name).and_then(Value::as_str);
    match name {
        "test_sampling" => {
            let params = reply::sample_params(argument("prompt").unwrap_or_default());
            let said = ask(call, "sampling/createMessage", &params).await?;
            let text = said.pointer("/content/text").and_then(Value::as_str);
            let text = text.unwrap_or("nothing");
            Ok(reply::text(format!("LLM response: {text}")))
        }
        "test_elicitation" => {
            let schema = json!({
                "type": "object",
                "properties": {
                    "username": { "type": "string", "description": "User's response" },
                    "email": { "type": "string", "description": "User's email address" },
                },
                "required": ["username", "email"],
            });
            let message = argument("message").unwrap_or_default();
            elicit(call, "User response", message, &schema).await
        }
        "test_elicitation_sep1034_defaults" => {
            let message = "Please review and update the form fields with defaults";
            elicit(call, "Elicitation completed", message, &defaults()).await
        }
        "test_elicitation_sep1330_enums" => {
            elicit(call, "Elicitation completed", "Please choose", &enums()).await
        }
        "test_missing_capability" => Ok(with_sampling(caller)),
        _ => Err(tool::unknown(name)),
    }
}

async fn elicit(call: &Call, what: &str, message: &str, schema: &Value) -> Result<Reply, Error> {
    let params = json!({ "message": message, "requestedSchema": schema });
    let said = ask(call, "elicitation/create", &params).await?;
    let action = said.get("action").and_then(Value::as_str).unwrap_or("none");
    let content = said.get("content").unwrap_or(&Value::Null);
    Ok(reply::text(format!(
        "{what}: action={action}, content={content}"
    )))
}

async fn ask(call: &Call, method: &str, params: &Value) -> Result<Value, Error> {
    let said = call.ask(method.to_owned(), params.to_string()).await?;
    serde_json::from_str(&said).map_err(|error| Error::Internal(error.to_string()))
}

/// The way to refuse a client that lacks something, on protocol 2026-07-28.
fn with_sampling(caller: &Caller) -> Reply {
    let declared: Value = serde_json::from_str(&caller.capabilities).unwrap_or_default();
    if declared.get("sampling").is_some() {
        return reply::text("The client has sampling");
    }
    Reply::Refused(RpcError {
        code: MISSING_CAPABILITY,
        message: "Missing required client capability".into(),
        data: Some(json!({ "requiredCapabilities": { "sampling": {} } }).to_string()),
    })
}

fn defaults() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "description": "User name", "default": "John Doe" },
            "age": { "type": "integer", "description": "User age", "default": 30 },
            "score": { "type": "number", "description": "User score", "default": 95.5 },
            "status": {
                "type": "string",
                "description": "User status",
                "enum": ["active", "inactive", "pending"],
                "default": "active",
            },
            "verified": {
                "type": "boolean",
                "description": "Verification status",
                "default": true,
            },
        },
        "required": [],
    })
}

fn enums() -> Value {
    let titled = |titles: [&str; 3]| -> Value {
        ["value1", "value2", "value3"]
            .into_iter()
            .zip(titles)
            .map(|(value, title)| json!({ "const": value, "title": title }))
            .collect()
    };
    let options = json!(["option1", "option2", "option3"]);
    json!({
        "type": "object",
        "properties": {
            "untitledSingle": { "type": "string", "enum": options },
            "titledSingle": {
                "type": "string",
                "oneOf": titled(["First Option", "Second Option", "Third Option"]),
            },
            "legacyEnum": {
                "type": "string",
                "enum": ["opt1", "opt2", "opt3"],
                "enumNames": ["Option One", "Option Two", "Option Three"],
            },
            "untitledMulti": { "type": "array", "items": { "type": "string", "enum": options } },
            "titledMulti": {
                "type": "array",
                "items": { "anyOf": titled(["First Choice", "Second Choice", "Third Choice"]) },
            },
        },
        "required": [],
    })
}
