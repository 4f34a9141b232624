//! How tools are called.
//!
//! **Invariant:** two different tools of one template never get one name. Each placeholder occurs
//! exactly once, and no action begins or ends another, so a name can be taken apart in one way only.

use crate::action::Action;

/// What the host lets a tool's name weigh.
const MOST_NAME: usize = 128;

/// What a template stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One tool for each task: `{task}`.
    Task,
    /// One tool for each action: `{action}`.
    Action,
    /// One tool for each action of each task: both.
    Both,
}

/// A template of names: `{task}_{action}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naming(String);

impl Naming {
    /// The naming that `template` describes, or why it cannot be one. `key` is where it was set.
    pub fn parse(kind: Kind, key: &str, template: &str) -> Result<Self, String> {
        let mut literal = template.to_owned();
        for placeholder in kind.placeholders() {
            let found = template.matches(placeholder).count();
            if found != 1 {
                return Err(format!(
                    "`{key}` must contain `{placeholder}` once, and `{template}` has it {found} times"
                ));
            }
            literal = literal.replace(placeholder, "");
        }
        if let Some(strange) = literal.chars().find(|&one| !is_allowed(one)) {
            return Err(format!(
                "`{key}` may contain letters, digits, `_`, `-` and `.` beside `{}`, and \
                 `{template}` has `{strange}`",
                kind.placeholders().join("` and `")
            ));
        }
        let most = MOST_NAME - kind.longest();
        if literal.len() > most {
            return Err(format!(
                "`{key}` may add {most} characters to `{}`, and `{template}` adds {}",
                kind.placeholders().join("` and `"),
                literal.len()
            ));
        }
        Ok(Self(template.into()))
    }

    /// The name of the tool of one task.
    pub fn task(&self, task: &str) -> String {
        self.0.replace(TASK, task)
    }

    /// The name of the tool for one action.
    pub fn action(&self, action: Action) -> String {
        self.0.replace(ACTION, action.word())
    }

    /// The name of the tool for one action of one task.
    pub fn tool(&self, task: &str, action: Action) -> String {
        // The action first: a task cannot contain a placeholder, but better not to depend on it.
        self.action(action).replace(TASK, task)
    }
}

const TASK: &str = "{task}";
const ACTION: &str = "{action}";

impl Kind {
    fn placeholders(self) -> &'static [&'static str] {
        match self {
            Self::Task => &[TASK],
            Self::Action => &[ACTION],
            Self::Both => &[TASK, ACTION],
        }
    }

    /// The longest task has 96 characters, the longest action 6.
    fn longest(self) -> usize {
        match self {
            Self::Task => 96,
            Self::Action => 6,
            Self::Both => 96 + 6,
        }
    }
}

fn is_allowed(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_of_a_task_stay() {
        let naming = Naming::parse(Kind::Both, "naming", "{task}_{action}").unwrap();
        assert_eq!(
            naming.tool("reports.monthly", Action::Start),
            "reports.monthly_start"
        );
    }

    #[test]
    fn each_placeholder_has_to_be_there_once() {
        let missing = Naming::parse(Kind::Both, "naming", "{task}_do").unwrap_err();
        assert!(missing.contains("`{action}` once"), "{missing}");
        assert!(Naming::parse(Kind::Both, "naming", "{task}{task}{action}").is_err());
        assert!(Naming::parse(Kind::Task, "naming", "tool").is_err());
        assert!(Naming::parse(Kind::Action, "naming", "task_{action}").is_ok());
    }

    #[test]
    fn characters_that_no_tool_may_have_are_named() {
        let strange = Naming::parse(Kind::Both, "naming", "{task} {action}").unwrap_err();
        assert!(strange.ends_with("has ` `"), "{strange}");
        assert!(Naming::parse(Kind::Task, "naming", "{task}_{action}").is_err());
    }

    #[test]
    fn a_template_that_could_grow_too_long_is_refused() {
        let both = |literal: usize| format!("{}{{task}}{{action}}", "x".repeat(literal));
        assert!(Naming::parse(Kind::Both, "naming", &both(26)).is_ok());
        assert!(Naming::parse(Kind::Both, "naming", &both(27)).is_err());
    }
}
