//! What Celery says of a task, and what the client reads: one test for each row, on each pool.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use taskhost_tests::{Lab, Pool, RedisOptions, RedisServer, ToolAnswer, Worker, WorkerOptions};
use taskhost_tests::{SHORT, wait_until};

macro_rules! rows {
    ($pool:ident: $($row:ident)*) => {
        $(#[test]
        fn $row() {
            super::$row(taskhost_tests::Pool::$pool);
        })*
    };
}

mod prefork {
    rows! { Prefork:
        a_result_is_there_once_the_task_completed
        a_null_result_is_a_result
        a_large_result_arrives_whole
        values_that_json_lacks_are_unwrapped
        a_task_that_has_begun_is_running
        progress_as_a_fraction
        progress_as_a_count_with_a_message
        progress_as_percent_in_a_custom_state
        a_retry_says_why_and_goes_on
        an_exception_is_a_failure_with_type_message_and_traceback
        an_exception_that_cannot_be_pickled_keeps_its_name
        an_exception_with_several_arguments_shows_them
        arguments_that_do_not_fit_are_a_type_error
        a_result_that_cannot_be_written_is_a_failure
        a_rejected_task_is_a_failure
        a_task_that_ignores_its_results_gives_one_all_the_same
        a_task_that_ends_without_a_result_is_a_failure
        extended_results_are_read
        a_pickled_result_is_recognised
        a_compressed_result_is_recognised
        a_worker_that_does_not_say_when_it_begins_is_followed_to_the_end
    }

    // What needs a process for each task.
    rows! { Prefork:
        a_child_that_died_is_a_failure_worth_another_try
        a_soft_time_limit_is_a_failure
        a_hard_time_limit_is_a_failure
    }
}

mod threads {
    rows! { Threads:
        a_result_is_there_once_the_task_completed
        a_null_result_is_a_result
        a_large_result_arrives_whole
        values_that_json_lacks_are_unwrapped
        a_task_that_has_begun_is_running
        progress_as_a_fraction
        progress_as_a_count_with_a_message
        progress_as_percent_in_a_custom_state
        a_retry_says_why_and_goes_on
        an_exception_is_a_failure_with_type_message_and_traceback
        an_exception_that_cannot_be_pickled_keeps_its_name
        an_exception_with_several_arguments_shows_them
        arguments_that_do_not_fit_are_a_type_error
        a_result_that_cannot_be_written_is_a_failure
        a_rejected_task_is_a_failure
        a_task_that_ignores_its_results_gives_one_all_the_same
        a_task_that_ends_without_a_result_is_a_failure
        extended_results_are_read
        a_pickled_result_is_recognised
        a_compressed_result_is_recognised
        a_worker_that_does_not_say_when_it_begins_is_followed_to_the_end
    }
}

#[test]
fn a_task_that_no_worker_knows_is_a_failure_that_names_it() {
    let redis = RedisServer::start(RedisOptions::default());
    let _worker = Worker::start(&redis, &WorkerOptions::default());
    let host = Lab::host(&redis)
        .set("celery.tasks.ghost.task", "labapp.ghost")
        .start();
    let end = host.client().start("ghost", &json!({})).end();
    assert_eq!(failed(&end)["error_type"], "NotRegistered");
    assert!(
        failed(&end)["error"]
            .as_str()
            .unwrap()
            .contains("labapp.ghost"),
        "{end}"
    );
}

#[test]
fn a_message_that_expired_before_a_worker_came_is_a_failure() {
    let redis = RedisServer::start(RedisOptions::default());
    let host = Lab::host(&redis)
        .set("celery.expires_seconds", "1")
        .set("celery.tasks.add.task", "labapp.add")
        .start();
    let task = host.client().start("add", &json!({ "x": 1 }));
    let since = Instant::now();
    wait_until(SHORT, "it has expired", || {
        since.elapsed() > Duration::from_secs(1)
    });
    let _worker = Worker::start(&redis, &WorkerOptions::default());
    assert_eq!(failed(&task.end())["error_type"], "expired");
}

fn a_result_is_there_once_the_task_completed(pool: Pool) {
    let lab = lab(pool);
    let task = lab.run("add", &json!({ "x": 2, "y": 3 }));
    let status = task.until_status("COMPLETED");
    assert_eq!(status.get("result"), None, "`_status` stays small");
    let end = task.result();
    assert_eq!(completed(&end)["result"], 5);
}

fn a_null_result_is_a_result(pool: Pool) {
    let lab = lab(pool);
    let end = lab.run("none_result", &json!({})).end();
    assert_eq!(completed(&end).get("result"), Some(&Value::Null));
}

