//! The Restate backend with a real server and a real worker, which die as everything else does.

use serde_json::{Value, json};
use taskhost_tests::{
    Client, Host, HostBuilder, LONG, RestateServer, RestateWorker, Task, ToolAnswer, setup,
    taskhost_at_length, wait_for, wait_until,
};

#[test]
fn a_handler_is_a_task_with_the_schema_that_it_has_in_restate() {
    let lab = Lab::start();
    let tool = lab.client().tool("lab_add_start");
    assert_eq!(tool["inputSchema"]["required"], json!(["x", "y"]), "{tool}");
    assert!(tool.to_string().contains("Adds two numbers"), "{tool}");
    let wrong = lab.client().call("lab_add_start", &json!({ "x": "one" }));
    assert!(wrong.is_error(), "{wrong:?}");

    let sum = lab.run("lab_add", &json!({ "x": 40, "y": 2 }));
    assert_eq!(sum.end().payload()["result"], 42);
    let nothing = lab.run("lab_nothing", &json!({}));
    assert_eq!(nothing.end().payload()["result"], Value::Null);
}

#[test]
fn an_object_takes_its_key_beside_its_input() {
    let lab = Lab::start();
    let add = |key: &str| {
        let task = lab.run("counter_increase", &json!({ "key": key, "input": 2 }));
        task.end().payload()["result"].clone()
    };
    assert_eq!(
        (add("a/b"), add("a/b"), add("c")),
        (json!(2), json!(4), json!(2))
    );
}

#[test]
fn a_workflow_runs_once_for_each_key_and_is_nobody_elses() {
    let lab = Lab::start();
    let named = lab.run("flow_run", &json!({ "key": "k", "input": "me" }));
    assert_eq!(named.end().payload()["result"], "k: me");
    // By another client of Restate, so that no purge of ours makes room.
    lab.restate.post("flow/taken/run/send", "\"them\"");
    lab.worker.wait_for("ran for them", 1);
    let arguments = json!({ "key": "taken", "input": "me" });
    let taken = lab.client().call("flow_run_start", &arguments);
    assert!(taken.is_error(), "{taken:?}");
    assert!(taken.text().contains("under this key"), "{taken:?}");

    let unnamed = lab.run("flow_run", &json!({ "input": "me" }));
    let result = unnamed.end().payload()["result"].clone();
    assert_eq!(result, format!("{}: me", unnamed.token()));
}

#[test]
fn what_is_done_is_done_once_although_server_worker_and_host_are_killed() {
    let mut lab = Lab::start();
    let token = {
        let task = lab.run("lab_steps", &json!({ "gate": "s", "steps": 4 }));
        task.token().to_owned()
    };
    lab.worker.open("s-0");
    lab.worker.wait_for("begun s-1", 1);
    lab.restate.kill();
    lab.restate.restart();
    lab.worker.open("s-1");
    lab.worker.wait_for("begun s-2", 1);
    lab.worker.kill();
    lab.worker.restart();
    lab.worker.open("s-2");
    lab.worker.wait_for("begun s-3", 1);
    lab.host.kill();
    lab.worker.open("s-3");
    lab.host.restart();
    lab.client().tool("lab_steps_status");

    let end = lab.client().task("lab_steps", &token).end();
    assert_eq!(end.payload()["result"], json!(["s-0", "s-1", "s-2", "s-3"]));
    assert_eq!(
        lab.worker.count("begun s-0"),
        1,
        "it was over before the first kill"
    );
}

#[test]
fn an_invocation_that_restate_does_not_know_is_lost_and_never_pending() {
    let mut lab = Lab::start();
    let token = {
        let task = lab.run("lab_sleeper", &json!({ "input": 3600 }));
        task.until_status("RUNNING");
        task.token().to_owned()
    };
    let invocation = lab.restate.invocation(&token).unwrap();
    lab.host.kill();
    lab.restate.tell(&invocation, "kill");
    lab.restate.tell(&invocation, "purge");
    wait_until(LONG, "Restate has forgotten it", || {
        lab.restate.invocation(&token).is_none()
    });
    lab.host.restart();
    lab.client().tool("lab_sleeper_status");
    let end = lab.client().task("lab_sleeper", &token).end();
    assert_eq!(end.status(), "FAILED", "{end:?}");
    assert!(end.payload().to_string().contains("lost"), "{end:?}");
}

