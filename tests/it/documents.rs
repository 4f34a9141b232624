//! What a client has of a task besides tools: documents, subscriptions to them, pages, names and keys.

use serde_json::{Value, json};
use taskhost_tests::{Client, Era, HostBuilder, LONG, wait_until};

#[test]
fn what_the_work_prints_is_a_document_that_grows() {
    let host = host().start();
    let client = host.client();
    let task = client.start_native("chatty", &json!({ "lines": 30, "every_ms": 100 }));
    let uri = format!("task://{}/output", task.id());
    let subscribed = client.request("resources/subscribe", &json!({ "uri": uri }));
    assert_eq!(subscribed.unwrap(), json!({}));
    wait_until(LONG, "there is something to read", || {
        !lines(client, &uri).is_empty()
    });
    let early = lines(client, &uri);
    task.result();
    let late = lines(client, &uri);
    assert!(early.len() < late.len(), "{early:?}");
    assert_eq!(late[..early.len()], early, "what was printed stays");
    wait_until(LONG, "the client was told of it", || {
        let told = client.notifications("notifications/resources/updated");
        told.iter().any(|update| update["params"]["uri"] == uri)
    });
    let watched = host.cli(&["tasks", "watch", task.id(), "--output"]);
    for line in &late {
        assert!(watched.stdout.contains(line), "{line}: {watched:?}");
    }
}

#[test]
fn a_subscriber_of_2026_hears_that_a_document_has_grown() {
    let host = host().over_http().era(Era::Stateless).start();
    let client = host.client();
    let task = client.start_native("chatty", &json!({ "lines": 20, "every_ms": 100 }));
    let uri = format!("task://{}", task.id());
    let all = json!([uri, format!("{uri}/output"), format!("{uri}/result")]);
    let agreed = client.agreed(&json!({ "resourceSubscriptions": all }));
    assert_eq!(agreed["resourceSubscriptions"], all);
    task.result();
    assert!(!lines(client, &format!("{uri}/output")).is_empty());
}

#[test]
fn a_long_result_is_a_beginning_with_a_link_to_all_of_it() {
    for era in [Era::Handshake, Era::Stateless] {
        let host = host().era(era).start();
        let client = host.client();
        let task = client.start_native("large", &json!({ "kib": 200 }));
        let result = task.result();
        let shown = result["content"][0]["text"].as_str().unwrap();
        assert!(shown.len() < 10_000, "{}", shown.len());
        assert_eq!(result["content"][1]["type"], "resource_link", "{result}");
        let uri = result["content"][1]["uri"].as_str().unwrap();
        let whole = read(client, uri);
        assert_eq!(whole.len(), 200 * 1024);
        assert_eq!(result["content"][1]["size"], whole.len());
        assert!(shown.starts_with(&whole[..4_000]));
    }
}

#[test]
fn a_list_of_tasks_has_pages_and_all_of_them() {
    let host = host().start();
    let client = host.client();
    let mut started: Vec<String> = (0..120)
        .map(|number| {
            let task = client.start_native("echo", &json!({ "value": number }));
            task.id().to_owned()
        })
        .collect();
    started.reverse();
    let mut listed = Vec::new();
    let mut params = json!({});
    loop {
        let page = client.request("tasks/list", &params).unwrap();
        let tasks = page["tasks"].as_array().unwrap();
        assert!(tasks.len() <= 100);
        listed.extend(
            tasks
                .iter()
                .map(|task| task["taskId"].as_str().unwrap().to_owned()),
        );
        match &page["nextCursor"] {
            Value::Null => break,
            cursor => params = json!({ "cursor": cursor }),
        }
    }
    assert_eq!(listed, started);
    let params = json!({
        "ref": { "type": "ref/resource", "uri": "task://{id}/result" },
        "argument": { "name": "id", "value": started[7] },
    });
    let completed = client.request("completion/complete", &params).unwrap();
    assert_eq!(completed["completion"]["values"], json!([started[7]]));
}

#[test]
fn a_call_with_a_key_that_was_used_is_the_same_task() {
    let host = HostBuilder::new("mock", "polling").start();
    let client = host.client();
    let start = |key: &str, ms: u64| {
        let params = json!({
            "name": "sleep_start",
            "arguments": { "ms": ms },
            "_meta": { "taskhost/idempotencyKey": key },
        });
        client.request("tools/call", &params).unwrap()
    };
    let token = |answer: &Value| answer["structuredContent"]["token"].clone();
    let first = start("report of monday", 600_000);
    assert!(token(&first).is_string(), "{first}");
    assert_eq!(token(&start("report of monday", 600_000)), token(&first));
    assert_ne!(token(&start("report of tuesday", 600_000)), token(&first));
    let other = start("report of monday", 1);
    assert_eq!(other["isError"], true, "{other}");
    assert!(other.to_string().contains("TH0713"), "{other}");
}

#[test]
fn each_strategy_shows_the_tasks_that_it_is_given() {
    let host = HostBuilder::new("mock", "polling")
        .config(
            "version = 1\n[strategies.polling]\ncomponent = \"polling\"\ntasks = [\"e*\"]\n\
             [strategies.blocking]\ncomponent = \"blocking\"\ntasks = [\"sleep\"]\n",
        )
        .start();
    let shown = host.client().tools();
    let tools: Vec<&str> = shown
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    assert!(tools.contains(&"echo_start"), "{tools:?}");
    assert!(tools.contains(&"sleep"), "{tools:?}");
    for absent in ["sleep_start", "echo", "count", "count_start"] {
        assert!(!tools.contains(&absent), "{absent}: {tools:?}");
    }
}

#[test]
fn a_pattern_that_is_none_is_a_coded_error() {
    let finished = HostBuilder::new("mock", "polling")
        .config("version = 1\n[strategies.polling]\ncomponent = \"polling\"\ntasks = [\"[\"]\n")
        .finish();
    assert_eq!(finished.error_code(), "TH0119");
    assert_eq!(finished.status.code(), Some(78));
}

fn lines(client: &Client, uri: &str) -> Vec<String> {
    read(client, uri).lines().map(str::to_owned).collect()
}

fn read(client: &Client, uri: &str) -> String {
    let read = client.request("resources/read", &json!({ "uri": uri }));
    let read = read.unwrap_or_else(|e| panic!("{uri}: {e}"));
    read["contents"][0]["text"].as_str().unwrap().to_owned()
}

fn host() -> HostBuilder {
    HostBuilder::new("mock", "adaptive")
}
