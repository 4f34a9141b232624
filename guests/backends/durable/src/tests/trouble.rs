//! A store and a host that do not do what they are asked.

use super::*;
use crate::bindings::journal;

#[test]
fn a_log_that_says_something_else_is_read_again() {
    let errors = [
        || journal::Error::Conflict(7),
        || journal::Error::Failed("the disk".to_owned()),
    ];
    for error in errors {
        for place in 0..12 {
            let mut trial = Trial::new(place, 0);
            trial.start("t1", "everything", &json!({ "size": 3 }));
            while Disk::with(|disk| disk.writes) < 1 + usize::try_from(place).unwrap() {
                trial.waits(Duration::from_millis(5));
            }
            Disk::with(|disk| disk.refuses.push_back(error()));
            trial.answer("t1", &Response::Accepted("true".to_owned()));
            let (work, told) = (Work::sample("t1", "t1"), "last");
            let signal = Input::Signal {
                name: told.into(),
                data: "3".into(),
                from: None,
            };
            trial.call(async |engine| engine.0.tell(&work.id, signal).await);
            let result = json!([0, 2, 4, 0, 2, 4, 0, 0, 2, 1, 3]);
            assert_eq!(trial.outcome("t1"), completed(&result));
            each_was_done_once();
        }
    }
}

#[test]
fn a_start_that_was_not_written_is_not_acknowledged() {
    let mut trial = Trial::new(1, 0);
    let failed = journal::Error::Failed("the disk".to_owned());
    Disk::with(|disk| disk.refuses.push_back(failed));
    let request = StartRequest::sample("t1", "steps", &json!({ "size": 1 }));
    let again = request.clone();
    let started = trial.call(async |engine| engine.start(request).await);
    assert!(
        matches!(started, Some(Err(Error::Unavailable(_)))),
        "{started:?}"
    );
    assert_eq!(trial.observe("t1"), Observation::Unknown);
    let started = trial.call(async |engine| engine.start(again).await);
    assert_eq!(started, Some(Ok("t1".to_owned())));
}

#[test]
fn a_run_without_a_session_waits_for_one() {
    let mut trial = Trial::configured(1, 0, json!({ "sessions": 1 }));
    trial.start("t1", "asks", &json!({ "size": 0 }));
    trial.start("t2", "asks", &json!({ "size": 0 }));
    let full = taskhost_flow::Failure::new("busy", "too many instances").retryable();
    Disk::with(|disk| disk.closed = Some(full));
    let work = Work::sample("t1", "t1");
    let yes = Response::Accepted("true".to_owned());
    let key = "approve.1".to_owned();
    let told = trial.call(async |engine| engine.answer(&work, key, yes).await);
    assert!(matches!(told, Some(Err(Error::Unavailable(_)))), "{told:?}");
    assert_eq!(
        trial.message("t1"),
        "waits for the host: too many instances"
    );
    Disk::with(|disk| disk.closed = None);
    assert_eq!(trial.outcome("t1"), completed(&json!("true")));
}

#[test]
fn code_that_does_not_fit_fails_its_runs_or_holds_them() {
    for holds in [false, true] {
        let on_mismatch = if holds { "hold" } else { "fail" };
        let config = json!({ "on_mismatch": on_mismatch });
        let mut trial = Trial::configured(1, 0, config);
        trial.start("t1", "asks", &json!({ "size": 0 }));
        let before = log("t1");
        Disk::with(|disk| disk.known = flows::OTHER);
        trial.comes_back();
        trial.waits(Duration::from_secs(5));
        if holds {
            let words = trial.message("t1");
            assert!(words.starts_with("held: history has"), "{words}");
            assert_eq!(log("t1"), before, "nothing was written");
            Disk::with(|disk| disk.known = flows::ALL);
            trial.comes_back();
            trial.answer("t1", &Response::Accepted("true".to_owned()));
            assert_eq!(trial.outcome("t1"), completed(&json!("true")));
        } else {
            let Outcome::Failed(failure) = trial.outcome("t1") else {
                panic!("it goes on with other code");
            };
            assert_eq!(
                (failure.code.as_str(), failure.system),
                ("non-deterministic", true)
            );
        }
    }
}
