//! Waiting inside a call until there is an answer to it.
//!
//! A task that asks something is answered on the way, where the client can be asked: over its
//! connection, or from protocol 2026-07-28 on by a reply after which it calls again. That second
//! call brings the task's id along, so nothing is started twice.

use serde_json::{Map, Value, json};

use crate::follow::{follow, within};
use crate::guide::Guide;
use crate::interface::{
    Call, Caller, Error, InputRequired, Observation, Question, Reply, Snapshot, StartOptions,
    timers,
};
use crate::lookup::{self, Refusal};
use crate::pulse::Pulse;
use crate::question::{self, Way};

/// A call may take a minute, and what is left after this is for the answer.
const MOST_MS: u64 = 55_000;

/// How long the work is given after an answer, however late that came.
const AFTER_ANSWER_MS: u64 = 5_000;

/// How long a call waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// In all.
    pub limit_ms: u64,
    /// Between two signs of life.
    pub heartbeat_ms: u64,
}

/// How the waiting ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// The task is over.
    Over(Snapshot),
    /// The client has to say something first. The reply to the call.
    Ask(Reply),
    /// The task asks, and this client cannot be asked; or its answer was not taken, and why.
    Asks(Snapshot, Option<String>),
    /// It goes on.
    Late(Snapshot),
}

/// The task that this call is about: a new one, or the one that the call brings answers for.
pub async fn begin(
    call: &Call,
    caller: &Caller,
    task: &str,
    arguments: String,
    options: StartOptions,
    guide: &Guide,
) -> Result<Snapshot, Refusal> {
    if let Some(id) = &caller.request_state {
        return lookup::find(call, id.clone(), guide).await;
    }
    Ok(call.start(task.into(), arguments, options).await?)
}

/// The options of a start that has none but what becomes of the task without its call.
pub fn options(with_call: bool) -> StartOptions {
    StartOptions {
        idempotency_key: None,
        retention_ms: None,
        timeout_ms: None,
        options: None,
        with_call,
    }
}

/// Waits for a task that was started by this call, or by an earlier one that `caller` answers now.
pub async fn wait(
    call: &Call,
    caller: &Caller,
    mut snapshot: Snapshot,
    patience: Patience,
) -> Result<Ending, Error> {
    let begun_ms = timers::now_ms();
    let mut until_ms = begun_ms.saturating_add(patience.limit_ms.min(MOST_MS));
    let mut pulse = Pulse::new(patience.heartbeat_ms, begun_ms);
    let mut answered: Vec<String> = Vec::new();
    for (question, result) in brought(&snapshot, caller) {
        match put(call, &snapshot, &question, &result).await? {
            Ok(newer) => snapshot = newer,
            Err(why) => return Ok(Ending::Asks(snapshot, Some(why))),
        }
        answered.push(question.key);
    }
    loop {
        snapshot = follow(call, caller, snapshot, until_ms, &mut pulse, |snapshot| {
            is_over(snapshot) || open(snapshot, &answered).is_some()
        })
        .await?;
        if is_over(&snapshot) {
            return Ok(Ending::Over(snapshot));
        }
        let Some(question) = open(&snapshot, &answered).cloned() else {
            return Ok(Ending::Late(snapshot));
        };
        let result = match Way::to(caller) {
            None => return Ok(Ending::Asks(snapshot, None)),
            Some(Way::Reply) => return Ok(Ending::Ask(reply(&snapshot, caller)?)),
            Some(Way::Request) => {
                let end_ms = begun_ms.saturating_add(MOST_MS);
                let left_ms = end_ms.saturating_sub(timers::now_ms());
                let params = question::params(&question, caller)?.to_string();
                let asked = within(left_ms, call.ask(question::METHOD.into(), params)).await;
                // Whatever went wrong with asking, the question is still open.
                let Some(Ok(result)) = asked else {
                    return Ok(Ending::Asks(call.get(snapshot.id).await?, None));
                };
                serde_json::from_str(&result).unwrap_or_default()
            }
        };
        match put(call, &snapshot, &question, &result).await? {
            Ok(newer) => snapshot = newer,
            Err(why) => return Ok(Ending::Asks(snapshot, Some(why))),
        }
        answered.push(question.key);
        // The person took their time; the work gets some too.
        let now_ms = timers::now_ms();
        let end_ms = begun_ms.saturating_add(MOST_MS);
        until_ms = until_ms.max(end_ms.min(now_ms.saturating_add(AFTER_ANSWER_MS)));
    }
}

