//! What clients and operators do, and what they see.

use super::*;

#[test]
fn a_refused_question_is_a_failure_that_says_how() {
    for (response, result) in [
        (Response::Accepted("true".to_owned()), "true"),
        (Response::Declined, "declined"),
        (Response::Dismissed, "cancelled"),
    ] {
        let mut trial = Trial::new(1, 0);
        trial.start("t1", "asks", &json!({ "size": 0 }));
        trial.answer("t1", &response);
        assert_eq!(trial.outcome("t1"), completed(&json!(result)));
    }
}

#[test]
fn who_is_suspended_begins_nothing_and_misses_nothing() {
    let mut trial = Trial::configured(1, 0, json!({ "controls": true }));
    trial.start("t1", "steps", &json!({ "size": 5 }));
    let why = json!({ "task": "t1", "reason": "lunch" });
    trial.control("c1", "suspend_orchestration", &why);
    trial.waits(Duration::from_secs(5));
    let begun = Disk::with(|disk| disk.begun.len());
    assert!(trial.message("t1").starts_with("suspended: lunch"));
    trial.comes_back();
    trial.waits(Duration::from_secs(5));
    assert_eq!(Disk::with(|disk| disk.begun.len()), begun);
    trial.all_logs_fit_their_code();
    trial.control("c2", "resume_orchestration", &json!({ "task": "t1" }));
    assert_eq!(trial.outcome("t1"), completed(&json!([0, 2, 4, 6, 8])));
    each_was_done_once();
    trial.all_logs_fit_their_code();
}

#[test]
fn what_is_tried_again_says_so_and_waits_its_time() {
    let mut trial = Trial::new(1, 0);
    trial.start("t1", "races", &json!({ "size": 0 }));
    let words = trial.until("t1", |seen| match seen {
        Observation::Running(Some(progress)) => progress.message.clone(),
        _ => None,
    });
    assert_eq!(words, "`flaky`: attempt 2 of 3 after: not now");
    let Outcome::Failed(failure) = trial.outcome("t1") else {
        panic!("it has failed");
    };
    assert_eq!(
        (failure.code.as_str(), failure.system),
        ("no-such-film", false)
    );
    assert_eq!(failure.detail.as_deref(), Some(r#"{"detail":8}"#));
    let begun = Disk::with(|disk| disk.begun.clone());
    let numbers: Vec<_> = begun
        .iter()
        .map(|(key, number, _)| (key.as_str(), *number))
        .collect();
    assert_eq!(
        numbers,
        [("t1/1", 1), ("t1/1", 2), ("t1/1", 3), ("t1/2", 1)]
    );
    assert!(
        begun[1].2 - begun[0].2 >= 100 && begun[2].2 - begun[1].2 >= 200,
        "{begun:?}"
    );
}

#[test]
fn what_finds_no_room_waits_for_it() {
    let mut trial = Trial::new(1, 0);
    Disk::with(|disk| disk.room = 2);
    for run in 0..5 {
        trial.start(&format!("t{run}"), "everything", &json!({ "size": 5 }));
    }
    for run in 0..5 {
        trial.answer(&format!("t{run}"), &Response::Declined);
        let outcome = trial.outcome(&format!("t{run}"));
        assert!(matches!(outcome, Outcome::Failed(failure) if failure.code == "declined"));
    }
}

#[test]
fn those_under_way_are_listed() {
    let mut trial = Trial::configured(1, 0, json!({ "controls": true }));
    trial.start("t1", "parent", &json!({ "size": 2 }));
    trial.start("t2", "asks", &json!({ "size": 0 }));
    trial.until("t1.2", |seen| {
        matches!(seen, Observation::Running(_)).then_some(())
    });
    let mut list = |arguments: &Value| {
        let request = StartRequest::sample("c1", "list_orchestrations", arguments);
        trial.call(async |engine| engine.start(request).await);
        match trial.host.observed("c1") {
            Some(Observation::Finished(Outcome::Completed(json))) => {
                let value: Value = serde_json::from_str(&json).unwrap();
                let all = value["orchestrations"].as_array().unwrap().clone();
                all.iter()
                    .map(|one| one["task"].as_str().unwrap().to_owned())
                    .collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(list(&json!({})), ["t1", "t2"]);
    assert_eq!(
        list(&json!({ "children": true, "name": "patient" })),
        ["t1.1", "t1.2"]
    );
    assert_eq!(list(&json!({ "limit": 1 })), ["t1"]);
}

#[test]
fn orchestrations_are_tasks_and_controls_where_they_are_wanted() {
    let trial = Trial::new(1, 0);
    let plain = trial.host.run(trial.engine.tasks()).unwrap().len();
    assert_eq!(plain, flows::ALL.len());
    let trial = Trial::configured(1, 0, json!({ "controls": true }));
    assert_eq!(
        trial.host.run(trial.engine.tasks()).unwrap().len(),
        plain + 5
    );
    let broken = taskhost_flow::Failure::new("broken", "it does not load");
    Disk::with(|disk| disk.closed = Some(broken));
    let error = trial.host.run(trial.engine.tasks()).unwrap_err();
    assert_eq!(error, Error::unavailable("it does not load"));
}

#[test]
fn who_only_checks_runs_nothing() {
    let mut trial = Trial::configured(1, 0, json!({ "check": true }));
    let request = StartRequest::sample("t1", "steps", &json!({ "size": 1 }));
    let started = trial.call(async |engine| engine.start(request).await);
    assert!(matches!(started, Some(Err(Error::Unsupported(_)))));
    assert_eq!(trial.observe("t1"), Observation::Unknown);
}
