//! Where it ends.

use super::*;

#[test]
fn a_history_that_is_too_long_fails_the_run_and_says_what_to_do() {
    let mut trial = Trial::new(1, 0);
    Disk::with(|disk| (disk.takes_ms, disk.activity_ms) = (0, 0));
    trial.start("t1", "steps", &json!({ "size": 20_000 }));
    let Outcome::Failed(failure) = trial.outcome("t1") else {
        panic!("it has ended well");
    };
    assert_eq!(
        (failure.code.as_str(), failure.system),
        ("history-full", true)
    );
    assert!(
        failure.message.contains("begin_anew"),
        "{}",
        failure.message
    );
    assert!(log("t1").len() <= 50_000);
}

#[test]
fn a_run_that_brings_the_host_down_is_ended() {
    let mut trial = Trial::new(1, 0);
    Disk::with(|disk| disk.activity_ms = 1_000_000_000);
    trial.start("t1", "steps", &json!({ "size": 1 }));
    // Before its activity comes to an end.
    for _ in 0..11 {
        let length = log("t1").len();
        trial.comes_back();
        while log("t1").len() == length {
            trial.waits(Duration::from_millis(20));
        }
    }
    let Outcome::Failed(failure) = trial.outcome("t1") else {
        panic!("{:?}", log("t1"));
    };
    assert_eq!(failure.code, "recovery-limit");
}

#[test]
fn who_only_waits_may_see_many_hosts_come_and_go() {
    let mut trial = Trial::new(1, 0);
    trial.start("t1", "asks", &json!({ "size": 0 }));
    let before = log("t1");
    for _ in 0..30 {
        trial.comes_back();
        trial.observe("t1");
    }
    assert_eq!(log("t1"), before);
    trial.answer("t1", &Response::Accepted("true".to_owned()));
    assert_eq!(trial.outcome("t1"), completed(&json!("true")));
}

#[test]
fn a_timer_of_no_time_fires() {
    let mut trial = Trial::new(1, 0);
    trial.start("t1", "hurried", &json!({ "size": 3 }));
    assert_eq!(trial.outcome("t1"), completed(&json!(null)));
}
