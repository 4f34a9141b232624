//! A component that is replaced while it is at work: nobody notices but those who want to know.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rustix::process::Signal;
use serde_json::{Value, json};
use taskhost_tests::{Client, Finished, Host, HostBuilder, LONG, SHORT, build, setup};
use taskhost_tests::{wait_for, wait_until};

/// How many calls are made while components are replaced, and how often that is tried.
const CALLS: usize = 10_000;
const RELOADS: usize = 20;

#[test]
fn no_call_fails_while_components_are_replaced() {
    let host = Files::new().over_http().start();
    let load = Load::default();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| load.call_until_told_to_end(&Client::http(&host.url())));
        }
        replace_again_and_again(&host, &load);
        load.reached(CALLS);
        load.end.store(true, Ordering::Relaxed);
    });
    let failed = load.failed.into_inner().unwrap();
    assert_eq!(failed, Vec::<String>::new(), "{}", host.log());
    assert!(load.calls.into_inner() >= CALLS);
    let calls = host.look("backends", "mock")["usage"]["calls"]
        .as_u64()
        .unwrap();
    assert!(calls > 1_000, "{calls} calls of the backend");
}

/// Spread over all calls. Every fourth build is broken, each in another way.
fn replace_again_and_again(host: &Site, load: &Load) {
    let mut broken = broken_builds().into_iter();
    for reload in 0..RELOADS {
        load.reached(reload * CALLS / RELOADS);
        let (kind, name) = KINDS[reload % 2];
        if reload % 4 < 3 {
            let before = host.look(kind, name);
            let build = build::marked(&original(name), &format!("build {reload}"));
            host.put(name, &build);
            let after = host.reload(kind, name).json();
            assert_eq!(after["reload"]["outcome"], "swapped", "{after}");
            assert_ne!(after["digest"], before["digest"]);
            assert!(
                after["generation"].as_u64() > before["generation"].as_u64(),
                "{before} {after}"
            );
            continue;
        }
        let (what, code, make) = broken.next().unwrap();
        // The strategies are broken too.
        let (kind, name) = KINDS[reload / 4 % 2];
        let before = host.look(kind, name);
        host.put(name, &make(name));
        let refused = host.reload(kind, name);
        assert_eq!(refused.status.code(), Some(1), "{what}: {refused:?}");
        assert!(
            refused.stderr.contains(&format!("TH0{code}")),
            "{what}: {refused:?}"
        );
        let after = host.look(kind, name);
        assert_eq!(after["reload"]["outcome"], "failed", "{what}");
        assert_eq!(after["reload"]["why"]["code"], code, "{what}: {after}");
        assert_eq!(
            after["digest"], before["digest"],
            "{what}: the old one serves"
        );
        assert_eq!(after["health"]["state"], "ready", "{what}");
    }
    assert!(broken.next().is_none());
}

type Make = fn(&str) -> Vec<u8>;