fn a_large_result_arrives_whole(pool: Pool) {
    let lab = lab(pool);
    let end = lab.run("big", &json!({ "size": 1_000_000 })).end();
    assert_eq!(
        completed(&end)["result"].as_str().map(str::len),
        Some(1_000_000)
    );
}

fn values_that_json_lacks_are_unwrapped(pool: Pool) {
    let lab = lab(pool);
    let end = lab.run("special", &json!({})).end();
    assert_eq!(
        completed(&end)["result"],
        json!({
            "datetime": "2026-11-21T01:02:03+00:00",
            "date": "2026-11-21",
            "time": "01:02:03",
            "decimal": "1.10",
            "uuid": "00000000-0000-0000-0000-000000000001",
            "bytes": "AP8=",
            "text": "é☃",
        })
    );
}

fn a_task_that_has_begun_is_running(pool: Pool) {
    let lab = lab(pool);
    let task = lab.run("started_only", &json!({ "until": "go" }));
    let status = task.until_status("RUNNING");
    assert_eq!(status.get("progress"), None, "nobody knows: {status}");
    let early = task.result();
    assert!(!early.is_error(), "not ready is no error: {early}");
    assert!(
        early.payload()["next"]
            .as_str()
            .unwrap()
            .contains("started_only_status"),
        "{early}"
    );
    lab.release("go");
    completed(&task.end());
}

fn progress_as_a_fraction(pool: Pool) {
    let lab = lab(pool);
    let task = lab.run("progress_fraction", &json!({ "until": "go" }));
    let status = task.until("at a quarter", |payload| payload["progress"] == 0.25);
    assert_eq!(status["status"], "RUNNING");
    lab.release("go");
    completed(&task.end());
}

fn progress_as_a_count_with_a_message(pool: Pool) {
    let lab = lab(pool);
    let task = lab.run("progress_count", &json!({ "until": "go" }));
    let status = task.until("at a quarter", |payload| payload["progress"] == 0.25);
    assert_eq!(status["status"], "RUNNING");
    assert_eq!(
        status["metadata"],
        json!({ "current": 1, "total": 4, "message": "step 1" })
    );
    lab.release("go");
    completed(&task.end());
}

fn progress_as_percent_in_a_custom_state(pool: Pool) {
    let lab = lab(pool);
    let task = lab.run("progress_percent", &json!({ "until": "go" }));
    let status = task.until("at a half", |payload| payload["progress"] == 0.5);
    assert_eq!(status["status"], "RUNNING");
    assert_eq!(status["metadata"]["state"], "CRUNCHING");
    assert_eq!(status["metadata"]["shard"], "eu");
    lab.release("go");
    completed(&task.end());
}

fn a_retry_says_why_and_goes_on(pool: Pool) {
    let lab = lab(pool);
    let task = lab.run("flaky", &json!({ "failures": 1, "countdown": 2 }));
    let status = task.until_status("RETRYING");
    assert_eq!(status["error_type"], "ConnectionError");
    assert_eq!(status["error"], "ConnectionError: try again");
    assert_eq!(completed(&task.end())["result"], json!({ "retries": 1 }));
}

fn an_exception_is_a_failure_with_type_message_and_traceback(pool: Pool) {
    let lab = lab(pool);
    let task = lab.run("boom", &json!({ "msg": "kaput" }));
    let end = task.end();
    for answer in [&end, &task.status()] {
        let payload = failed(answer);
        assert_eq!(payload["error"], "ValueError: kaput");
        assert_eq!(payload["error_type"], "ValueError");
        let traceback = payload["error_detail"]["traceback"].as_str().unwrap();
        assert!(traceback.contains("in boom"), "{traceback}");
    }
}

fn an_exception_that_cannot_be_pickled_keeps_its_name(pool: Pool) {
    let lab = lab(pool);
    let end = lab.run("boom_custom", &json!({})).end();
    assert_eq!(failed(&end)["error_type"], "CustomError");
    assert!(
        failed(&end)["error"].as_str().unwrap().contains('x'),
        "{end}"
    );
}

fn an_exception_with_several_arguments_shows_them(pool: Pool) {
    let lab = lab(pool);
    let end = lab.run("boom_chained", &json!({})).end();
    assert_eq!(failed(&end)["error"], "RuntimeError: ('outer', {'k': 1})");
}

fn arguments_that_do_not_fit_are_a_type_error(pool: Pool) {
    let lab = lab(pool);
    let end = lab.run("add", &json!({ "nosuch": 1 })).end();
    assert_eq!(failed(&end)["error_type"], "TypeError");
}

