//! Parents and children, cancelling and terminating, those that begin anew.

use super::*;

#[test]
fn who_is_cancelled_cleans_up_and_so_do_its_children() {
    for chance in 0..40 {
        let mut trial = Trial::new(chance, if chance == 0 { 0 } else { 15 });
        trial.start("t1", "parent", &json!({ "size": 2 }));
        trial.until("t1.2", |seen| {
            matches!(seen, Observation::Running(_)).then_some(())
        });
        trial.cancel("t1", "enough");
        assert_eq!(
            trial.outcome("t1"),
            Outcome::Cancelled(Some("enough".to_owned()))
        );
        for child in ["t1.1", "t1.2"] {
            let outcome = trial.outcome(child);
            assert!(
                matches!(outcome, Outcome::Cancelled(_)),
                "{child}: {outcome:?}"
            );
            let is_undone = |entry: &Entry| matches!(entry, Entry::ActivityEnded { .. });
            assert!(log(child).iter().any(is_undone), "{child} has cleaned up");
        }
        each_was_done_once();
        trial.all_logs_fit_their_code();
    }
}

#[test]
fn who_does_not_stop_is_ended_after_its_grace_whenever_the_host_dies() {
    for dies in [0, 5] {
        let mut trial = Trial::configured(3, dies, json!({ "cancel_grace_ms": 10_000 }));
        trial.start("t1", "stubborn", &json!({ "size": 0 }));
        trial.cancel("t1", "now");
        let asked = trial.host.now_ms();
        assert_eq!(trial.message("t1"), "cancelling: now");
        assert_eq!(
            trial.outcome("t1"),
            Outcome::Cancelled(Some("now".to_owned()))
        );
        let took = trial.host.now_ms() - asked;
        assert!((9000..15_000).contains(&took), "{took}");
    }
}

#[test]
fn terminated_is_who_never_hears_of_it_and_all_that_it_began() {
    let mut trial = Trial::configured(1, 0, json!({ "controls": true }));
    trial.start("t1", "parent", &json!({ "size": 2 }));
    trial.until("t1.2", |seen| {
        matches!(seen, Observation::Running(_)).then_some(())
    });
    let arguments = json!({ "task": "t1", "reason": "wrong" });
    trial.control("c1", "terminate_orchestration", &arguments);
    assert_eq!(
        trial.outcome("t1"),
        Outcome::Cancelled(Some("wrong".to_owned()))
    );
    assert!(matches!(trial.outcome("t1.1"), Outcome::Cancelled(_)));
    assert!(
        Disk::with(|disk| disk.executed.is_empty()),
        "nobody has cleaned up"
    );
    trial.all_logs_fit_their_code();
}

#[test]
fn who_begins_anew_keeps_a_short_log() {
    let mut trial = Trial::new(1, 0);
    trial.start("t1", "counter", &json!({ "left": 1000 }));
    trial.start("t2", "steps", &json!({ "size": 3 }));
    assert_eq!(trial.outcome("t2"), completed(&json!([0, 2, 4])));
    assert_eq!(trial.outcome("t1"), completed(&json!(2000)));
    assert!(log("t1").len() < 10, "{:?}", log("t1"));
    assert_eq!(Disk::with(|disk| disk.executed.len()), 1004);
}

#[test]
fn who_begins_anew_comes_to_its_result_whenever_the_host_dies() {
    for chance in 0..20 {
        let mut trial = Trial::new(chance, 8);
        trial.start("t1", "counter", &json!({ "left": 20 }));
        assert_eq!(trial.outcome("t1"), completed(&json!(40)), "{chance}");
        each_was_done_once();
    }
}
