//! Every state that was captured from a worker, and the ones nobody captured.

use super::*;

/// All states of one captured task, in order.
macro_rules! captured {
    ($name:literal) => {{
        let fixture: Value = serde_json::from_str(include_str!(concat!(
            "../../fixtures/meta/",
            $name,
            ".json"
        )))
        .unwrap();
        let sequence = fixture["published_sequence"].as_array().unwrap().clone();
        sequence
            .iter()
            .map(|state| read(&state["meta"]))
            .collect::<Vec<Observation>>()
    }};
}

fn read(meta: &Value) -> Observation {
    Meta::read(meta.to_string().as_bytes()).observation
}

fn failed(observation: Option<&Observation>) -> Failure {
    match observation {
        Some(Observation::Finished(Outcome::Failed(failure))) => failure.clone(),
        other => panic!("not a failure: {other:?}"),
    }
}

fn running(observation: &Observation) -> Progress {
    match observation {
        Observation::Running(Some(progress)) => progress.clone(),
        other => panic!("not running: {other:?}"),
    }
}

fn completed(result: &str) -> Observation {
    Observation::Finished(Outcome::Completed(result.into()))
}

#[test]
fn success_follows_started() {
    let states = captured!("success");
    let started = running(&states[0]);
    assert_eq!((started.current, started.total), (0.0, None));
    assert_eq!(
        started.detail.unwrap(),
        r#"{"pid":14204,"hostname":"w2@vm"}"#
    );
    assert_eq!(states[1], completed("5"));
    let meta = json!({"status": "STARTED", "result": {"pid": 1, "hostname": "w2@vm"}});
    assert_eq!(
        Meta::read(meta.to_string().as_bytes()).worker.as_deref(),
        Some("w2@vm")
    );
}

#[test]
fn null_is_a_result() {
    assert_eq!(captured!("success_none")[1], completed("null"));
    assert_eq!(read(&json!({"status": "SUCCESS"})), completed("null"));
}

#[test]
fn extended_results_read_the_same() {
    assert_eq!(captured!("success_extended")[1], completed("5"));
    assert_eq!(captured!("success_kwargs_extended")[1], completed("3"));
    assert_eq!(captured!("success_stamped_extended")[1], completed("3"));
    assert_eq!(
        failed(captured!("failure_extended").last()).code,
        "ValueError"
    );
}

#[test]
fn composed_tasks_end_with_their_own_result() {
    assert_eq!(captured!("chain")[1], completed("10"));
    assert_eq!(captured!("chain_extended")[1], completed("6"));
    assert_eq!(captured!("chord_body")[1], completed("10"));
    assert_eq!(captured!("group_member")[1], completed("3"));
    assert_eq!(captured!("link_callback")[1], completed("2"));
    assert_eq!(captured!("replaced")[2], completed("42"));
    assert_eq!(
        failed(captured!("chord_header_fails").last()).code,
        "ChordError"
    );
}

#[test]
fn failure_has_type_message_and_traceback() {
    let failure = failed(captured!("failure").last());
    assert_eq!(
        (failure.code.as_str(), failure.message.as_str()),
        ("ValueError", "kaput")
    );
    assert!(!failure.retryable);
    let detail: Value = serde_json::from_str(&failure.detail.unwrap()).unwrap();
    assert!(
        detail["traceback"]
            .as_str()
            .unwrap()
            .ends_with("ValueError: kaput\n")
    );
    assert_eq!(detail["module"], "builtins");
    assert_eq!(detail["args"], json!(["kaput"]));
}

#[test]
fn several_arguments_read_like_python() {
    let failure = failed(captured!("failure_chained_cause").last());
    assert_eq!(failure.message, "('outer', {'k': 1})");
    let failure = failed(captured!("reject_exception").last());
    assert_eq!(
        (failure.code.as_str(), failure.message.as_str()),
        ("Reject", "('no thanks', False)")
    );
}

