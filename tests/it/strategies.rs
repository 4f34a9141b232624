//! Each strategy as clients see it, with the mock backend behind it.

use serde_json::{Value, json};
use taskhost_tests::{Client, Host, HostBuilder, SHORT, ToolAnswer, wait_for, wait_until};

const NEVER: u64 = 600_000;

mod adaptive {
    use super::*;

    #[test]
    fn quick_work_answers_with_its_result() {
        let host = start("adaptive", &[]);
        let answer = host
            .client()
            .call("count", &json!({ "steps": 2, "step_ms": 50 }));
        assert!(!answer.is_error(), "{answer}");
        assert_eq!(answer.payload(), &json!({ "counted": 2 }));
        let answer = host.client().call("echo", &json!({ "value": "as it is" }));
        assert_eq!(answer.text(), "as it is");
    }

    #[test]
    fn work_that_fails_is_an_error_of_the_tool() {
        let host = start("adaptive", &[]);
        let answer = host
            .client()
            .call("fail", &json!({ "code": "Broken", "message": "for good" }));
        assert!(answer.is_error(), "{answer}");
        assert_eq!(answer.text(), "Broken: for good");
    }

    #[test]
    fn work_that_takes_longer_is_handed_over_and_its_result_fetched_later() {
        let host = start("adaptive", &["adaptive.limit_seconds=0.2"]);
        let client = host.client();
        let answer = client.call("sleep", &json!({ "ms": 1500 }));
        assert!(!answer.is_error(), "{answer}");
        let token = json!({ "token": answer.token() });
        assert!(next(&answer).contains("Do not start it again"), "{answer}");
        let early = client.call("task_result", &token);
        assert!(next(&early).contains("not ready"), "{early}");
        until(client, "task_status", "token", &answer.token(), "COMPLETED");
        let result = client.call("task_result", &token);
        assert_eq!(result.payload(), &json!({ "slept_ms": 1500 }));
        assert_eq!(tasks(&host).len(), 1, "it was started once");
    }

    #[test]
    fn a_task_may_be_handed_over_at_once_while_others_are_waited_for() {
        let host = start("adaptive", &["adaptive.tasks.sleep.limit_seconds=0"]);
        let answer = host.client().call("sleep", &json!({ "ms": NEVER }));
        let token = answer.token();
        let arguments = json!({ "token": token, "reason": "enough" });
        host.client().call("task_cancel", &arguments);
        let end = until(host.client(), "task_status", "token", &token, "CANCELLED");
        assert_eq!(end["reason"], "enough");
        assert!(
            host.client()
                .call("task_result", &arguments_of(&token))
                .is_error()
        );
        let answer = host.client().call("echo", &json!({ "value": 1 }));
        assert_eq!(answer.text(), "1");
    }

    #[test]
    fn what_cannot_be_cancelled_says_so_and_goes_on() {
        let host = start("adaptive", &["adaptive.limit_seconds=0"]);
        let answer = host.client().call("uncancellable", &json!({ "ms": 5000 }));
        let answer = host
            .client()
            .call("task_cancel", &arguments_of(&answer.token()));
        assert!(answer.is_error(), "{answer}");
        assert_eq!(answer.payload()["error_type"], "NotCancellable");
    }

    #[test]
    fn an_unknown_token_is_an_error_that_says_so() {
        let host = start("adaptive", &[]);
        for tool in ["task_status", "task_result", "task_cancel"] {
            let answer = host.client().call(tool, &arguments_of("nonsense"));
            assert!(answer.is_error(), "{answer}");
            assert_eq!(answer.payload()["error_type"], "UnknownToken");
        }
    }

    #[test]
    fn a_client_that_listens_hears_progress_and_heartbeats() {
        let host = start("adaptive", &["adaptive.heartbeat_seconds=1"]);
        listen(&host, "count", &json!({ "steps": 3, "step_ms": 200 }));
        let told = told(&host);
        assert!(
            told.iter().any(|told| told["params"]["total"] == 3.0),
            "{told:?}"
        );
        listen(&host, "sleep", &json!({ "ms": 2500 }));
        assert!(beats(&host), "{:?}", super::told(&host));
    }

    #[test]
    fn a_question_is_handed_over_to_a_client_that_cannot_be_asked() {
        let host = start("adaptive", &[]);
        let client = host.client();
        let answer = client.call("ask", &json!({ "question": "Which colour?" }));
        assert_eq!(answer.status(), "INPUT_REQUIRED", "{answer}");
        let token = answer.token();
        let key = &answer.payload()["questions"][0]["key"];
        let said = |text: Value| {
            let response = json!({ "text": text });
            let arguments = json!({ "token": token, "key": key, "response": response });
            client.call("task_answer", &arguments)
        };
        assert!(said(json!(5)).is_error(), "it does not fit the schema");
        assert!(!said(json!("blue")).is_error());
        until(client, "task_status", "token", &token, "COMPLETED");
        let result = client.call("task_result", &arguments_of(&token));
        assert_eq!(result.payload(), &json!({ "text": "blue" }));
    }

