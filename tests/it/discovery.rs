//! Tasks that nobody configured: names and schemas come from the workers.

use serde_json::{Value, json};
use taskhost_tests::{LONG, Lab, RedisOptions, RedisServer, Version, Worker, WorkerOptions};
use taskhost_tests::{RpcError, wait_until};

#[test]
fn every_task_of_a_worker_has_its_tools() {
    let lab = Lab::start(&WorkerOptions::default());
    let names: Vec<String> = names(&lab);
    for task in ["add", "boom", "flaky", "schemad", "sleeper"] {
        for action in ["start", "status", "result", "cancel"] {
            assert!(
                names.contains(&format!("{task}_{action}")),
                "{task}_{action} in {names:?}"
            );
        }
    }
    assert!(
        !names.iter().any(|name| name.contains("chord")),
        "Celery's own: {names:?}"
    );
}

#[test]
fn a_task_without_a_schema_takes_anything_and_says_how_to_describe_it() {
    let lab = Lab::start(&WorkerOptions::default());
    let tool = lab.client().tool("add_start");
    assert_eq!(tool["inputSchema"]["type"], "object");
    assert_eq!(tool["inputSchema"].get("required"), None);
    assert!(
        tool["description"]
            .as_str()
            .unwrap()
            .contains("`mcp` attribute"),
        "{tool}"
    );
    let end = lab.run("echo", &json!({ "any": ["thing", null] })).end();
    assert_eq!(end.payload()["result"], json!({ "any": ["thing", null] }));
}

#[test]
fn the_attribute_of_a_task_is_its_schema_its_title_and_its_description() {
    let lab = Lab::start(&WorkerOptions::default());
    let schemad = lab.client().tool("schemad_start");
    assert_eq!(
        schemad["inputSchema"]["properties"],
        json!({ "q": { "type": "string" } })
    );
    let described = lab.client().tool("described_start");
    assert!(
        described["title"].as_str().unwrap().contains("Shout"),
        "{described}"
    );
    assert!(
        described["description"]
            .as_str()
            .unwrap()
            .contains("Says it louder."),
        "{described}"
    );
    let misdescribed = lab.client().tool("misdescribed_start");
    assert_eq!(
        misdescribed["inputSchema"]["type"], "object",
        "rubbish is no schema"
    );
}

#[test]
fn arguments_that_do_not_fit_the_schema_are_refused_before_anything_happens() {
    let lab = Lab::start(&WorkerOptions::default());
    for arguments in [json!({}), json!({ "q": 5 })] {
        match lab.client().try_call("schemad_start", &arguments) {
            Ok(answer) => assert!(
                answer.is_error() && answer.to_string().contains('q'),
                "{answer}"
            ),
            Err(RpcError::Refused(-32602, why)) => assert!(why.contains('q'), "{why}"),
            Err(other) => panic!("{other}"),
        }
    }
    let listed = lab.host.cli(&["tasks", "list", "--json"]).json();
    assert_eq!(listed.as_array().map_or(0, Vec::len), 0, "{listed}");
}

#[test]
fn hints_and_docstrings_describe_a_whole_application() {
    let lab = hinted(Version::V5_7);
    let invoice = lab.client().tool("invoice_start");
    let schema = &invoice["inputSchema"];
    assert_eq!(schema["required"], json!(["customer", "cents"]), "{schema}");
    assert_eq!(schema["properties"]["cents"]["type"], "integer");
    assert_eq!(
        schema["properties"]["kind"]["enum"],
        json!(["net", "gross"])
    );
    assert_eq!(schema["$defs"]["Region"]["enum"], json!(["eu", "us"]));
    let description = invoice["description"].as_str().unwrap();
    assert!(description.contains("end of the month"), "{description}");

    let bound = lab.client().tool("bound_start");
    let properties = bound["inputSchema"]["properties"].as_object().unwrap();
    assert_eq!(
        properties.keys().collect::<Vec<_>>(),
        ["tags", "note"],
        "in the order of the signature, and no `self`"
    );
    assert_eq!(
        lab.client().tool("retried_start")["inputSchema"]["required"],
        json!(["n"])
    );
    for free in ["opaque", "anything", "positional"] {
        let schema = &lab.client().tool(&format!("{free}_start"))["inputSchema"];
        assert_eq!(schema.get("properties"), None, "{free}: {schema}");
    }
    let by_hand = lab.client().tool("by_hand_start");
    assert!(
        by_hand["title"].as_str().unwrap().contains("By hand"),
        "{by_hand}"
    );

    let end = lab
        .run(
            "invoice",
            &json!({ "customer": "c", "cents": 5, "region": "us" }),
        )
        .end();
    assert_eq!(end.payload()["result"]["region"], "us");
}

#[test]
fn hints_are_read_without_pydantic_too() {
    let lab = hinted(Version::V5_6);
    let schema = &lab.client().tool("invoice_start")["inputSchema"];
    assert_eq!(schema["required"], json!(["customer", "cents"]), "{schema}");
    assert_eq!(schema["properties"]["cents"]["type"], "integer");
    assert_eq!(schema["properties"]["region"], json!({}));
}

#[test]
fn a_worker_with_new_tasks_changes_the_tools_and_clients_are_told() {
    let lab = Lab::start(&WorkerOptions::default());
    assert_eq!(lab.client().find_tool("newcomer_start"), None);
    let before = told(&lab);
    let options = WorkerOptions {
        extra: "newcomer",
        ..Default::default()
    };
    let _second = Worker::start(&lab.redis, &options);
    wait_until(LONG, "the client is told", || told(&lab) > before);
    lab.client().tool("newcomer_start");
}

#[test]
fn a_host_without_workers_starts_and_finds_them_later() {
    let redis = RedisServer::start(RedisOptions::default());
    let host = Lab::host(&redis).start();
    assert_eq!(host.client().tools(), Vec::<Value>::new());
    let _worker = Worker::start(&redis, &WorkerOptions::default());
    host.client().tool("add_start");
    let end = host.client().start("add", &json!({ "x": 1 })).end();
    assert_eq!(end.payload()["result"], 3);
}

#[test]
fn two_tasks_of_one_short_name_keep_their_full_names() {
    let redis = RedisServer::start(RedisOptions::default());
    let _first = Worker::start(&redis, &WorkerOptions::default());
    let options = WorkerOptions {
        extra: "other.add",
        ..Default::default()
    };
    let _second = Worker::start(&redis, &options);
    let host = Lab::host(&redis).start();
    host.client().tool("labapp.add_start");
    host.client().tool("labapp.other.add_start");
    assert_eq!(host.client().find_tool("add_start"), None);
}

fn hinted(version: Version) -> Lab {
    let redis = RedisServer::start(RedisOptions::default());
    let options = WorkerOptions {
        version,
        app: "hintedapp",
        ..Default::default()
    };
    let worker = Worker::start(&redis, &options);
    let host = Lab::host(&redis).start();
    host.client().tool("plain_start");
    Lab {
        host,
        worker,
        redis,
    }
}

fn names(lab: &Lab) -> Vec<String> {
    lab.client()
        .tools()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap().to_owned())
        .collect()
}

fn told(lab: &Lab) -> usize {
    lab.client()
        .notifications("notifications/tools/list_changed")
        .len()
}
