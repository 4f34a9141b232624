//! Nothing that was not granted is reachable: each way out of a component, tried without a grant and with
//! one, by a component in Rust and by one in Python.
//!
//! The components are `guests/fixtures/prober` and `tests/fixtures/prober-py`: each task of theirs is one
//! way out, and its result says how far it came. What is reached are servers of this test, on ports of its
//! own, and directories of its own.

mod place;
mod verbs;

use std::fs;
use std::sync::OnceLock;

use serde_json::{Value, json};
use taskhost_tests::{Host, HostBuilder, setup, taskhost_at_length};

use crate::tls::Proxy;
use place::Place;

/// What the components are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Rust,
    Python,
}

impl Language {
    fn component(self) -> String {
        let path = match self {
            Self::Rust => setup::component("prober"),
            Self::Python => setup::python_component("prober-py"),
        };
        let path = path.display().to_string();
        if self == Self::Python {
            // Compiled once, and kept: twenty megabytes take longer than a client waits for a host.
            static COMPILED: OnceLock<()> = OnceLock::new();
            COMPILED.get_or_init(|| {
                let inspected = taskhost_at_length(&["inspect", &path]);
                assert!(inspected.status.success(), "{inspected:?}");
            });
        }
        path
    }
}

/// One way out.
struct Way {
    /// The task that tries it.
    task: &'static str,
    /// What the task is told.
    told: Value,
    /// What opens it, as an entry of a key of the file.
    grant: (&'static str, String),
    /// What the log says where it is closed: the line that would open it. None: the thing is not there, and
    /// nobody is asked.
    line: Option<String>,
    /// What the result begins with where it is open.
    reached: String,
}

/// All ways that `language` has, to places of `place`.
fn ways(language: Language, place: &Place) -> Vec<Way> {
    let grant = |word: &str| {
        Some(format!(
            "taskhost grant prober {word}, or --allow prober:{word}"
        ))
    };
    let dir = format!("{}:/data:rw", place.data().display());
    let mut ways = Vec::new();

    let (net, std_ip, std_name) = (place.echo(), place.echo(), place.echo());
    ways.push(Way {
        task: "connect",
        told: json!({ "to": format!("127.0.0.1:{net}") }),
        grant: ("tcp", format!("127.0.0.1:{net}")),
        line: grant(&format!("tcp=127.0.0.1:{net}")),
        reached: "pong".into(),
    });
    ways.push(Way {
        task: "dial",
        told: json!({ "to": format!("127.0.0.1:{std_ip}") }),
        grant: ("tcp", format!("127.0.0.1:{std_ip}")),
        line: grant(&format!("tcp=127.0.0.1:{std_ip}")),
        reached: "pong".into(),
    });
    ways.push(Way {
        task: "dial",
        told: json!({ "to": format!("localhost:{std_name}") }),
        grant: ("tcp", format!("localhost:{std_name}")),
        line: grant("dns=localhost"),
        reached: "pong".into(),
    });
    ways.push(Way {
        task: "lookup",
        told: json!({ "name": "localhost" }),
        grant: ("dns", "localhost".into()),
        line: grant("dns=localhost"),
        reached: String::new(),
    });
    if language == Language::Rust {
        let port = place.echo();
        ways.push(Way {
            task: "dial3",
            told: json!({ "to": format!("127.0.0.1:{port}") }),
            grant: ("tcp", format!("127.0.0.1:{port}")),
            line: grant(&format!("tcp=127.0.0.1:{port}")),
            reached: "connected".into(),
        });
        ways.push(Way {
            task: "lookup3",
            told: json!({ "name": "localhost" }),
            grant: ("dns", "localhost".into()),
            line: grant("dns=localhost"),
            reached: "[IpAddress".into(),
        });
    }
    let server = place.http();
    ways.push(Way {
        task: "request",
        told: json!({
            "method": "GET",
            "url": format!("{server}/seen"),
            "header": "Bearer ${secret.HOOK_TOKEN}",
        }),
        grant: ("http", format!("{server}+HOOK_TOKEN")),
        line: grant(&format!("http={server}")),
        reached: "200 Bearer hook-secret".into(),
    });
    ways.push(Way {
        task: "secret",
        told: json!({ "name": "TOKEN" }),
        grant: ("secrets", "TOKEN".into()),
        line: grant("secret=TOKEN"),
        reached: "read-secret".into(),
    });
    ways.push(Way {
        task: "env",
        told: json!({ "name": "PROBER_MODE" }),
        grant: ("env", "PROBER_MODE=fast".into()),
        line: None,
        reached: "fast".into(),
    });
    ways.push(Way {
        task: "read",
        told: json!({ "path": "/data/in.txt" }),
        grant: ("dirs", dir.clone()),
        line: None,
        reached: "inside".into(),
    });
    ways.push(Way {
        task: "write",
        told: json!({ "path": "/data/out.txt", "text": "written" }),
        grant: ("dirs", dir),
        line: None,
        reached: "done".into(),
    });
    ways
}

#[test]
fn nothing_is_reachable_from_rust_without_a_grant() {
    everything_is_closed(Language::Rust);
}

#[test]
fn nothing_is_reachable_from_python_without_a_grant() {
    everything_is_closed(Language::Python);
}

fn everything_is_closed(language: Language) {
    let place = Place::new();
    let host = start(language, &place, &[]);
    for way in ways(language, &place) {
        let why = refused(&host, way.task, &way.told);
        if let Some(line) = &way.line {
            assert!(
                host.log().contains(line),
                "{}: `{line}` in {}",
                way.task,
                host.log()
            );
        }
        if way.task == "connect" {
            assert!(
                why.contains(way.line.as_deref().unwrap()),
                "the guest is told too: {why}"
            );
        }
    }
    assert!(!place.data().join("out.txt").exists());
    assert_eq!(place.visits(), 0, "nobody came by");
}

#[test]
fn what_is_granted_is_reached_from_rust() {
    everything_is_open(Language::Rust);
}

#[test]
fn what_is_granted_is_reached_from_python() {
    everything_is_open(Language::Python);
}

fn everything_is_open(language: Language) {
    let place = Place::new();
    let ways = ways(language, &place);
    let grants: Vec<_> = ways
        .iter()
        .map(|way| (way.grant.0, way.grant.1.as_str()))
        .collect();
    let host = start(language, &place, &grants);
    for way in &ways {
        let found = reached(&host, way.task, &way.told);
        assert!(found.starts_with(&way.reached), "{}: {found}", way.task);
    }
    let written = fs::read_to_string(place.data().join("out.txt")).unwrap();
    assert_eq!(written, "written");
    assert!(
        !host.log().contains("TH05"),
        "nothing was denied: {}",
        host.log()
    );
}

#[test]
fn a_grant_opens_one_thing_and_nothing_beside_it_for_rust() {
    nothing_beside_it(Language::Rust);
}

#[test]
fn a_grant_opens_one_thing_and_nothing_beside_it_for_python() {
    nothing_beside_it(Language::Python);
}

#[allow(clippy::too_many_lines, reason = "a table of ways, each a line or two")]
fn nothing_beside_it(language: Language) {
    let place = Place::new();
    let (granted, other, misled) = (place.echo(), place.echo(), place.echo());
    let (server, bare) = (place.http(), place.http());
    let disguised = place.http().replace("127.0.0.1", "127.1");
    place.outside("secret.txt", "outside");
    place.link("leads-out", "../secret.txt");
    place.link("leads-far", "/etc/hostname");
    let grants = [
        ("tcp", format!("127.0.0.1:{granted}")),
        // A number that the resolver takes for a name of 127.0.0.1.
        ("tcp", format!("127.1:{misled}")),
        ("http", disguised.clone()),
        ("http", format!("{server}+HOOK_TOKEN")),
        ("http", bare.clone()),
        ("dirs", format!("{}:/data", place.data().display())),
        ("env", "PROBER_MODE=fast".to_owned()),
        ("storage", "64KiB".to_owned()),
    ];
    let grants: Vec<_> = grants
        .iter()
        .map(|(key, word)| (*key, word.as_str()))
        .collect();
    let host = start(language, &place, &grants);
    let get = |url: String| json!({ "method": "GET", "url": url });
    let mut closed = vec![
        // Another port, other ways to write the same address, and a name that leads to it.
        ("connect", json!({ "to": format!("127.0.0.1:{other}") })),
        (
            "connect",
            json!({ "to": format!("[::ffff:127.0.0.1]:{granted}") }),
        ),
        ("connect", json!({ "to": format!("localhost:{granted}") })),
        ("connect", json!({ "to": format!("2130706433:{granted}") })),
        ("dial", json!({ "to": format!("127.0.0.1:{other}") })),
        ("dial", json!({ "to": format!("127.0.0.2:{granted}") })),
        (
            "dial",
            json!({ "to": format!("[::ffff:127.0.0.1]:{other}") }),
        ),
        ("dial", json!({ "to": format!("[::1]:{granted}") })),
        ("dial", json!({ "to": "169.254.169.254:80" })),
        ("dial", json!({ "to": format!("127.1:{misled}") })),
        ("lookup", json!({ "name": "metadata.google.internal" })),
        ("listen", json!({ "at": "127.0.0.1:0" })),
        // Another method, another server, a secret for a server that has none.
        (
            "request",
            json!({ "method": "DELETE", "url": format!("{server}/seen") }),
        ),
        ("request", get(format!("http://127.0.0.1:{granted}/"))),
        ("request", get(format!("http://localhost:{granted}/"))),
        ("request", get(format!("{disguised}/seen"))),
        (
            "request",
            json!({
                "method": "GET", "url": format!("{bare}/seen"), "header": "${secret.HOOK_TOKEN}",
            }),
        ),
        // Out of a directory, and into one that may only be read.
        ("read", json!({ "path": "/data/../secret.txt" })),
        ("read", json!({ "path": "../secret.txt" })),
        ("read", json!({ "path": "/data/leads-out" })),
        ("read", json!({ "path": "/data/leads-far" })),
        ("read", json!({ "path": "/etc/hostname" })),
        ("write", json!({ "path": "/data/new.txt", "text": "x" })),
        ("write", json!({ "path": "/data/in.txt", "text": "x" })),
        ("link", json!({ "to": "in.txt", "path": "/data/another" })),
        // What the host's own environment has.
        ("env", json!({ "name": "PATH" })),
        ("env", json!({ "name": "HOME" })),
        // Another secret, and more than may be stored.
        ("secret", json!({ "name": "OTHER" })),
        ("store", json!({ "values": 20, "bytes": 8000 })),
    ];
    if language == Language::Rust {
        closed.push(("dial3", json!({ "to": format!("127.0.0.1:{other}") })));
        closed.push(("dial3", json!({ "to": format!("[::1]:{granted}") })));
        closed.push(("lookup3", json!({ "name": "metadata.google.internal" })));
    }
    reached(&host, "store", &json!({ "values": 4, "bytes": 8000 }));
    for (task, told) in &closed {
        refused(&host, task, told);
    }
    let why = refused(
        &host,
        "connect",
        &json!({ "to": format!("127.1:{misled}") }),
    );
    assert!(
        why.contains("loopback") || why.contains("not found"),
        "{why}"
    );
    assert_eq!(place.visits(), 0, "nobody came by: {}", host.log());

    // The same guest still reaches what it may: the refusals above are not its own mistakes.
    let told = json!({ "to": format!("127.0.0.1:{granted}") });
    assert!(reached(&host, "connect", &told).starts_with("pong"));
    assert_eq!(
        reached(&host, "read", &json!({ "path": "/data/in.txt" })),
        "inside"
    );
    assert_eq!(
        reached(&host, "env", &json!({ "name": "PROBER_MODE" })),
        "fast"
    );
    let placeholder = reached(&host, "secret", &json!({ "name": "HOOK_TOKEN" }));
    assert_eq!(
        placeholder, "${secret.HOOK_TOKEN}",
        "a secret for a server is not handed out"
    );
    let redirected = reached(&host, "request", &get(format!("{server}/away")));
    assert!(
        redirected.starts_with("302"),
        "a redirect is only an answer: {redirected}"
    );
    assert_eq!(
        fs::read_to_string(place.data().join("in.txt")).unwrap(),
        "inside"
    );
}

#[test]
fn a_server_is_believed_whose_certificate_is_named_and_no_other() {
    let place = Place::new();
    let server = place.http();
    let (_, port) = server.rsplit_once(':').unwrap();
    let proxy = Proxy::before(port.parse().unwrap());
    let url = format!("https://localhost:{}", proxy.port);
    let told = json!({
        "method": "GET",
        "url": format!("{url}/seen"),
        "header": "${secret.HOOK_TOKEN}",
    });
    let without = [("http", format!("{url}+HOOK_TOKEN"))];
    let without: Vec<_> = without
        .iter()
        .map(|(key, word)| (*key, word.as_str()))
        .collect();
    let host = start(Language::Rust, &place, &without);
    let why = refused(&host, "request", &told);
    assert!(why.contains("TlsCertificateError"), "{why}");
    assert_eq!(place.visits(), 0, "and the secret stays here");

    let named = format!(
        "http = [{{ host = {url:?}, secrets = [\"HOOK_TOKEN\"], ca = {:?} }}]",
        proxy.certificate
    );
    let config = place.config(&Language::Rust.component(), &[]);
    let config = config.replace(
        "[backends.prober.grant]\n",
        &format!("[backends.prober.grant]\n{named}\n"),
    );
    let host = HostBuilder::bare().config(&config).start();
    assert_eq!(reached(&host, "request", &told), "200 hook-secret");
}

#[test]
fn a_flood_of_denials_is_one_line_a_minute() {
    let place = Place::new();
    let host = start(Language::Rust, &place, &[]);
    for _ in 0..20 {
        refused(&host, "secret", &json!({ "name": "TOKEN" }));
    }
    let lines = host
        .log()
        .lines()
        .filter(|line| line.contains("TH0502"))
        .count();
    assert_eq!(lines, 1, "{}", host.log());
}

/// A host with the prober of this language, granted this: pairs of a key of the file and an entry.
fn start(language: Language, place: &Place, grants: &[(&str, &str)]) -> Host {
    builder(&language.component(), place, grants).start()
}

fn builder(component: &str, place: &Place, grants: &[(&str, &str)]) -> HostBuilder {
    HostBuilder::bare().config(&place.config(component, grants))
}

/// What the task came to where it was refused.
#[track_caller]
fn refused(host: &Host, task: &str, told: &Value) -> String {
    let result = run(host, task, told);
    let why = result["no"].as_str();
    why.unwrap_or_else(|| panic!("{task} {told} was not refused: {result}"))
        .to_owned()
}

/// What the task came to where it was not.
#[track_caller]
fn reached(host: &Host, task: &str, told: &Value) -> String {
    let result = run(host, task, told);
    let found = result["ok"].as_str();
    found
        .unwrap_or_else(|| panic!("{task} {told} was refused: {result}\n{}", host.log()))
        .to_owned()
}

#[track_caller]
fn run(host: &Host, task: &str, told: &Value) -> Value {
    let end = host.client().start(task, told).end();
    assert_eq!(end.status(), "COMPLETED", "{task} {told}: {end}");
    end.payload()["result"].clone()
}
