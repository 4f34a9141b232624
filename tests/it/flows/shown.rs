//! Orchestrations as clients see them: by each strategy, and by the native tasks of both protocols.

use serde_json::json;
use taskhost_tests::{Era, LONG, wait_for, wait_until};

use super::{flows_by, ready};

#[test]
fn every_strategy_shows_an_orchestration_and_its_question() {
    let response = json!({ "go": true });
    // What begins it, what tells how it stands, what answers, and where the token goes.
    for (strategy, begin, look, answer) in [
        (
            "polling",
            json!(["asks_start", {}]),
            "asks_status",
            "asks_answer",
        ),
        (
            "adaptive",
            json!(["asks", {}]),
            "task_status",
            "task_answer",
        ),
        (
            "single-tool",
            json!(["asks", { "action": "start" }]),
            "asks",
            "asks",
        ),
        (
            "operation-resource",
            json!(["asks", {}]),
            "task_status",
            "task_answer",
        ),
        (
            "dispatcher",
            json!(["start_background_task", { "task_type": "asks", "params": {} }]),
            "get_task_status",
            "get_task_status",
        ),
    ] {
        let host = ready(flows_by(strategy));
        let client = host.client();
        let call = json!({ "name": begin[0], "arguments": begin[1] });
        let called = client.request("tools/call", &call).unwrap();
        let begun = &called["structuredContent"];
        let token = ["token", "task_id"]
            .into_iter()
            .find_map(|key| begun[key].as_str());
        let token = token.unwrap_or_else(|| panic!("{strategy}: {begun}"));
        let look = || {
            let about = match strategy {
                "dispatcher" => json!({ "task_id": token }),
                "single-tool" => json!({ "action": "check", "token": token }),
                _ => json!({ "token": token }),
            };
            client.call(look, &about).payload().clone()
        };
        let asked = wait_for(LONG, &format!("{strategy}: it asks"), || {
            let seen = look();
            (seen["status"] == "INPUT_REQUIRED").then_some(seen)
        });
        let key = &asked["questions"][0]["key"];
        let said = json!({ "key": key, "response": response });
        let told = match strategy {
            "dispatcher" => json!({ "task_id": token, "answer": said }),
            "single-tool" => json!({ "action": "answer", "token": token, "answer": said }),
            _ => json!({ "token": token, "key": key, "response": response }),
        };
        assert!(!client.call(answer, &told).is_error(), "{strategy}");
        wait_until(LONG, &format!("{strategy}: it is over"), || {
            look()["status"] == "COMPLETED"
        });
    }
}

#[test]
fn what_waits_answers_with_the_result_and_asks_in_the_middle_of_the_call() {
    let answered = json!({ "go": true, "note": "fine" });
    let asks = json!({ "name": "asks", "arguments": {} });

    let host = flows_by("blocking").launch();
    let client = host.client();
    client.introduce(&json!({ "elicitation": {} })).unwrap();
    assert_eq!(client.call("ten", &json!({})).text(), "10");
    let call = client.send("tools/call", &asks).unwrap();
    let asked = wait_for(LONG, "the client is asked", || {
        client.notifications("elicitation/create").pop()
    });
    let result = json!({ "action": "accept", "content": answered });
    let reply = json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result });
    client.send_raw(format!("{reply}\n").as_bytes()).unwrap();
    let answer = client.answer(call).unwrap();
    assert_eq!(answer["structuredContent"], answered, "{answer}");

    let host = flows_by("blocking").era(Era::Stateless).launch();
    let asked = host.client().request("tools/call", &asks).unwrap();
    let requests = asked["inputRequests"].as_object();
    let key = requests.unwrap_or_else(|| panic!("{asked}")).keys().next();
    let mut again = asks;
    again["requestState"] = asked["requestState"].clone();
    again["inputResponses"] = json!({ key.unwrap(): result });
    let answer = host.client().request("tools/call", &again).unwrap();
    assert_eq!(answer["structuredContent"], answered, "{answer}");
}

#[test]
fn the_document_of_an_orchestration_has_its_result() {
    let host = ready(flows_by("operation-resource"));
    let call = json!({ "name": "ten", "arguments": {} });
    let begun = host.client().request("tools/call", &call).unwrap();
    let link = begun["content"].as_array().unwrap().last().unwrap();
    let document = link["uri"].as_str().unwrap().trim_end_matches("/result");
    let read = json!({ "uri": document });
    wait_until(LONG, "its document has the result", || {
        let read = host.client().request("resources/read", &read).unwrap();
        read.to_string().contains("COMPLETED")
    });
}

#[test]
fn an_orchestration_and_its_question_are_native_tasks_of_either_protocol() {
    let answered = json!({ "go": true, "note": "" });
    let response = json!({ "go": true });
    for era in [Era::Handshake, Era::Stateless] {
        let host = ready(flows_by("adaptive").over_http().era(era));
        let ten = host.client().start_native("ten", &json!({}));
        ten.until_status("completed");
        assert!(ten.result().to_string().contains("10"), "{era:?}");
        let asks = host.client().start_native("asks", &json!({}));
        let asked = asks.until_status("input_required");
        if era == Era::Handshake {
            // There it is asked while it waits for the result; a tool does as well.
            let id = asks.id();
            let open = host.client().call("task_status", &json!({ "token": id }));
            let key = &open.payload()["questions"][0]["key"];
            let told = json!({ "token": id, "key": key, "response": response });
            assert!(!host.client().call("task_answer", &told).is_error());
        } else {
            let key = asked["inputRequests"]
                .as_object()
                .unwrap()
                .keys()
                .next()
                .unwrap();
            let answer = json!({ key: { "action": "accept", "content": response } });
            let update = json!({ "taskId": asks.id(), "inputResponses": answer });
            host.client().request("tasks/update", &update).unwrap();
        }
        asks.until_status("completed");
        assert_eq!(asks.result()["structuredContent"], answered, "{era:?}");
    }
}
