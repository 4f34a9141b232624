//! From nothing to a durable task, in each language, by the commands that an author types.
//!
//! The tools of the languages are fetched once, below `target/tools`; the time that is said begins when
//! they are there.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use taskhost_tests::{Finished, Host, HostBuilder, setup, taskhost, taskhost_at_length};
use tempfile::TempDir;

/// The longest from the first command to the task that has survived, on a machine that does nothing else.
/// Not a measurement: it is what authors are promised.
const PROMISED: Duration = Duration::from_mins(2);

#[test]
fn an_author_gets_from_nothing_to_a_durable_task_in_rust() {
    let mut author = Author::begin("backend", "rust");
    author.types(Command::new("cargo").arg("test").arg("--quiet"));
    author.builds();
    author.passes_the_trial();
    author.sees_a_task_survive();
    author.is_done();
}

#[test]
fn an_author_gets_from_nothing_to_a_durable_task_in_python() {
    fetch("python", "componentize-py-0.25.1");
    let mut author = Author::begin("backend", "python");
    author.types(Command::new("python3").args(["-m", "unittest", "--quiet"]));
    author.builds();
    author.passes_the_trial();
    author.sees_a_task_survive();
    author.is_done();
}

#[test]
fn an_author_gets_from_nothing_to_a_durable_task_in_javascript() {
    fetch("js", "componentize-qjs-0.4.5");
    let mut author = Author::begin("backend", "js");
    author.types(setup::node("authoring", &[]).command().arg("--test"));
    author.builds();
    author.passes_the_trial();
    author.sees_a_task_survive();
    author.is_done();
}

#[test]
fn a_strategy_in_rust_shows_tasks() {
    let mut author = Author::sharing("strategy", "demo");
    author.types(Command::new("cargo").arg("test").arg("--quiet"));
    author.builds();
    author.passes_the_trial();
    author.sees_tasks_shown();
}

#[test]
fn a_strategy_in_python_shows_tasks() {
    let mut author = Author::begin("strategy", "python");
    author.types(Command::new("python3").args(["-m", "unittest", "--quiet"]));
    author.builds();
    author.passes_the_trial();
    author.sees_tasks_shown();
}

#[test]
fn an_author_gets_from_nothing_to_an_orchestration_that_goes_on() {
    let mut author = Author::sharing("orchestration", "steps");
    author.types(Command::new("cargo").arg("test").arg("--quiet"));
    author.builds();
    author.passes_the_trial();
    author.sees_an_orchestration_go_on();
}

#[test]
fn an_orchestration_in_python_is_refused_with_what_to_do_instead() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path().join("demo");
    for language in ["python", "js"] {
        let dir = folder.to_str().unwrap();
        let words = ["orchestration", "demo", "--lang", language, "--dir", dir];
        let refused = taskhost(&[&["new"], &words[..]].concat());
        assert_eq!(refused.error_code(), "TH0184");
        assert!(refused.stderr.contains("in Rust"), "{refused:?}");
        assert!(!folder.exists());
    }
}

#[test]
fn a_strategy_in_javascript_is_refused_with_the_reason() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path().join("demo");
    let refused = taskhost(&[
        "new",
        "strategy",
        "demo",
        "--lang",
        "js",
        "--dir",
        folder.to_str().unwrap(),
    ]);
    assert_eq!(refused.error_code(), "TH0285");
    assert!(refused.stderr.contains("--lang python"), "{refused:?}");
    assert!(!folder.exists());
}

#[test]
fn a_name_that_is_none_is_mended() {
    let refused = taskhost(&["new", "backend", "My_Backend"]);
    assert_eq!(refused.error_code(), "TH0181");
    assert!(refused.stderr.contains("`my-backend`"), "{refused:?}");
}

#[test]
fn a_folder_that_is_no_project_is_not_built() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path().to_str().unwrap();
    assert_eq!(taskhost(&["build", folder]).error_code(), "TH0281");
    fs::write(scratch.path().join("plugin.toml"), "name = 7\n").unwrap();
    taskhost(&["build", folder]).error_code();
}

#[test]
fn what_a_tool_complains_of_is_shown() {
    fetch("python", "componentize-py-0.25.1");
    let author = Author::begin("backend", "python");
    let module = author.project().join("plugin.py");
    fs::write(&module, "import nonsense_that_is_not_there\n").unwrap();
    let failed = author.taskhost(&["build"]);
    assert_eq!(failed.error_code(), "TH0287");
    assert!(
        failed.stderr.contains("nonsense_that_is_not_there"),
        "{failed:?}"
    );
    assert!(!author.project().join("target/demo.wasm").exists());
}

