//! A tool of the suite, and the way back from a call to the file that answers it.

use serde_json::{Value, json};

use taskhost_sdk::{Error, TaskSupport, Tool};

/// Which file answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Content,
    Notices,
    Questions,
    Rounds,
    Jobs,
    Lists,
}

impl Route {
    const ALL: [Self; 6] = [
        Self::Content,
        Self::Notices,
        Self::Questions,
        Self::Rounds,
        Self::Jobs,
        Self::Lists,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Notices => "notices",
            Self::Questions => "questions",
            Self::Rounds => "rounds",
            Self::Jobs => "jobs",
            Self::Lists => "lists",
        }
    }

    /// Route and tool of a route that [`tool`] wrote.
    pub(crate) fn read(text: &str) -> Result<(Self, &str), Error> {
        text.split_once(':')
            .and_then(|(word, name)| {
                let route = Self::ALL.into_iter().find(|route| route.word() == word)?;
                Some((route, name))
            })
            .ok_or_else(|| Error::Internal(format!("`{text}` is no route of `conformance`")))
    }
}

/// A tool with these arguments, which answers by itself.
pub(crate) fn tool(route: Route, name: &str, description: &str, input_schema: &Value) -> Tool {
    Tool {
        name: name.into(),
        route: format!("{}:{name}", route.word()),
        title: None,
        description: Some(description.into()),
        input_schema: input_schema.to_string(),
        output_schema: None,
        annotations: None,
        meta: None,
        task_support: TaskSupport::Forbidden,
    }
}

/// A tool without arguments for each name and description.
pub(crate) fn plain(route: Route, tools: &[(&str, &str)]) -> Vec<Tool> {
    tools
        .iter()
        .map(|(name, description)| tool(route, name, description, &no_arguments()))
        .collect()
}

pub(crate) fn no_arguments() -> Value {
    json!({ "type": "object", "properties": {} })
}

/// A call of a tool that the route does not have: the host has mixed something up.
pub(crate) fn unknown(name: &str) -> Error {
    Error::Internal(format!("`conformance` has no tool `{name}` there"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_reads_as_it_was_written() {
        for route in Route::ALL {
            let tool = tool(route, "test_it", "Tests it", &no_arguments());
            assert_eq!(Route::read(&tool.route), Ok((route, "test_it")));
        }
        assert!(Route::read("dance:test_it").is_err());
    }
}
