//! Real clients drive the host: every SDK that is in the field, each in the task protocol it speaks.
//!
//! The scripts are in `tests/clients`, and so is the table of what they show. A cell that a client
//! cannot show says why; a cell that says nothing is a failure.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use taskhost_tests::{HostBuilder, Version, setup};

/// What a client may be seen doing.
const CELLS: [&str; 6] = [
    "tools",
    "native",
    "cancel",
    "input",
    "notifications",
    "inline",
];

#[test]
fn the_python_sdk_2_has_tasks_over_stdio() {
    all_of(&PYTHON_2, over_stdio);
}

#[test]
fn the_python_sdk_2_has_tasks_over_http() {
    all_of(&PYTHON_2, over_http);
}

#[test]
fn the_python_sdk_1_has_tasks_over_stdio() {
    all_of(&PYTHON_1, over_stdio);
}

#[test]
fn the_python_sdk_1_has_tasks_over_http() {
    all_of(&PYTHON_1, over_http);
}

#[test]
fn fastmcp_has_tasks_over_stdio() {
    all_of(&FASTMCP, over_stdio);
}

#[test]
fn fastmcp_has_tasks_over_http() {
    all_of(&FASTMCP, over_http);
}

#[test]
fn the_typescript_sdk_1_has_tasks_over_stdio() {
    all_of(&TYPESCRIPT_1, over_stdio);
}

#[test]
fn the_typescript_sdk_1_has_tasks_over_http() {
    all_of(&TYPESCRIPT_1, over_http);
}

#[test]
fn the_typescript_sdk_2_has_tasks_over_stdio() {
    all_of(&TYPESCRIPT_2, over_stdio);
}

#[test]
fn the_typescript_sdk_2_has_tasks_over_http() {
    all_of(&TYPESCRIPT_2, over_http);
}

#[test]
fn the_inspector_has_tasks_of_2025_over_stdio() {
    all_of(&INSPECTOR_LEGACY, over_stdio);
}

#[test]
fn the_inspector_has_tasks_of_2025_over_http() {
    all_of(&INSPECTOR_LEGACY, over_http);
}

#[test]
fn the_inspector_has_tasks_of_2026_over_stdio() {
    all_of(&INSPECTOR_MODERN, over_stdio);
}

#[test]
fn the_inspector_has_tasks_of_2026_over_http() {
    all_of(&INSPECTOR_MODERN, over_http);
}

#[test]
fn the_table_says_what_no_client_shows_and_why() {
    let table = fs::read_to_string(setup::workspace_file("tests/clients/README.md")).unwrap();
    for (client, cell, why) in ROWS
        .iter()
        .flat_map(|row| row.not_run.iter().map(|(cell, why)| (row.name, cell, why)))
    {
        assert!(table.contains(why), "{client}, {cell}: {why}");
    }
}

/// A client, and what it cannot be seen doing.
struct Row {
    name: &'static str,
    runtime: fn() -> Command,
    script: &'static str,
    not_run: &'static [(&'static str, &'static str)],
}

const ROWS: [&Row; 7] = [
    &PYTHON_2,
    &PYTHON_1,
    &FASTMCP,
    &TYPESCRIPT_1,
    &TYPESCRIPT_2,
    &INSPECTOR_LEGACY,
    &INSPECTOR_MODERN,
];

const PYTHON_2: Row = Row {
    name: "Python SDK 2",
    runtime: || {
        let mut python = python(Version::V5_7.python());
        python.env("PYTHONPATH", setup::workspace_file("examples/clients"));
        python
    },
    script: "python2.py",
    not_run: &[],
};

const PYTHON_1: Row = Row {
    name: "Python SDK 1",
    runtime: || python(Version::V5_3.python()),
    script: "python1.py",
    not_run: &[],
};

const FASTMCP: Row = Row {
    name: "FastMCP 4",
    runtime: || python(setup::fastmcp()),
    script: "fastmcp4.py",
    not_run: &[
        ("notifications", "the client polls, and listens to no task"),
        ("inline", "the client declares tasks with every call"),
    ],
};

