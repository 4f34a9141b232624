//! Streamable HTTP: as over stdio, and not for web pages of others.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;
use taskhost_tests::{Host, HostBuilder};

#[test]
fn a_task_runs_from_start_to_result() {
    let host = host();
    let task = host
        .client()
        .start("count", &json!({ "steps": 3, "step_ms": 100 }));
    task.until_status("COMPLETED");
    assert_eq!(task.result().payload()["result"], json!({ "counted": 3 }));
}

#[test]
fn a_token_outlives_its_session_and_its_host() {
    let mut host = host();
    let token = {
        let task = host
            .client()
            .start("count", &json!({ "steps": 20, "step_ms": 100 }));
        task.until_status("RUNNING");
        task.token().to_owned()
    };
    host.kill();
    host.restart();
    host.client()
        .task("count", &token)
        .until_status("COMPLETED");
}

#[test]
fn requests_that_name_another_host_are_refused() {
    let host = host();
    assert_eq!(post(&host, "evil.example", None), 403);
    assert_eq!(post(&host, "127.0.0.1.evil.example", None), 403);
}

#[test]
fn requests_from_pages_of_others_are_refused() {
    let host = host();
    let authority = authority(&host);
    for origin in [
        "http://evil.example",
        "https://127.0.0.1.evil.example",
        "null",
        // A local page is somebody else's too.
        "http://localhost:3000",
    ] {
        assert_eq!(post(&host, &authority, Some(origin)), 403, "{origin}");
    }
}

#[test]
fn requests_from_this_machine_are_served() {
    let host = host();
    let authority = authority(&host);
    let port = authority.rsplit(':').next().unwrap();
    assert_eq!(post(&host, &authority, None), 200);
    assert_eq!(post(&host, &format!("localhost:{port}"), None), 200);
}

#[test]
fn pages_are_served_that_the_operator_lists() {
    let page = "http://localhost:6274";
    let config = format!("version = 1\n[server]\nallowed-origins = [\"{page}\"]\n");
    let host = HostBuilder::new("mock", "polling")
        .config(&config)
        .over_http()
        .start();
    let authority = authority(&host);
    assert_eq!(post(&host, &authority, Some(page)), 200);
    assert_eq!(post(&host, &authority, Some("http://localhost:6275")), 403);
}

fn host() -> Host {
    HostBuilder::new("mock", "polling").over_http().start()
}

/// `host:port`, from what the host says.
fn authority(host: &Host) -> String {
    let log = host.log();
    let (_, url) = log.rsplit_once("listening on http://").unwrap();
    url.split('/').next().unwrap().to_owned()
}

/// The status that `initialize` is answered with. By hand: no client lets one lie like this.
fn post(host: &Host, named: &str, origin: Option<&str>) -> u16 {
    let body = json!({
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": { "name": "page", "version": "1" },
        },
    })
    .to_string();
    let origin = origin.map_or(String::new(), |origin| format!("Origin: {origin}\r\n"));
    let length = body.len();
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: {named}\r\n{origin}Content-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(authority(host)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    let status = std::str::from_utf8(&answer)
        .unwrap()
        .strip_prefix("HTTP/1.1 ")
        .unwrap();
    status.parse().unwrap()
}
