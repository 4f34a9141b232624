//! Orchestrations in the engine that comes with taskhost: how quickly they run, come back and replay, and what
//! they cost while they wait. Beside it the same flow, ten activities in a row, in the in-memory backend of the
//! python package `durabletask`, and in background tasks of `FastMCP`.
//!
//! ```text
//! cargo bench -p taskhost-tests --bench orchestrations [-- throughput | peers | memory | resume | replay …]
//! ```
//!
//! Everything here is on the disk before anybody hears of it; what it is compared with is in memory only.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a measurement"
)]

use std::fs;
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use taskhost_tests::{Host, HostBuilder, setup, taskhost, wait_until};

/// Orchestrations at once.
const AT_ONCE: usize = 1_000;
/// Of them in python, which takes longer.
const AT_ONCE_THERE: usize = 200;
/// Tasks that a host has run before its memory is looked at: what the store keeps in memory is there by then.
const WARM: usize = 4_000;
/// Orchestrations that are live when the host is killed.
const LIVE: usize = 100;

const LONG: Duration = Duration::from_mins(5);

fn main() {
    let named: Vec<String> = (std::env::args().skip(1))
        .filter(|word| !word.starts_with('-'))
        .collect();
    let wanted = |part: &str| named.is_empty() || named.iter().any(|name| name == part);
    if wanted("throughput") || wanted("peers") {
        let ours = throughput();
        if wanted("peers") {
            let python = durabletask();
            println!("  {:.0} times as many as durabletask", ours / python);
            let [tasks, calls] = fastmcp();
            println!(
                "  {:.0} times as many as FastMCP with its steps handed over, {:.1} times as many as with calls",
                ours / tasks,
                ours / calls
            );
        }
    }
    if wanted("memory") {
        memory();
    }
    if wanted("resume") {
        resume();
    }
    if wanted("replay") {
        replay();
    }
}

/// Orchestrations of ten activities in a second.
fn throughput() -> f64 {
    let host = flows().start();
    starts(&host, "ten", &json!({}), 20);
    let began = Instant::now();
    starts(&host, "ten", &json!({}), AT_ONCE);
    ended(&host);
    report("taskhost, on disk", AT_ONCE, began.elapsed())
}

fn durabletask() -> f64 {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let script = setup::fixture("durabletask/ten.py");
    let mut ten = Command::new(taskhost_tests::durable::durable_python());
    ten.arg(script)
        .args([port.to_string(), AT_ONCE_THERE.to_string()]);
    let took = printed(&mut ten).as_f64().unwrap();
    report("durabletask, in memory", AT_ONCE_THERE, seconds(took))
}

/// With each step a task of its own, and with all of them calls within one task.
fn fastmcp() -> [f64; 2] {
    let mut ten = Command::new(setup::fastmcp());
    ten.arg(setup::fixture("fastmcp/ten.py"))
        .arg(AT_ONCE_THERE.to_string());
    let took = printed(&mut ten);
    [("a task each", "tasks"), ("calls in one task", "calls")].map(|(steps, key)| {
        let took = took[key].as_f64().unwrap();
        report(
            &format!("FastMCP, in memory, steps are {steps}"),
            AT_ONCE_THERE,
            seconds(took),
        )
    })
}

/// The JSON that a command prints.
fn printed(command: &mut Command) -> Value {
    let ran = command.output().unwrap();
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn report(who: &str, count: usize, took: Duration) -> f64 {
    let rate = count as f64 / took.as_secs_f64();
    println!("{who}: {count} orchestrations of 10 activities in {took:.2?}: {rate:.1} a second");
    rate
}

fn memory() {
    let mut host = flows().start();
    for _ in 0..WARM / 500 {
        starts(&host, "bad_statics", &json!({}), 500);
        ended(&host);
    }
    let before = resident(&mut host);
    starts(&host, "waits", &json!({}), AT_ONCE);
    let after = resident(&mut host);
    println!(
        "{AT_ONCE} that wait: {:.1} KiB each (the host has {} MiB)",
        (after - before) as f64 / AT_ONCE as f64,
        after / 1024
    );
}

/// From starting the process to the last of them at work again.
fn resume() {
    let mut host = flows().start();
    starts(
        &host,
        "steps",
        &json!({ "steps": 1, "millis": 600_000 }),
        LIVE,
    );
    let at_work = |host: &Host, attempts: usize| {
        wait_until(LONG, "all have begun", || {
            let files = fs::read_dir(host.command().scratch().join("log")).unwrap();
            let lines = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
            lines.map(|text| text.lines().count()).sum::<usize>() == attempts
        });
    };
    at_work(&host, LIVE);
    host.kill();
    let began = Instant::now();
    host.relaunch();
    at_work(&host, 2 * LIVE);
    println!(
        "{LIVE} live ones are at work again {:.0?} after a start",
        began.elapsed()
    );
}

fn replay() {
    let host = flows().start();
    let task = host.client().start("many", &json!({ "count": 5_000 }));
    task.until_status("COMPLETED");
    let line = host.command().command_line();
    let data = line.last().unwrap().to_str().unwrap().to_owned();
    let component = setup::component("fixture-flows");
    let ran = taskhost(&[
        "test",
        component.to_str().unwrap(),
        "--replay",
        "--report",
        "json",
        "--data-dir",
        &data,
    ]);
    let rows: Value = ran.json();
    println!(
        "a history of {} entries is replayed in {:.1} ms",
        rows[0]["entries"],
        rows[0]["took_us"].as_f64().unwrap() / 1e3
    );
}

fn flows() -> HostBuilder {
    let component = setup::component("fixture-flows");
    let host = HostBuilder::new(component.to_str().unwrap(), "polling");
    let log = host.scratch().join("log");
    fs::create_dir_all(&log).unwrap();
    let grant = format!("fixture-flows:dir={}:/log:rw", log.display());
    host.args(["--allow".to_owned(), grant])
}

/// Starts so many, all calls at once.
fn starts(host: &Host, task: &str, arguments: &Value, count: usize) {
    let call = json!({ "name": format!("{task}_start"), "arguments": arguments });
    let calls: Vec<_> = (0..count)
        .map(|_| host.client().send("tools/call", &call).unwrap())
        .collect();
    for call in calls {
        host.client().answer(call).unwrap();
    }
}

/// Waits until all tasks have ended.
fn ended(host: &Host) {
    wait_until(LONG, "all have ended", || {
        let active = host.cli(&["tasks", "list", "--active", "--limit", "1", "--json"]);
        active.json().as_array().unwrap().is_empty()
    });
}

/// Memory of the process, in KiB.
fn resident(host: &mut Host) -> u64 {
    let id = host.process().id();
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