    #[test]
    fn a_client_that_shows_forms_is_asked_in_the_middle_of_the_call() {
        for (action, is_error) in [("accept", false), ("decline", true), ("cancel", true)] {
            let host = shake(
                &["adaptive.limit_seconds=20"],
                &json!({ "elicitation": {} }),
            );
            let arguments = json!({ "question": "Which colour?" });
            let call = json!({ "name": "ask", "arguments": arguments });
            let call = host.client().send("tools/call", &call).unwrap();
            let asked = wait_for(SHORT, "the client is asked", || {
                host.client().notifications("elicitation/create").pop()
            });
            assert_eq!(asked["params"]["message"], "Which colour?");
            let result = json!({ "action": action, "content": { "text": "blue" } });
            let reply = json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result });
            send(&host, &reply);
            let answer = ToolAnswer::from(host.client().answer(call).unwrap());
            assert_eq!(answer.is_error(), is_error, "{answer}");
            if !is_error {
                assert_eq!(answer.payload(), &json!({ "text": "blue" }));
            }
        }
    }

    #[test]
    fn a_client_of_2026_answers_with_a_second_call_that_starts_nothing() {
        let host = builder("adaptive", &[]).launch();
        let capabilities = json!({ "elicitation": {} });
        let mut params = json!({
            "name": "ask",
            "arguments": { "question": "Which colour?" },
            "_meta": modern(&capabilities),
        });
        let asked = host.client().request("tools/call", &params).unwrap();
        assert_eq!(asked["resultType"], "input_required", "{asked}");
        let (key, request) = asked["inputRequests"]
            .as_object()
            .and_then(|requests| requests.iter().next())
            .unwrap();
        assert_eq!(request["method"], "elicitation/create");
        assert_eq!(request["params"]["message"], "Which colour?");
        params["requestState"] = asked["requestState"].clone();
        params["inputResponses"] =
            json!({ key: { "action": "accept", "content": { "text": "blue" } } });
        let answer = host.client().request("tools/call", &params).unwrap();
        assert_eq!(
            answer["structuredContent"],
            json!({ "text": "blue" }),
            "{answer}"
        );
        assert_eq!(tasks(&host).len(), 1, "one question, one task");
    }

    #[test]
    fn a_client_that_speaks_native_tasks_gets_one_at_once() {
        let host = start("adaptive", &[]);
        let params = json!({ "name": "sleep", "arguments": { "ms": NEVER }, "task": {} });
        let answer = host.client().request("tools/call", &params).unwrap();
        assert!(answer["task"]["taskId"].is_string(), "{answer}");
        let immediate = &answer["_meta"]["io.modelcontextprotocol/model-immediate-response"];
        assert!(
            immediate.as_str().unwrap().contains("Do not call"),
            "{answer}"
        );

        let host = builder("adaptive", &[]).launch();
        let capabilities = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
        let params = json!({
            "name": "sleep",
            "arguments": { "ms": NEVER },
            "_meta": modern(&capabilities),
        });
        let answer = host.client().request("tools/call", &params).unwrap();
        assert_eq!(answer["resultType"], "task", "{answer}");
    }

    #[test]
    fn a_call_that_is_taken_back_leaves_its_work_alone_unless_told_otherwise() {
        let host = start("adaptive", &["adaptive.cancel_when_abandoned=true"]);
        take_back(&host);
        wait_until(SHORT, "it is cancelled", || {
            is(&tasks(&host)[0], "cancelled")
        });

        let host = start("adaptive", &[]);
        take_back(&host);
        // Later than the cancellation, and answered after it.
        host.client().call("echo", &json!({ "value": 1 }));
        let listed = tasks(&host);
        assert!(
            listed
                .iter()
                .any(|task| task["task"] == "sleep" && is(task, "running")),
            "{listed:?}"
        );
    }
}

mod blocking {
    use super::*;

    #[test]
    fn the_answer_is_the_result_however_it_turns_out() {
        let host = start("blocking", &[]);
        let answer = host.client().call("sleep", &json!({ "ms": 100 }));
        assert_eq!(answer.payload(), &json!({ "slept_ms": 100 }));
        assert!(host.client().call("fail", &json!({})).is_error());
    }