/// What it is, the code of its error, and how it is made of the one with this name.
fn broken_builds() -> [(&'static str, u64, Make); 5] {
    [
        ("a truncated file", 303, |name| {
            build::truncated(&original(name))
        }),
        ("a trap in `init`", 402, |name| {
            build::trapping_in_init(&original(name))
        }),
        ("the wrong kind", 305, |name| {
            original(if name == "mock" { "polling" } else { "mock" })
        }),
        ("a core module", 302, |_| build::core_module()),
        ("another version of the interface", 306, |name| {
            build::of_interface(&original(name), "0.4.0")
        }),
    ]
}

#[test]
fn a_call_under_way_is_answered_by_the_build_that_it_was_made_to() {
    let host = Files::new().strategy("blocking").over_http().start();
    thread::scope(|scope| {
        let url = host.url();
        let call = scope.spawn(move || {
            let client = Client::http(&url);
            client.initialize().unwrap();
            client.tool("sleep");
            client.call("sleep", &json!({ "ms": 600_000 }))
        });
        let task = host.until_running();
        for (kind, name) in [("strategies", "blocking"), ("backends", "mock")] {
            host.put(name, &build::marked(&original(name), "2"));
            let swapped = host.reload(kind, name).json();
            assert_eq!(swapped["reload"]["outcome"], "swapped", "{swapped}");
        }
        assert!(!call.is_finished(), "it is under way");
        let cancelled = host.host.cli(&["tasks", "cancel", &task]);
        assert!(cancelled.status.success(), "{cancelled:?}");
        let answer = call.join().unwrap();
        assert!(answer.to_string().contains("CANCELLED"), "{answer}");
    });
    let tasks = host.host.cli(&["tasks", "list", "--json"]).json();
    assert_eq!(tasks.as_array().unwrap().len(), 1, "{tasks}");
}

#[test]
fn a_live_task_goes_on_over_reloads() {
    let host = Files::new().start();
    let client = host.host.client();
    client.tool("sleep_start");
    let task = client.start("sleep", &json!({ "ms": 600_000 }));
    task.until_status("RUNNING");
    for mark in ["2", "3"] {
        host.put("mock", &build::marked(&original("mock"), mark));
        let swapped = host.reload("backends", "mock").json();
        assert_eq!(swapped["reload"]["outcome"], "swapped", "{swapped}");
        assert_eq!(swapped["tasks_alive"], 1);
        assert_eq!(task.status().status(), "RUNNING");
    }
    // The build that runs it now is another than the one that was asked to.
    task.cancel();
    task.until_status("CANCELLED");
}

#[test]
fn a_hangup_reloads_all_components() {
    let host = Files::new().start();
    let before: Vec<_> = KINDS.map(|(kind, name)| host.digest(kind, name)).into();
    for (_, name) in KINDS {
        host.put(name, &build::marked(&original(name), "2"));
    }
    host.host.signal(Signal::HUP);
    for ((kind, name), before) in KINDS.into_iter().zip(before) {
        wait_until(SHORT, &format!("{name} is reloaded"), || {
            host.digest(kind, name) != before
        });
    }
    host.host.client().tool("echo_start");
}

#[test]
fn a_watched_file_is_reloaded_when_it_is_replaced_and_when_it_is_written_in_pieces() {
    let host = Files::new().watched().start();
    let renamed = build::marked(&original("mock"), "renamed");
    host.put("mock", &renamed);
    host.until_digest("backends", "mock", &renamed);

    // Half of it is no component: the old one serves until the other half is there.
    let written = build::marked(&original("mock"), "written");
    let half = build::truncated(&written);
    fs::write(host.file("mock"), &half).unwrap();
    let failed = wait_for(SHORT, "half a file is refused", || {
        let seen = host.look("backends", "mock");
        (seen["reload"]["outcome"] == "failed").then_some(seen)
    });
    assert_eq!(failed["reload"]["why"]["code"], 303, "{failed}");
    assert_eq!(failed["health"]["state"], "ready");
    fs::write(host.file("mock"), &written).unwrap();
    host.until_digest("backends", "mock", &written);

    // Nobody has touched the strategy.
    assert_eq!(host.look("strategies", "polling")["reload"], Value::Null);
}

#[test]
fn a_watched_configuration_is_taken_up() {
    let host = Files::new().watched().with_config("").start();
    let client = host.host.client();
    client.tool("echo_start");
    assert!(client.find_tool("trap_start").is_none());
    host.configure("config = { faults = true }");
    client.tool("trap_start");

    host.configure("config = { faults = \"perhaps\" }");
    let failed = wait_for(SHORT, "a wrong configuration is refused", || {
        let seen = host.look("backends", "mock");
        (seen["reload"]["outcome"] == "failed").then_some(seen)
    });
    assert_eq!(failed["reload"]["why"]["code"], 111, "{failed}");
    client.tool("trap_start");
}

#[test]
fn configuration_grants_and_limits_are_taken_up() {
    let host = Files::new().with_config("").start();
    let unchanged = host.reload("backends", "mock").json();
    assert_eq!(unchanged["reload"]["outcome"], "unchanged", "{unchanged}");
    assert_eq!(unchanged["generation"], 1);

    host.configure("grant = { storage = \"2MiB\" }\nlimits = { call = \"7s\" }");
    let changed = host.reload("backends", "mock").json();
    assert_eq!(changed["reload"]["outcome"], "swapped", "{changed}");
    assert_eq!(changed["generation"], 2);
    assert_eq!(changed["grants"], json!(["storage=2MiB"]), "{changed}");
    assert_eq!(changed["usage"]["call"]["limit_ms"], 7_000, "{changed}");

    fs::write(host.files.builder.config_file(), "version = 1\n").unwrap();
    let gone = host.reload("backends", "mock");
    assert!(gone.stderr.contains("TH0104"), "{gone:?}");
    assert_eq!(host.look("backends", "mock")["health"]["state"], "ready");
}

#[test]
fn clients_hear_of_a_reload_only_where_the_list_is_another() {
    let host = Files::new().with_config("").start();
    let client = host.host.client();
    client.tool("echo_start");
    let heard = || {
        client
            .notifications("notifications/tools/list_changed")
            .len()
    };
    // From here on nothing of the start is under way any more.
    host.configure("config = { faults = true }");
    host.reload("backends", "mock").json();
    client.tool("trap_start");
    wait_until(SHORT, "the client hears of new tools", || heard() > 0);
    let before = heard();

    for (kind, name) in KINDS {
        host.put(name, &build::marked(&original(name), "2"));
        let swapped = host.reload(kind, name).json();
        assert_eq!(swapped["reload"]["outcome"], "swapped", "{swapped}");
    }
    let calls = |kind, name| host.look(kind, name)["usage"]["calls"].as_u64();
    wait_until(SHORT, "the new ones have been asked", || {
        calls("backends", "mock") > Some(2) && calls("strategies", "polling") > Some(8)
    });
    host.configure("config = { faults = false }");
    host.reload("backends", "mock").json();
    wait_until(SHORT, "the client hears of fewer tools", || {
        heard() > before
    });
    assert_eq!(heard(), before + 1);
    assert!(client.find_tool("trap_start").is_none());
}

#[test]
fn a_broken_component_is_tried_again_by_a_reload() {
    let host = Files::new()
        .with_config("config = { faults = true }\nlimits = { restarts = 0 }")
        .start();
    let client = host.host.client();
    client.tool("trap_start");
    client.call("trap_start", &json!({}));
    let broken = wait_for(SHORT, "it is broken", || {
        let seen = host.look("backends", "mock");
        (seen["health"]["state"] == "broken").then_some(seen)
    });
    assert_eq!(broken["health"]["why"]["code"], 407, "{broken}");
    let health = host.host.cli(&["backends", "health"]);
    assert_eq!(health.error_code(), "TH0737");
    assert!(health.stdout.contains("broken"), "{health:?}");

    // What hands the task over would end it again.
    let tasks = host.host.cli(&["tasks", "list", "--json"]).json();
    for task in tasks.as_array().unwrap() {
        host.host
            .cli(&["tasks", "cancel", task["id"].as_str().unwrap()]);
    }
    host.configure("config = { faults = false }");
    let back = host.reload("backends", "mock").json();
    assert_eq!(back["reload"]["outcome"], "swapped", "{back}");
    let health = host.host.cli(&["backends", "health"]);
    assert!(health.status.success(), "{health:?}");
}

#[test]
fn an_update_that_asks_for_more_is_held_until_it_is_granted() {
    let host = Files::new().with_config("").start();
    let asking = |asks: &str| {
        let manifest = format!(
            "name = \"mock\"\nversion = \"0.2.0\"\nkind = \"backend\"\nsummary = \"For tests\"\n{asks}"
        );
        build::with_manifest(&original("mock"), &manifest)
    };
    let optional = "[[asks]]\nenv = \"TZ\"\nreason = \"to say when\"\noptional = true\n";
    host.put("mock", &asking(optional));
    let swapped = host.reload("backends", "mock").json();
    assert_eq!(swapped["reload"]["outcome"], "swapped", "{swapped}");
    assert_eq!(swapped["asks"][0]["missing"], "env=TZ", "{swapped}");

    let more = "[[asks]]\ntcp = \"redis.example:6379\"\nreason = \"the broker\"\n";
    host.put("mock", &asking(&format!("{optional}{more}")));
    let held = host.host.cli(&["backends", "reload", "mock"]);
    assert_eq!(held.status.code(), Some(1));
    assert_eq!(held.error_code(), "TH0736");
    assert!(held.stderr.contains("the broker"), "{held:?}");
    let grant = "help: taskhost grant mock tcp=redis.example:6379";
    assert!(held.stderr.contains(grant), "{held:?}");
    let seen = host.look("backends", "mock");
    assert_eq!(seen["reload"]["outcome"], "held", "{seen}");
    assert_eq!(seen["digest"], swapped["digest"], "the old one serves");
    let list = host.host.cli(&["backends", "list"]).stdout;
    assert!(list.contains("held"), "{list}");
    assert!(list.contains("tcp redis.example:6379"), "{list}");

    let file = host.files.builder.config_file();
    let what = "tcp=redis.example:6379";
    let granted =
        taskhost_tests::taskhost(&["grant", "mock", what, "--config", file.to_str().unwrap()]);
    assert!(granted.status.success(), "{granted:?}");
    let live = host.reload("backends", "mock").json();
    assert_eq!(live["reload"]["outcome"], "swapped", "{live}");
    assert!(
        live["grants"].as_array().unwrap().contains(&json!(what)),
        "{live}"
    );
    host.host.client().tool("echo_start");
}

#[test]
fn components_are_asked_about_by_name_and_kind() {
    let host = Files::new().start();
    for (kind, name) in KINDS {
        let list = host.host.cli(&[kind, "list"]);
        assert!(list.status.success(), "{list:?}");
        assert!(list.stdout.contains(name), "{}", list.stdout);
        assert!(list.stdout.contains("ready"), "{}", list.stdout);
        let shown = host.host.cli(&[kind, "show", name]);
        assert!(shown.stdout.contains("without-yield"), "{}", shown.stdout);
    }
    let other = host.host.cli(&["backends", "show", "polling"]);
    assert_eq!(other.error_code(), "TH0734");
    let near = host.host.cli(&["backends", "reload", "mok"]);
    assert_eq!(near.error_code(), "TH0734");
    assert!(near.stderr.contains("did you mean `mock`?"), "{near:?}");
}

#[test]
fn without_a_host_there_are_no_components() {
    let nobody = HostBuilder::bare();
    for verb in [["backends", "list"], ["strategies", "health"]] {
        let answer = nobody.cli(&verb);
        assert_eq!(answer.error_code(), "TH0733");
        assert_eq!(answer.status.code(), Some(69));
    }
}

/// What is reloaded, unless a test says otherwise.
const KINDS: [(&str, &str); 2] = [("backends", "mock"), ("strategies", "polling")];

/// A host whose components are files of the test.
struct Files {
    builder: HostBuilder,
    strategy: String,
    config: Option<String>,
}

struct Site {
    host: Host,
    files: Files,
}

impl Files {
    fn new() -> Self {
        Self {
            builder: HostBuilder::bare(),
            strategy: "polling".to_owned(),
            config: None,
        }
    }

    fn strategy(mut self, name: &str) -> Self {
        name.clone_into(&mut self.strategy);
        self
    }

    fn over_http(mut self) -> Self {
        // What is measured here is not the disk.
        self.builder = self.builder.over_http().args(["--durability", "process"]);
        self
    }

    fn watched(mut self) -> Self {
        self.builder = self.builder.args(["--watch"]);
        self
    }

    /// The components are named in a file, and this is what is in the table of the backend.
    fn with_config(mut self, table: &str) -> Self {
        self.config = Some(table.to_owned());
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.builder.scratch().join(name).with_extension("wasm")
    }

    fn text(&self, table: &str) -> String {
        format!(
            "version = 1\n[strategies.{0}]\ncomponent = \"./{0}.wasm\"\n\
             [backends.mock]\ncomponent = \"./mock.wasm\"\n{table}\n",
            self.strategy
        )
    }

    fn start(mut self) -> Site {
        for name in ["mock", &self.strategy] {
            fs::write(self.path(name), original(name)).unwrap();
        }
        self.builder = if let Some(table) = &self.config {
            let text = self.text(table);
            self.builder.config(&text)
        } else {
            let (mock, strategy) = (self.path("mock"), self.path(&self.strategy));
            let flags = ["--backend".into(), mock.into_os_string()];
            let more = ["--strategy".into(), strategy.into_os_string()];
            self.builder.args(flags).args(more)
        };
        let host = self.builder.clone().start();
        for kind in ["backends", "strategies"] {
            wait_until(LONG, &format!("all {kind} are ready"), || {
                host.cli(&[kind, "health"]).status.success()
            });
        }
        Site { host, files: self }
    }
}

impl Site {
    fn url(&self) -> String {
        self.host.url()
    }

    fn log(&self) -> String {
        self.host.log()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path(name)
    }

    /// Puts another build where the host finds it, as builds do: whole.
    fn put(&self, name: &str, build: &[u8]) {
        replace(&self.file(name), build);
    }

    fn configure(&self, table: &str) {
        let text = self.files.text(table);
        replace(&self.files.builder.config_file(), text.as_bytes());
    }

    fn reload(&self, kind: &str, name: &str) -> Finished {
        self.host.cli(&[kind, "reload", name, "--json"])
    }

    /// As the list has it.
    fn look(&self, kind: &str, name: &str) -> Value {
        let all = self.host.cli(&[kind, "list", "--json"]).json();
        let found = all
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == name);
        found.unwrap_or_else(|| panic!("no {name}: {all}")).clone()
    }

    fn digest(&self, kind: &str, name: &str) -> Value {
        self.look(kind, name)["digest"].clone()
    }

    fn until_digest(&self, kind: &str, name: &str, build: &[u8]) {
        let file = self.host.command().scratch().join("expected.wasm");
        fs::write(&file, build).unwrap();
        let seen = self.host.command();
        let inspected = taskhost_tests::taskhost(&["inspect", file.to_str().unwrap(), "--json"]);
        let expected = inspected.json()["digest"].clone();
        wait_until(
            LONG,
            &format!("{name} is reloaded: {}", seen.scratch().display()),
            || self.digest(kind, name) == expected,
        );
    }

    /// The id of the task that is running.
    fn until_running(&self) -> String {
        wait_for(LONG, "a task is running", || {
            let tasks = self.host.cli(&["tasks", "list", "--json"]).json();
            let mut tasks = tasks.as_array().unwrap().iter();
            let running = tasks.find(|task| task["status"] == "RUNNING")?;
            running["id"].as_str().map(str::to_owned)
        })
    }
}

