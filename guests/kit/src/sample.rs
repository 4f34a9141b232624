//! A task and its definition, for the tests of strategies.

use crate::interface::{
    Caller, Failure, Observation, Outcome, Progress, Question, Snapshot, TaskDefinition,
};

/// A kind of task with all its words.
pub fn definition() -> TaskDefinition {
    TaskDefinition {
        name: "render".into(),
        title: Some("Render".into()),
        description: Some("Renders a film.".into()),
        input_schema: r#"{"type":"object"}"#.into(),
        output_schema: None,
        cancellable: true,
        idempotent: false,
        estimate_ms: Some(200_000),
        timeout_ms: None,
        strategy: None,
    }
}

/// A client that speaks 2025-11-25 and can do nothing beyond.
pub fn caller() -> Caller {
    Caller {
        accepts_task: false,
        wants_progress: true,
        client_name: None,
        protocol: Some("2025-11-25".into()),
        capabilities: "{}".into(),
        input_responses: None,
        request_state: None,
    }
}

/// The task `t1`, a `render`.
pub fn snapshot(observation: Observation) -> Snapshot {
    Snapshot {
        id: "t1".into(),
        task: "render".into(),
        observation,
        cancel_requested: false,
        note: None,
        cancellable: true,
        created_ms: 0,
        updated_ms: 0,
        expires_ms: None,
        revision: 1,
    }
}

/// It has completed with this.
pub fn completed(result: &str) -> Snapshot {
    snapshot(Observation::Finished(Outcome::Completed(result.into())))
}

/// It has failed.
pub fn failed(retryable: bool, detail: Option<String>) -> Snapshot {
    snapshot(Observation::Finished(Outcome::Failed(failure(
        retryable, detail,
    ))))
}

/// It asks `k`, which wants a text.
pub fn asking() -> Snapshot {
    snapshot(Observation::InputRequired(vec![Question {
        key: "k".into(),
        message: "which?".into(),
        schema: r#"{"type":"string"}"#.into(),
    }]))
}

/// `ValueError: kaput`
pub fn failure(retryable: bool, detail: Option<String>) -> Failure {
    Failure {
        code: "ValueError".into(),
        message: "kaput".into(),
        retryable,
        system: false,
        detail,
    }
}

/// It runs, and says so.
pub fn running(current: f64, total: Option<f64>, detail: Option<&str>) -> Observation {
    Observation::Running(Some(Progress {
        current,
        total,
        message: Some("on it".into()),
        detail: detail.map(Into::into),
    }))
}
