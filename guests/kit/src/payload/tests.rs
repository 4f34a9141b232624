//! What clients read of a task, in the words of `polling`.

use serde_json::json;

use super::failure::MOST_DETAIL;
use super::*;
use crate::sample::{asking, completed, failed, failure, running, snapshot};

#[test]
fn a_started_task_has_status_token_and_a_next_step() {
    let reply = reply(Action::Start, &snapshot(Observation::Pending));
    assert_eq!(
        reply["structuredContent"],
        json!({
            "status": "PENDING",
            "token": "t1",
            "next": "It is accepted, and has not begun. Call `render_status` with the token \
                     and wait_seconds 25 to follow it, and `render_result` when it is \
                     COMPLETED. Do not start it again while it runs.",
        })
    );
    assert_eq!(reply["isError"], json!(false));
}

#[test]
fn the_text_is_the_structured_content_with_the_known_keys_first() {
    let reply = reply(Action::Start, &snapshot(Observation::Pending));
    let text = reply["content"][0]["text"].as_str().unwrap();
    assert!(
        text.starts_with(r#"{"status":"PENDING","token":"t1","#),
        "{text}"
    );
    let text: Value = serde_json::from_str(text).unwrap();
    assert_eq!(text, reply["structuredContent"]);
}

#[test]
fn progress_is_a_fraction_and_its_parts_are_metadata() {
    let payload = payload(
        Action::Status,
        &snapshot(running(
            1.0,
            Some(4.0),
            Some(r#"{"host":"w1","current":"no"}"#),
        )),
    );
    assert_eq!(payload["progress"], json!(0.25));
    assert_eq!(
        payload["metadata"],
        json!({ "host": "w1", "current": 1, "total": 4, "message": "on it" })
    );
}

#[test]
fn progress_that_is_no_number_is_left_out() {
    for (current, total) in [
        (1.0, None),
        (1.0, Some(0.0)),
        (f64::NAN, Some(1.0)),
        (f64::INFINITY, Some(2.0)),
    ] {
        let payload = payload(Action::Status, &snapshot(running(current, total, None)));
        assert_eq!(payload.get("progress"), None, "{current} of {total:?}");
    }
    let beyond = payload(Action::Status, &snapshot(running(5.0, Some(4.0), None)));
    assert_eq!(beyond["progress"], json!(1.0));
}

#[test]
fn a_result_that_is_null_is_there() {
    let payload = payload(Action::Result, &completed("null"));
    assert_eq!(payload.get("result"), Some(&Value::Null));
}

#[test]
fn a_result_passes_through_digit_by_digit() {
    let reply = Payload::of(
        Action::Result,
        &completed("12345678901234567890123"),
        &guide(),
    )
    .unwrap()
    .into_result(Vec::new(), None)
    .unwrap();
    assert!(
        reply.contains(r#""result":12345678901234567890123"#),
        "{reply}"
    );
}

#[test]
fn status_of_a_completed_task_points_to_the_result_and_does_not_carry_it() {
    let payload = payload(Action::Status, &completed("1"));
    assert_eq!(payload.get("result"), None);
    assert_eq!(
        payload["next"],
        json!("Call `render_result` with this token for the result.")
    );
}

#[test]
fn a_failure_is_an_error_in_every_tool_and_says_its_type() {
    for action in Action::ALL {
        let reply = reply(action, &failed(false, None));
        assert_eq!(reply["isError"], json!(true), "{action:?}");
        let payload = &reply["structuredContent"];
        assert_eq!(payload["status"], json!("FAILED"));
        assert_eq!(payload["error"], json!("ValueError: kaput"));
        assert_eq!(payload["error_type"], json!("ValueError"));
        assert_eq!(payload["retryable"], json!(false));
        assert_eq!(payload["is_error"], json!(true));
    }
}

#[test]
fn a_failure_that_may_pass_says_that_another_start_may_help() {
    let next = |retryable| {
        let payload = payload(Action::Status, &failed(retryable, None));
        payload["next"].as_str().unwrap().to_owned()
    };
    assert!(next(true).contains("may succeed"));
    assert!(next(false).contains("fail again"));
}

#[test]
fn a_long_traceback_keeps_its_end() {
    let detail = json!({ "host": "w1", "traceback": format!("{}ä at the end", "ü".repeat(9000)) });
    let payload = payload(Action::Result, &failed(false, Some(detail.to_string())));
    let kept = &payload["error_detail"];
    assert_eq!((&kept["host"], &kept["cut"]), (&json!("w1"), &json!(true)));
    let traceback = kept["traceback"].as_str().unwrap();
    assert!(traceback.len() <= MOST_DETAIL, "{}", traceback.len());
    assert!(traceback.ends_with("ä at the end"));
}

#[test]
fn a_retry_tells_its_cause_and_is_no_error() {
    let cause = failure(true, None);
    let reply = reply(Action::Status, &snapshot(Observation::Retrying(cause)));
    assert_eq!(reply["isError"], json!(false));
    let payload = &reply["structuredContent"];
    assert_eq!(payload["error"], json!("ValueError: kaput"));
    assert_eq!(payload.get("is_error"), None);
    assert!(payload["next"].as_str().unwrap().contains("by itself"));
}

#[test]
fn a_question_is_shown_with_the_way_to_answer_it() {
    let payload = payload(Action::Status, &asking());
    assert_eq!(payload["status"], json!("INPUT_REQUIRED"));
    assert_eq!(
        payload["questions"],
        json!([{ "key": "k", "message": "which?", "schema": { "type": "string" } }])
    );
    assert!(
        payload["next"]
            .as_str()
            .unwrap()
            .contains("call `render_answer` with this token")
    );
}

#[test]
fn an_answer_that_does_not_fit_is_an_error_that_repeats_the_question() {
    let payload = Payload::unfit(&asking(), "it is no string", &guide()).unwrap();
    let payload = serde_json::to_value(payload).unwrap();
    assert_eq!(payload["error"], json!("InvalidInput: it is no string"));
    assert_eq!(payload["status"], json!("INPUT_REQUIRED"));
    assert_eq!(payload["questions"][0]["key"], json!("k"));
    assert_eq!(payload["is_error"], json!(true));
}

#[test]
fn a_result_that_is_not_ready_is_no_error_and_says_how_to_get_it() {
    let reply = reply(Action::Result, &snapshot(Observation::Running(None)));
    assert_eq!(reply["isError"], json!(false));
    let payload = &reply["structuredContent"];
    assert_eq!(payload.get("error"), None);
    let next = payload["next"].as_str().unwrap();
    assert!(
        next.starts_with("The result is not ready. Call `render_status`"),
        "{next}"
    );
    assert!(
        next.ends_with("Do not start it again while it runs."),
        "{next}"
    );
}

#[test]
fn a_cancelled_task_is_an_error_only_for_who_wants_its_result() {
    let cancelled = snapshot(Observation::Finished(Outcome::Cancelled(Some(
        "enough".into(),
    ))));
    let result = payload(Action::Result, &cancelled);
    assert_eq!(
        result["error"],
        json!("Cancelled: the task was cancelled: enough")
    );
    assert_eq!(result["is_error"], json!(true));
    for action in [Action::Start, Action::Status, Action::Cancel] {
        let payload = payload(action, &cancelled);
        assert_eq!(payload.get("is_error"), None, "{action:?}");
        assert_eq!(payload["reason"], json!("enough"));
    }
}

#[test]
fn a_cancellation_on_its_way_says_so_with_the_hosts_note() {
    let snapshot = Snapshot {
        cancel_requested: true,
        note: Some("nobody has heard the cancellation yet".into()),
        ..snapshot(Observation::Running(None))
    };
    let payload = payload(Action::Cancel, &snapshot);
    assert_eq!(payload["status"], json!("RUNNING"));
    assert_eq!(payload["cancel_requested"], json!(true));
    assert_eq!(
        payload["note"],
        json!("nobody has heard the cancellation yet")
    );
    let next = payload["next"].as_str().unwrap();
    assert!(
        next.contains("it will show CANCELLED when it has stopped"),
        "{next}"
    );
}

#[test]
fn cancelling_what_has_completed_points_to_the_result() {
    let payload = payload(Action::Cancel, &completed("1"));
    assert_eq!(
        payload["next"],
        json!(
            "It completed before it could be cancelled. Call `render_result` with this token \
             for the result."
        )
    );
}

#[test]
fn a_strange_token_is_an_error_without_a_status() {
    let payload = Payload::unknown(&guide());
    let payload = serde_json::to_value(payload).unwrap();
    assert_eq!(payload.get("status"), None);
    assert_eq!(payload.get("token"), None);
    assert_eq!(payload["error_type"], json!("UnknownToken"));
    assert_eq!(payload["is_error"], json!(true));
}

#[test]
fn a_token_of_another_task_names_the_tool_that_fits() {
    let payload = Payload::other("count", "Call `count_result` with this token.".into());
    let payload = serde_json::to_value(payload).unwrap();
    assert_eq!(
        (&payload["error"], &payload["next"]),
        (
            &json!("WrongTool: this token belongs to a task of `count`"),
            &json!("Call `count_result` with this token."),
        )
    );
}

#[test]
fn every_payload_is_what_the_output_schema_promises() {
    let guide = guide();
    let long = json!({ "traceback": "x".repeat(9000) }).to_string();
    let snapshots = [
        snapshot(Observation::Pending),
        snapshot(Observation::Running(None)),
        snapshot(running(1.0, Some(2.0), Some(r#"{"a":1}"#))),
        snapshot(running(f64::NAN, None, Some("not JSON"))),
        snapshot(Observation::Retrying(failure(true, Some(long.clone())))),
        asking(),
        completed("null"),
        completed(r#"[{"a":1}]"#),
        failed(true, Some(long)),
        snapshot(Observation::Finished(Outcome::Cancelled(None))),
        Snapshot {
            cancel_requested: true,
            note: Some("note".into()),
            ..snapshot(Observation::Finished(Outcome::Cancelled(Some(
                "why".into(),
            ))))
        },
    ];
    let mut payloads = vec![
        Payload::unknown(&guide),
        Payload::other("count", "Call `count_status` with this token.".into()),
        Payload::unfit(&asking(), "why", &guide).unwrap(),
    ];
    for action in Action::ALL {
        for snapshot in &snapshots {
            payloads.push(Payload::of(action, snapshot, &guide).unwrap());
        }
    }
    for payload in payloads {
        check(
            &serde_json::to_value(payload).unwrap(),
            &schema::output(Id::Token),
        );
    }
}

#[test]
fn every_payload_of_other_strategies_is_what_their_schema_promises() {
    let guide = Guide {
        id: Id::TaskId,
        ..guide()
    };
    let long = format!("\"{}\"", "é".repeat(MOST_RESULT));
    for snapshot in [
        snapshot(Observation::Pending),
        asking(),
        completed("1"),
        completed(&long),
    ] {
        let payload = Payload::with_result(Action::Status, &snapshot, &guide)
            .unwrap()
            .with_type("render", Some(1500));
        let listed = Listed::of(&snapshot, Some(1), 5000).unwrap();
        let list = Payload::list(vec![listed], "next".into());
        for payload in [payload, list] {
            check(
                &serde_json::to_value(payload).unwrap(),
                &schema::output_with_list(Id::TaskId),
            );
        }
    }
}

#[test]
fn a_result_that_is_too_long_is_a_preview_and_an_address() {
    let long = format!("\"{}\"", "é".repeat(MOST_RESULT));
    let payload = Payload::with_result(Action::Status, &completed(&long), &guide()).unwrap();
    let payload = serde_json::to_value(payload).unwrap();
    assert_eq!(payload.get("result"), None);
    assert_eq!(payload["result_uri"], json!("task://t1/result"));
    assert!(payload["result_preview"].as_str().unwrap().len() <= PREVIEW);
}

#[test]
fn a_result_that_fits_is_there_and_nothing_is_left_to_do() {
    let payload = Payload::with_result(Action::Status, &completed("[1]"), &guide()).unwrap();
    let payload = serde_json::to_value(payload).unwrap();
    assert_eq!(payload["result"], json!([1]));
    assert_eq!(payload["next"], json!("Done. No further call is needed."));
}

/// As much of JSON Schema as `schema::output` uses.
fn check(value: &Value, schema: &Value) {
    let fits = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        _ => true,
    };
    assert!(fits, "{value} is no {}", schema["type"]);
    if let Some(allowed) = schema["enum"].as_array() {
        assert!(allowed.contains(value), "{value}");
    }
    if let (Some(minimum), Some(number)) = (schema["minimum"].as_f64(), value.as_f64()) {
        assert!(number >= minimum);
    }
    if let (Some(maximum), Some(number)) = (schema["maximum"].as_f64(), value.as_f64()) {
        assert!(number <= maximum);
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        assert!(
            value.get(required.as_str().unwrap()).is_some(),
            "{required} of {value}"
        );
    }
    for item in value.as_array().into_iter().flatten() {
        check(item, &schema["items"]);
    }
    if let (Some(properties), Some(object)) = (schema["properties"].as_object(), value.as_object())
    {
        for (name, member) in object {
            check(
                member,
                properties
                    .get(name)
                    .unwrap_or_else(|| panic!("undeclared {name}")),
            );
        }
    }
}

fn reply(action: Action, snapshot: &Snapshot) -> Value {
    let payload = Payload::of(action, snapshot, &guide()).unwrap();
    serde_json::from_str(&payload.into_result(Vec::new(), None).unwrap()).unwrap()
}

fn payload(action: Action, snapshot: &Snapshot) -> Value {
    reply(action, snapshot)["structuredContent"].clone()
}

/// What `polling` says.
fn guide() -> Guide {
    Guide {
        id: Id::Token,
        follow: "Call `render_status` with the token and wait_seconds 25 to follow it".into(),
        then: ", and `render_result` when it is COMPLETED".into(),
        fetch: "Call `render_result` with this token for the result.".into(),
        answer: "call `render_answer` with this token, `key` and `response`".into(),
        start: "`render_start`".into(),
    }
}
