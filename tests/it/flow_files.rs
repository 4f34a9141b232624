//! Files of orchestrations as operators have them: looked at, locked, watched and replaced.
//!
//! There are two ways to name one, and all of this is the same for both.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::{Value, json};
use taskhost_tests::{Finished, Host, HostBuilder, LONG, SHORT, build, setup, taskhost};
use taskhost_tests::{wait_for, wait_until};

use crate::sources::sign;

#[test]
fn a_file_of_orchestrations_is_inspected_for_what_it_has() {
    let file = setup::component("fixture-flows").display().to_string();
    let seen = taskhost(&["inspect", &file, "--json"]).json();
    assert_eq!(seen["name"], "fixture-flows", "{seen}");
    assert_eq!(seen["engine"]["name"], "durable", "{seen}");
    has_all(&seen);

    let said = taskhost(&["inspect", &file]).stdout;
    for words in [
        "runs in   durable ",
        "taskhost:durable@",
        "steps",
        "retry_every",
        "(2 at once)",
        "--set",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn a_file_of_orchestrations_is_checked_for_what_it_has() {
    for way in Way::BOTH {
        let site = Site::new(way);
        let seen = site.run("check", &["--json"]).json();
        let mine = &seen["components"][0];
        has_all(mine);
        if way == Way::Setting {
            let named = &mine["flows"]["component"];
            assert!(named.as_str().unwrap().ends_with("flows.wasm"), "{mine}");
        }
        let said = site.run("check", &[]).stdout;
        for words in [
            "durable 0.",
            "flows.wasm",
            "steps, crowd",
            "narrow (2 at once)",
        ] {
            assert!(said.contains(words), "{way:?}: {words}: {said}");
        }
        let name = way.name();
        let config = site.config();
        let inspect = [
            "inspect",
            "--name",
            name,
            "--config",
            config.to_str().unwrap(),
        ];
        assert!(taskhost(&inspect).stdout.contains("narrow"), "{way:?}");
    }
}

/// The names, descriptions and schemas of the orchestrations for tests, and their activities.
fn has_all(seen: &Value) {
    let find = |list: &str, name: &str| {
        let all = seen[list].as_array().unwrap().iter();
        let found = all.clone().find(|one| one["name"] == name);
        found.unwrap_or_else(|| panic!("no {name}: {seen}")).clone()
    };
    let steps = find("orchestrations", "steps");
    assert!(steps["description"].is_string(), "{steps}");
    let input = &steps["input_schema"]["properties"];
    assert!(input["retry_every"].is_object(), "{steps}");
    assert_eq!(find("activities", "narrow")["at_once"], 2);
    assert_eq!(find("activities", "nothing")["at_once"], Value::Null);
}

#[test]
fn a_locked_host_runs_the_orchestrations_that_were_locked_and_no_others() {
    for way in Way::BOTH {
        let site = Site::new(way);
        assert_eq!(site.run("check", &["--locked"]).error_code(), "TH0213");
        let locked = site.run("lock", &[]);
        assert!(locked.status.success(), "{locked:?}");
        let line = match way {
            Way::Backend => "+[components.mine]",
            Way::Setting => "+[components.\"durable.flows\"]",
        };
        assert!(locked.stdout.contains(line), "{locked:?}");
        assert!(site.run("lock", &["--check"]).status.success(), "{way:?}");
        let checked = site.run("check", &["--locked"]);
        assert!(checked.status.success(), "{checked:?}");

        site.put(&build::marked(&original(), "2"));
        assert!(site.run("check", &[]).status.success(), "a file may change");
        let refused = site.run("check", &["--locked"]);
        assert_eq!(refused.error_code(), "TH0214");
        assert!(refused.stderr.contains("its digest was"), "{refused:?}");
        assert_eq!(site.run("lock", &["--check"]).error_code(), "TH0215");
    }
}

#[test]
fn where_all_must_be_signed_so_must_orchestrations() {
    for way in Way::BOTH {
        let all = "[trust]\nsignatures = \"all\"\n";
        let unsaid = Site::with(way, all);
        assert_eq!(unsaid.run("check", &[]).error_code(), "TH0220", "{way:?}");

        let site = Site::with(
            way,
            &format!("signature = {{ key = \"release.pub\" }}\n{all}"),
        );
        assert_eq!(site.run("check", &[]).error_code(), "TH0222", "{way:?}");
        sign(&site.file(), &site.config().with_file_name("release.pub"));
        let checked = site.run("check", &[]);
        assert!(checked.status.success(), "{way:?}: {checked:?}");
        site.put(&build::marked(&original(), "2"));
        assert_eq!(site.run("check", &[]).error_code(), "TH0223", "{way:?}");
    }
}

#[test]
fn a_watched_file_of_orchestrations_is_taken_up_while_runs_go_on() {
    for way in Way::BOTH {
        let site = Site::new(way);
        let host = site.serve(&["--watch"]);
        let task = host.client().start("sleeps", &json!({ "ms": 3_600_000 }));
        task.until_status("RUNNING");
        let before = build_of(&host, way);

        // Half of it is no component: the old one serves until the other half is there.
        let new = build::marked(&original(), "2");
        site.put(&build::truncated(&new));
        let failed = wait_for(SHORT, "half a file is refused", || {
            let seen = look(&host, way);
            (seen["reload"]["outcome"] == "failed").then_some(seen)
        });
        assert_eq!(failed["reload"]["why"]["code"], 303, "{way:?}: {failed}");
        assert_eq!(build_of(&host, way), before, "{way:?}");
        assert_eq!(ten(&host), 10, "{way:?}");

        site.put(&new);
        wait_until(LONG, "the new build serves", || {
            build_of(&host, way) != before
        });
        assert_eq!(ten(&host), 10, "{way:?}");
        task.cancel();
        task.until_status("CANCELLED");
    }
}

#[test]
fn orchestrations_are_reloaded_by_name_and_by_a_hangup() {
    for way in Way::BOTH {
        let site = Site::new(way);
        let host = site.serve(&[]);
        let reload = || host.cli(&["backends", "reload", way.name()]);
        let same = reload();
        assert!(same.stdout.contains("unchanged"), "{way:?}: {same:?}");

        let before = build_of(&host, way);
        site.put(&build::marked(&original(), "2"));
        let swapped = reload();
        assert!(swapped.stdout.contains("swapped"), "{way:?}: {swapped:?}");
        let second = build_of(&host, way);
        assert_ne!(second, before, "{way:?}");

        // What has no orchestrations is no new build of what has some.
        site.put(&fs::read(setup::component("polling")).unwrap());
        let refused = reload();
        assert_eq!(refused.error_code(), "TH0735", "{way:?}");
        assert_eq!(build_of(&host, way), second, "{way:?}");

        site.put(&build::marked(&original(), "3"));
        host.signal(Signal::HUP);
        wait_until(SHORT, "it is reloaded", || build_of(&host, way) != second);
        assert_eq!(ten(&host), 10, "{way:?}");
    }
}

#[test]
fn orchestrations_that_ask_for_more_are_held_until_it_is_granted() {
    for way in Way::BOTH {
        let site = Site::new(way);
        let host = site.serve(&[]);
        let before = build_of(&host, way);
        let manifest = "name = \"mine\"\nversion = \"0.2.0\"\nkind = \"backend\"\nsummary = \"For tests\"\n\
                        [[asks]]\ntcp = \"redis.example:6379\"\nreason = \"the broker\"\n";
        site.put(&build::with_manifest(&original(), manifest));
        let held = host.cli(&["backends", "reload", way.name()]);
        assert_eq!(held.error_code(), "TH0736", "{way:?}");
        assert!(held.stderr.contains("the broker"), "{held:?}");
        assert_eq!(build_of(&host, way), before, "{way:?}");
    }
}

/// How the file is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It is the backend.
    Backend,
    /// A setting of the engine names it.
    Setting,
}

impl Way {
    const BOTH: [Self; 2] = [Self::Backend, Self::Setting];

    /// What the backend is called.
    fn name(self) -> &'static str {
        match self {
            Self::Backend => "mine",
            Self::Setting => "durable",
        }
    }

    /// Paths are relative to the file that they are written in.
    fn table(self) -> &'static str {
        match self {
            Self::Backend => "[backends.mine]\ncomponent = \"./flows.wasm\"\n",
            Self::Setting => {
                "[backends.durable]\ncomponent = \"durable\"\nconfig = { flows = \"./flows.wasm\" }\n"
            }
        }
    }
}