/// Whoever writes a component, in a folder of their own.
struct Author {
    scratch: TempDir,
    name: &'static str,
    /// Of one whose tools keep what they make for others, in the same place again and again.
    shared: Option<Shared>,
    kind: &'static str,
    language: &'static str,
    began: Instant,
    /// What the tools have used of the processors.
    used: Duration,
}

impl Author {
    fn begin(kind: &'static str, language: &'static str) -> Self {
        Self::begin_in(kind, "demo", language, None)
    }

    /// In Rust, with the packages that others have built already.
    fn sharing(kind: &'static str, name: &'static str) -> Self {
        Self::begin_in(kind, name, "rust", Some(Shared::of(name)))
    }

    fn begin_in(
        kind: &'static str,
        name: &'static str,
        language: &'static str,
        shared: Option<Shared>,
    ) -> Self {
        let author = Self {
            scratch: TempDir::with_prefix("taskhost-author-").unwrap(),
            name,
            shared,
            kind,
            language,
            began: Instant::now(),
            used: Duration::ZERO,
        };
        let folder = author.project();
        let begun = taskhost(&[
            "new",
            kind,
            name,
            "--lang",
            language,
            "--dir",
            folder.to_str().unwrap(),
        ]);
        assert!(begun.status.success(), "{begun:?}");
        author
    }

    fn project(&self) -> PathBuf {
        match &self.shared {
            Some(shared) => shared.project.clone(),
            None => self.scratch.path().join(self.name),
        }
    }