    #[test]
    fn what_takes_too_long_is_cancelled_and_the_answer_says_so() {
        let host = start("blocking", &["blocking.limit_seconds=0.3"]);
        let answer = host.client().call("sleep", &json!({ "ms": NEVER }));
        assert!(answer.is_error(), "{answer}");
        assert_eq!(answer.payload()["error_type"], "TimedOut");
        wait_until(SHORT, "it is cancelled", || {
            is(&tasks(&host)[0], "cancelled")
        });
    }

    #[test]
    fn what_cannot_be_cancelled_is_given_up_and_the_answer_says_so() {
        let host = start("blocking", &["blocking.limit_seconds=0.3"]);
        let answer = host.client().call("uncancellable", &json!({ "ms": 5000 }));
        assert!(answer.is_error(), "{answer}");
        assert!(next(&answer).contains("goes on by itself"), "{answer}");
    }

    #[test]
    fn a_question_that_nobody_can_be_asked_ends_the_work() {
        let host = start("blocking", &[]);
        let answer = host.client().call("ask", &json!({ "question": "Why?" }));
        assert!(answer.is_error(), "{answer}");
        assert!(
            answer.payload()["error"].as_str().unwrap().contains("Why?"),
            "{answer}"
        );
        wait_until(SHORT, "it is cancelled", || {
            is(&tasks(&host)[0], "cancelled")
        });
    }

    #[test]
    fn a_client_that_listens_hears_heartbeats() {
        let host = start("blocking", &["blocking.heartbeat_seconds=1"]);
        listen(&host, "sleep", &json!({ "ms": 2500 }));
        assert!(beats(&host), "{:?}", told(&host));
    }

    #[test]
    fn a_call_that_is_taken_back_cancels_its_work() {
        let host = start("blocking", &[]);
        take_back(&host);
        wait_until(SHORT, "it is cancelled", || {
            is(&tasks(&host)[0], "cancelled")
        });
    }
}

mod operation_resource {
    use super::*;

    #[test]
    fn the_answer_names_a_resource_that_can_be_read() {
        let host = start("operation-resource", &[]);
        let client = host.client();
        let params = json!({ "name": "count", "arguments": { "steps": 2, "step_ms": 50 } });
        let answer = client.request("tools/call", &params).unwrap();
        let payload = &answer["structuredContent"];
        let id = payload["task_id"].as_str().unwrap();
        let uri = format!("task://{id}");
        assert_eq!(payload["resourceUri"], uri);
        assert_eq!(answer["_meta"]["resourceUri"], uri);
        assert_eq!(answer["content"][1]["uri"], format!("{uri}/result"));
        let end = until(client, "task_status", "token", id, "COMPLETED");
        assert_eq!(end["result"], json!({ "counted": 2 }), "for who reads none");
        let params = json!({ "uri": format!("{uri}/result") });
        let read = client.request("resources/read", &params).unwrap();
        let text = read["contents"][0]["text"].as_str().unwrap();
        assert_eq!(text, r#"{"counted":2}"#);
        client
            .request("resources/read", &json!({ "uri": uri }))
            .unwrap();
    }

    #[test]
    fn a_native_task_carries_the_address() {
        let host = start("operation-resource", &[]);
        let params = json!({ "name": "sleep", "arguments": { "ms": NEVER }, "task": {} });
        let answer = host.client().request("tools/call", &params).unwrap();
        let id = answer["task"]["taskId"].as_str().unwrap();
        assert_eq!(answer["_meta"]["resourceUri"], format!("task://{id}"));
    }

    #[test]
    fn a_plain_client_cancels_with_a_tool_of_its_own() {
        let host = start("operation-resource", &[]);
        let params = json!({ "name": "sleep", "arguments": { "ms": NEVER } });
        let answer = host.client().request("tools/call", &params).unwrap();
        let token = answer["structuredContent"]["token"].as_str().unwrap();
        host.client().call("task_cancel", &arguments_of(token));
        until(host.client(), "task_status", "token", token, "CANCELLED");
    }

    #[test]
    fn tools_beside_it_are_offered_unless_told_otherwise() {
        let host = start(
            "operation-resource",
            &["operation-resource.companions=false"],
        );
        let tool = host.client().tool("count");
        assert_eq!(tool["execution"]["taskSupport"], "optional", "{tool}");
        assert_eq!(host.client().find_tool("task_status"), None);
    }
}

mod single_tool {
    use super::*;

