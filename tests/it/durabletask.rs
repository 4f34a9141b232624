//! Orchestrations on a real Durable Task server, run by a real worker in Python.

use std::fs;

use serde_json::{Value, json};
use taskhost_tests::durable::{DurableServer, DurableWorker, TASKHUB, TOKEN, message};
use taskhost_tests::{Client, HostBuilder, LONG, Task, setup, taskhost_at_length, wait_for};

use crate::tls::Proxy;

#[test]
fn an_orchestration_shows_its_progress_and_its_output_is_the_result() {
    let (server, _worker) = lab();
    let host = server.host().start();
    let task = host.client().start("report", &json!({ "steps": 5 }));
    let status = task.until("on its way", |status| status["progress"].is_number());
    assert!(message(&status).ends_with("is done"), "{status}");
    assert_eq!(status["metadata"]["total"], 5.0, "{status}");
    let end = task.end();
    assert_eq!(end.status(), "COMPLETED", "{end}");
    assert_eq!(end.payload()["result"], json!({ "total": 55 }));
}

#[test]
fn the_details_of_a_failure_stay() {
    let (server, _worker) = lab();
    let host = server.host().start();
    let task = host
        .client()
        .start("failing", &json!({ "words": "the disk is full" }));
    let end = task.end();
    assert_eq!(end.status(), "FAILED", "{end}");
    let payload = end.payload();
    assert_eq!(payload["error_type"], "TaskFailedError", "{end}");
    assert!(
        payload["error"]
            .as_str()
            .unwrap()
            .contains("the disk is full"),
        "{end}"
    );
    let cause = &payload["error_detail"]["cause"];
    assert_eq!(cause["type"], "builtins.ValueError", "{end}");
    assert!(
        cause["traceback"].as_str().unwrap().contains("refuse"),
        "{end}"
    );
}

#[test]
fn an_orchestration_that_no_worker_knows_fails_and_is_named() {
    let (server, _worker) = lab();
    let host = server.host().start();
    let end = host.client().start("nobody_knows", &json!({})).end();
    assert_eq!(end.status(), "FAILED", "{end}");
    assert!(end.text().contains("nobody_knows"), "{end}");
}

#[test]
fn to_cancel_a_task_is_to_terminate_its_orchestration() {
    let (server, _worker) = lab();
    let host = server.host().start();
    let task = host.client().start("forever", &json!({}));
    let status = task.until_status("RUNNING");
    let status = if message(&status).is_empty() {
        task.until("waiting", |status| !message(status).is_empty())
    } else {
        status
    };
    assert_eq!(message(&status), "waiting");
    task.cancel();
    assert_eq!(task.end().status(), "CANCELLED");
}

#[test]
fn what_is_over_is_purged_once_its_result_is_safe() {
    let (server, _worker) = lab();
    let host = server.host().start();
    let client = host.client();
    let running = client.start("forever", &json!({}));
    let over = client.start("echo", &json!({ "kept": 1 }));
    over.until_status("COMPLETED");
    wait_for(LONG, "only the one that runs is there", || {
        let listed = listed(client, &json!({}));
        (listed == [running.token()]).then_some(())
    });
    assert_eq!(over.result().payload()["result"], json!({ "kept": 1 }));
}

#[test]
fn what_is_to_be_kept_stays_on_the_server() {
    let (server, _worker) = lab();
    let host = server.host().set("durabletask.keep", "true").start();
    let over = host.client().start("echo", &json!({}));
    over.until_status("COMPLETED");
    let only = json!({ "status": ["completed"], "prefix": over.token() });
    assert_eq!(listed(host.client(), &only), [over.token()]);
}

#[test]
fn a_start_that_a_frozen_server_does_not_answer_runs_once() {
    let (server, worker) = lab();
    let host = server.host().start();
    host.client()
        .start("echo", &json!({}))
        .until_status("COMPLETED");
    server.freeze();
    let task = host.client().start("echo", &json!({ "once": true }));
    let status = task.until("explained", |status| status["note"].is_string());
    assert_eq!(status["status"], "PENDING", "{status}");
    server.thaw();
    task.until_status("COMPLETED");
    assert_eq!(worker.runs(task.token()), 1);
}

