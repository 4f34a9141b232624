//! The host as a child process of its client.

use serde_json::{Value, json};
use taskhost_tests::{Host, HostBuilder, RpcError, SHORT, wait_until};

#[test]
fn a_token_outlives_a_kill() {
    let mut host = mock().start();
    let token = {
        let task = host
            .client()
            .start("count", &json!({ "steps": 20, "step_ms": 100 }));
        task.until("under way", |payload| {
            payload["progress"].as_f64() > Some(0.2)
        });
        task.token().to_owned()
    };
    host.kill();
    host.restart();
    let task = host.client().task("count", &token);
    task.until_status("COMPLETED");
    assert_eq!(task.result().payload()["result"], json!({ "counted": 20 }));
}

#[test]
fn a_finished_task_outlives_a_kill_with_its_result() {
    let mut host = mock().start();
    let token = host
        .client()
        .start("echo", &json!({ "value": { "kept": true } }))
        .token()
        .to_owned();
    host.client().task("echo", &token).until_status("COMPLETED");
    host.kill();
    host.restart();
    let result = host.client().task("echo", &token).result();
    assert_eq!(result.payload()["result"], json!({ "kept": true }));
}

#[test]
fn it_ends_when_its_client_leaves() {
    let mut host = mock().start();
    host.client().start("sleep", &json!({ "ms": 600_000 }));
    host.client().hang_up();
    assert!(host.process().wait().success(), "{}", host.log());
}

#[test]
fn it_ends_on_request() {
    let mut host = mock().start();
    host.client().start("sleep", &json!({ "ms": 600_000 }));
    assert!(host.stop().success(), "{}", host.log());
}

#[test]
fn every_revision_of_the_protocol_is_answered_in_kind() {
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let host = mock().launch();
        let answer = host.client().request(
            "initialize",
            &json!({
                "protocolVersion": version,
                "capabilities": {},
                "clientInfo": { "name": "tests", "version": "1" },
            }),
        );
        let answer = answer.unwrap();
        assert_eq!(answer["protocolVersion"], version);
        assert_eq!(answer["serverInfo"]["name"], "taskhost", "{answer}");
        assert_eq!(
            answer["capabilities"]["tools"]["listChanged"], true,
            "{answer}"
        );
    }
}

#[test]
fn rubbish_on_stdin_is_answered_or_dropped_and_the_next_request_served() {
    let host = mock().start();
    for rubbish in [
        &b"{\"jsonrpc\":\n"[..],
        b"\n",
        b"\xff\xfe\n",
        b"[]\n",
        b"{\"id\":99}\n",
    ] {
        host.client().send_raw(rubbish).unwrap();
    }
    assert_eq!(
        host.client()
            .start("echo", &json!({ "value": 1 }))
            .end()
            .status(),
        "COMPLETED"
    );
}

#[test]
fn unknown_methods_and_tools_are_refused() {
    let host = mock().start();
    let refused = host.client().request("no/such", &json!({}));
    assert!(
        matches!(refused, Err(RpcError::Refused(-32601, _))),
        "{refused:?}"
    );
    match host.client().try_call("no_such_start", &json!({})) {
        Ok(answer) => assert!(answer.is_error(), "{answer}"),
        Err(refused) => assert!(matches!(refused, RpcError::Refused(-32602, _)), "{refused}"),
    }
}

#[test]
fn a_client_that_listens_is_told_of_progress_while_it_waits() {
    let host = mock().start();
    let task = host
        .client()
        .start("count", &json!({ "steps": 5, "step_ms": 200 }));
    wait_until(SHORT, "progress is told", || {
        let call = json!({
            "name": "count_status",
            "arguments": { "token": task.token(), "wait_seconds": 1 },
            "_meta": { "progressToken": "p1" },
        });
        host.client().request("tools/call", &call).unwrap();
        !told(&host).is_empty()
    });
    let told = told(&host);
    assert!(
        told.iter()
            .all(|message| message["params"]["progressToken"] == "p1"),
        "{told:?}"
    );
}

fn told(host: &Host) -> Vec<Value> {
    host.client().notifications("notifications/progress")
}

fn mock() -> HostBuilder {
    HostBuilder::new("mock", "polling")
}
