//! What a tool answered.

use std::fmt;

use serde_json::Value;

/// An MCP `CallToolResult`.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolAnswer(Value);

impl ToolAnswer {
    /// The structured content, which the text must repeat: clients show the one or the other.
    ///
    /// # Panics
    /// When there is none, or the text says something else.
    pub fn payload(&self) -> &Value {
        let payload = &self.0["structuredContent"];
        assert!(payload.is_object(), "no structured content: {self}");
        assert_eq!(
            &serde_json::from_str::<Value>(self.text()).unwrap(),
            payload
        );
        payload
    }

    /// The only content.
    ///
    /// # Panics
    /// When it is not one text.
    pub fn text(&self) -> &str {
        assert_eq!(
            self.0["content"].as_array().map(Vec::len),
            Some(1),
            "one content: {self}"
        );
        self.0["content"][0]["text"].as_str().unwrap()
    }

    /// Whether the model is told that something went wrong.
    pub fn is_error(&self) -> bool {
        self.0["isError"].as_bool().unwrap_or_default()
    }

    /// `PENDING` and so on.
    pub fn status(&self) -> &str {
        self.payload()["status"]
            .as_str()
            .unwrap_or_else(|| panic!("no status: {self}"))
    }

    /// What the task is known by.
    pub fn token(&self) -> String {
        let token = self.payload()["token"].as_str();
        token
            .unwrap_or_else(|| panic!("no token: {self}"))
            .to_owned()
    }
}

impl From<Value> for ToolAnswer {
    fn from(result: Value) -> Self {
        Self(result)
    }
}

impl fmt::Display for ToolAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
