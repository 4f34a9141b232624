//! SIGKILL, as clients see it that speak MCP's own tasks: the ids that they hold go on being answered.

use serde_json::{Value, json};
use taskhost_tests::{
    Client, Era, Host, HostBuilder, LONG, Lab, RedisOptions, RedisServer, Worker, WorkerOptions,
    wait_until,
};

#[test]
fn tasks_of_both_protocols_outlive_the_host_over_http() {
    let mut host = host().over_http().start();
    let counting = json!({ "steps": 100, "step_ms": 300 });
    let ids: Vec<String> = ERAS
        .iter()
        .map(|&era| {
            let client = client(&host, era);
            let task = client.start_native("count", &counting);
            task.until("on its way", |task| task["statusMessage"].is_string());
            task.id().to_owned()
        })
        .collect();
    host.kill();
    host.restart();
    let clients = ERAS.map(|era| client(&host, era));
    for (client, id) in clients.iter().zip(&ids) {
        assert_eq!(client.native(id).get()["status"], "working");
    }
    for (client, id) in clients.iter().zip(&ids) {
        let result = client.native(id).result();
        assert_eq!(result["structuredContent"], json!({ "counted": 100 }));
    }
}

#[test]
fn tasks_of_both_protocols_outlive_the_host_over_stdio() {
    for era in ERAS {
        let mut host = host().era(era).start();
        let task = host
            .client()
            .start_native("count", &json!({ "steps": 100, "step_ms": 300 }));
        task.until("on its way", |task| task["statusMessage"].is_string());
        let id = task.id().to_owned();
        host.kill();
        host.restart();
        let task = host.client().native(&id);
        assert_eq!(task.get()["status"], "working", "{era:?}");
        let result = task.result();
        assert_eq!(result["structuredContent"], json!({ "counted": 100 }));
    }
}

#[test]
fn results_and_ends_are_there_after_a_kill() {
    let mut host = host().over_http().start();
    let ends = ERAS.map(|era| {
        let client = client(&host, era);
        let done = client.start_native("echo", &json!({ "value": { "kept": era.version() } }));
        let result = done.result();
        let failed = client.start_native("fail", &json!({ "message": "as told" }));
        let failure = until_over(&client, failed.id());
        let cancelled = client.start_native("sleep", &json!({ "ms": 600_000 }));
        cancelled.cancel();
        cancelled.until_status("cancelled");
        let ids = [&done, &failed, &cancelled].map(|task| task.id().to_owned());
        (era, ids, result, failure)
    });
    host.kill();
    host.restart();
    for (era, [done, failed, cancelled], result, failure) in ends {
        let client = client(&host, era);
        assert_eq!(client.native(&done).result(), result, "{era:?}");
        assert_eq!(client.native(&failed).get(), failure, "{era:?}");
        assert_eq!(client.native(&cancelled).get()["status"], "cancelled");
    }
}

#[test]
fn a_subscription_can_be_opened_again_after_a_kill() {
    let mut host = host().over_http().era(Era::Stateless).start();
    let watcher = client(&host, Era::Stateless);
    let id = watcher
        .start_native("count", &json!({ "steps": 100, "step_ms": 300 }))
        .id()
        .to_owned();
    let before = watcher.listen(&[&id]);
    before.until(LONG, "something has changed", |states| states.len() > 1);
    host.kill();
    wait_until(LONG, "the stream ends with the host", || !before.is_open());
    assert!(
        before
            .states()
            .iter()
            .all(|state| state["status"] == "working")
    );

    host.restart();
    let after = host.client().listen(&[&id]);
    after.until(LONG, "the task completes", |states| {
        states
            .last()
            .is_some_and(|state| state["status"] == "completed")
    });
    let states = after.states();
    assert_eq!(
        states[0]["status"], "working",
        "where it stands comes first"
    );
    let ended = states.last().unwrap();
    assert_eq!(
        ended["result"]["structuredContent"],
        json!({ "counted": 100 })
    );
}

#[test]
fn a_question_is_still_open_after_a_kill_and_takes_its_answer() {
    let mut host = host().over_http().era(Era::Stateless).start();
    let question = json!({ "question": "which colour?" });
    let asking = host.client().start_native("ask", &question);
    let asked = asking.until_status("input_required")["inputRequests"].clone();
    let id = asking.id().to_owned();
    host.kill();
    host.restart();
    let asking = host.client().native(&id);
    assert_eq!(
        asking.until_status("input_required")["inputRequests"],
        asked
    );
    let key = asked.as_object().unwrap().keys().next().unwrap();
    let answer = json!({ key: { "action": "accept", "content": { "text": "green" } } });
    let update = json!({ "taskId": id, "inputResponses": answer });
    host.client().request("tasks/update", &update).unwrap();
    let result = asking.result();
    assert_eq!(result["structuredContent"], json!({ "text": "green" }));
}

#[test]
fn celery_tasks_run_on_while_the_host_is_gone() {
    let redis = RedisServer::start(RedisOptions::default());
    let worker = Worker::start(&redis, &WorkerOptions::default());
    let host = Lab::host(&redis)
        .args(["--strategy", "adaptive"])
        .over_http()
        .start();
    let mut lab = Lab {
        host,
        worker,
        redis,
    };
    lab.client().tool("started_only");
    let ids = ERAS.map(|era| {
        let client = client(&lab.host, era);
        let task = client.start_native("started_only", &json!({ "until": era.version() }));
        task.id().to_owned()
    });
    lab.host.kill();
    for era in ERAS {
        lab.release(era.version());
    }
    lab.host.restart();
    for (era, id) in ERAS.into_iter().zip(ids) {
        let result = client(&lab.host, era).native(&id).result();
        assert!(result.to_string().contains("done"), "{era:?}: {result}");
    }
}

const ERAS: [Era; 2] = [Era::Handshake, Era::Stateless];

fn host() -> HostBuilder {
    HostBuilder::new("mock", "adaptive")
}

fn client(host: &Host, era: Era) -> Client {
    let client = Client::http(&host.url()).speaking(era);
    client.initialize().unwrap();
    client
}

/// How the task ended, whichever way.
fn until_over(client: &Client, id: &str) -> Value {
    let task = client.native(id);
    task.until("over", |task| {
        ["completed", "failed"]
            .iter()
            .any(|status| task["status"] == *status)
    })
}
