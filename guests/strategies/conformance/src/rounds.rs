//! Tools that ask by being called again, as servers do since protocol 2026-07-28 (SEP-2322).
//!
//! **Invariant:** what a client says it was asked is not believed: a response of another shape than
//! the request's counts as none, and is asked for again.

use serde_json::{Map, Value, json};

use crate::reply::{self, ask, elicit, input_required, list_roots, sample};
use crate::tool::{self, Route};
use taskhost_sdk::{Caller, Error, Reply, Tool};

pub(crate) fn tools() -> Vec<Tool> {
    tool::plain(
        Route::Rounds,
        &[
            (
                "test_input_required_result_elicitation",
                "Asks the user's name before it greets",
            ),
            (
                "test_input_required_result_sampling",
                "Asks the client's model before it answers",
            ),
            (
                "test_input_required_result_list_roots",
                "Asks for the client's roots before it lists them",
            ),
            (
                "test_input_required_result_request_state",
                "Asks once, and goes by its state when it is called again",
            ),
            (
                "test_input_required_result_multiple_inputs",
                "Asks for three things at once",
            ),
            (
                "test_input_required_result_multi_round",
                "Asks twice, one after the other",
            ),
            (
                "test_input_required_result_tampered_state",
                "Asks once, and trusts no other state than its own",
            ),
            (
                "test_input_required_result_capabilities",
                "Asks only for what the client can give",
            ),
            (
                "test_streaming_elicitation",
                "Asks, and has nothing else to say",
            ),
        ],
    )
}

pub(crate) fn call(caller: &Caller, name: &str) -> Result<Reply, Error> {
    let said = Responses::of(caller);
    // The host lets no other state through than one of ours.
    let state = caller.request_state.as_deref();
    Ok(match name {
        "test_input_required_result_elicitation" => match said.content("user_name", "name") {
            Some(name) => reply::text(format!("Hello, {name}!")),
            None => ask("user_name", ask_name(), None),
        },
        "test_input_required_result_sampling" => match said.get("capital_question") {
            Some(answer) => reply::text(format!("Sampling response: {}", sampled(answer))),
            None => ask(
                "capital_question",
                sample("What is the capital of France?"),
                None,
            ),
        },
        "test_input_required_result_list_roots" => match said.get("client_roots") {
            Some(answer) => reply::text(format!("Client roots: {}", json!(answer.get("roots")))),
            None => ask("client_roots", list_roots(), None),
        },
        "test_input_required_result_request_state"
        | "test_input_required_result_tampered_state" => match (state, said.get("confirm")) {
            (Some("confirm"), Some(_)) => reply::text("Confirmed: state-ok"),
            _ => ask(
                "confirm",
                elicit("Please confirm", "ok", "boolean"),
                Some("confirm"),
            ),
        },
        "test_input_required_result_multiple_inputs" => all_at_once(&said),
        "test_input_required_result_multi_round" => match state {
            Some("second") => reply::text("Multi-round flow complete"),
            Some("first") => ask(
                "step2",
                elicit("What is your favorite color?", "color", "string"),
                Some("second"),
            ),
            _ => ask("step1", ask_name(), Some("first")),
        },
        "test_input_required_result_capabilities" => within_capabilities(caller),
        "test_streaming_elicitation" => match said.content("value", "value") {
            Some(value) => reply::text(value),
            None => ask("value", elicit("Provide a value", "value", "string"), None),
        },
        _ => return Err(tool::unknown(name)),
    })
}

/// What every second tool wants to know.
pub(crate) fn ask_name() -> Value {
    elicit("What is your name?", "name", "string")
}

fn all_at_once(said: &Responses) -> Reply {
    let keys = ["user_name", "greeting", "client_roots"];
    if keys.into_iter().all(|key| said.get(key).is_some()) {
        return reply::text("All inputs received");
    }
    let requests = [ask_name(), sample("Generate a greeting"), list_roots()];
    input_required(keys.into_iter().zip(requests), Some("all"))
}