/// A folder with a configuration and the file of orchestrations that it names.
struct Site(HostBuilder);

impl Site {
    fn new(way: Way) -> Self {
        Self::with(way, "")
    }

    /// With more in the table of the backend, and after it.
    fn with(way: Way, more: &str) -> Self {
        let text = format!(
            "version = 1\n{}{more}[strategies.polling]\ncomponent = \"polling\"\n",
            way.table()
        );
        let site = Self(HostBuilder::bare().config(&text));
        site.put(&original());
        site
    }

    fn config(&self) -> PathBuf {
        self.0.config_file()
    }

    fn file(&self) -> PathBuf {
        self.0.scratch().join("flows.wasm")
    }

    fn run(&self, verb: &str, more: &[&str]) -> Finished {
        let config = self.config();
        let mut args = vec![verb, "--config", config.to_str().unwrap()];
        args.extend(more);
        self.0.cli(&args)
    }

    fn serve(&self, flags: &[&str]) -> Host {
        let host = self.0.clone().args(flags.iter().copied()).start();
        host.client().tool("ten_start");
        host
    }

    /// Puts another build where the host finds it, as builds do: whole.
    fn put(&self, build: &[u8]) {
        replace(&self.file(), build);
    }
}

/// As the list has it.
fn look(host: &Host, way: Way) -> Value {
    let all = host.cli(&["backends", "list", "--json"]).json();
    let mut all = all.as_array().unwrap().iter();
    all.find(|one| one["name"] == way.name()).unwrap().clone()
}

/// The digest of the file that serves.
fn build_of(host: &Host, way: Way) -> Value {
    let seen = look(host, way);
    match way {
        Way::Backend => seen["digest"].clone(),
        Way::Setting => seen["flows"]["digest"].clone(),
    }
}

/// What a run of ten activities comes to.
fn ten(host: &Host) -> Value {
    let end = host.client().start("ten", &json!({})).end();
    end.payload()["result"].clone()
}

fn original() -> Vec<u8> {
    fs::read(setup::component("fixture-flows")).unwrap()
}

fn replace(file: &Path, content: &[u8]) {
    let new = file.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::rename(&new, file).unwrap();
}
