//! All that is kept of a task: when it began, what it was told, and what has been said to it since.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::script::Script;

/// One task, as it stands in storage.
///
/// Written by `start`, changed by `cancel` and `answer` alone. Time passing changes nothing here:
/// [`crate::course`] computes the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) started_ms: u64,
    pub(crate) script: Script,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cancel: Option<Cancel>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) answer: Option<Answer>,
}

/// Somebody asked it to stop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cancel {
    pub(crate) at_ms: u64,
    pub(crate) reason: Option<String>,
}

/// Somebody was asked its question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) at_ms: u64,
    #[serde(flatten)]
    pub(crate) said: Said,
}

/// What somebody said to a question.
///
/// Flattened into [`Answer`], which is why no variant may be a bare word.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Said {
    Response(Value),
    Declined {},
    Dismissed {},
}

impl Record {
    /// A task that begins now.
    pub(crate) fn new(started_ms: u64, script: Script) -> Self {
        Self {
            started_ms,
            script,
            cancel: None,
            answer: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_stored_reads_as_it_was_written() {
        let mut record = Record::new(7, Script::Echo { value: Value::Null });
        record.answer = Some(Answer {
            at_ms: 8,
            said: Said::Response(Value::Null),
        });
        let stored = serde_json::to_value(&record).unwrap();
        assert_eq!(
            stored,
            json!({
                "started_ms": 7,
                "script": { "echo": { "value": null } },
                "answer": { "at_ms": 8, "response": null },
            })
        );
        assert_eq!(serde_json::from_value::<Record>(stored).unwrap(), record);
    }

    #[test]
    fn a_question_without_an_answer_is_stored_too() {
        for said in [Said::Declined {}, Said::Dismissed {}] {
            let mut record = Record::new(7, Script::Spin {});
            record.answer = Some(Answer { at_ms: 8, said });
            let stored = serde_json::to_value(&record).unwrap();
            assert_eq!(serde_json::from_value::<Record>(stored).unwrap(), record);
        }
    }
}