const TYPESCRIPT_1: Row = Row {
    name: "TypeScript SDK 1",
    runtime: || node().command(),
    script: "typescript1.mjs",
    not_run: &[],
};

const TYPESCRIPT_2: Row = Row {
    name: "TypeScript SDK 2",
    runtime: || node().command(),
    script: "typescript2.mjs",
    not_run: &[(
        "notifications",
        "the SDK opens no subscription to tasks, and ext-tasks only listens on one that is open",
    )],
};

const INSPECTOR_LEGACY: Row = Row {
    name: "Inspector, 2025-11-25",
    runtime: || inspector("legacy"),
    script: "inspector.mjs",
    not_run: &[
        (
            "input",
            "ext-tasks asks for the status until the task is over, and never for its questions",
        ),
        NO_CANCEL,
        NO_NOTIFICATIONS,
        NO_INLINE,
    ],
};

const INSPECTOR_MODERN: Row = Row {
    name: "Inspector, 2026-07-28",
    runtime: || inspector("modern"),
    script: "inspector.mjs",
    not_run: &[NO_CANCEL, NO_NOTIFICATIONS, NO_INLINE],
};

/// The command line prints the end of a task, one command after the other.
const NO_CANCEL: (&str, &str) = (
    "cancel",
    "the command waits for the task, and the connection takes no other command meanwhile",
);
const NO_NOTIFICATIONS: (&str, &str) = (
    "notifications",
    "the command prints the end, and not what led to it",
);
const NO_INLINE: (&str, &str) = ("inline", "the Inspector declares tasks with every call");

fn python(interpreter: PathBuf) -> Command {
    let mut python = Command::new(interpreter);
    python.env("PYTHONDONTWRITEBYTECODE", "1");
    python
}

fn node() -> setup::Node {
    setup::node(
        "clients",
        &[
            "@modelcontextprotocol/sdk@1.32",
            "@modelcontextprotocol/client@2.4",
            "@modelcontextprotocol/ext-tasks@0.2",
            "@modelcontextprotocol/inspector@2.12",
        ],
    )
}

fn inspector(era: &str) -> Command {
    let node = node();
    let mcpdo = "@modelcontextprotocol/inspector/clients/mcpdo/build/mcp-bin.js";
    let mut command = node.command();
    command.env("MCPDO", node.file(mcpdo)).env("ERA", era);
    command
}

/// Each cell came true, or was not run for the reason in the table.
fn all_of(row: &Row, transport: fn(&Row) -> Vec<Value>) {
    let lines = transport(row);
    let mut wrong = String::new();
    for cell in CELLS {
        let said: Vec<&Value> = lines.iter().filter(|line| line["cell"] == cell).collect();
        let why = row.not_run.iter().find(|(name, _)| *name == cell);
        let is_right = match (said.as_slice(), why) {
            ([line], None) => line["passed"] == true,
            ([line], Some((_, why))) => line["not_run"] == *why,
            _ => false,
        };
        if !is_right {
            _ = writeln!(wrong, "{cell}:");
            for line in said {
                let failed = line["failed"].as_str().unwrap_or_default();
                _ = writeln!(wrong, "{line}\n{failed}");
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{wrong}", row.name);
}

fn host() -> HostBuilder {
    HostBuilder::new("mock", "polling").args(["--strategy", "adaptive"])
}

fn over_stdio(row: &Row) -> Vec<Value> {
    let host = host();
    let mut arguments = vec![OsString::from("stdio")];
    arguments.extend(host.command_line());
    run(row, &arguments)
}

fn over_http(row: &Row) -> Vec<Value> {
    let host = host().over_http().start();
    run(row, &["http".into(), host.url().into()])
}

/// What the script says, line by line.
fn run(row: &Row, arguments: &[OsString]) -> Vec<Value> {
    let script = setup::workspace_file("tests/clients").join(row.script);
    let mut command = (row.runtime)();
    let output = command
        .arg(script)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}: {}\n{said}\n{}",
        row.name,
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let lines = said.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect()
}
