//! What a backend does that is right.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    CancelAnswer, Error, Observation, Outcome, PluginInfo, StartRequest, TaskDefinition, Work,
    events, storage, timers,
};

/// What is kept of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When it ends by itself.
    pub ends_ms: u64,
    /// What it gives back.
    pub result: Value,
    /// Somebody has stopped it.
    pub cancelled: bool,
}

/// It takes one key, `greeting`.
pub fn describe() -> PluginInfo {
    let schema = json!({
        "type": "object",
        "properties": { "greeting": { "type": "string", "default": "hello" } },
        "additionalProperties": false,
    });
    PluginInfo {
        name: "wrong".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        description: None,
        config_schema: Some(schema.to_string()),
        observe_every_ms: Some(1000),
    }
}

/// Refuses what it does not know.
pub fn init(config: &str) -> Result<(), Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its form matters")]
    struct Config {
        greeting: Option<String>,
    }
    serde_json::from_str::<Config>(config)
        .map(drop)
        .map_err(|error| Error::InvalidInput(error.to_string()))
}

/// `echo` and `sleep`.
pub fn definitions() -> Vec<TaskDefinition> {
    vec![
        definition(
            "echo",
            0,
            &json!({
                "type": "object",
                "properties": { "text": { "type": "string", "default": "hello" } },
                "required": ["text"],
            }),
        ),
        definition(
            "sleep",
            60_000,
            &json!({
                "type": "object",
                "properties": { "ms": { "type": "integer", "minimum": 0, "default": 60_000 } },
            }),
        ),
    ]
}

/// A definition that says little.
pub fn definition(name: &str, estimate_ms: u64, schema: &Value) -> TaskDefinition {
    TaskDefinition {
        name: name.into(),
        title: None,
        description: None,
        input_schema: schema.to_string(),
        output_schema: None,
        cancellable: true,
        idempotent: true,
        estimate_ms: Some(estimate_ms),
        timeout_ms: None,
        strategy: None,
    }
}

/// Keeps the task, unless it is known.
pub async fn start(request: &StartRequest) -> Result<String, Error> {
    let record = record(request)?;
    storage::compare_and_set(key(&request.id), None, Some(encode(&record)?)).await?;
    if let Some(record) = load(&request.id).await? {
        events::observed(&request.id, &at(&record));
    }
    Ok(handle(&request.id))
}

/// What the request amounts to.
pub fn record(request: &StartRequest) -> Result<Record, Error> {
    let unfit = |error: serde_json::Error| Error::InvalidInput(error.to_string());
    let arguments: Value = serde_json::from_str(&request.arguments).map_err(unfit)?;
    let now = timers::now_ms();
    match request.task.as_str() {
        "echo" => Ok(Record {
            ends_ms: now,
            result: arguments.get("text").cloned().unwrap_or_default(),
            cancelled: false,
        }),
        "sleep" => {
            let ms = arguments.get("ms").and_then(Value::as_u64);
            Ok(Record {
                ends_ms: now.saturating_add(ms.unwrap_or(60_000)),
                result: Value::Null,
                cancelled: false,
            })
        }
        other => Err(Error::UnknownTask(format!("there is no `{other}`"))),
    }
}

/// By id and time.
pub async fn observe(works: &[Work]) -> Result<Vec<Observation>, Error> {
    let mut seen = Vec::with_capacity(works.len());
    for work in works {
        seen.push(look(work).await?);
    }
    Ok(seen)
}

/// One of them.
pub async fn look(work: &Work) -> Result<Observation, Error> {
    let record = load(&work.id).await?;
    Ok(record.map_or(Observation::Unknown, |record| at(&record)))
}

/// How it stands now.
pub fn at(record: &Record) -> Observation {
    if record.cancelled {
        Observation::Finished(Outcome::Cancelled(None))
    } else if timers::now_ms() >= record.ends_ms {
        Observation::Finished(Outcome::Completed(record.result.to_string()))
    } else {
        Observation::Running(None)
    }
}

/// Ends it, where it is not over.
pub async fn cancel(work: &Work, _reason: Option<String>) -> Result<CancelAnswer, Error> {
    let Some(mut record) = load(&work.id).await? else {
        return Err(Error::UnknownTask(format!("there is no `{}`", work.id)));
    };
    if matches!(at(&record), Observation::Finished(_)) {
        return Ok(CancelAnswer::AlreadyFinished);
    }
    record.cancelled = true;
    storage::set(key(&work.id), Some(encode(&record)?)).await?;
    events::observed(&work.id, &at(&record));
    Ok(CancelAnswer::Accepted)
}

/// Removes it.
pub async fn release(work: &Work) -> Result<(), Error> {
    storage::set(key(&work.id), None).await
}

/// The handle of an id.
pub fn handle(id: &str) -> String {
    format!("wrong:{id}")
}

/// Where its record is.
pub fn key(id: &str) -> String {
    format!("task/{id}")
}

/// Its record.
pub async fn load(id: &str) -> Result<Option<Record>, Error> {
    let bytes = storage::get(key(id)).await?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// As it is stored.
pub fn encode(record: &Record) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(record).map_err(|error| Error::Internal(error.to_string()))
}