/// The reply that asks all open questions, and finds the task again.
fn reply(snapshot: &Snapshot, caller: &Caller) -> Result<Reply, Error> {
    let requests = questions(snapshot)
        .iter()
        .map(|question| {
            let params = question::params(question, caller)?;
            let request = json!({ "method": question::METHOD, "params": params });
            Ok((question.key.clone(), request.to_string()))
        })
        .collect::<Result<_, Error>>()?;
    Ok(Reply::InputRequired(InputRequired {
        requests,
        state: Some(snapshot.id.clone()),
    }))
}

/// Open questions that this call brings a result of an elicitation for.
fn brought(snapshot: &Snapshot, caller: &Caller) -> Vec<(Question, Value)> {
    let results: Map<String, Value> = match (&caller.request_state, &caller.input_responses) {
        (Some(_), Some(results)) => serde_json::from_str(results).unwrap_or_default(),
        _ => Map::new(),
    };
    questions(snapshot)
        .iter()
        .filter_map(|question| Some((question.clone(), results.get(&question.key)?.clone())))
        .collect()
}

/// Answers a question. Inside: why the answer was not taken.
async fn put(
    call: &Call,
    snapshot: &Snapshot,
    question: &Question,
    result: &Value,
) -> Result<Result<Snapshot, String>, Error> {
    let response = match question::response(question, result) {
        Ok(response) => response,
        Err(why) => return Ok(Err(why)),
    };
    let id = snapshot.id.clone();
    match call.answer(id, question.key.clone(), response).await {
        Ok(newer) => Ok(Ok(newer)),
        Err(Error::InvalidInput(why)) => Ok(Err(why)),
        Err(other) => Err(other),
    }
}

fn is_over(snapshot: &Snapshot) -> bool {
    matches!(snapshot.observation, Observation::Finished(_))
}

/// The first question that nobody has answered in this call. A backend may need a moment to see
/// that one was.
fn open<'a>(snapshot: &'a Snapshot, answered: &[String]) -> Option<&'a Question> {
    questions(snapshot)
        .iter()
        .find(|question| !answered.contains(&question.key))
}

fn questions(snapshot: &Snapshot) -> &[Question] {
    match &snapshot.observation {
        Observation::InputRequired(questions) => questions,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{asking, caller};

    #[test]
    fn a_reply_asks_every_open_question_by_its_key_and_names_the_task() {
        let Ok(Reply::InputRequired(asked)) = reply(&asking(), &caller()) else {
            panic!("it does not ask");
        };
        assert_eq!(asked.state.as_deref(), Some("t1"));
        let [(key, request)] = asked.requests.as_slice() else {
            panic!("{asked:?}");
        };
        let request: Value = serde_json::from_str(request).unwrap();
        assert_eq!(key, "k");
        assert_eq!(request["method"], "elicitation/create");
        assert_eq!(request["params"]["message"], "which?");
    }

    #[test]
    fn answers_count_only_with_the_state_they_belong_to() {
        let responses = r#"{"k":{"action":"accept","content":{"answer":"a"}},"strange":{}}"#;
        let mut caller = Caller {
            input_responses: Some(responses.into()),
            ..caller()
        };
        assert_eq!(brought(&asking(), &caller), []);
        caller.request_state = Some("t1".into());
        let brought = brought(&asking(), &caller);
        assert_eq!(brought.len(), 1);
        assert_eq!(brought[0].0.key, "k");
    }

    #[test]
    fn a_question_that_was_answered_is_not_open_even_if_it_is_still_shown() {
        assert!(open(&asking(), &[]).is_some());
        assert!(open(&asking(), &["k".into()]).is_none());
    }
}
