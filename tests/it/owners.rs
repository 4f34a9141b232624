//! Who may do what: a task belongs to whoever started it, and for everybody else it is not there.
//!
//! `WAYS` is the table of all ways to ask for a task by its id. Whatever is added to what clients can ask
//! gets a row there, and is held to the rule by every test that uses it.

use std::fs;

use serde_json::{Value, json};
use taskhost_tests::{Client, Era, Finished, Host, HostBuilder, RpcError, taskhost};

/// A way to ask for a task of `sleep`: what it is called, and all that the asker is told.
type Way = (&'static str, fn(&Client, &str) -> Value);

/// All ways of a client of 2025-11-25.
const WAYS: [Way; 15] = [
    ("status", |client, id| {
        tool(client, "sleep_status", &json!({ "token": id }))
    }),
    ("status, waiting", |client, id| {
        let arguments = json!({ "token": id, "wait_seconds": 1 });
        tool(client, "sleep_status", &arguments)
    }),
    ("answer", |client, id| {
        let arguments = json!({ "token": id, "key": "question", "response": {} });
        tool(client, "sleep_answer", &arguments)
    }),
    ("result", |client, id| {
        tool(client, "sleep_result", &json!({ "token": id }))
    }),
    ("cancel", |client, id| {
        tool(client, "sleep_cancel", &json!({ "token": id }))
    }),
    ("status of another kind of task", |client, id| {
        tool(client, "echo_status", &json!({ "token": id }))
    }),
    ("cancel of another kind of task", |client, id| {
        tool(client, "count_cancel", &json!({ "token": id }))
    }),
    ("tasks/get", |client, id| native(client, "tasks/get", id)),
    ("tasks/result", |client, id| {
        native(client, "tasks/result", id)
    }),
    ("tasks/cancel", |client, id| {
        native(client, "tasks/cancel", id)
    }),
    ("its document", |client, id| read(client, id, "")),
    ("its result", |client, id| read(client, id, "/result")),
    ("its output", |client, id| read(client, id, "/output")),
    ("following its document", |client, id| {
        let params = json!({ "uri": format!("task://{id}") });
        all_told(client, "resources/subscribe", &params)
    }),
    ("completing its name", completed),
];

/// All ways of a client of 2026-07-28 that are not those above.
const STATELESS_WAYS: [Way; 8] = [
    ("tasks/get", |client, id| native(client, "tasks/get", id)),
    ("tasks/cancel", |client, id| {
        native(client, "tasks/cancel", id)
    }),
    ("tasks/update", |client, id| {
        let params = json!({ "taskId": id, "inputResponses": {} });
        all_told(client, "tasks/update", &params)
    }),
    ("its document", |client, id| read(client, id, "")),
    ("its result", |client, id| read(client, id, "/result")),
    ("completing its name", completed),
    ("listening to it", |client, id| {
        client.agreed(&json!({ "taskIds": [id] }))
    }),
    ("listening to its document", |client, id| {
        client.agreed(&json!({ "resourceSubscriptions": [format!("task://{id}")] }))
    }),
];

fn native(client: &Client, method: &str, id: &str) -> Value {
    all_told(client, method, &json!({ "taskId": id }))
}

fn read(client: &Client, id: &str, part: &str) -> Value {
    let params = json!({ "uri": format!("task://{id}{part}") });
    all_told(client, "resources/read", &params)
}

fn completed(client: &Client, id: &str) -> Value {
    let params = json!({
        "ref": { "type": "ref/resource", "uri": "task://{id}" },
        "argument": { "name": "id", "value": &id[..20] },
    });
    all_told(client, "completion/complete", &params)
}

#[test]
fn a_task_of_someone_else_is_one_that_never_was() {
    let ([alice, bob], mut host) = two("");
    let token = start(host.client(), 600_000);
    let over = start(host.client(), 0);
    host.client().task("sleep", &over).until_status("COMPLETED");
    assert_not_there(&host.client_as(&bob), &token);
    assert_not_there(&host.client_as(&bob), &over);
    assert_not_there_statelessly(&host, &bob, &token);
    assert_not_there_statelessly(&host, &bob, &over);
    let listed = all_told(&host.client_as(&bob), "tasks/list", &json!({}));
    assert_eq!(listed["tasks"], json!([]));
    let listed = all_told(host.client(), "tasks/list", &json!({}));
    assert_eq!(listed["tasks"].as_array().unwrap().len(), 2);
    // Also for the next host, which has it from the disk.
    host.kill();
    host.restart();
    assert_not_there(&host.client_as(&bob), &token);
    assert_not_there(&host.client_as(&bob), &over);
    // Nothing of it has reached the task.
    let status = host.client_as(&alice).task("sleep", &token).status();
    assert_eq!(status.payload().get("cancel_requested"), None, "{status}");
    assert_eq!(status.status(), "RUNNING");
}

#[test]
fn who_is_in_a_group_with_the_owner_may_do_what_the_owner_may_where_groups_share() {
    let host =
        HostBuilder::new("mock", "polling").config("version = 1\n[server]\nshare = \"group\"\n");
    let alice = host.token("alice", &["ops", "night"]);
    let bob = host.token("bob", &["dev", "ops"]);
    let carol = host.token("carol", &["dev"]);
    let host = host.over_http().bearer(&alice).start();
    let token = start(host.client(), 600_000);
    assert_not_there(&host.client_as(&carol), &token);
    let bob = host.client_as(&bob);
    let task = bob.task("sleep", &token);
    task.until_status("RUNNING");
    task.cancel();
    task.until_status("CANCELLED");
    let host_saw = host.client().task("sleep", &token).status();
    assert_eq!(host_saw.status(), "CANCELLED");
}

#[test]
fn an_answer_may_come_from_everybody_who_has_the_id_where_ids_share() {
    let ([_, bob], host) = two("[server]\nshare = \"id\"\n");
    let task = host
        .client()
        .start("ask", &json!({ "question": "Which colour?" }));
    let key = task.until_status("INPUT_REQUIRED")["questions"][0]["key"].clone();
    let bob = host.client_as(&bob);
    let response = json!({ "text": "blue" });
    let arguments = json!({ "token": task.token(), "key": key, "response": response });
    assert!(!bob.call("ask_answer", &arguments).is_error());
    bob.task("ask", task.token()).until_status("COMPLETED");
}

#[test]
fn the_owner_is_the_owner_in_another_session_and_another_host() {
    let ([alice, _], mut host) = two("");
    let token = start(host.client(), 600_000);
    host.kill();
    host.restart();
    let again = host.client_as(&alice);
    again.task("sleep", &token).until_status("RUNNING");
    again.task("sleep", &token).cancel();
    again.task("sleep", &token).until_status("CANCELLED");
}

#[test]
fn a_session_of_someone_else_is_one_that_never_was() {
    let ([_, bob], host) = two("");
    let theirs = host.client().session().unwrap();
    let told = |session: &str| {
        let bob = Client::http_as(&host.url(), &bob);
        bob.enter(session);
        bob.request("tools/list", &json!({})).unwrap_err()
    };
    let never = told("6d7f3d5e-0000-4000-8000-000000000000");
    assert!(never.to_string().contains("404"), "{never}");
    assert_eq!(told(&theirs), never);
    host.client().tools();
}

#[test]
fn nobody_comes_in_without_a_token_that_is_known() {
    let ([alice, _], host) = two("");
    let knock = |client: Client| client.initialize().unwrap_err().to_string();
    let without = knock(Client::http(&host.url()));
    assert!(
        without.contains("401") && without.contains("TH0753"),
        "{without}"
    );
    let wrong = knock(Client::http_as(&host.url(), &alice.replace('a', "b")));
    assert!(wrong.contains("401") && wrong.contains("TH0754"), "{wrong}");
    assert!(wrong.contains("help"), "what to do: {wrong}");
    for code in ["TH0753", "TH0754"] {
        assert!(host.log().contains(code), "{}", host.log());
    }
}

#[test]
fn no_token_is_in_the_file_or_in_the_log() {
    let ([alice, bob], host) = two_names("");
    let host = host.args(["--log", "trace"]).start();
    let wrong = format!("{alice}x");
    start(host.client(), 0);
    host.client_as(&bob).tools();
    Client::http_as(&host.url(), &wrong)
        .initialize()
        .unwrap_err();
    let file = fs::read_to_string(host.command().config_file()).unwrap();
    for token in [alice, bob] {
        assert!(!file.contains(&token));
        assert!(!host.log().contains(&token));
    }
}

#[test]
fn what_is_done_and_what_is_refused_is_in_the_log_without_the_id() {
    let ([_, bob], host) = two("");
    let token = start(host.client(), 600_000);
    WAYS[0].1(&host.client_as(&bob), &token);
    host.client().task("sleep", &token).cancel();
    let log = host.log();
    for (who, act, verdict) in [
        ("alice", "start", "done"),
        ("bob", "ask", "refused"),
        ("alice", "cancel", "done"),
    ] {
        let said = |line: &str| {
            [who, act, verdict, &token[..14]]
                .iter()
                .all(|word| line.contains(word))
                && line.contains("audit")
        };
        assert!(log.lines().any(said), "{who} {act} {verdict}: {log}");
    }
    assert!(!log.contains(&token), "an id is a key: {log}");
}

#[test]
fn who_is_not_asked_for_a_name_has_what_ids_give() {
    let host = HostBuilder::new("mock", "polling").over_http().start();
    let token = start(host.client(), 600_000);
    let other = Client::http(&host.url());
    other.initialize().unwrap();
    other.task("sleep", &token).until_status("RUNNING");
    let listed = host.cli(&["tasks", "list", "--json"]).json();
    assert_eq!(listed[0]["owner"], "nobody");
}

#[test]
fn a_task_of_nobody_is_not_lost_when_the_host_begins_to_ask() {
    let mut open = HostBuilder::new("mock", "polling").over_http().start();
    let token = start(open.client(), 600_000);
    open.stop();
    let asking = open
        .command()
        .beside(HostBuilder::new("mock", "polling"))
        .config("version = 1\n");
    let alice = asking.token("alice", &[]);
    let asking = asking.over_http().bearer(&alice).start();
    asking
        .client()
        .task("sleep", &token)
        .until_status("RUNNING");
}

#[test]
fn the_task_of_a_name_is_not_there_for_who_has_none() {
    let (_, mut host) = two("");
    let token = start(host.client(), 600_000);
    host.stop();
    let open = host
        .command()
        .beside(HostBuilder::new("mock", "polling"))
        .over_http()
        .start();
    assert_not_there(open.client(), &token);
}

#[test]
fn the_operator_sees_everybody_s_tasks_and_whose_they_are() {
    let ([_, bob], host) = two("");
    start(host.client(), 600_000);
    let token = start(&host.client_as(&bob), 600_000);
    let listed = host.cli(&["tasks", "list"]).stdout;
    for word in ["OWNER", "alice", "bob"] {
        assert!(listed.contains(word), "{listed}");
    }
    assert!(host.cli(&["tasks", "cancel", &token]).status.success());
}

#[test]
fn one_principal_leaves_room_for_the_others_and_is_told_what_to_do() {
    let ([_, bob], host) = two("[tasks]\nlive-per-principal = 1\n");
    start(host.client(), 600_000);
    let refused = host.client().call("sleep_start", &json!({ "ms": 600_000 }));
    assert!(refused.is_error(), "{refused}");
    assert!(
        refused.to_string().contains("live-per-principal"),
        "{refused}"
    );
    start(&host.client_as(&bob), 600_000);
}

#[test]
fn a_token_comes_with_the_lines_that_make_it_known() {
    let made = taskhost(&["token", "alice@example.com", "--group", "ops"]);
    assert!(made.status.success(), "{made:?}");
    let token = made.stdout.trim_end();
    assert!(
        token.starts_with("taskhost_") && !made.stderr.contains(token),
        "{made:?}"
    );
    let (_, lines) = made.stderr.split_once("\n\n").unwrap();
    let (lines, _) = lines.split_once("\n\n").unwrap();
    let host = HostBuilder::new("mock", "polling").config(&format!("version = 1\n{lines}\n"));
    let printed = host.clone().args(["--print-config"]).finish();
    let host = HostBuilder::bare()
        .config(&printed.stdout)
        .over_http()
        .bearer(token)
        .start();
    start(host.client(), 0);
}

#[test]
fn two_tokens_of_one_name_are_one_principal_while_one_replaces_the_other() {
    let [old, new] = [(), ()].map(|()| taskhost(&["token", "alice"]));
    let hash = |made: &Finished| {
        let (_, rest) = made.stderr.split_once('"').unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let config = format!(
        "version = 1\n[server.auth.alice]\ntokens = [\"{}\", \"{}\"]\n",
        hash(&old),
        hash(&new)
    );
    let host = HostBuilder::new("mock", "polling").config(&config);
    let host = host.over_http().bearer(old.stdout.trim_end()).start();
    let token = start(host.client(), 600_000);
    let renewed = host.client_as(new.stdout.trim_end());
    renewed.task("sleep", &token).until_status("RUNNING");
}

#[test]
fn what_is_wrong_about_principals_is_a_coded_error_with_help() {
    let token = taskhost(&["token", "alice"]).stdout.trim_end().to_owned();
    for (lines, code) in [
        ("[server.auth]\n", "TH0113"),
        ("[server.auth.alice]\ntokens = []\n", "TH0114"),
        ("[server.auth.alice]\ngroups = [\"ops\"]\n", "TH0114"),
        ("[server.auth.alice]\ntokens = [\"sha256:abc\"]\n", "TH0115"),
        ("[server.auth.local]\ntokens = [\"sha256:abc\"]\n", "TH0117"),
        ("[server.auth.alice]\ntokens = [\"TOKEN\"]\n", "TH0118"),
        ("[server.auth.alice]\ntoken = \"sha256:abc\"\n", "TH0102"),
        ("[server]\nshare = \"everybody\"\n", "TH0102"),
    ] {
        let lines = lines.replace("TOKEN", &token);
        let finished = HostBuilder::new("mock", "polling")
            .config(&format!("version = 1\n{lines}"))
            .finish();
        assert_eq!(finished.error_code(), code, "{lines}");
        assert_eq!(finished.status.code(), Some(78));
        assert!(!finished.stderr.contains(&token), "{finished:?}");
    }
    let exposed = HostBuilder::new("mock", "polling")
        .args(["--http", "0.0.0.0:0"])
        .finish();
    assert_eq!(exposed.error_code(), "TH0110");
    assert!(exposed.stderr.contains("taskhost token"), "{exposed:?}");
    for arguments in [
        &["token", "local"][..],
        &["token", "a b"],
        &["token", "alice", "--group", ""],
    ] {
        assert_eq!(taskhost(arguments).error_code(), "TH0117", "{arguments:?}");
    }
    let file = HostBuilder::bare().config("version = 1\n");
    file.token("alice", &[]);
    let path = file.config_file();
    let twice = taskhost(&["token", "alice", "--config", path.to_str().unwrap()]);
    assert_eq!(twice.error_code(), "TH0121");
    assert_eq!(twice.stdout, "", "no token that is not in the file");
}

/// For `client`, there is no task with this id, whichever way it asks: it is told the same, word for
/// word, as of an id that never was.
fn assert_not_there(client: &Client, id: &str) {
    for (name, ask) in WAYS {
        let told = without(&ask(client, id), id);
        for never in like(id) {
            let expected = without(&ask(client, &never), &never);
            assert_eq!(told, expected, "{name}: {id} and {never}");
        }
    }
}

/// The same for a client without a session, as the bearer of `token`.
fn assert_not_there_statelessly(host: &Host, token: &str, id: &str) {
    let client = Client::http_as(&host.url(), token).speaking(Era::Stateless);
    for (name, ask) in STATELESS_WAYS {
        let told = without(&ask(&client, id), id);
        for never in like(id) {
            let expected = without(&ask(&client, &never), &never);
            assert_eq!(told, expected, "{name}: {id} and {never}");
        }
    }
}

/// Ids that never were: of the same moment as `id`, and of another one.
fn like(id: &str) -> [String; 2] {
    let digit = |_| char::from(b"0123456789abcdefghijklmnopqrstuv"[rand::random_range(0..32)]);
    // Not each digit can be the last one: it has only two bits.
    let chance: String = (0..id.len() - 15).map(digit).collect();
    let last = &id[id.len() - 1..];
    let stem = &id[..14];
    [
        format!("{stem}{chance}{last}"),
        format!("t06gvpt08a4001{chance}{last}"),
    ]
}

/// What was told, with the id that was asked for left out.
fn without(told: &Value, id: &str) -> String {
    told.to_string().replace(id, "<id>")
}

/// All that the caller of a tool is told.
fn tool(client: &Client, name: &str, arguments: &Value) -> Value {
    all_told(
        client,
        "tools/call",
        &json!({ "name": name, "arguments": arguments }),
    )
}

/// All that is told by the answer to any request.
fn all_told(client: &Client, method: &str, params: &Value) -> Value {
    match client.request(method, params) {
        Ok(result) => result,
        Err(RpcError::Refused(code, message)) => json!({ "code": code, "message": message }),
        Err(gone) => panic!("{method} {params}: {gone}"),
    }
}

fn start(client: &Client, ms: u64) -> String {
    client
        .start("sleep", &json!({ "ms": ms }))
        .token()
        .to_owned()
}

/// A host that knows alice and bob, with their tokens. Its own client is alice's.
fn two(lines: &str) -> ([String; 2], Host) {
    let (tokens, host) = two_names(lines);
    (tokens, host.start())
}

fn two_names(lines: &str) -> ([String; 2], HostBuilder) {
    let host = HostBuilder::new("mock", "polling").config(&format!("version = 1\n{lines}"));
    let tokens = ["alice", "bob"].map(|name| host.token(name, &[]));
    let host = host.over_http().bearer(&tokens[0]);
    (tokens, host)
}
