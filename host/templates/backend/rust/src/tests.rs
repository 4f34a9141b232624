//! `cargo test`: against a host of the sdk's own, in no time.

use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use taskhost_sdk::mock::Host;
use taskhost_sdk::{Outcome, StartRequest, Work};

use super::*;

#[test]
fn greets_at_once() {
    let (host, plugin) = begin();
    let work = start(&host, &plugin, "hello", &json!({ "who": "World" }));
    assert_eq!(result(&look(&host, &plugin, &work)), json!("Hello, World!"));
}

#[test]
fn counts_and_survives_its_instance() {
    let (host, plugin) = begin();
    let work = start(&host, &plugin, "count", &json!({ "to": 10 }));
    host.advance(Duration::from_secs(4));
    drop(plugin);
    let plugin = host.backend::<Plugin>(&json!({})).unwrap();
    let Observation::Running(Some(progress)) = look(&host, &plugin, &work) else {
        panic!("it does not run")
    };
    assert_eq!((progress.current, progress.total), (4.0, Some(10.0)));
    host.advance(Duration::from_secs(6));
    assert_eq!(
        result(&look(&host, &plugin, &work)),
        json!({ "counted": 10 })
    );
}

#[test]
fn starts_an_id_once() {
    let (host, plugin) = begin();
    let first = start(&host, &plugin, "count", &json!({ "to": 10 }));
    host.advance(Duration::from_secs(10));
    let again = start(&host, &plugin, "count", &json!({ "to": 10 }));
    assert_eq!(first.handle, again.handle);
    assert!(look(&host, &plugin, &again).is_over());
}

#[test]
fn stops_when_asked() {
    let (host, plugin) = begin();
    let work = start(&host, &plugin, "count", &json!({ "to": 10 }));
    let cancel = || host.run(plugin.cancel(&work, Some("enough".into())));
    assert_eq!(cancel().unwrap(), CancelAnswer::Accepted);
    assert_eq!(
        look(&host, &plugin, &work),
        Observation::cancelled(Some("enough".into()))
    );
    assert_eq!(cancel().unwrap(), CancelAnswer::AlreadyFinished);
}

#[test]
fn forgets_what_is_released() {
    let (host, plugin) = begin();
    let work = start(&host, &plugin, "hello", &json!({ "who": "World" }));
    host.run(plugin.release(&work)).unwrap();
    assert_eq!(look(&host, &plugin, &work), Observation::Unknown);
}

fn begin() -> (Host, Rc<Plugin>) {
    let host = Host::new();
    let plugin = host.backend(&json!({})).unwrap();
    (host, plugin)
}

fn start(host: &Host, plugin: &Plugin, task: &str, arguments: &Value) -> Work {
    let request = StartRequest::sample("t1", task, arguments);
    Work::sample("t1", &host.run(plugin.start(request)).unwrap())
}

fn look(host: &Host, plugin: &Plugin, work: &Work) -> Observation {
    host.run(plugin.observe(work)).unwrap()
}

fn result(observation: &Observation) -> Value {
    match observation {
        Observation::Finished(Outcome::Completed(text)) => serde_json::from_str(text).unwrap(),
        other => panic!("not completed: {other:?}"),
    }
}
