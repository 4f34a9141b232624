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
    println!("taskhost demo: a host, a client, a task, and a kill\n");
    println!(
        "$ taskhost run --backend mock --strategy polling --data-dir {}",
        data_dir.display()
    );
    let mut client = Client::start(data_dir).await?;
    println!("  the client asks which tools there are");
    let tools = client.tools().await?;
    check(
        tools.iter().any(|tool| tool == "count_start"),
        "there is a tool `count_start`",
    )?;
    println!(
        "    {} tools, among them count_start, count_status, count_result, count_cancel",
        tools.len()
    );

    println!("\n1. A task with progress");
    let token = start(&mut client, "count", json!({"steps": 3, "step_ms": 400})).await?;
    let end = follow(&mut client, "count", &token).await?;
    check(end == "COMPLETED", "it completes")?;
    let result = client.call("count_result", json!({"token": token})).await?;
    check(
        result.pointer("/result/counted") == Some(&json!(3)),
        "its result is {\"counted\": 3}",
    )?;
    println!(
        "    result {}",
        result.get("result").unwrap_or(&Value::Null)
    );

    println!("\n2. A task that is cancelled");
    let token = start(&mut client, "count", json!({"steps": 600, "step_ms": 1000})).await?;
    let answer = client.call("count_cancel", json!({"token": token})).await?;
    check(status_of(&answer) == "CANCELLED", "it is cancelled")?;
    println!("    cancelled");

    println!("\n3. A task, and SIGKILL to the host in the middle of it");
    let token = start(&mut client, "count", json!({"steps": 5, "step_ms": 600})).await?;
    let answer = client
        .call("count_status", json!({"token": token, "wait_seconds": 5}))
        .await?;
    println!("    {}", describe(&answer));
    client.kill().await?;
    println!("    kill -9: the host is gone, nothing was said to it before");
    println!(
        "\n$ taskhost run --backend mock --strategy polling --data-dir {}",
        data_dir.display()
    );
    let mut client = Client::start(data_dir).await?;
    println!("    a new host, and the client asks it for the same token");
    let end = follow(&mut client, "count", &token).await?;
    check(end == "COMPLETED", "the task completes in the new host")?;
    let result = client.call("count_result", json!({"token": token})).await?;
    check(
        result.pointer("/result/counted") == Some(&json!(5)),
        "its result is {\"counted\": 5}",
    )?;
    println!(
        "    result {}",
        result.get("result").unwrap_or(&Value::Null)
    );
    client.end().await
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

/// Polls until the task is over, printing what changes. Returns how it ended.
async fn follow(client: &mut Client, task: &str, token: &str) -> Result<String, Report> {
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
            if matches!(status.as_str(), "COMPLETED" | "FAILED" | "CANCELLED") {
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
        Some(share) => format!("{status:<10} {:>3.0} %", share * 100.0),
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
