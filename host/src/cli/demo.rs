//! `taskhost demo`: the promise, shown on this machine with nothing else installed.
//!
//! A real host in a process of its own, a real client at its standard input and output, and a real
//! `SIGKILL` in the middle of a task. Every line that is printed has been checked; if one does not come
//! true, the demo says so and fails.

mod client;

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use crate::error::{Code, Report};
use client::Client;

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Keep the tasks of the demo here, and leave them there [default: a directory that is removed]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// How long any one step may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the demo.
pub(super) async fn demo(args: &DemoArgs) -> Result<(), Report> {
    let scratch = Scratch::new(args.data_dir.clone())?;
    let done = show(&scratch.path).await;
    if done.is_ok() {
        println!("\nEverything above was checked as it happened. Next: taskhost run --help");
    }
    done
}

async fn show(data_dir: &Path) -> Result<(), Report> {
    println!("taskhost demo: a host, a client, orchestrations, and a kill\n");
    let mut client = launch(data_dir).await?;
    println!("  the client asks which tools there are");
    let tools = client.tools().await?;
    check(
        tools.iter().any(|tool| tool == "process_data_start"),
        "there is a tool `process_data_start`",
    )?;
    println!(
        "    {} tools, among them process_data_start, process_data_status, process_data_result",
        tools.len()
    );

    println!("\n1. Work in steps, with progress");
    let input = json!({"steps": 3, "seconds_per_step": 0.4});
    let token = start(&mut client, "process_data", input).await?;
    let result = result(&mut client, "process_data", &token).await?;
    check(
        steps(&result).len() == 3,
        "its result has each of the three steps",
    )?;
    println!(
        "    result \"{}\"",
        result
            .get("summary")
            .and_then(Value::as_str)
            .unwrap_or_default()
    );

    question(&mut client).await?;

    println!("\n3. Work that is cancelled");
    let input = json!({"steps": 600, "seconds_per_step": 1});
    let token = start(&mut client, "process_data", input).await?;
    client
        .call("process_data_cancel", json!({"token": token}))
        .await?;
    let end = follow(&mut client, "process_data", &token, &ENDS).await?;
    check(end == "CANCELLED", "it is cancelled")?;

    killed(client, data_dir).await
}

async fn launch(data_dir: &Path) -> Result<Client, Report> {
    println!(
        "$ taskhost run --strategy polling --data-dir {}",
        data_dir.display()
    );
    Client::start(data_dir).await
}

/// Work that waits for somebody.
async fn question(client: &mut Client) -> Result<(), Report> {
    println!("\n2. Work that asks something");
    let input = json!({"topic": "tides", "seconds_per_section": 0.3});
    let token = start(client, "write_report", input).await?;
    let asks = follow(client, "write_report", &token, &["INPUT_REQUIRED"]).await?;
    check(asks == "INPUT_REQUIRED", "it asks")?;
    let answer = client
        .call("write_report_status", json!({"token": token}))
        .await?;
    let question = answer.pointer("/questions/0");
    let part = |name: &str| question.and_then(|question| question.get(name)?.as_str());
    println!("    it asks: {}", part("message").unwrap_or_default());
    let response = json!({"approve": true});
    println!("    write_report_answer {response}");
    let answer = json!({"token": token, "key": part("key"), "response": response});
    client.call("write_report_answer", answer).await?;
    let report = result(client, "write_report", &token).await?;
    check(
        report.get("published") == Some(&json!(true)),
        "the answer has published the report",
    )
}