#[test]
fn while_the_server_is_away_nothing_is_said_to_be_lost() {
    let mut lab = Lab::start();
    let token = {
        let task = lab.run("lab_steps", &json!({ "gate": "a", "steps": 1 }));
        task.until_status("RUNNING");
        task.token().to_owned()
    };
    lab.restate.kill();
    wait_until(LONG, "the host has noticed", || {
        lab.host.log().contains("cannot observe")
    });
    let task = lab.client().task("lab_steps", &token);
    assert_eq!(task.status().status(), "RUNNING");
    lab.restate.restart();
    lab.worker.open("a-0");
    let task = lab.client().task("lab_steps", &token);
    assert_eq!(task.end().payload()["result"], json!(["a-0"]));
}

#[test]
fn delayed_work_begins_at_its_time_although_the_host_is_killed_meanwhile() {
    const DELAY_MS: u64 = 5000;
    let options = format!("options={}", setup::component("options").display());
    let mut lab = Lab::with(|host| host.args(["--strategy", &options]));
    let at = |end: &ToolAnswer| end.payload()["result"].as_u64().unwrap();
    let now = at(&lab.run("lab_clock", &json!({})).end());

    let told = json!({ "arguments": {}, "options": { "delay_seconds": DELAY_MS / 1000 } });
    let token = lab.client().call("lab_clock_with", &told).text().to_owned();
    assert_eq!(lab.rows(&token)[0]["status"], "scheduled");
    lab.client()
        .task("lab_clock", &token)
        .until_status("PENDING");
    lab.host.kill();
    lab.host.restart();
    lab.client().tool("lab_clock_status");
    let end = lab.client().task("lab_clock", &token).end();
    assert!(at(&end) >= now + DELAY_MS, "{end} after {now}");
}

#[test]
fn cancelled_work_stops_and_is_cancelled() {
    let lab = Lab::start();
    let task = lab.run("lab_sleeper", &json!({ "input": 3600 }));
    task.until_status("RUNNING");
    task.cancel();
    task.until_status("CANCELLED");
}

#[test]
fn work_that_has_not_begun_is_cancelled_and_never_begins() {
    let lab = Lab::start();
    let first = lab.run("counter_hold", &json!({ "key": "k" }));
    first.until_status("RUNNING");
    let second = lab.run("counter_increase", &json!({ "key": "k", "input": 1 }));
    wait_until(LONG, "it waits for the first", || {
        let rows = lab.rows(second.token());
        rows.iter().any(|row| row["status"] == "pending")
    });
    second.cancel();
    second.until_status("CANCELLED");
    first.cancel();
    first.until_status("CANCELLED");
    let third = lab.run("counter_increase", &json!({ "key": "k", "input": 5 }));
    assert_eq!(third.end().payload()["result"], 5);
}

#[test]
fn work_that_does_not_stop_is_killed_when_its_grace_is_over() {
    let lab = Lab::with(|host| host.set("restate.kill_after_seconds", "1"));
    let task = lab.run("lab_stubborn", &json!({}));
    task.until_status("RUNNING");
    task.cancel();
    task.until_status("CANCELLED");
    lab.worker.wait_for("refused to stop", 1);
}

#[test]
fn work_without_a_worker_is_killed_by_a_host_that_was_killed_too() {
    let mut lab = Lab::with(|host| host.set("restate.kill_after_seconds", "2"));
    let token = {
        let task = lab.run("lab_sleeper", &json!({ "input": 3600 }));
        task.until_status("RUNNING");
        task.token().to_owned()
    };
    lab.worker.kill();
    lab.client().task("lab_sleeper", &token).cancel();
    lab.host.kill();
    lab.host.restart();
    lab.client().tool("lab_sleeper_status");
    lab.client()
        .task("lab_sleeper", &token)
        .until_status("CANCELLED");
}

