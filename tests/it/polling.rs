//! The five tools, with the mock backend behind them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use taskhost_tests::{Client, Host, HostBuilder, RpcError, ToolAnswer};

#[test]
fn every_task_has_five_tools_and_one_that_cannot_be_cancelled_four() {
    let host = host();
    for action in ["start", "status", "result", "answer", "cancel"] {
        let tool = host.client().tool(&format!("count_{action}"));
        assert_eq!(tool["outputSchema"]["type"], "object", "{tool}");
    }
    assert_eq!(host.client().find_tool("uncancellable_cancel"), None);
}

#[test]
fn waiting_ends_with_the_first_change() {
    let host = host();
    let task = host.client().start("sleep", &json!({ "ms": 1500 }));
    let since = Instant::now();
    let answer = wait(host.client(), "sleep", task.token(), 25);
    assert!(
        since.elapsed() < Duration::from_secs(10),
        "{:?}: {answer}",
        since.elapsed()
    );
}

#[test]
fn progress_is_seen_on_the_way() {
    let host = host();
    let task = host
        .client()
        .start("count", &json!({ "steps": 4, "step_ms": 300 }));
    let half = task.until("half done", |payload| payload["progress"] == 0.5);
    assert_eq!(half["status"], "RUNNING");
    task.until_status("COMPLETED");
}

#[test]
fn an_unknown_token_is_an_error_that_says_so() {
    let host = host();
    for token in ["", "nonsense", "é", &"0".repeat(40), &"x".repeat(10_000)] {
        for action in ["status", "result", "cancel"] {
            let tool = format!("count_{action}");
            match host.client().try_call(&tool, &json!({ "token": token })) {
                Ok(answer) => assert!(answer.is_error(), "{answer}"),
                Err(RpcError::Refused(..)) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }
}

#[test]
fn a_token_of_another_tool_is_an_error_that_names_the_right_one() {
    let host = host();
    let task = host.client().start("sleep", &json!({ "ms": 600_000 }));
    let answer = host.client().task("count", task.token()).status();
    assert!(answer.is_error(), "{answer}");
    assert!(answer.text().contains("sleep_status"), "{answer}");
}

#[test]
fn a_result_that_is_not_ready_says_what_to_do() {
    let host = host();
    let answer = host
        .client()
        .start("sleep", &json!({ "ms": 600_000 }))
        .result();
    assert!(!answer.is_error(), "{answer}");
    assert_eq!(answer.payload().get("result"), None);
    assert!(
        answer.payload()["next"]
            .as_str()
            .unwrap()
            .contains("sleep_status"),
        "{answer}"
    );
}

#[test]
fn every_json_value_comes_back_as_it_was() {
    let host = host();
    for value in [
        json!(null),
        json!(false),
        json!(""),
        json!([]),
        json!({ "a": [1.5, "é☃"] }),
    ] {
        let end = host
            .client()
            .start("echo", &json!({ "value": value }))
            .end();
        assert_eq!(end.payload().get("result"), Some(&value), "{end}");
    }
}

#[test]
fn a_failure_is_an_error_of_every_tool_that_tells_it() {
    let host = host();
    let task = host
        .client()
        .start("fail", &json!({ "code": "Broken", "message": "for good" }));
    task.until_status("FAILED");
    for answer in [task.status(), task.result()] {
        assert!(answer.is_error(), "{answer}");
        assert_eq!(answer.payload()["error"], "Broken: for good");
        assert_eq!(answer.payload()["is_error"], true);
    }
}

#[test]
fn a_retry_is_shown_with_its_cause() {
    let host = host();
    let task = host
        .client()
        .start("retry", &json!({ "attempts": 1, "delay_ms": 1500 }));
    let status = task.until_status("RETRYING");
    assert!(status["error"].is_string(), "{status}");
    task.until_status("COMPLETED");
}

#[test]
fn a_question_is_answered_through_the_answer_tool() {
    let host = host();
    let task = host
        .client()
        .start("ask", &json!({ "question": "Which colour?" }));
    let status = task.until_status("INPUT_REQUIRED");
    let question = &status["questions"][0];
    assert_eq!(question["message"], "Which colour?");
    let reply = |response: Value| {
        host.client().call(
            "ask_answer",
            &json!({ "token": task.token(), "key": question["key"], "response": response }),
        )
    };
    assert!(
        reply(json!({ "text": 5 })).is_error(),
        "it does not fit the schema"
    );
    assert!(!reply(json!({ "text": "blue" })).is_error());
    let end = task.end();
    assert!(
        end.payload()["result"].to_string().contains("blue"),
        "{end}"
    );
}

#[test]
fn a_task_that_takes_its_time_to_stop_is_not_shown_as_cancelled_before() {
    let host = host();
    let task = host
        .client()
        .start("stubborn", &json!({ "ms": 600_000, "grace_ms": 5000 }));
    task.until_status("RUNNING");
    let answer = task.cancel();
    assert_eq!(answer.status(), "RUNNING", "{answer}");
    assert_eq!(answer.payload()["cancel_requested"], true);
    task.until_status("CANCELLED");
    assert_eq!(
        task.cancel().status(),
        "CANCELLED",
        "once more does no harm"
    );
}

#[test]
fn arguments_that_do_not_fit_are_refused_and_nothing_is_started() {
    let host = host();
    for arguments in [
        json!({ "steps": 0 }),
        json!({ "steps": "3" }),
        json!({ "nosuch": 1 }),
    ] {
        match host.client().try_call("count_start", &arguments) {
            Ok(answer) => assert!(answer.is_error(), "{answer}"),
            Err(RpcError::Refused(-32602, _)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    let listed = host.cli(&["tasks", "list", "--json"]).json();
    assert_eq!(listed.as_array().map_or(0, Vec::len), 0, "{listed}");
}

#[test]
fn names_of_tools_follow_the_template() {
    let host = HostBuilder::new("mock", "polling")
        .set("polling.naming", "{action}-{task}")
        .start();
    host.client().tool("start-count");
    assert_eq!(host.client().find_tool("count_start"), None);
}

fn wait(client: &Client, task: &str, token: &str, seconds: u8) -> ToolAnswer {
    let arguments = json!({ "token": token, "wait_seconds": seconds });
    client.call(&format!("{task}_status"), &arguments)
}

fn host() -> Host {
    HostBuilder::new("mock", "polling").start()
}
