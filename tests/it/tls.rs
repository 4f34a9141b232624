//! A broker behind TLS: whose certificates are believed is the operator's word.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;
use taskhost_tests::{LONG, Lab, Process, RedisOptions, RedisServer, Worker, WorkerOptions};
use taskhost_tests::{setup, wait_for};
use tempfile::TempDir;

#[test]
fn a_broker_is_reached_whose_certificate_is_named() {
    let redis = RedisServer::start(RedisOptions::default());
    let _worker = Worker::start(&redis, &WorkerOptions::default());
    let proxy = Proxy::before(redis.port());
    let query = format!(
        "ssl_cert_reqs=required&ssl_ca_certs={}",
        proxy.certificate.display()
    );
    let host = Lab::host(&redis)
        .set("celery.broker", &proxy.url(&query))
        .start();
    host.client().tool("add_start");
    let end = host
        .client()
        .start("add", &json!({ "x": 40, "y": 2 }))
        .end();
    assert_eq!(end.payload()["result"], 42, "{end}");
}

#[test]
fn a_broker_is_reached_whose_certificate_need_not_be_known() {
    let redis = RedisServer::start(RedisOptions::default());
    let _worker = Worker::start(&redis, &WorkerOptions::default());
    let proxy = Proxy::before(redis.port());
    let host = Lab::host(&redis)
        .set("celery.broker", &proxy.url("ssl_cert_reqs=none"))
        .start();
    host.client().tool("add_start");
    let end = host
        .client()
        .start("add", &json!({ "x": 40, "y": 2 }))
        .end();
    assert_eq!(end.payload()["result"], 42, "{end}");
}

#[test]
fn a_broker_whose_certificate_nobody_knows_is_not_believed() {
    let redis = RedisServer::start(RedisOptions::default());
    let proxy = Proxy::before(redis.port());
    let host = Lab::host(&redis)
        .set("celery.broker", &proxy.url("ssl_cert_reqs=required"))
        .set("celery.tasks.add.task", "labapp.add")
        .start();
    let task = host.client().start("add", &json!({ "x": 40, "y": 2 }));
    let status = task.until("explained", |payload| payload["note"].is_string());
    assert_eq!(status["status"], "PENDING");
    let note = status["note"].as_str().unwrap();
    assert!(
        note.contains("TLS") && note.contains("certificate"),
        "{note}"
    );
}

/// TLS in front of a server, with a certificate that nobody has signed.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    pub(crate) certificate: PathBuf,
    _process: Process,
    _dir: TempDir,
}

impl Proxy {
    /// Before the server at this port of 127.0.0.1.
    pub(crate) fn before(server: u16) -> Self {
        Self::new(server, None)
    }

    /// The same, which hangs up on whoever does not agree to `protocol` by ALPN.
    pub(crate) fn insisting(server: u16, protocol: &str) -> Self {
        Self::new(server, Some(protocol))
    }

    fn new(server: u16, protocol: Option<&str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = dir.path().join("certificate.pem");
        let key = dir.path().join("key.pem");
        fs::write(&certificate, signed.cert.pem()).unwrap();
        fs::write(&key, signed.signing_key.serialize_pem()).unwrap();
        let mut command = Command::new(setup::python("plain", &[]));
        command
            .arg(setup::workspace_file("tests/fixtures/tls_proxy.py"))
            .args([&certificate, &key])
            .arg(server.to_string())
            .args(protocol);
        let process = Process::start("TLS proxy", command, &dir.path().join("log"), false);
        let port = wait_for(LONG, "the proxy listens", || {
            process
                .log()
                .split_once("listening at ")?
                .1
                .trim()
                .parse()
                .ok()
        });
        Self {
            port,
            certificate,
            _process: process,
            _dir: dir,
        }
    }

    fn url(&self, query: &str) -> String {
        format!("rediss://localhost:{}/0?{query}", self.port)
    }
}
