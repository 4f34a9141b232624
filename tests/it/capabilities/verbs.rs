//! What an operator sees of asks and grants, and how grants are changed.

use std::fs;

use serde_json::json;
use taskhost_tests::{setup, taskhost};

use super::place::Place;
use super::{Language, builder, reached, refused};

#[test]
fn the_line_that_a_denial_says_grants_it() {
    let place = Place::new();
    let port = place.echo();
    let told = json!({ "to": format!("127.0.0.1:{port}") });
    let mut host = builder(&Language::Rust.component(), &place, &[]).start();
    refused(&host, "connect", &told);
    let log = host.log();
    let (_, line) = log.split_once("taskhost grant ").expect("a line to paste");
    let (line, _) = line.split_once(',').unwrap();
    let file = host.command().config_file();
    let mut args = vec!["grant"];
    args.extend(line.split(' '));
    args.extend(["--config", file.to_str().unwrap()]);
    let granted = taskhost(&args);
    assert!(granted.status.success(), "{granted:?}");
    assert!(
        granted
            .stdout
            .contains(&format!("+tcp = [\"127.0.0.1:{port}\"]")),
        "the difference is shown: {}",
        granted.stdout
    );
    host.stop();
    host.restart();
    assert_eq!(reached(&host, "connect", &told), "pong");

    args[0] = "revoke";
    assert!(taskhost(&args).status.success());
    assert_eq!(taskhost(&args).error_code(), "TH0132", "it is gone");
    host.stop();
    host.restart();
    refused(&host, "connect", &told);
}

#[test]
fn asks_are_read_without_a_configuration() {
    let inspected = taskhost(&["inspect", &Language::Rust.component(), "--json"]).json();
    assert_eq!(
        inspected["manifest"]["summary"],
        "Tries each way out that a component has"
    );
    let asks = inspected["asks"].as_array().unwrap();
    assert_eq!(
        asks[0],
        json!({ "tcp": "*", "reason": "to connect", "optional": true })
    );
    let shown = taskhost(&["inspect", &Language::Rust.component()]);
    for said in ["to read and write", "/data (rw)", "(optional)"] {
        assert!(shown.stdout.contains(said), "{said} in {}", shown.stdout);
    }
}

#[test]
fn what_is_missing_and_what_nobody_asked_for_is_said() {
    let place = Place::new();
    let grants = [
        ("secrets", "TOKEN"),
        ("env", "PROBER_MDOE=fast"),
        ("http", "https://hooks.example+OTHER"),
    ];
    let host = builder(&Language::Rust.component(), &place, &grants);
    let file = host.config_file();
    let file = file.to_str().unwrap();
    let checked = taskhost(&["check", "--config", file, "--json"]).json();
    let prober = &checked["components"][0];
    assert_eq!(prober["grants"]["secrets"], json!(["TOKEN"]));
    assert_eq!(prober["grants"]["env"], json!([]));
    assert_eq!(prober["grants"]["storage"], 64 << 10);
    assert_eq!(
        prober["not_asked_for"],
        json!(["http=https://hooks.example+OTHER", "env=PROBER_MDOE"])
    );
    let missing: Vec<_> = prober["missing"]
        .as_array()
        .unwrap()
        .iter()
        .map(|missing| missing["grant"].as_str().unwrap())
        .collect();
    assert_eq!(
        missing,
        [
            "tcp=HOST:PORT",
            "dns=NAME",
            "http=*@https://HOST+HOOK_TOKEN",
            "env=PROBER_MODE",
            "dir=HOSTPATH:/data:rw",
        ]
    );
    for args in [
        &["check", "--config", file][..],
        &["inspect", "--config", file, "--name", "prober"],
    ] {
        let shown = taskhost(args);
        assert!(shown.status.success(), "{shown:?}");
        for said in [
            "taskhost grant prober env=PROBER_MODE",
            "taskhost revoke prober env=PROBER_MDOE",
        ] {
            assert!(shown.stdout.contains(said), "{said} in {}", shown.stdout);
        }
    }
}

#[test]
fn a_manifest_with_a_mistake_is_a_coded_error_with_its_line() {
    let place = Place::new();
    let mut bytes = fs::read(setup::component("mock")).unwrap();
    let name = b"taskhost:manifest";
    let content =
        b"name = \"mock\"\nversion = \"1\"\nkind = \"backend\"\nsummary = \"\"\n[[ask]]\n";
    bytes.push(0);
    let length = 1 + name.len() + content.len();
    assert!(length < 128, "one byte says how long it is");
    bytes.push(u8::try_from(length).unwrap());
    bytes.push(u8::try_from(name.len()).unwrap());
    bytes.extend(name);
    bytes.extend(content);
    let file = place.data().join("mistaken.wasm");
    fs::write(&file, bytes).unwrap();
    let inspected = taskhost(&["inspect", file.to_str().unwrap()]);
    assert_eq!(inspected.error_code(), "TH0342");
    assert!(inspected.stderr.contains("line 5"), "{}", inspected.stderr);
    assert!(inspected.stderr.contains("`ask`"), "{}", inspected.stderr);
}
