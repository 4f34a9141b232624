//! A Restate server behind a door that wants a token, which the component never has.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use taskhost_tests::{HostBuilder, LONG, Process, RestateServer, RestateWorker};
use taskhost_tests::{setup, wait_for, wait_until};
use tempfile::TempDir;

const TOKEN: &str = "a-token-of-the-lab";
const OTHER: &str = "a-token-of-another-lab";

#[test]
fn a_token_that_is_refused_is_named_and_work_goes_on_when_it_is_the_right_one() {
    let restate = RestateServer::start();
    let _worker = RestateWorker::start(&restate);
    let guard = Guard::before([&restate.ingress(), &restate.admin()]);
    let host = guard.host(TOKEN).start();
    host.client().tool("lab_add_start");
    let sum = host.client().start("lab_add", &json!({ "x": 40, "y": 2 }));
    assert_eq!(sum.end().payload()["result"], 42);

    guard.wants(OTHER);
    let task = host.client().start("lab_add", &json!({ "x": 1, "y": 2 }));
    let status = task.until("explained", |status| status["note"].is_string());
    assert_eq!(status["status"], "PENDING", "{status}");
    let note = status["note"].as_str().unwrap();
    assert!(note.contains("the secret `RESTATE_TOKEN`"), "{note}");
    assert!(!note.contains(TOKEN), "no secrets: {note}");
    guard.wants(TOKEN);
    assert_eq!(task.end().payload()["result"], 3);
}

#[test]
fn a_wrong_token_from_the_start_is_said_in_the_log() {
    // Nobody comes as far as to the servers.
    let guard = Guard::before(["http://127.0.0.1:1"; 2]);
    let host = guard.host(OTHER).start();
    wait_until(LONG, "the operator is told", || {
        host.log()
            .contains("check that the secret `RESTATE_TOKEN` is the token")
    });
    assert!(!host.log().contains(OTHER), "no secrets: {}", host.log());
}

/// Doors to both interfaces of Restate.
struct Guard {
    ingress: String,
    admin: String,
    token: PathBuf,
    _process: Process,
    _dir: TempDir,
}

impl Guard {
    /// Before these, and wants [`TOKEN`].
    fn before(urls: [&str; 2]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let token = dir.path().join("token");
        put(&token, TOKEN);
        let mut command = Command::new(setup::python("plain", &[]));
        command
            .arg(setup::workspace_file("tests/fixtures/bearer_proxy.py"))
            .arg(&token)
            .args(urls.map(|url| url.rsplit_once(':').unwrap().1));
        let process = Process::start("bearer proxy", command, &dir.path().join("log"), false);
        let line = wait_for(LONG, "the doors are there", || {
            let log = process.log();
            Some(
                log.split_once("listening at ")?
                    .1
                    .split_once('\n')?
                    .0
                    .to_owned(),
            )
        });
        let mut doors = line
            .split(' ')
            .map(|port| format!("http://127.0.0.1:{port}"));
        let [ingress, admin] = [(); 2].map(|()| doors.next().unwrap());
        Self {
            ingress,
            admin,
            token,
            _process: process,
            _dir: dir,
        }
    }

    /// From now on.
    fn wants(&self, token: &str) {
        put(&self.token, token);
    }

    /// A host that comes with `token`, in requests to the two doors and nowhere else.
    fn host(&self, token: &str) -> HostBuilder {
        let host = HostBuilder::bare();
        let file = host.scratch().join("secret");
        put(&file, token);
        let file = file.display();
        let secrets = format!("version = 1\n[secrets]\nRESTATE_TOKEN = {{ file = \"{file}\" }}\n");
        let grant =
            |methods: &str, door: &str| format!("restate:http={methods}@{door}+RESTATE_TOKEN");
        host.config(&secrets)
            .args(["--backend", "restate", "--strategy", "polling"])
            .set("restate.ingress", &self.ingress)
            .set("restate.admin", &self.admin)
            .set("restate.bearer", "true")
            .args(["--allow", &grant("GET,POST", &self.ingress)])
            .args(["--allow", &grant("GET,POST,PATCH", &self.admin)])
    }
}

/// In one step, so that nobody reads half of it.
fn put(file: &Path, text: &str) {
    let new = file.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, file).unwrap();
}
