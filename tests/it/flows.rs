//! Orchestrations in the engine that comes with taskhost: from one file, without any server.

mod builds;
mod killed;
mod shown;

use std::fs;

use serde_json::{Value, json};
use taskhost_tests::{Host, HostBuilder, LONG, setup, wait_until};

#[test]
fn a_file_of_orchestrations_is_a_backend_of_itself() {
    let host = ready(flows());
    let tool = host.client().tool("steps_start");
    assert!(
        tool["inputSchema"]["properties"]["steps"].is_object(),
        "{tool}"
    );
    let task = host.client().start(
        "steps",
        &json!({ "steps": 7, "millis": 5, "retry_every": 3 }),
    );
    let result = task.end().payload()["result"].clone();
    assert_eq!(result, steps(7));
    let history = host.cli(&["tasks", "history", task.token()]);
    for word in [
        "activity-called",
        "attempt-failed",
        "timer-fired",
        "finished",
        "not-yet",
    ] {
        assert!(history.stdout.contains(word), "{word}: {}", history.stdout);
    }
    let runs = host.cli(&["tasks", "history", task.token(), "--json"]);
    let runs = runs.json();
    let entries = runs[0]["entries"].as_array().unwrap();
    let attempts = entries
        .iter()
        .filter(|entry| entry["what"] == "activity-ended");
    let attempts: Vec<_> = attempts
        .map(|entry| (entry["seq"].clone(), entry["attempt"].clone()))
        .collect();
    assert_eq!(
        attempts.iter().filter(|(_, attempt)| *attempt == 2).count(),
        2,
        "{attempts:?}"
    );
    // Its grants are those of the activities, by their own name.
    assert_eq!(
        witness(&host, task.token())
            .iter()
            .filter(|line| line.what == "end")
            .count(),
        7
    );
}

#[test]
fn where_nobody_is_named_the_orchestrations_that_come_with_taskhost_run() {
    let host = HostBuilder::bare().args(["--strategy", "polling"]).start();
    host.client().tool("process_data_start");
    let task = host.client().start(
        "process_data",
        &json!({ "steps": 3, "seconds_per_step": 0 }),
    );
    assert_eq!(task.end().status(), "COMPLETED");
}

#[test]
fn an_orchestration_that_reaches_out_is_stopped_at_once_and_told_what_to_do_instead() {
    let host = ready(flows());
    for (name, code, words) in [
        (
            "bad_clock",
            "not-in-an-orchestration",
            "wasi:clocks/wall-clock@0.2.12#now` ctx.now()",
        ),
        (
            "bad_instant",
            "not-in-an-orchestration",
            "wasi:clocks/monotonic-clock@0.2.12#now` ctx.now()",
        ),
        (
            "bad_sleep",
            "not-in-an-orchestration",
            "wasi:clocks/monotonic-clock ctx.sleep(",
        ),
        (
            "bad_random",
            "not-in-an-orchestration",
            "wasi:random/random ctx.random()",
        ),
        (
            "bad_network",
            "not-in-an-orchestration",
            "wasi:sockets/tcp activity",
        ),
        (
            "bad_file",
            "not-in-an-orchestration",
            "wasi:filesystem/preopens activity",
        ),
        (
            "bad_env",
            "not-in-an-orchestration",
            "wasi:cli/environment input",
        ),
        ("bad_loop", "no-end-of-turn", "loop activity"),
        ("bad_memory", "out-of-memory", "memory activities"),
        ("bad_panic", "trapped", "src/bad.rs on purpose"),
        ("bad_await", "waits-for-nothing", "activity"),
    ] {
        let end = host.client().start(name, &json!({})).end();
        assert_eq!(end.status(), "FAILED", "{name}: {end:?}");
        let said = end.payload().to_string();
        assert!(said.contains(code), "{name}: {said}");
        for word in words.split_whitespace() {
            assert!(said.contains(word), "{name}: {word}: {said}");
        }
    }
    // Each run has an instance of its own, so what one counts in a static another does not see.
    for _ in 0..2 {
        let end = host.client().start("bad_statics", &json!({})).end();
        assert_eq!(end.payload()["result"], 1, "{end:?}");
    }
}

