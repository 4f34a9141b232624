//! `cargo test`: against a host of the sdk's own, in no time.

use std::rc::Rc;

use serde_json::{Value, json};
use taskhost_sdk::mock::Host;

use super::*;

#[test]
fn short_work_is_answered_at_once() {
    let host = host(2_000);
    let answer = call(&host, "start work", &json!({}));
    assert_eq!(answer["content"][0]["text"], "\"done\"");
}

#[test]
fn long_work_is_answered_with_an_id_and_waited_for_again() {
    let host = host(15_000);
    let answer = call(&host, "start work", &json!({}));
    let answer = &answer["structuredContent"];
    assert_eq!(answer["running"], true);
    let answer = call(&host, "check work", &json!({ "id": answer["id"] }));
    assert_eq!(answer["content"][0]["text"], "\"done\"");
}

#[test]
fn work_is_stopped_when_asked() {
    let host = host(600_000);
    let answer = call(&host, "start work", &json!({}));
    let id = &answer["structuredContent"]["id"];
    call(&host, "check work", &json!({ "id": id, "stop": true }));
    assert!(host.started()[0].cancel_requested);
}

#[test]
fn a_question_is_passed_on_and_its_answer_too() {
    let question = Question {
        key: "name".into(),
        message: "Who is it for?".into(),
        schema: json!({ "type": "string" }).to_string(),
    };
    let host = Host::new().task("work", move |course| match course.answers.get("name") {
        None => Observation::InputRequired(vec![question.clone()]),
        Some(_) => Observation::completed("done"),
    });
    let answer = call(&host, "start work", &json!({}));
    let answer = &answer["structuredContent"];
    assert_eq!(answer["questions"][0]["message"], "Who is it for?");
    let arguments = json!({ "id": answer["id"], "answers": { "name": "Ada" } });
    let answer = call(&host, "check work", &arguments);
    assert_eq!(answer["content"][0]["text"], "\"done\"");
}

/// A host with one kind of task, which takes so long.
fn host(takes_ms: u64) -> Host {
    Host::new().task("work", move |course| {
        if course.ran_ms < takes_ms {
            Observation::running()
        } else {
            Observation::completed("done")
        }
    })
}

fn call(host: &Host, route: &str, arguments: &Value) -> Value {
    let plugin = Rc::new(Plugin::new(Config::default()).unwrap());
    let caller = Caller {
        accepts_task: false,
        wants_progress: false,
        client_name: None,
        protocol: None,
        capabilities: "{}".into(),
        input_responses: None,
        request_state: None,
    };
    let reply = host.run(plugin.call_tool(&host.call(), &caller, route, arguments.to_string()));
    match reply.unwrap() {
        Reply::Answer(json) => serde_json::from_str(&json).unwrap(),
        other => panic!("no answer: {other:?}"),
    }
}
