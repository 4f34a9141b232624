//! What each action needs, which the schema of the tool cannot say.

use serde::Deserialize;
use serde_json::value::RawValue;
use taskhost_strategy_kit::input::Answer;

use crate::verb::Verb;

/// The arguments of a call, as they came.
#[derive(Debug, Deserialize)]
pub(crate) struct Typed {
    action: Verb,
    arguments: Option<Box<RawValue>>,
    token: Option<String>,
    #[serde(default)]
    wait_seconds: f64,
    answer: Option<Answer>,
    reason: Option<String>,
}

/// What a call wants, with all that it takes.
#[derive(Debug)]
pub(crate) enum Wish {
    Start {
        arguments: String,
    },
    Check {
        token: String,
        wait_seconds: f64,
    },
    Result {
        token: String,
    },
    Answer {
        token: String,
        answer: Answer,
    },
    Cancel {
        token: String,
        reason: Option<String>,
    },
}

/// Something is missing, or too much: what, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lack {
    pub(crate) why: String,
    pub(crate) next: String,
}

impl Typed {
    /// The wish, or what it lacks. `tool` is what the tool is called.
    pub(crate) fn wish(self, tool: &str) -> Result<Wish, Lack> {
        let verb = self.action;
        if verb == Verb::Start {
            if self.token.is_some() {
                return Err(Lack {
                    why: "action `start` takes no `token`: it starts another task".into(),
                    next: format!(
                        "Call `{tool}` with action \"check\" and this token to see how far that \
                         task is. Start another only if it is wanted too."
                    ),
                });
            }
            let arguments = self.arguments.map(|arguments| arguments.get().to_owned());
            return Ok(Wish::Start {
                arguments: arguments.unwrap_or_else(|| "{}".into()),
            });
        }
        let word = verb.word();
        let Some(token) = self.token else {
            return Err(Lack {
                why: format!("action `{word}` needs `token`, which is missing"),
                next: format!(
                    "Call `{tool}` again with action \"{word}\" and the token that action \
                     \"start\" gave. Do not start it again for that."
                ),
            });
        };
        Ok(match verb {
            Verb::Start | Verb::Check => Wish::Check {
                token,
                wait_seconds: self.wait_seconds,
            },
            Verb::Result => Wish::Result { token },
            Verb::Cancel => Wish::Cancel {
                token,
                reason: self.reason,
            },
            Verb::Answer => {
                let Some(answer) = self.answer else {
                    return Err(Lack {
                        why: "action `answer` needs `answer`, which is missing".into(),
                        next: format!(
                            "Call `{tool}` again with action \"answer\", this token and `answer` \
                             {{key, response}}; action \"check\" shows the `questions`."
                        ),
                    });
                };
                Wish::Answer { token, answer }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_without_arguments_has_none() {
        let wish = wish(r#"{"action":"start"}"#).unwrap();
        assert!(matches!(wish, Wish::Start { arguments } if arguments == "{}"));
    }

    #[test]
    fn what_is_missing_is_named() {
        for action in ["check", "result", "cancel", "answer"] {
            let lack = wish(&format!(r#"{{"action":"{action}"}}"#)).unwrap_err();
            assert_eq!(
                lack.why,
                format!("action `{action}` needs `token`, which is missing")
            );
        }
        let lack = wish(r#"{"action":"answer","token":"t"}"#).unwrap_err();
        assert!(lack.why.contains("needs `answer`"), "{}", lack.why);
    }

    #[test]
    fn a_start_with_a_token_is_taken_for_a_mistake() {
        let lack = wish(r#"{"action":"start","token":"t"}"#).unwrap_err();
        assert!(lack.next.contains("\"check\""), "{}", lack.next);
    }

    #[test]
    fn an_answer_of_null_is_an_answer() {
        let text = r#"{"action":"answer","token":"t","answer":{"key":"k","response":null}}"#;
        let Ok(Wish::Answer { answer, .. }) = wish(text) else {
            panic!("it was not taken");
        };
        assert_eq!(answer.response.get(), "null");
    }

    fn wish(text: &str) -> Result<Wish, Lack> {
        serde_json::from_str::<Typed>(text).unwrap().wish("render")
    }
}