#[test]
fn a_wrapped_exception_is_unwrapped() {
    let failure = failed(captured!("failure_custom_exc").last());
    assert_eq!(
        (failure.code.as_str(), failure.message.as_str()),
        ("CustomError", "x-7")
    );
    assert!(failure.detail.unwrap().contains(r#""module":"labapp""#));
}

#[test]
fn a_lost_worker_is_worth_a_retry() {
    let failure = failed(captured!("failure_worker_lost").last());
    assert_eq!(failure.code, "WorkerLostError");
    assert!(failure.retryable && failure.message.contains("SIGKILL"));
}

#[test]
fn limits_and_mistakes_are_explained() {
    assert!(
        failed(captured!("failure_hard_time_limit").last())
            .message
            .contains("time limit of 4 s")
    );
    assert!(
        failed(captured!("failure_soft_time_limit").last())
            .message
            .contains("soft time limit")
    );
    assert!(
        failed(captured!("failure_not_registered").last())
            .message
            .contains("`not.there`")
    );
    assert_eq!(
        failed(captured!("failure_bad_signature").last()).code,
        "TypeError"
    );
    assert_eq!(
        failed(captured!("failure_unserializable_result").last()).code,
        "EncodeError"
    );
}

#[test]
fn a_retry_goes_on() {
    let states = captured!("retry_then_success");
    let Observation::Retrying(cause) = &states[1] else {
        panic!("{states:?}")
    };
    assert_eq!(
        (cause.code.as_str(), cause.message.as_str()),
        ("ConnectionError", "try again")
    );
    assert!(cause.retryable);
    assert!(matches!(states[2], Observation::Running(_)));
    assert_eq!(
        states[3],
        completed(r#"{"retries": 1}"#.replace(' ', "").as_str())
    );
    let failure = failed(captured!("retry_exhausted").last());
    assert!(!failure.retryable, "the worker has given up");
}

#[test]
fn revoked_is_cancelled_unless_it_expired() {
    let cancelled = Observation::Finished(Outcome::Cancelled(None));
    assert_eq!(
        captured!("revoked_queued"),
        vec![cancelled.clone(), cancelled.clone()]
    );
    assert_eq!(
        captured!("revoked_queued_extended"),
        vec![cancelled.clone()]
    );
    assert_eq!(captured!("revoked_eta_waiting"), vec![cancelled.clone()]);
    assert_eq!(captured!("revoked_unknown_id"), vec![cancelled]);
    let terminated = Observation::Finished(Outcome::Cancelled(Some("terminated".into())));
    assert_eq!(captured!("revoked_running_terminate")[1], terminated);
    assert_eq!(failed(captured!("revoked_expired").last()).code, "expired");
    assert_eq!(
        captured!("revoke_running_without_terminate")[1],
        completed("\"slept\"")
    );
}

#[test]
fn what_writes_nothing_has_no_state() {
    assert!(captured!("ignored_result").is_empty());
    assert!(matches!(
        captured!("ignore_exception")[..],
        [Observation::Running(_)]
    ));
}

#[test]
fn progress_as_a_fraction() {
    let states = captured!("progress_started_meta");
    let progress = running(&states[2]);
    assert_eq!((progress.current, progress.total), (0.6, Some(1.0)));
    assert_eq!(progress.detail, None);
    let states = captured!("progress_custom_state");
    let progress = running(&states[1]);
    assert_eq!((progress.current, progress.total), (0.5, Some(1.0)));
    assert_eq!(progress.message.as_deref(), Some("step 1"));
    assert_eq!(
        progress.detail.as_deref(),
        Some(r#"{"total":2,"current":1}"#)
    );
}

#[test]
fn progress_in_other_shapes() {
    let state = |meta: Value| running(&read(&json!({"status": "PROGRESS", "result": meta})));
    let progress = state(json!({"current": 3, "total": 8, "status": "reading"}));
    assert_eq!((progress.current, progress.total), (3.0, Some(8.0)));
    assert_eq!(progress.message.as_deref(), Some("reading"));
    let progress = state(json!({"percent": 40, "description": "half", "left": 9}));
    assert_eq!((progress.current, progress.total), (40.0, Some(100.0)));
    assert_eq!(progress.detail.as_deref(), Some(r#"{"left":9}"#));
    let progress = state(json!({"current": 3, "total": 0}));
    assert_eq!((progress.current, progress.total), (3.0, None));
    assert_eq!(
        state(json!("step one")).message.as_deref(),
        Some("step one")
    );
    assert_eq!(state(json!([1])).detail.as_deref(), Some(r#"{"meta":[1]}"#));
    assert_eq!(
        state(json!({"progress": "most"})).detail.as_deref(),
        Some(r#"{"progress":"most"}"#)
    );
}

#[test]
fn a_state_of_its_own_is_told() {
    let progress = running(&read(
        &json!({"status": "DOWNLOADING", "result": {"percent": 7}}),
    ));
    assert_eq!(progress.message.as_deref(), Some("DOWNLOADING"));
    assert_eq!(
        progress.detail.as_deref(),
        Some(r#"{"state":"DOWNLOADING"}"#)
    );
    assert_eq!(
        read(&json!({"status": "PROGRESS", "result": null})),
        Observation::Running(None)
    );
}

#[test]
fn other_serializers_are_named() {
    for (value, name) in [
        (&b"\x80\x04\x95\x10"[..], "pickle"),
        (b"\x86\xa6status\xa7SUCCESS", "msgpack"),
        (
            b"\0celery-compressed\0application/x-gzip\0xyz",
            "result_compression",
        ),
        (b"children: []\nstatus: SUCCESS\n", "yaml"),
        (b"aGVsbG8gd29ybGQ=", "auth"),
        (b"{\"status\": ", "damaged"),
        (b"", "auth"),
    ] {
        let meta = Meta::read(value);
        let failure = failed(Some(&meta.observation));
        assert_eq!(failure.code, "unreadable-result");
        assert!(failure.message.contains(name), "{}", failure.message);
        assert!(failure.message.contains("result_serializer = \"json\""));
    }
}

#[test]
fn numbers_of_a_result_stay_as_they_are() {
    let meta = br#"{"status": "SUCCESS", "result": {"n": 123456789012345678901234567890}}"#;
    assert_eq!(
        Meta::read(meta).observation,
        completed(r#"{"n": 123456789012345678901234567890}"#)
    );
    let meta = br#"{"status": "SUCCESS", "result": [NaN, 1]}"#;
    assert_eq!(Meta::read(meta).observation, completed("[null, 1]"));
}
