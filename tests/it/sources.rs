//! Components that come over a network: exactly those that were meant, or none.

mod server;

use std::fs;
use std::path::Path;

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, SigningKey as _};
use serde_json::Value;
use taskhost_tests::{Finished, HostBuilder, build, setup, taskhost};

use server::Server;

/// A backend that nobody else has: nothing of it lies on a shelf before the test.
fn third_party() -> Vec<u8> {
    let mock = fs::read(setup::component("mock")).unwrap();
    build::marked(&mock, &format!("{:x}", rand::random::<u128>()))
}

fn check(reference: &str) -> Finished {
    HostBuilder::bare().cli(&["check", "--json", "--backend", &format!("mine={reference}")])
}

fn digest(found: &Finished) -> String {
    let digest = &found.json()["components"][0]["digest"];
    digest.as_str().unwrap().to_owned()
}

#[test]
fn a_download_without_a_digest_is_refused_with_the_line_to_paste() {
    let server = Server::start();
    let url = server.put("/mine.wasm", &third_party());
    let refused = check(&url);
    assert_eq!(refused.error_code(), "TH0205");
    let pinned = pasted(&refused, &format!("{url}#sha256:"));
    assert!(pinned.ends_with(&digest(&check(&pinned))), "{pinned}");
}

#[test]
fn what_was_downloaded_once_needs_no_network() {
    let server = Server::start();
    let url = server.put("/mine.wasm", &third_party());
    let pinned = pasted(&check(&url), &format!("{url}#sha256:"));
    digest(&check(&pinned));
    server.stop();
    digest(&check(&pinned));
}

#[test]
fn other_bytes_than_those_that_were_meant_are_refused() {
    let server = Server::start();
    let url = server.put("/mine.wasm", &third_party());
    let pinned = pasted(&check(&url), &format!("{url}#sha256:"));
    server.put("/mine.wasm", &third_party());
    assert_eq!(check(&pinned).error_code(), "TH0206");
}

#[test]
fn a_server_that_is_not_there_is_a_coded_error() {
    let server = Server::start();
    let url = server.put("/mine.wasm", &third_party());
    server.stop();
    assert_eq!(check(&url).error_code(), "TH0207");
}

#[test]
fn an_artifact_of_a_registry_is_pinned_by_its_manifest() {
    let server = Server::start();
    let reference = server.push("mine", "1.0", &third_party());
    let refused = check(&reference);
    assert_eq!(refused.error_code(), "TH0205");
    let pinned = pasted(&refused, &format!("{reference}@sha256:"));
    let found = digest(&check(&pinned));
    server.push("mine", "1.0", &third_party());
    assert_eq!(digest(&check(&pinned)), found, "the tag has moved on");
    server.stop();
    assert_eq!(digest(&check(&pinned)), found, "from the shelf");
}

#[test]
fn a_locked_host_runs_what_was_locked_and_nothing_else() {
    let server = Server::start();
    let url = server.put("/mine.wasm", &third_party());
    let host = HostBuilder::bare();
    let local = host.scratch().join("local.wasm");
    fs::write(&local, third_party()).unwrap();
    let config = host.scratch().join("taskhost.toml");
    let text = format!(
        "version = 1\n[backends.far]\ncomponent = \"{url}\"\n[backends.near]\ncomponent = \"local.wasm\"\n"
    );
    fs::write(&config, &text).unwrap();
    let run = |verb: &str, more: &[&str]| {
        let mut args = vec![verb, "--config", config.to_str().unwrap()];
        args.extend(more);
        host.cli(&args)
    };

    assert_eq!(
        run("check", &[]).error_code(),
        "TH0205",
        "no lock, no digest"
    );
    assert_eq!(run("lock", &["--check"]).error_code(), "TH0215");
    let locked = run("lock", &[]);
    assert!(locked.status.success(), "{locked:?}");
    assert!(locked.stdout.contains("+[components.far]"), "{locked:?}");
    assert!(run("lock", &["--check"]).status.success(), "nothing is new");
    assert!(run("check", &["--locked"]).status.success());

    fs::write(&local, third_party()).unwrap();
    assert!(run("check", &[]).status.success(), "a file may change");
    assert_eq!(run("check", &["--locked"]).error_code(), "TH0214");

    server.put("/mine.wasm", &third_party());
    fs::write(&config, text.replace("[backends.near]", "[backends.other]")).unwrap();
    assert_eq!(run("check", &["--locked"]).error_code(), "TH0213");
}

#[test]
fn where_all_must_be_signed_one_that_says_nothing_is_refused() {
    let host = HostBuilder::bare();
    let local = host.scratch().join("local.wasm");
    fs::write(&local, third_party()).unwrap();
    let config = host.scratch().join("taskhost.toml");
    let run = |signature: &str| {
        let text = format!(
            "version = 1\n[trust]\nsignatures = \"all\"\n[backends.near]\ncomponent = \"local.wasm\"\n{signature}"
        );
        fs::write(&config, text).unwrap();
        host.cli(&["check", "--config", config.to_str().unwrap()])
    };
    assert_eq!(run("").error_code(), "TH0220");
    assert_eq!(run("signature = { }\n").error_code(), "TH0221");
    assert_eq!(
        run("signature = { key = \"release.pub\" }\n").error_code(),
        "TH0222"
    );
    sign(&local, &host.scratch().join("release.pub"));
    assert!(
        run("signature = { key = \"release.pub\" }\n")
            .status
            .success()
    );
    fs::write(&local, third_party()).unwrap();
    assert_eq!(
        run("signature = { key = \"release.pub\" }\n").error_code(),
        "TH0223"
    );
}

/// Signs the file with a fresh key.
pub(crate) fn sign(file: &Path, public_key: &Path) {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let signature = key.sign(&fs::read(file).unwrap()).unwrap();
    fs::write(format!("{}.sig", file.display()), signature).unwrap();
    fs::write(public_key, key.public_key_pem()).unwrap();
}

#[test]
fn a_reference_that_cannot_be_meant_is_a_coded_error() {
    for (reference, code) in [
        ("ftp://example.com/mine.wasm", "TH0203"),
        ("http://example.com/mine.wasm", "TH0204"),
        ("https://example.com/mine.wasm#md5:0", "TH0204"),
        ("oci://", "TH0204"),
    ] {
        assert_eq!(check(reference).error_code(), code, "{reference}");
        assert_eq!(taskhost(&["inspect", reference]).error_code(), code);
    }
}

/// The word of the help that begins like this.
fn pasted(refused: &Finished, beginning: &str) -> String {
    let mut words = refused.stderr.split_whitespace();
    let found = words.find(|word| word.starts_with(beginning));
    found.unwrap_or_else(|| panic!("{refused:?}")).to_owned()
}

#[test]
fn what_is_downloaded_is_inspected_like_a_file() {
    let server = Server::start();
    let bytes = third_party();
    let url = server.put("/mine.wasm", &bytes);
    let pinned = pasted(&taskhost(&["inspect", &url]), &format!("{url}#sha256:"));
    let found: Value = taskhost(&["inspect", "--json", &pinned]).json();
    assert_eq!(found["bytes"], bytes.len());
    assert_eq!(found["first_party"], false);
}