fn a_result_that_cannot_be_written_is_a_failure(pool: Pool) {
    let lab = lab(pool);
    let end = lab.run("unserializable", &json!({})).end();
    assert_eq!(failed(&end)["error_type"], "EncodeError");
}

fn a_rejected_task_is_a_failure(pool: Pool) {
    let lab = lab(pool);
    let end = lab.run("rejecting", &json!({})).end();
    assert_eq!(failed(&end)["error_type"], "Reject");
}

fn a_task_that_ignores_its_results_gives_one_all_the_same(pool: Pool) {
    let lab = lab(pool);
    let end = lab.run("ignored", &json!({ "x": 7 })).end();
    assert_eq!(completed(&end)["result"], 7);
}

fn a_task_that_ends_without_a_result_is_a_failure(pool: Pool) {
    let lab = lab(pool);
    let other = lab.run("started_only", &json!({ "until": "go" }));
    other.until_status("RUNNING");
    let end = lab.run("ignoring", &json!({})).end();
    let payload = failed(&end);
    assert_eq!(payload["error_type"], "no-result");
    assert_eq!(payload["retryable"], false);
    assert_eq!(lab.runs().len(), 1, "it ran, and ran once");
    assert_eq!(
        other.status().status(),
        "RUNNING",
        "that one is not over, though it says as little"
    );
    lab.release("go");
    completed(&other.end());
}

fn extended_results_are_read(pool: Pool) {
    let lab = lab_with(pool, json!({ "result_extended": true }));
    assert_eq!(
        completed(&lab.run("add", &json!({ "x": 1 })).end())["result"],
        3
    );
    assert_eq!(
        failed(&lab.run("boom", &json!({})).end())["error_type"],
        "ValueError"
    );
}

fn a_pickled_result_is_recognised(pool: Pool) {
    let conf = json!({ "result_serializer": "pickle", "accept_content": ["json", "pickle"] });
    let lab = lab_with(pool, conf);
    unreadable(&lab.run("add", &json!({ "x": 1 })).end(), "pickle");
}

fn a_compressed_result_is_recognised(pool: Pool) {
    let lab = lab_with(pool, json!({ "result_compression": "gzip" }));
    unreadable(
        &lab.run("big", &json!({ "size": 10_000 })).end(),
        "result_compression",
    );
}

fn a_worker_that_does_not_say_when_it_begins_is_followed_to_the_end(pool: Pool) {
    let lab = lab_with(pool, json!({ "task_track_started": false }));
    let task = lab.run("record_run", &json!({ "what": 1, "seconds": 1 }));
    assert_eq!(completed(&task.end())["result"], 1);
}

fn a_child_that_died_is_a_failure_worth_another_try(pool: Pool) {
    let lab = lab(pool);
    let end = lab.run("suicide", &json!({})).end();
    assert_eq!(failed(&end)["error_type"], "WorkerLostError");
    assert_eq!(failed(&end)["retryable"], true);
}

fn a_soft_time_limit_is_a_failure(pool: Pool) {
    let lab = lab(pool);
    let end = lab.run("limited", &json!({})).end();
    assert_eq!(failed(&end)["error_type"], "SoftTimeLimitExceeded");
}

fn a_hard_time_limit_is_a_failure(pool: Pool) {
    let lab = lab(pool);
    let end = lab.run("limited", &json!({ "hard": true })).end();
    assert_eq!(failed(&end)["error_type"], "TimeLimitExceeded");
}

fn lab(pool: Pool) -> Lab {
    lab_with(pool, json!({}))
}

fn lab_with(pool: Pool, conf: Value) -> Lab {
    Lab::start(&WorkerOptions {
        pool,
        conf,
        ..Default::default()
    })
}

fn completed(answer: &ToolAnswer) -> &Value {
    assert_eq!(answer.status(), "COMPLETED", "{answer}");
    assert!(!answer.is_error(), "{answer}");
    answer.payload()
}

fn failed(answer: &ToolAnswer) -> &Value {
    assert_eq!(answer.status(), "FAILED", "{answer}");
    assert!(
        answer.is_error(),
        "a failed task is an error of the tool: {answer}"
    );
    assert_eq!(answer.payload()["is_error"], true);
    answer.payload()
}

fn unreadable(answer: &ToolAnswer, what: &str) {
    let payload = failed(answer);
    assert_eq!(payload["error_type"], "unreadable-result");
    assert!(
        payload["error"].as_str().unwrap().contains(what),
        "{payload}"
    );
}