#[test]
fn a_journal_that_does_not_fit_its_handler_is_a_failed_task() {
    let mut lab = Lab::start();
    let token = {
        let task = lab.run("lab_drifting", &json!({}));
        lab.worker.wait_for("drifted", 1);
        task.until_status("RUNNING");
        task.token().to_owned()
    };
    lab.worker.kill();
    lab.worker.restart();
    let end = lab.client().task("lab_drifting", &token).end();
    assert_eq!(end.status(), "FAILED", "{end:?}");
    let said = end.payload().to_string();
    assert!(said.contains("journal-mismatch"), "{said}");
    wait_until(LONG, "Restate does not go on trying", || {
        lab.rows(&token)
            .iter()
            .all(|row| row["status"] == "completed")
    });
}

#[test]
fn work_that_backs_off_says_why_and_goes_on() {
    let lab = Lab::start();
    let task = lab.run("lab_flaky", &json!({ "input": "space" }));
    let why = task.until("told of", |payload| {
        payload.to_string().contains("the disk is full")
    });
    assert_eq!(why["status"], "RETRYING", "{why}");
    lab.worker.open("space");
    assert_eq!(task.end().payload()["result"], "done");
}

#[test]
fn work_that_is_paused_says_so_and_goes_on_when_it_is_resumed() {
    let lab = Lab::start();
    let task = lab.run("lab_flaky", &json!({ "input": "space" }));
    task.until_status("RETRYING");
    let invocation = lab.restate.invocation(task.token()).unwrap();
    lab.restate.tell(&invocation, "pause");
    let paused = task.until("paused", |payload| payload.to_string().contains("paused"));
    assert!(paused.to_string().contains("the disk is full"), "{paused}");
    lab.worker.open("space");
    lab.restate.tell(&invocation, "resume");
    assert_eq!(task.end().payload()["result"], "done");
}

#[test]
fn a_terminal_error_is_a_failure_with_its_words() {
    let lab = Lab::start();
    let end = lab.run("lab_refuses", &json!({})).end();
    assert_eq!(end.status(), "FAILED", "{end:?}");
    assert!(
        end.payload().to_string().contains("no such film"),
        "{end:?}"
    );
}

#[test]
fn an_awakeable_is_a_question_and_survives_the_worker() {
    let mut lab = Lab::start();
    let (token, key) = {
        let task = lab.run("lab_asks", &json!({ "input": "Which colour?" }));
        let asked = task.until_status("INPUT_REQUIRED");
        assert!(asked.to_string().contains("Which colour?"), "{asked}");
        let key = asked["questions"][0]["key"].as_str().unwrap().to_owned();
        (task.token().to_owned(), key)
    };
    lab.worker.kill();
    lab.worker.restart();
    let answer = json!({ "token": token, "key": key, "response": { "answer": "blue" } });
    let told = lab.client().call("lab_asks_answer", &answer);
    assert!(!told.is_error(), "{told:?}");
    let end = lab.client().task("lab_asks", &token).end();
    assert_eq!(end.payload()["result"], "you said blue");
}

#[test]
fn what_is_over_is_purged_when_its_outcome_is_stored() {
    let lab = Lab::start();
    let task = lab.run("lab_add", &json!({ "x": 1, "y": 2 }));
    task.end();
    wait_until(LONG, "Restate has forgotten it", || {
        lab.rows(task.token()).is_empty()
    });
    assert_eq!(task.result().payload()["result"], 3, "the host has it");
}