    /// What a command in the folder of the project prints, which must succeed.
    fn types(&mut self, command: &mut Command) -> String {
        let times = self.scratch.path().join("times");
        let mut shell = Command::new("bash");
        shell
            .args(["-c", r#""$@" && times >"$0""#])
            .arg(&times)
            .arg(command.get_program())
            .args(command.get_args())
            .current_dir(self.project())
            .stdin(Stdio::null());
        if self.shared.is_some() {
            shell.env("CARGO_TARGET_DIR", Shared::folder().join("target"));
        }
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let output = shell.output().unwrap();
        assert!(
            output.status.success(),
            "{command:?}\n{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        self.used += children(&fs::read_to_string(times).unwrap());
        String::from_utf8(output.stdout).unwrap()
    }

    fn builds(&mut self) {
        self.types(host().arg("build"));
        assert!(self.component().exists());
    }

    /// Every scenario that can be run on a fresh project passes.
    fn passes_the_trial(&mut self) {
        let said = self.types(host().args(["test", ".", "--report", "json"]));
        let report: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"));
        let verdicts = |verdict: &str| -> Vec<&str> {
            let rows = report["scenarios"].as_array().unwrap().iter();
            rows.filter(|row| row["verdict"] == verdict)
                .map(|row| row["name"].as_str().unwrap())
                .collect()
        };
        assert!(verdicts("failed").is_empty(), "{report:#}");
        // What is skipped says why, and a fresh project has little to skip: no network, and no texts of any
        // length.
        let passed = verdicts("passed");
        assert!(
            passed.len() > 2 * verdicts("skipped").len(),
            "{passed:?} of {report:#}"
        );
        if self.kind != "strategy" {
            for scenario in [
                "same-id-same-handle",
                "cancel-while-running",
                "restart-while-running",
            ] {
                assert!(passed.contains(&scenario), "{report:#}");
            }
        }
    }

    fn component(&self) -> PathBuf {
        let file = self.project().join("target").join(self.name);
        file.with_extension("wasm")
    }

    fn taskhost(&self, args: &[&str]) -> Finished {
        let folder = self.project();
        let mut args = args.to_vec();
        args.push(folder.to_str().unwrap());
        taskhost_at_length(&args)
    }

    /// A task is begun by a client, the host is killed, and the task goes on.
    fn sees_a_task_survive(&self) {
        let mut host = self.host("polling");
        let hello = host.client().start("hello", &json!({ "who": "World" }));
        assert_eq!(hello.end().payload()["result"], "Hello, World!");
        let count = json!({ "to": 40, "every_ms": 100 });
        let task = host.client().start("count", &count);
        let token = task.token().to_owned();
        task.until("on its way", |payload| {
            payload["progress"].as_f64().unwrap_or_default() > 0.0
        });
        host.kill();
        host.restart();
        let done = host.client().task("count", &token).end();
        assert_eq!(done.payload()["result"], json!({ "counted": 40 }));
        let task = host.client().start("count", &json!({ "to": 1000 }));
        task.until_status("RUNNING");
        task.cancel();
        task.until_status("CANCELLED");
    }

    /// The host is killed between two steps, and what is done is not done again.
    fn sees_an_orchestration_go_on(&self) {
        let mut host = self.host("polling");
        let guests = json!({ "names": ["Ada", "Grace", "Mary", "Joan"], "pause_ms": 300 });
        let task = host.client().start("greet_all", &guests);
        let token = task.token().to_owned();
        task.until("on its way", |payload| {
            payload["progress"].as_f64().unwrap_or_default() > 0.0
        });
        host.kill();
        host.restart();
        let done = host.client().task("greet_all", &token).end();
        let said = ["Ada", "Grace", "Mary", "Joan"].map(|name| format!("Hello, {name}!"));
        assert_eq!(done.payload()["result"], json!({ "said": said }));
        let history = host.cli(&["tasks", "history", &token]).stdout;
        assert_eq!(history.matches("activity-ended").count(), 4, "{history}");
    }

    fn host(&self, strategy: &str) -> Host {
        let backend = format!("{}={}", self.name, self.component().display());
        HostBuilder::new(&backend, strategy).start()
    }

    /// A client starts tasks with the tools of the strategy.
    fn sees_tasks_shown(&self) {
        let strategy = format!("demo={}", self.component().display());
        let host = HostBuilder::new("mock", &strategy)
            .set("demo.wait_seconds", "1")
            .start();
        let answer = host.client().call("echo", &json!({ "value": 7 }));
        assert!(format!("{answer:?}").contains('7'), "{answer:?}");
        let running = host.client().call("sleep", &json!({ "ms": 600_000 }));
        let id = running.payload()["id"].as_str().unwrap().to_owned();
        let stopped = host
            .client()
            .call("sleep_check", &json!({ "id": id, "stop": true }));
        assert!(format!("{stopped:?}").contains("cancel"), "{stopped:?}");
    }

    #[allow(clippy::print_stderr, reason = "a figure for whoever runs it")]
    /// Says how long it took, which is what an author is promised.
    fn is_done(&self) {
        let took = self.began.elapsed();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let alone = self.used / u32::try_from(cores).unwrap();
        eprintln!(
            "{} in {}: {:.1} s by the clock; its tools used {:.1} s of processors, of which there are {cores}",
            self.kind,
            self.language,
            took.as_secs_f64(),
            self.used.as_secs_f64()
        );
        // A machine that does something else besides is slower by the clock, and not by what is used.
        assert!(took.min(alone) < PROMISED, "{took:?}, {alone:?} alone");
    }
}

/// A folder that is the same in each run of the tests, so that cargo builds packages once for all of them.
struct Shared {
    project: PathBuf,
    /// One process at a time has it.
    _lock: File,
}

impl Shared {
    fn of(name: &str) -> Self {
        let project = Self::folder().join(name);
        let lock = setup::lock(&project);
        if project.exists() {
            fs::remove_dir_all(&project).unwrap();
        }
        Self {
            project,
            _lock: lock,
        }
    }

    fn folder() -> PathBuf {
        setup::workspace().join("target/authors")
    }
}

/// The host, with the tools of all tests.
fn host() -> Command {
    let mut host = Command::new(setup::host_binary());
    host.env("TASKHOST_TOOLS", setup::tools());
    host
}

/// Makes sure that a tool is there, before the time begins.
fn fetch(language: &'static str, tool: &str) {
    if !setup::tools().join(tool).join(".made-from").exists() {
        Author::begin("backend", language).builds();
    }
}

/// The second line of what `times` prints: user and system time of the shell's children, `1m2.345s` each.
fn children(times: &str) -> Duration {
    let one = |text: &str| {
        let (minutes, seconds) = text.trim_end_matches('s').split_once('m').unwrap();
        let minutes: f64 = minutes.parse().unwrap();
        let seconds: f64 = seconds.replace(',', ".").parse().unwrap();
        Duration::from_secs_f64(minutes * 60.0 + seconds)
    };
    times.lines().nth(1).unwrap().split(' ').map(one).sum()
}
