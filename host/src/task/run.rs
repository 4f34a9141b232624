//! The name of a run: one execution of an orchestration, which belongs to a task.
//!
//! The first run of a task has the task's id for a name. What it begins besides is called that, a mark, and
//! whatever the engine wants: so all runs of a task are found by its id, and go with it.

use std::fmt;
use std::str::FromStr;

use super::TaskId;

/// The longest name, in bytes: an id, and children of children to some depth.
pub const LONGEST: usize = 240;

/// The name of a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Run {
    task: TaskId,
    /// Empty, or a mark and printable characters of ASCII.
    rest: String,
}

impl Run {
    /// The task that it belongs to.
    pub fn task(&self) -> TaskId {
        self.task
    }

    /// What its name has behind the id. Empty: it is the task's own.
    pub fn rest(&self) -> &str {
        &self.rest
    }

    /// The task's own.
    pub fn of(task: TaskId) -> Self {
        Self {
            task,
            rest: String::new(),
        }
    }
}

/// The text is not the name of any run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a run is named by the id of its task, or by that, `.` or `#`, and at most 200 more characters"
)]
pub struct NotARun;

impl FromStr for Run {
    type Err = NotARun;

    fn from_str(text: &str) -> Result<Self, NotARun> {
        if text.len() > LONGEST {
            return Err(NotARun);
        }
        let (task, rest) = text.split_at_checked(TaskId::CHARS).ok_or(NotARun)?;
        let is_fine = rest.is_empty() || rest.starts_with(['.', '#']);
        if !is_fine || !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(NotARun);
        }
        Ok(Self {
            task: task.parse().map_err(|_| NotARun)?,
            rest: rest.to_owned(),
        })
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.task, self.rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_by_its_task() {
        let id = TaskId::new(1, 0, [7; 16]);
        for rest in ["", ".3", "#2.14.1"] {
            let name = format!("{id}{rest}");
            let run: Run = name.parse().unwrap();
            assert_eq!((run.task(), run.rest()), (id, rest));
            assert_eq!(run.to_string(), name);
        }
        for wrong in [
            "",
            "t123",
            &format!("{id}x"),
            &format!("{id}. "),
            &format!("{id}.{}", "1".repeat(300)),
        ] {
            assert_eq!(wrong.parse::<Run>(), Err(NotARun), "{wrong}");
        }
    }
}