#[test]
fn what_goes_wrong_in_an_activity_costs_an_attempt() {
    let host = ready(flows());
    for (name, input, result) in [
        ("flaky", json!({ "fail_times": 2 }), json!(3)),
        ("traps", json!({}), json!(2)),
        ("child_parent", json!({}), json!(6)),
        ("anew", json!({ "rounds": 20 }), json!(21)),
    ] {
        let end = host.client().start(name, &input).end();
        assert_eq!(end.payload()["result"], result, "{name}: {end:?}");
    }
    for (name, code) in [("slow_activity", "timed-out"), ("silent", "silent")] {
        let end = host.client().start(name, &json!({})).end();
        assert!(end.payload().to_string().contains(code), "{name}: {end:?}");
    }
}

#[test]
fn no_more_of_an_activity_run_at_once_than_its_component_says() {
    let host = ready(flows());
    let crowds = [(), (), ()].map(|()| host.client().start("crowd", &json!({})));
    for crowd in &crowds {
        assert_eq!(crowd.end().payload()["result"], 6);
    }
    let mut lines: Vec<_> = crowds
        .iter()
        .flat_map(|crowd| witness(&host, crowd.token()))
        .collect();
    assert_eq!(lines.len(), 3 * 6 * 2);
    // Within a millisecond, ends come first: they make room.
    lines.sort_by_key(|line| (line.ms, line.what != "end"));
    let mut running = 0_i32;
    for line in &lines {
        running += if line.what == "start" { 1 } else { -1 };
        assert!(running <= 2, "{lines:?}");
    }
}

#[test]
fn an_instance_has_one_attempt_after_another_until_one_leaves_a_trace() {
    let host = ready(flows());
    let seen = host.client().start("successors", &json!({})).end();
    // Those that follow one that lingers, grows, fails or keeps a handle find a fresh instance.
    assert_eq!(
        seen.payload()["result"],
        json!([1, 2, 3, 1, 2, 1, 0, 1, 2, 1]),
        "{seen:?}"
    );
}

#[test]
fn a_signal_to_nobody_holds_nothing_up() {
    let host = ready(flows());
    let nobody = host.client().start("bad_statics", &json!({}));
    nobody.end();
    for to in ["nonsense", nobody.token()] {
        let sends = host.client().start("sends", &json!({ "to": to }));
        assert_eq!(sends.end().status(), "COMPLETED", "{to}");
        wait_until(LONG, "there is nothing left to do for it", || {
            host.cli(&["tasks", "history", sends.token()])
                .stdout
                .contains(", over")
        });
    }
}

#[test]
fn a_cancelled_orchestration_cleans_up_and_is_cancelled() {
    let host = ready(flows());
    let task = host.client().start("cancellable", &json!({}));
    wait_until(LONG, "its activity is under way", || {
        witness(&host, task.token())
            .iter()
            .any(|line| line.what == "start")
    });
    task.cancel();
    task.until_status("CANCELLED");
    let lines = witness(&host, task.token());
    assert!(
        lines.iter().any(|line| line.what == "cleaned-up"),
        "{lines:?}"
    );
}

