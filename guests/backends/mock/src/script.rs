//! What a task has been told to do: its name and its arguments, with the defaults filled in.
//!
//! Stored as it is in [`crate::record`], so a field that is renamed here makes old records
//! unreadable: they are then `unknown` to the host, and never misread.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use taskhost_sdk::Error;

/// What arguments or an answer may weigh, as text.
///
/// They are kept in one value of the host's storage, which may weigh 64 KiB. And to read a document takes
/// many times its weight: one of a few mebibytes would end the instance, and with it all other calls.
const MOST_BYTES: usize = 60 * 1024;

/// One task, ready to run.
///
/// The bounds and the words for people are in [`crate::catalogue`]; a test there compares the
/// defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Script {
    Count {
        #[serde(default = "five")]
        steps: u64,
        #[serde(default = "second")]
        step_ms: u64,
    },
    Sleep {
        #[serde(default = "second")]
        ms: u64,
    },
    Echo {
        value: Value,
    },
    Fail {
        #[serde(default = "failure_code")]
        code: String,
        #[serde(default = "failure_message")]
        message: String,
        #[serde(default)]
        after_ms: u64,
        #[serde(default)]
        retryable: bool,
        #[serde(default)]
        system: bool,
    },
    Retry {
        #[serde(default = "two")]
        attempts: u64,
        #[serde(default = "half_a_second")]
        delay_ms: u64,
    },
    Stubborn {
        #[serde(default = "minute")]
        ms: u64,
        #[serde(default = "two_seconds")]
        grace_ms: u64,
    },
    Uncancellable {
        #[serde(default = "five_seconds")]
        ms: u64,
    },
    Ask {
        #[serde(default = "question")]
        question: String,
        #[serde(default = "answer_schema")]
        schema: Value,
    },
    Chatty {
        #[serde(default = "ten")]
        lines: u64,
        #[serde(default = "tenth_of_a_second")]
        every_ms: u64,
    },
    Large {
        #[serde(default = "hundred")]
        kib: u64,
    },
    Trap {
        #[serde(default)]
        when: When,
        #[serde(default)]
        after_ms: u64,
    },
    Spin {},
    Hog {
        #[serde(default = "gibibyte")]
        mib: u64,
    },
    Rubbish {},
}

/// Where `trap` panics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum When {
    #[default]
    Start,
    Later,
}

impl Script {
    /// The script for a call of `start`.
    pub(crate) fn read(task: &str, arguments: &str) -> Result<Self, Error> {
        let known = crate::catalogue::definitions(true);
        if !known.iter().any(|definition| definition.name == task) {
            return Err(Error::UnknownTask(format!("`mock` runs no `{task}`")));
        }
        check_size(&format!("arguments of `{task}`"), arguments)?;
        // Read as a record is read, and by the same code.
        let script = format!(r#"{{"{task}":{arguments}}}"#);
        serde_json::from_str(&script).map_err(|error| {
            let words = error.to_string();
            // Where it is in a text that nobody has written is of no use.
            let (words, _) = words.split_once(" at line ").unwrap_or((&words, ""));
            Error::InvalidInput(format!("arguments of `{task}`: {words}"))
        })
    }

    /// True for the tasks that break the component instead of running.
    pub(crate) fn is_fault(&self) -> bool {
        matches!(
            self,
            Self::Trap { .. } | Self::Spin {} | Self::Hog { .. } | Self::Rubbish {}
        )
    }

    /// False: it runs to its end whatever anybody says.
    pub(crate) fn is_cancellable(&self) -> bool {
        !matches!(self, Self::Uncancellable { .. })
    }

    /// How long it goes on after it has heard that it should stop.
    pub(crate) fn grace_ms(&self) -> u64 {
        match self {
            Self::Stubborn { grace_ms, .. } => *grace_ms,
            _ => 0,
        }
    }
}

/// Refuses what is too large to be read.
pub(crate) fn check_size(what: &str, text: &str) -> Result<(), Error> {
    if text.len() <= MOST_BYTES {
        return Ok(());
    }
    Err(Error::InvalidInput(format!(
        "{what} may weigh {MOST_BYTES} bytes at most, and weigh {}",
        text.len()
    )))
}

/// What `ask` wants to hear by default: an object of simple values, since that is all that the
/// elicitation of MCP can show to a person.
fn answer_schema() -> Value {
    json!({
        "type": "object",
        "properties": { "text": { "type": "string", "title": "Your answer" } },
        "required": ["text"],
    })
}

fn question() -> String {
    "What shall I answer?".into()
}

fn failure_code() -> String {
    "MockFailure".into()
}

fn failure_message() -> String {
    "the task was told to fail".into()
}

const fn two() -> u64 {
    2
}

const fn five() -> u64 {
    5
}

const fn ten() -> u64 {
    10
}

const fn hundred() -> u64 {
    100
}

const fn tenth_of_a_second() -> u64 {
    100
}

const fn half_a_second() -> u64 {
    500
}

const fn second() -> u64 {
    1000
}

const fn two_seconds() -> u64 {
    2000
}

const fn five_seconds() -> u64 {
    5000
}

const fn minute() -> u64 {
    60_000
}

const fn gibibyte() -> u64 {
    1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_of_another_name_is_unknown_and_says_so() {
        let refused = Script::read("dance", "{}").unwrap_err();
        assert_eq!(
            refused,
            Error::UnknownTask("`mock` runs no `dance`".to_owned())
        );
    }

    #[test]
    fn arguments_that_do_not_fit_name_the_task() {
        let Err(Error::InvalidInput(words)) = Script::read("sleep", r#"{"ms":"long"}"#) else {
            panic!("it was taken");
        };
        assert!(words.starts_with("arguments of `sleep`:"), "{words}");
    }

    #[test]
    fn arguments_that_are_too_large_are_refused_before_they_are_read() {
        // Not JSON: whoever reads it says something else.
        let Err(Error::InvalidInput(words)) = Script::read("echo", &"[".repeat(12 << 20)) else {
            panic!("they were taken");
        };
        assert!(
            words.starts_with("arguments of `echo` may weigh 61440"),
            "{words}"
        );
        let fits = format!(r#"{{"value":"{}"}}"#, "x".repeat(MOST_BYTES - 12));
        assert!(Script::read("echo", &fits).is_ok());
    }

    #[test]
    fn null_is_a_value_to_echo() {
        let script = Script::read("echo", r#"{"value":null}"#).unwrap();
        assert_eq!(script, Script::Echo { value: Value::Null });
    }
}
