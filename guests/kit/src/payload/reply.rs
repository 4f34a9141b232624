//! A payload as an MCP `CallToolResult`.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Payload;
use crate::interface::{Error, Reply};

/// A `resource_link` beside the text.
#[derive(Debug, Serialize)]
pub struct Link {
    r#type: &'static str,
    uri: String,
    name: String,
    description: String,
    #[serde(rename = "mimeType")]
    mime_type: &'static str,
}

impl Link {
    /// A link to a JSON document.
    pub fn new(uri: String, name: String, description: String) -> Self {
        Self {
            r#type: "resource_link",
            uri,
            name,
            description,
            mime_type: "application/json",
        }
    }
}

impl Payload {
    /// The answer to the call.
    pub fn into_reply(self) -> Result<Reply, Error> {
        Ok(Reply::Answer(self.into_result(Vec::new(), None)?))
    }

    /// The MCP `CallToolResult`, with links and a `_meta`.
    pub fn into_result(self, links: Vec<Link>, meta: Option<&Value>) -> Result<String, Error> {
        #[derive(Serialize)]
        struct CallToolResult<'a> {
            content: Vec<Content<'a>>,
            #[serde(rename = "structuredContent")]
            structured: &'a RawValue,
            #[serde(rename = "isError")]
            is_error: bool,
            #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
            meta: Option<&'a Value>,
        }

        #[derive(Serialize)]
        #[serde(untagged)]
        enum Content<'a> {
            Text { r#type: &'static str, text: &'a str },
            Link(Link),
        }

        let structured = serde_json::value::to_raw_value(&self).map_err(internal)?;
        let mut content = vec![Content::Text {
            r#type: "text",
            text: structured.get(),
        }];
        content.extend(links.into_iter().map(Content::Link));
        serde_json::to_string(&CallToolResult {
            content,
            structured: &structured,
            is_error: self.is_error,
            meta,
        })
        .map_err(internal)
    }
}

/// JSON as it came.
pub(super) fn raw(json: &str) -> Result<Box<RawValue>, Error> {
    RawValue::from_string(json.to_owned()).map_err(internal)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that `map_err` wants"
)]
fn internal(error: serde_json::Error) -> Error {
    Error::Internal(error.to_string())
}