/// Clients that call tools, and count.
#[derive(Default)]
struct Load {
    calls: AtomicUsize,
    failed: Mutex<Vec<String>>,
    end: AtomicBool,
}

impl Load {
    fn call_until_told_to_end(&self, client: &Client) {
        client.initialize().unwrap();
        client.tool("echo_start");
        let mut number = 0;
        while !self.end.load(Ordering::Relaxed) {
            number += 1;
            let Some(started) = self.call(client, "echo_start", &json!({ "value": number })) else {
                continue;
            };
            let token = started["token"].clone();
            loop {
                let asked = json!({ "token": token, "wait_seconds": 1 });
                let Some(status) = self.call(client, "echo_status", &asked) else {
                    break;
                };
                if status["status"] == "COMPLETED" {
                    break;
                }
            }
            let result = self.call(client, "echo_result", &json!({ "token": token }));
            if let Some(result) = result
                && result["result"] != number
            {
                self.fail(format!("{number} is {result}"));
            }
        }
    }

    fn call(&self, client: &Client, tool: &str, arguments: &Value) -> Option<Value> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        match client.try_call(tool, arguments) {
            Ok(answer) if !answer.is_error() => Some(answer.payload().clone()),
            Ok(answer) => {
                self.fail(format!("{tool} {arguments}: {answer}"));
                None
            }
            Err(error) => {
                self.fail(format!("{tool} {arguments}: {error}"));
                None
            }
        }
    }

    fn fail(&self, why: String) {
        self.failed.lock().unwrap().push(why);
        // One is enough.
        self.end.store(true, Ordering::Relaxed);
    }

    /// Returns when so many calls have been made, or one has failed.
    fn reached(&self, calls: usize) {
        wait_until(LONG * 3, &format!("{calls} calls"), || {
            self.calls.load(Ordering::Relaxed) >= calls || self.end.load(Ordering::Relaxed)
        });
    }
}

/// The component of this name, as it was built with the host.
fn original(name: &str) -> Vec<u8> {
    fs::read(setup::component(name)).unwrap()
}

fn replace(file: &Path, content: &[u8]) {
    let new = file.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::rename(&new, file).unwrap();
}