#[test]
fn tasks_go_on_when_the_server_is_back() {
    let (server, _worker) = lab();
    let host = server.host().start();
    let client = host.client();
    let running = client.start("until_released", &json!({}));
    running.until_status("RUNNING");
    server.go();
    let waiting = client.start("echo", &json!({ "waited": true }));
    let status = waiting.until("explained", |status| status["note"].is_string());
    assert_eq!(status["status"], "PENDING", "{status}");
    let note = status["note"].as_str().unwrap();
    assert!(note.contains(&server.authority()), "{note}");
    server.come_back();
    waiting.until_status("COMPLETED");
    raise(client, &running, &json!("on with it"));
    assert_eq!(running.end().payload()["result"], "on with it");
}

#[test]
fn an_instance_that_the_server_does_not_know_is_lost_and_not_pending() {
    let (mut server, _worker) = lab();
    let host = server.host().start();
    let task = host.client().start("until_released", &json!({}));
    task.until_status("RUNNING");
    server.replace();
    let end = task.end();
    assert_eq!(end.status(), "FAILED", "{end}");
    assert_eq!(end.payload()["error_type"], "lost", "{end}");
}

#[test]
fn tasks_outlive_the_host() {
    let (server, _worker) = lab();
    let mut host = server.host().start();
    let task = host.client().start("until_released", &json!({}));
    task.until_status("RUNNING");
    let token = task.token().to_owned();
    host.kill();
    host.restart();
    let task = host.client().task("until_released", &token);
    task.until_status("RUNNING");
    raise(host.client(), &task, &json!({ "after": "the kill" }));
    assert_eq!(
        task.end().payload()["result"],
        json!({ "after": "the kill" })
    );
}

#[test]
fn who_is_suspended_works_on_and_says_why_it_does_not_move() {
    let (server, _worker) = lab();
    let host = server.host().start();
    let client = host.client();
    let task = client.start("until_released", &json!({}));
    task.until_status("RUNNING");
    let why = json!({ "instance": task.token(), "reason": "the night shift is over" });
    client
        .start("suspend_orchestration", &why)
        .until_status("COMPLETED");
    let status = task.until("suspended", |status| message(status).contains("suspended"));
    assert_eq!(status["status"], "RUNNING", "{status}");
    assert_eq!(message(&status), "suspended: the night shift is over");
    // What is raised meanwhile waits for it.
    raise(client, &task, &json!("morning"));
    let on = json!({ "instance": task.token() });
    client
        .start("resume_orchestration", &on)
        .until_status("COMPLETED");
    assert_eq!(task.end().payload()["result"], "morning");
}

#[test]
fn an_orchestration_asks_in_its_custom_status_and_is_answered_by_an_event() {
    let (server, _worker) = lab();
    let host = server.host().start();
    let task = host.client().start("approvals", &json!({}));
    for (number, yes) in [(1, true), (2, false)] {
        let key = format!("approve-{number}");
        let asks = |status: &Value| status["questions"][0]["key"] == key.as_str();
        let status = task.until("asking", asks);
        assert_eq!(status["status"], "INPUT_REQUIRED", "{status}");
        let question = &status["questions"][0];
        assert_eq!(question["message"], format!("Publish part {number}?"));
        assert_eq!(question["schema"]["required"], json!(["yes"]));
        let answer = json!({ "token": task.token(), "key": key, "response": { "yes": yes } });
        let said = host.client().call("approvals_answer", &answer);
        assert!(!said.is_error(), "{said}");
    }
    let said = json!([{ "yes": true }, { "yes": false }]);
    assert_eq!(task.end().payload()["result"], said);
}

#[test]
fn an_event_for_nobody_is_refused() {
    let (server, _worker) = lab();
    let host = server.host().start();
    let event = json!({ "instance": "no-such-instance", "event": "go" });
    let refused = host
        .client()
        .call("raise_orchestration_event_start", &event);
    assert!(refused.is_error(), "{refused}");
    assert!(refused.text().contains("no-such-instance"), "{refused}");
}

#[test]
fn a_server_that_wants_a_token_gets_it_from_a_secret() {
    let server = DurableServer::guarded();
    let _worker = DurableWorker::start(&server);
    let named = |token: &str| {
        let host = server.host();
        let file = host.scratch().join("token");
        fs::write(&file, token).unwrap();
        let secrets = format!("version = 1\n[secrets]\nDTS_TOKEN = {{ file = {file:?} }}\n");
        host.config(&secrets)
            .set("durabletask.taskhub", TASKHUB)
            .set("durabletask.token_secret", "DTS_TOKEN")
            .args(["--allow", "durabletask:secret=DTS_TOKEN"])
    };
    let host = named(TOKEN).start();
    let end = host.client().start("echo", &json!({ "in": true })).end();
    assert_eq!(end.payload()["result"], json!({ "in": true }), "{end}");
    let stranger = named("of another lab").start();
    let task = stranger.client().start("echo", &json!({}));
    let status = task.until("explained", |status| status["note"].is_string());
    assert_eq!(status["status"], "PENDING", "{status}");
    let note = status["note"].as_str().unwrap();
    assert!(note.contains("token_secret"), "{note}");
    assert!(!note.contains("of another lab"), "no secrets: {note}");
}