#[test]
fn questions_signals_and_timers_outlive_the_host() {
    let mut host = ready(flows().set("fixture-flows.controls", "true"));
    let (asks, waits, sleeps) = {
        let client = host.client();
        let asks = client.start("asks", &json!({}));
        let waits = client.start("waits", &json!({}));
        let sleeps = client.start("sleeps", &json!({ "ms": 300 }));
        asks.until_status("INPUT_REQUIRED");
        [asks, waits, sleeps]
            .map(|task| task.token().to_owned())
            .into()
    };
    host.kill();
    host.restart();
    let client = host.client();
    client.tool("asks_status");
    let task = client.task("asks", &asks);
    let payload = task.until_status("INPUT_REQUIRED");
    let key = payload["questions"][0]["key"].clone();
    let answer = json!({ "token": asks, "key": key, "response": { "go": true, "note": "fine" } });
    let told = client.call("asks_answer", &answer);
    assert!(!told.is_error(), "{told:?}");
    assert_eq!(
        task.end().payload()["result"],
        json!({ "go": true, "note": "fine" })
    );

    let signal = json!({ "task": waits, "name": "go", "data": { "n": 7 } });
    client.start("signal_orchestration", &signal).end();
    assert_eq!(
        client.task("waits", &waits).end().payload()["result"],
        json!({ "n": 7 })
    );
    let slept = client.task("sleeps", &sleeps).end().payload()["result"].as_u64();
    assert!(slept >= Some(300), "{slept:?}");
}

#[test]
fn a_suspended_orchestration_decides_nothing_until_it_is_resumed() {
    let host = ready(flows().set("fixture-flows.controls", "true"));
    let client = host.client();
    let task = client.start("waits", &json!({}));
    let about = |control: &str, arguments: Value| {
        let end = client.start(control, &arguments).end();
        assert_eq!(end.status(), "COMPLETED", "{control}: {end:?}");
    };
    about("suspend_orchestration", json!({ "task": task.token() }));
    about(
        "signal_orchestration",
        json!({ "task": task.token(), "name": "go", "data": 1 }),
    );
    let history = || host.cli(&["tasks", "history", task.token()]).stdout;
    wait_until(LONG, "the signal is written down", || {
        history().contains("signal-received")
    });
    assert!(!history().contains("finished"), "{}", history());
    about("resume_orchestration", json!({ "task": task.token() }));
    assert_eq!(task.end().payload()["result"], 1);

    let other = client.start("waits", &json!({}));
    about("terminate_orchestration", json!({ "task": other.token() }));
    assert_eq!(other.end().status(), "CANCELLED");
}

/// What the orchestration `steps` comes to.
fn steps(count: u64) -> Value {
    let mut outputs: Vec<u64> = Vec::new();
    let mut next = 1;
    while next <= count {
        let before = outputs.last().copied().unwrap_or(0);
        let last = if next % 5 == 1 { next } else { next + 3 };
        outputs.extend((next..=last.min(count)).map(|number| before * 2 + number));
        next = last + 1;
    }
    let sum: u64 = outputs.iter().sum();
    json!({ "outputs": outputs, "sum": sum })
}

/// A line that an activity has left.
#[derive(Debug)]
struct Line {
    key: String,
    what: String,
    ms: u64,
}

fn witness(host: &Host, token: &str) -> Vec<Line> {
    let file = host.command().scratch().join("log").join(token);
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = |line: &str| {
        let [key, _, what, ms] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        Line {
            key: key.to_owned(),
            what: what.to_owned(),
            ms: ms.parse().unwrap(),
        }
    };
    text.lines().map(line).collect()
}

/// A host with the orchestrations for tests, whose activities leave their lines in `log`.
/// Starts it, and waits until what it has is offered.
fn ready(host: HostBuilder) -> Host {
    let host = host.start();
    wait_until(LONG, "its orchestrations are offered", || {
        json!(host.client().tools()).to_string().contains("asks")
    });
    host
}

fn flows() -> HostBuilder {
    flows_by("polling")
}

fn flows_by(strategy: &str) -> HostBuilder {
    witnessed(HostBuilder::new(&component("fixture-flows"), strategy))
}

fn witnessed(host: HostBuilder) -> HostBuilder {
    let log = host.scratch().join("log");
    fs::create_dir_all(&log).unwrap();
    let grant = format!("fixture-flows:dir={}:/log:rw", log.display());
    host.args(["--allow".to_owned(), grant])
}

fn component(name: &str) -> String {
    setup::component(name).display().to_string()
}