    #[test]
    fn one_tool_does_all_there_is_to_do() {
        let host = start("single-tool", &[]);
        let client = host.client();
        let arguments = json!({ "action": "start", "arguments": { "steps": 2, "step_ms": 50 } });
        let token = client.call("count", &arguments).token();
        wait_until(SHORT, "it is over", || {
            let arguments = json!({ "action": "check", "token": token, "wait_seconds": 5 });
            client.call("count", &arguments).status() == "COMPLETED"
        });
        let result = client.call("count", &json!({ "action": "result", "token": token }));
        assert_eq!(result.payload()["result"], json!({ "counted": 2 }));
    }

    #[test]
    fn a_question_is_answered_and_a_task_cancelled_by_the_same_tool() {
        let host = start("single-tool", &[]);
        let client = host.client();
        let token = client.call("ask", &json!({ "action": "start" })).token();
        let asked = wait_for(SHORT, "it asks", || {
            let check = json!({ "action": "check", "token": token, "wait_seconds": 5 });
            let answer = client.call("ask", &check);
            (answer.status() == "INPUT_REQUIRED").then(|| answer.payload().clone())
        });
        let answer = json!({ "key": asked["questions"][0]["key"], "response": { "text": "x" } });
        let arguments = json!({ "action": "answer", "token": token, "answer": answer });
        assert!(!client.call("ask", &arguments).is_error());

        let start = json!({ "action": "start", "arguments": { "ms": NEVER } });
        let token = client.call("sleep", &start).token();
        client.call("sleep", &json!({ "action": "cancel", "token": token }));
        wait_until(SHORT, "it is cancelled", || {
            let check = json!({ "action": "check", "token": token, "wait_seconds": 5 });
            client.call("sleep", &check).status() == "CANCELLED"
        });
    }

    #[test]
    fn what_an_action_lacks_is_named() {
        let host = start("single-tool", &[]);
        let answer = host.client().call("count", &json!({ "action": "check" }));
        assert!(answer.is_error(), "{answer}");
        assert!(
            answer.payload()["error"]
                .as_str()
                .unwrap()
                .contains("needs `token`"),
            "{answer}"
        );
        let answer = host.client().call("echo", &json!({ "action": "start" }));
        assert!(answer.is_error(), "{answer}");
        assert!(next(&answer).contains("`arguments`"), "{answer}");
        assert_eq!(tasks(&host).len(), 0, "nothing was started");
    }
}

mod dispatcher {
    use super::*;

    #[test]
    fn four_tools_serve_every_kind_of_task() {
        let host = start("dispatcher", &[]);
        let client = host.client();
        assert_eq!(client.tools().len(), 4);
        let tool = client.tool("start_background_task");
        let types = &tool["inputSchema"]["properties"]["task_type"]["enum"];
        assert!(
            types.as_array().unwrap().contains(&json!("count")),
            "{tool}"
        );
        assert!(
            tool["description"].as_str().unwrap().contains("`step_ms`"),
            "{tool}"
        );
        let started = begin(client, "count", &json!({ "steps": 2, "step_ms": 50 }));
        assert_eq!(started.payload()["estimated_duration_seconds"], 5);
        let id = id_of(&started);
        let end = until(client, "get_task_status", "task_id", &id, "COMPLETED");
        assert_eq!(end["result"], json!({ "counted": 2 }));
    }

    #[test]
    fn what_is_active_is_listed_until_it_is_cancelled() {
        let host = start("dispatcher", &[]);
        let client = host.client();
        let id = id_of(&begin(client, "sleep", &json!({ "ms": NEVER })));
        let listed = || client.call("list_active_tasks", &json!({ "task_type": "sleep" }));
        assert_eq!(listed().payload()["tasks"][0]["task_id"], id);
        client.call("cancel_task", &json!({ "task_id": id }));
        until(client, "get_task_status", "task_id", &id, "CANCELLED");
        assert_eq!(listed().payload()["tasks"], json!([]));
    }

    #[test]
    fn a_question_is_answered_through_the_status_tool() {
        let host = start("dispatcher", &[]);
        let client = host.client();
        let id = id_of(&begin(client, "ask", &json!({})));
        let asked = until(client, "get_task_status", "task_id", &id, "INPUT_REQUIRED");
        let answer = json!({ "key": asked["questions"][0]["key"], "response": { "text": "x" } });
        client.call(
            "get_task_status",
            &json!({ "task_id": id, "answer": answer }),
        );
        let end = until(client, "get_task_status", "task_id", &id, "COMPLETED");
        assert_eq!(end["result"], json!({ "text": "x" }));
    }