#[test]
fn a_server_that_insists_on_http2_by_alpn_is_spoken_to_inside_tls() {
    let (server, _worker) = lab();
    let proxy = Proxy::insisting(server.port(), "h2");
    let certificate = proxy.certificate.display();
    let endpoint = format!(
        "https://localhost:{}/?ssl_ca_certs={certificate}",
        proxy.port
    );
    // By its name: what comes with taskhost is granted what it is configured for, certificate included.
    let host = HostBuilder::new("durabletask", "polling")
        .set("durabletask.endpoint", &endpoint)
        .set("durabletask.orchestrations.report.cancellable", "true")
        .start();
    let end = host.client().start("report", &json!({ "steps": 2 })).end();
    assert_eq!(end.payload()["result"], json!({ "total": 5 }), "{end}");
}

#[test]
fn the_variables_of_durable_task_say_where_the_server_is() {
    let server = DurableServer::start();
    let _worker = DurableWorker::start(&server);
    let endpoint = format!("durabletask:env=DTS_ENDPOINT={}", server.authority());
    let host = DurableServer::host_without_endpoint(&server.authority())
        .args(["--allow", &endpoint])
        .args(["--allow", "durabletask:env=DTS_TASKHUB=lab"])
        .start();
    let end = host.client().start("echo", &json!({ "found": true })).end();
    assert_eq!(end.payload()["result"], json!({ "found": true }), "{end}");
}

#[test]
fn without_an_endpoint_the_host_says_what_to_write() {
    let finished = DurableServer::host_without_endpoint("127.0.0.1:1").finish();
    finished.error_code();
    assert!(
        finished.stderr.contains("`endpoint` is missing"),
        "{finished:?}"
    );
}

#[test]
fn the_durable_task_backend_conforms_with_a_real_worker() {
    let (server, _worker) = lab();
    let component = setup::component("durabletask");
    let set = |key: &str, value: &str| ["--set".to_owned(), format!("durabletask.{key}={value}")];
    let schema = "orchestrations.echo.input_schema";
    let mut args = vec!["test".to_owned(), component.to_str().unwrap().to_owned()];
    args.extend(set("endpoint", &server.url()));
    args.extend(set(&format!("{schema}.type"), "object"));
    args.extend(set(&format!("{schema}.properties.text.type"), "string"));
    args.extend(set("orchestrations.forever.idempotent", "true"));
    args.extend([
        "--allow".into(),
        format!("durabletask:tcp={}", server.authority()),
    ]);
    let told = [
        "--task",
        "echo",
        "--arguments",
        r#"{"text": "hello"}"#,
        "--slow",
        "forever",
        "--timeout",
        "60s",
        "--report",
        "json",
    ];
    args.extend(told.map(str::to_owned));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let finished = taskhost_at_length(&args);
    let report: Value =
        serde_json::from_str(&finished.stdout).unwrap_or_else(|e| panic!("{e}: {finished:?}"));
    assert!(finished.status.success(), "{finished:?}");
    let rows = report["scenarios"].as_array().unwrap();
    let unlike: Vec<&Value> = rows
        .iter()
        // It stores what was answered, and nothing of a task that asks nothing.
        .filter(|row| row["verdict"] != "passed" && row["name"] != "storage-fails")
        .collect();
    assert!(unlike.is_empty(), "{unlike:#?}");
}

fn lab() -> (DurableServer, DurableWorker) {
    let server = DurableServer::start();
    let worker = DurableWorker::start(&server);
    (server, worker)
}

/// Lets the orchestration go on that waits for `go`.
fn raise(client: &Client, task: &Task<'_>, data: &Value) {
    let event = json!({ "instance": task.token(), "event": "go", "data": data });
    let raised = client.start("raise_orchestration_event", &event);
    raised.until_status("COMPLETED");
}

/// The ids of all instances that there are.
fn listed(client: &Client, which: &Value) -> Vec<String> {
    let list = client.start("list_orchestrations", which).end();
    let all = list.payload()["result"]["orchestrations"].as_array();
    let all = all.unwrap_or_else(|| panic!("{list}"));
    all.iter()
        .map(|one| one["instance"].as_str().unwrap().to_owned())
        .collect()
}