/// Asks for all that the client declares it can give.
fn within_capabilities(caller: &Caller) -> Reply {
    if caller.input_responses.is_some() {
        return reply::text("Capability-aware flow complete");
    }
    let declared: Value = serde_json::from_str(&caller.capabilities).unwrap_or_default();
    let requests = [
        ("elicitation", "user_name", ask_name()),
        ("sampling", "greeting", sample("Generate a greeting")),
        ("roots", "client_roots", list_roots()),
    ];
    let mut possible = requests
        .into_iter()
        .filter(|(capability, ..)| declared.get(capability).is_some())
        .map(|(_, key, request)| (key, request))
        .peekable();
    if possible.peek().is_none() {
        return reply::text("The client can be asked nothing");
    }
    input_required(possible, None)
}

/// What the client's model said.
fn sampled(answer: &Map<String, Value>) -> &str {
    answer
        .get("content")
        .and_then(|content| content.get("text"))
        .and_then(Value::as_str)
        .unwrap_or("nothing")
}

/// What the client says to an earlier round.
pub(crate) struct Responses(Map<String, Value>);

impl Responses {
    pub(crate) fn of(caller: &Caller) -> Self {
        let said = caller.input_responses.as_deref().unwrap_or("{}");
        Self(serde_json::from_str(said).unwrap_or_default())
    }

    /// The response to a request, where it is an object as they all are.
    fn get(&self, key: &str) -> Option<&Map<String, Value>> {
        self.0.get(key)?.as_object()
    }

    /// What was typed into a property of an elicitation.
    pub(crate) fn content(&self, key: &str, property: &str) -> Option<&str> {
        self.get(key)?.get("content")?.get(property)?.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_of_another_shape_is_asked_for_again() {
        for said in [None, Some("{}"), Some(r#"{"user_name":1}"#), Some("null")] {
            let reply = call(
                &caller(said, None),
                "test_input_required_result_elicitation",
            );
            assert!(matches!(reply, Ok(Reply::InputRequired(_))), "{said:?}");
        }
        let said = r#"{"user_name":{"action":"accept","content":{"name":"Ann"}},"other":7}"#;
        let reply = call(
            &caller(Some(said), None),
            "test_input_required_result_elicitation",
        );
        assert_eq!(reply, Ok(reply::text("Hello, Ann!")));
    }

    #[test]
    fn rounds_follow_each_other_by_their_state() {
        let mut state = None;
        for _ in 0..2 {
            let reply = call(
                &caller(None, state.clone()),
                "test_input_required_result_multi_round",
            );
            let Ok(Reply::InputRequired(round)) = reply else {
                panic!("{reply:?}")
            };
            assert_ne!(round.state, state);
            state = round.state;
        }
        let reply = call(
            &caller(None, state.clone()),
            "test_input_required_result_multi_round",
        );
        assert!(matches!(reply, Ok(Reply::Answer(_))));
    }

    #[test]
    fn clients_are_asked_for_what_they_declare() {
        let reply = call(
            &caller(None, None),
            "test_input_required_result_capabilities",
        );
        let Ok(Reply::InputRequired(round)) = reply else {
            panic!("{reply:?}")
        };
        let keys: Vec<_> = round.requests.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["greeting"]);
    }

    #[test]
    fn every_tool_that_is_listed_answers() {
        for tool in tools() {
            assert!(
                call(&caller(None, None), &tool.name).is_ok(),
                "{}",
                tool.name
            );
        }
    }

    fn caller(responses: Option<&str>, state: Option<String>) -> Caller {
        Caller {
            accepts_task: false,
            wants_progress: false,
            client_name: None,
            protocol: Some("2026-07-28".into()),
            capabilities: r#"{"sampling":{}}"#.into(),
            input_responses: responses.map(str::to_owned),
            request_state: state,
        }
    }
}