    #[test]
    fn params_that_do_not_fit_are_answered_with_those_that_would() {
        let host = start("dispatcher", &[]);
        let answer = begin(host.client(), "count", &json!({ "steps": "many" }));
        assert!(answer.is_error(), "{answer}");
        assert_eq!(answer.payload()["error_type"], "InvalidParams");
        assert!(next(&answer).contains("step_ms"), "{answer}");
        let refused = host.client().try_call(
            "start_background_task",
            &json!({ "task_type": "dance", "params": {} }),
        );
        assert!(refused.is_err() || refused.is_ok_and(|answer| answer.is_error()));
        assert_eq!(tasks(&host).len(), 0, "nothing was started");
    }

    #[test]
    fn a_long_result_is_a_preview_and_an_address() {
        let host = start("dispatcher", &[]);
        let id = id_of(&begin(host.client(), "large", &json!({ "kib": 200 })));
        let end = until(
            host.client(),
            "get_task_status",
            "task_id",
            &id,
            "COMPLETED",
        );
        assert_eq!(end["result_uri"], format!("task://{id}/result"));
        assert!(end["result_preview"].is_string());
    }

    fn begin(client: &Client, task: &str, params: &Value) -> ToolAnswer {
        // A host that has just started may not know yet what its backend runs.
        let name = json!(task).to_string();
        wait_until(SHORT, "it is offered", || {
            (client.tool("start_background_task").to_string()).contains(&name)
        });
        let arguments = json!({ "task_type": task, "params": params });
        client.call("start_background_task", &arguments)
    }

    fn id_of(answer: &ToolAnswer) -> String {
        answer.payload()["task_id"].as_str().unwrap().to_owned()
    }
}

#[test]
fn strategies_stand_side_by_side_under_their_own_names() {
    let host = HostBuilder::new("mock", "polling")
        .args(["--strategy", "dispatcher"])
        .start();
    host.client().tool("count_start");
    host.client().tool("start_background_task");
}

fn builder(strategy: &str, settings: &[&str]) -> HostBuilder {
    settings
        .iter()
        .fold(HostBuilder::new("mock", strategy), |builder, setting| {
            builder.args(["--set", setting])
        })
}

fn start(strategy: &str, settings: &[&str]) -> Host {
    builder(strategy, settings).start()
}

/// An `adaptive` host whose client has these capabilities.
fn shake(settings: &[&str], capabilities: &Value) -> Host {
    let host = builder("adaptive", settings).launch();
    host.client().introduce(capabilities).unwrap();
    host
}

fn modern(capabilities: &Value) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "tests", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": capabilities,
    })
}

fn send(host: &Host, message: &Value) {
    let line = format!("{message}\n");
    host.client().send_raw(line.as_bytes()).unwrap();
}

/// Starts a `sleep` that never ends, and takes the call back once it runs.
fn take_back(host: &Host) {
    let params = json!({ "name": "sleep", "arguments": { "ms": NEVER } });
    let call = host.client().send("tools/call", &params).unwrap();
    wait_until(SHORT, "it runs", || {
        tasks(host).iter().any(|task| is(task, "running"))
    });
    let params = json!({ "requestId": call });
    let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params });
    send(host, &cancel);
}

/// Calls with a progress token, and waits for the answer.
fn listen(host: &Host, tool: &str, arguments: &Value) {
    let params = json!({
        "name": tool,
        "arguments": arguments,
        "_meta": { "progressToken": tool },
    });
    host.client().request("tools/call", &params).unwrap();
}

fn told(host: &Host) -> Vec<Value> {
    host.client().notifications("notifications/progress")
}

/// Whether the client was told of work that said nothing itself.
fn beats(host: &Host) -> bool {
    told(host).iter().any(|told| {
        let message = told["params"]["message"].as_str();
        message.is_some_and(|message| message.ends_with("so far"))
    })
}

fn arguments_of(token: &str) -> Value {
    json!({ "token": token })
}

/// The payload of a status tool, once its status is this one.
#[track_caller]
fn until(client: &Client, tool: &str, id: &str, value: &str, status: &str) -> Value {
    wait_for(SHORT, &format!("{tool} says {status}"), || {
        let answer = client.call(tool, &json!({ id: value, "wait_seconds": 5 }));
        (answer.status() == status).then(|| answer.payload().clone())
    })
}

fn next(answer: &ToolAnswer) -> &str {
    answer.payload()["next"].as_str().unwrap()
}

/// All tasks of the host, as the operator sees them.
fn tasks(host: &Host) -> Vec<Value> {
    let listed = host.cli(&["tasks", "list", "--json"]).json();
    listed.as_array().cloned().unwrap_or_default()
}

fn is(task: &Value, status: &str) -> bool {
    task["status"]
        .as_str()
        .is_some_and(|found| found.eq_ignore_ascii_case(status))
}
