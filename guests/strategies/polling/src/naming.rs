//! How the tools of a task are called.
//!
//! **Invariant:** two different tools never get one name. Both placeholders occur exactly once, and
//! no action begins or ends another, so a name can be taken apart in one way only.

use crate::action::Action;

const TASK: &str = "{task}";
const ACTION: &str = "{action}";

/// What the host lets a tool's name weigh, less the longest task (96) and the longest action (6).
const MOST_LITERAL: usize = 128 - 96 - 6;

/// A template of names: `{task}_{action}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Naming(String);

impl Naming {
    pub(crate) const DEFAULT: &'static str = "{task}_{action}";

    /// The naming that `template` describes, or why it cannot be one.
    pub(crate) fn parse(template: &str) -> Result<Self, String> {
        for placeholder in [TASK, ACTION] {
            let found = template.matches(placeholder).count();
            if found != 1 {
                return Err(format!(
                    "`naming` must contain `{placeholder}` once, and `{template}` has it {found} times"
                ));
            }
        }
        let literal = template.replace(TASK, "").replace(ACTION, "");
        if let Some(strange) = literal.chars().find(|&one| !is_allowed(one)) {
            return Err(format!(
                "`naming` may contain letters, digits, `_`, `-` and `.` beside `{TASK}` and \
                 `{ACTION}`, and `{template}` has `{strange}`"
            ));
        }
        if literal.len() > MOST_LITERAL {
            return Err(format!(
                "`naming` may add {MOST_LITERAL} characters to task and action, and `{template}` \
                 adds {}",
                literal.len()
            ));
        }
        Ok(Self(template.into()))
    }

    /// The name of one tool.
    pub(crate) fn tool(&self, task: &str, action: Action) -> String {
        // The action first: a task cannot contain a placeholder, but better not to depend on it.
        self.0.replace(ACTION, action.word()).replace(TASK, task)
    }
}

impl Default for Naming {
    fn default() -> Self {
        Self(Self::DEFAULT.into())
    }
}

fn is_allowed(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_one_that_would_be_accepted() {
        assert_eq!(Naming::parse(Naming::DEFAULT), Ok(Naming::default()));
    }

    #[test]
    fn dots_of_a_task_stay() {
        let name = Naming::default().tool("reports.monthly", Action::Start);
        assert_eq!(name, "reports.monthly_start");
    }

    #[test]
    fn each_placeholder_has_to_be_there_once() {
        let missing = Naming::parse("{task}_do").unwrap_err();
        assert!(missing.contains("`{action}` once"), "{missing}");
        assert!(Naming::parse("{task}{task}{action}").is_err());
    }

    #[test]
    fn characters_that_no_tool_may_have_are_named() {
        let strange = Naming::parse("{task} {action}").unwrap_err();
        assert!(strange.ends_with("has ` `"), "{strange}");
        assert!(Naming::parse("{task}_{verb}_{action}").is_err());
    }

    #[test]
    fn a_template_that_could_grow_too_long_is_refused() {
        assert!(Naming::parse(&format!("{}{{task}}{{action}}", "x".repeat(26))).is_ok());
        assert!(Naming::parse(&format!("{}{{task}}{{action}}", "x".repeat(27))).is_err());
    }
}
