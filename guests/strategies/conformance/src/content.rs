//! Tools that answer at once, with every kind of content.

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::reply;
use crate::tool::{self, Route};
use taskhost_sdk::{Error, Reply, Tool};

/// One red pixel.
pub(crate) const RED: &[u8] = include_bytes!("red.png");

/// A millisecond of nothing.
const SILENCE: &[u8] = include_bytes!("silence.wav");

pub(crate) fn tools() -> Vec<Tool> {
    let mut tools = tool::plain(
        Route::Content,
        &[
            ("test_simple_text", "Answers with a text"),
            ("test_image_content", "Answers with an image"),
            ("test_audio_content", "Answers with a sound"),
            ("test_embedded_resource", "Answers with a resource"),
            (
                "test_multiple_content_types",
                "Answers with a text, an image and a resource",
            ),
            ("test_error_handling", "Always fails"),
        ],
    );
    tools.extend([
        tool::tool(
            Route::Content,
            "greet",
            "Greets somebody, and is never a task",
            &json!({
                "type": "object",
                "properties": { "name": { "type": "string" } },
                "required": ["name"],
            }),
        ),
        tool::tool(
            Route::Content,
            "test_custom_header",
            "Wants its argument in a header too (SEP-2243)",
            &json!({
                "type": "object",
                "properties": { "value": { "type": "string", "x-mcp-header": "Value" } },
                "required": ["value"],
            }),
        ),
        tool::tool(
            Route::Content,
            "json_schema_2020_12_tool",
            "Has a schema with much of JSON Schema 2020-12 in it (SEP-1613, SEP-2106)",
            &vocabulary(),
        ),
    ]);
    tools
}

pub(crate) fn call(name: &str, arguments: &str) -> Result<Reply, Error> {
    let arguments: Value = serde_json::from_str(arguments)
        .map_err(|error| Error::InvalidInput(format!("arguments of `{name}`: {error}")))?;
    let argument = |name: &str| arguments.get(name).and_then(Value::as_str);
    Ok(match name {
        "test_simple_text" => reply::text("This is a simple text response for testing."),
        "test_image_content" => reply::content(&json!([image()])),
        "test_audio_content" => reply::content(&json!([{
            "type": "audio",
            "data": BASE64.encode(SILENCE),
            "mimeType": "audio/wav",
        }])),
        "test_embedded_resource" => reply::content(&json!([resource(
            "test://embedded-resource",
            "text/plain",
            "This is an embedded resource content.",
        )])),
        "test_multiple_content_types" => reply::content(&json!([
            reply::block("Multiple content types test:"),
            image(),
            resource(
                "test://mixed-content-resource",
                "application/json",
                r#"{"test":"data","value":123}"#,
            ),
        ])),
        "test_error_handling" => {
            reply::failure("This tool intentionally returns an error for testing")
        }
        "greet" => reply::text(format!("Hello, {}!", argument("name").unwrap_or("friend"))),
        "test_custom_header" => reply::text(argument("value").unwrap_or_default()),
        "json_schema_2020_12_tool" => {
            reply::text(format!("Hello, {}!", argument("name").unwrap_or("world")))
        }
        _ => return Err(tool::unknown(name)),
    })
}

/// An image as a block of content.
pub(crate) fn image() -> Value {
    json!({ "type": "image", "data": BASE64.encode(RED), "mimeType": "image/png" })
}

/// A resource as a block of content.
pub(crate) fn resource(uri: &str, mime_type: &str, text: &str) -> Value {
    json!({
        "type": "resource",
        "resource": { "uri": uri, "mimeType": mime_type, "text": text },
    })
}

/// The suite's own, to the letter: it looks for each of these words in what clients are shown.
fn vocabulary() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": {
                    "street": { "type": "string" },
                    "city": { "type": "string" },
                },
            },
        },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" },
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": {
            "properties": { "contactMethod": { "const": "phone" } },
            "required": ["contactMethod"],
        },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_that_is_listed_answers() {
        for tool in tools() {
            let reply = call(&tool.name, r#"{"name":"Ann","value":"x"}"#).unwrap();
            let Reply::Answer(answer) = reply else {
                panic!("{reply:?}")
            };
            let answer: Value = serde_json::from_str(&answer).unwrap();
            assert!(answer["content"][0]["type"].is_string(), "{}", tool.name);
        }
    }

    #[test]
    fn only_the_tool_that_fails_fails() {
        for tool in tools() {
            let Ok(Reply::Answer(answer)) = call(&tool.name, "{}") else {
                panic!("{}", tool.name)
            };
            assert_eq!(
                answer.contains(r#""isError":true"#),
                tool.name == "test_error_handling",
                "{}",
                tool.name
            );
        }
    }
}