#[test]
fn a_handler_that_is_deployed_later_is_offered_then_and_a_hidden_one_never() {
    let restate = RestateServer::start();
    let host = host(&restate)
        .args(["--set", r#"restate.hide=["flow","lab/stubborn"]"#])
        .start();
    assert!(host.client().find_tool("lab_add_start").is_none());
    let _worker = RestateWorker::start(&restate);
    let client = host.client();
    wait_for(LONG, "it is found", || client.find_tool("lab_add_start"));
    assert!(client.find_tool("lab_stubborn_start").is_none());
    assert!(client.find_tool("flow_run_start").is_none());
}

#[test]
fn the_restate_backend_conforms_with_a_real_worker() {
    let restate = RestateServer::start();
    let _worker = RestateWorker::start(&restate);
    let settings = settings(&restate);
    let mut args = vec!["test", "restate"];
    args.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    args.extend(["--task", "lab_echo", "--arguments", r#"{"text": "hello"}"#]);
    args.extend([
        "--slow",
        "lab_sleeper",
        "--slow-arguments",
        r#"{"input": 3600}"#,
    ]);
    args.extend(["--timeout", "90s", "--report", "json"]);
    let tried = taskhost_at_length(&args);
    assert!(tried.status.success(), "{}{}", tried.stdout, tried.stderr);
    let report = tried.json();
    for scenario in [
        "start-to-end",
        "huge-result",
        "unknown-work",
        "network-away",
        "network-cut",
    ] {
        let rows = report["scenarios"].as_array().unwrap();
        let row = rows.iter().find(|row| row["name"] == scenario).unwrap();
        assert_eq!(row["verdict"], "passed", "{row}");
    }
}

#[test]
fn the_file_of_the_build_needs_grants_that_name_its_methods() {
    let restate = RestateServer::start();
    let _worker = RestateWorker::start(&restate);
    let component = setup::component("restate");
    // An empty custom section `x` makes another file of it, which does not come with the build.
    let bare = HostBuilder::bare();
    let file = bare.scratch().join("strange.wasm");
    let bytes = [std::fs::read(component).unwrap(), b"\0\x02\x01x".to_vec()].concat();
    std::fs::write(&file, bytes).unwrap();
    let mut host = bare
        .args(["--backend", &format!("strange={}", file.display())])
        .args(["--strategy", "polling"]);
    for setting in settings(&restate) {
        host = host.args(["--set", &setting.replace("restate.", "strange.")]);
    }
    host = host
        .args([
            "--allow",
            &format!("strange:http=GET,POST@{}", restate.ingress()),
        ])
        .args([
            "--allow",
            &format!("strange:http=GET,POST,PATCH@{}", restate.admin()),
        ]);
    let host = host.start();
    host.client().tool("lab_add_start");
    let sum = host.client().start("lab_add", &json!({ "x": 1, "y": 2 }));
    assert_eq!(sum.end().payload()["result"], 3);
}

/// A server, a worker that it knows, and a host with a client.
struct Lab {
    /// Ends first, so that it does not complain of the others' end.
    host: Host,
    worker: RestateWorker,
    restate: RestateServer,
}

impl Lab {
    fn start() -> Self {
        Self::with(|host| host)
    }

    /// Returns when the tools of the worker's handlers are there.
    fn with(more: impl FnOnce(HostBuilder) -> HostBuilder) -> Self {
        let restate = RestateServer::start();
        let worker = RestateWorker::start(&restate);
        let host = more(host(&restate)).start();
        host.client().tool("lab_add_start");
        Self {
            host,
            worker,
            restate,
        }
    }

    fn client(&self) -> &Client {
        self.host.client()
    }

    fn run(&self, task: &str, arguments: &Value) -> Task<'_> {
        self.client().start(task, arguments)
    }

    /// What Restate has of a task.
    fn rows(&self, token: &str) -> Vec<Value> {
        let sql =
            format!("SELECT id, status FROM sys_invocation WHERE idempotency_key = '{token}'");
        self.restate.query(&sql)
    }
}

fn host(restate: &RestateServer) -> HostBuilder {
    let mut host = HostBuilder::new("restate", "polling");
    for setting in settings(restate) {
        host = host.args(["--set", &setting]);
    }
    host
}

fn settings(restate: &RestateServer) -> [String; 3] {
    [
        format!("restate.ingress={}", restate.ingress()),
        format!("restate.admin={}", restate.admin()),
        "restate.discover_every_seconds=1".to_owned(),
    ]
}