/// A kill in the middle of a step, and what has become of the others.
async fn killed(mut client: Client, data_dir: &Path) -> Result<(), Report> {
    println!("\n4. Work in steps, and SIGKILL to the host in the middle of it");
    let input = json!({"steps": 5, "seconds_per_step": 0.6});
    let token = start(&mut client, "process_data", input).await?;
    let look = json!({"token": token, "wait_seconds": 5});
    let done = loop {
        let answer = client.call("process_data_status", look.clone()).await?;
        check(status_of(&answer) == "RUNNING", "it goes on")?;
        let done = answer.pointer("/metadata/current").and_then(Value::as_f64);
        if let Some(done) = done.filter(|done| *done >= 2.0) {
            println!("    {}", describe(&answer));
            break done;
        }
    };
    client.kill().await?;
    println!("    kill -9: the host is gone, nothing was said to it before\n");
    let mut client = launch(data_dir).await?;
    println!("    a new host, and the client asks it for the same token");
    let result = result(&mut client, "process_data", &token).await?;
    let steps = steps(&result);
    check(steps.len() == 5, "its result has each of the five steps")?;
    for (place, step) in (1_u32..).zip(steps) {
        let attempts = step.get("attempts").and_then(Value::as_u64);
        let attempts = attempts.unwrap_or_default();
        let before = f64::from(place) <= done;
        check(
            attempts == 1 || !before,
            "a step that was done was not done again",
        )?;
        let when = match (before, attempts) {
            (true, _) => "done before the kill, and not again",
            (false, 1) => "done in the new host",
            (false, _) => "was under way, and tried again in the new host",
        };
        println!("    step {place}: {when}");
    }
    client.end().await
}

fn steps(result: &Value) -> &[Value] {
    let steps = result.get("steps").and_then(Value::as_array);
    steps.map(Vec::as_slice).unwrap_or_default()
}

/// How something may end.
const ENDS: [&str; 3] = ["COMPLETED", "FAILED", "CANCELLED"];

/// Follows a task that is to complete. Returns its result.
async fn result(client: &mut Client, task: &str, token: &str) -> Result<Value, Report> {
    let end = follow(client, task, token, &ENDS).await?;
    check(end == "COMPLETED", "it completes")?;
    let tool = format!("{task}_result");
    let mut answer = client.call(&tool, json!({"token": token})).await?;
    Ok(answer
        .get_mut("result")
        .map(Value::take)
        .unwrap_or_default())
}

async fn start(client: &mut Client, task: &str, arguments: Value) -> Result<String, Report> {
    println!("    {task}_start {arguments}");
    let answer = client.call(&format!("{task}_start"), arguments).await?;
    let token = answer
        .get("token")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    check(!token.is_empty(), "the answer has a token")?;
    println!("    token {token}");
    Ok(token)
}

/// Polls until the task is in one of these states, or over, printing what changes. Returns its state.
async fn follow(
    client: &mut Client,
    task: &str,
    token: &str,
    until: &[&str],
) -> Result<String, Report> {
    let mut shown = String::new();
    let watching = async {
        loop {
            let arguments = json!({"token": token, "wait_seconds": 5});
            let answer = client.call(&format!("{task}_status"), arguments).await?;
            let line = describe(&answer);
            if line != shown {
                println!("    {line}");
                shown = line;
            }
            let status = status_of(&answer);
            if until.contains(&status.as_str()) || ENDS.contains(&status.as_str()) {
                return Ok(status);
            }
        }
    };
    tokio::time::timeout(PATIENCE, watching)
        .await
        .unwrap_or_else(|_| Err(broken("the task did not end in time")))
}

fn status_of(answer: &Value) -> String {
    answer
        .get("status")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn describe(answer: &Value) -> String {
    let status = status_of(answer);
    match answer.get("progress").and_then(Value::as_f64) {
        Some(share) => format!("{status:<14} {:>3.0} %", share * 100.0),
        None => status,
    }
}

fn check(true_now: bool, claim: &str) -> Result<(), Report> {
    if true_now {
        Ok(())
    } else {
        Err(broken(&format!("not true: {claim}")))
    }
}

fn broken(what: &str) -> Report {
    Report::new(
        Code(740),
        format!("the demo did not go as promised: {what}"),
    )
    .help("run it again with --log debug and report what it says")
}

/// A directory for the demo's tasks, removed at the end unless the user named it.
struct Scratch {
    path: PathBuf,
    ours: bool,
}

impl Scratch {
    fn new(named: Option<PathBuf>) -> Result<Self, Report> {
        let ours = named.is_none();
        let path = named.unwrap_or_else(|| {
            std::env::temp_dir().join(format!("taskhost-demo-{}", std::process::id()))
        });
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(|error| {
                Report::new(
                    Code(740),
                    format!("cannot create {}: {error}", path.display()),
                )
                .help("name another directory: taskhost demo --data-dir DIR")
            })?;
        Ok(Self { path, ours })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.ours {
            _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
