//! The JSON Schema of the configuration, which is also its documentation.

use serde_json::{Map, Value, json};

/// For `describe`.
pub(super) fn schema() -> Value {
    let mut properties = object(json!({
        "broker": {
            "type": "string",
            "x-taskhost-endpoint": 6379,
            "description": "URL of Celery's broker: redis://user:password@host:6379/0, or rediss:// \
                for TLS. Query parameters such as ssl_cert_reqs may stay; certificates are checked \
                as the grant of the endpoint says."
        },
        "result_backend": {
            "type": "string",
            "x-taskhost-endpoint": 6379,
            "description": "URL of Celery's result backend. Absent: the broker."
        },
        "broker_password_secret": {
            "type": "string",
            "description": "Name of the secret that holds the broker's password, instead of \
                writing it into the URL."
        },
        "result_password_secret": {
            "type": "string",
            "description": "Name of the secret that holds the result backend's password."
        },
        "global_keyprefix": {
            "type": "string",
            "description": "Sets broker_keyprefix and result_keyprefix together."
        },
        "broker_keyprefix": {
            "type": "string",
            "description": "global_keyprefix of the application's broker_transport_options."
        },
        "result_keyprefix": {
            "type": "string",
            "description": "global_keyprefix of the application's result_backend_transport_options."
        },
        "terminate": {
            "type": "boolean",
            "default": true,
            "description": "Kill a task that runs when it is cancelled. Works on the prefork pool; \
                elsewhere a running task cannot be cancelled."
        },
        "signal": {
            "type": "string",
            "default": "SIGTERM",
            "pattern": "^SIG[A-Z0-9]+$",
            "description": "The signal that kills."
        },
        "visibility_timeout_seconds": {
            "type": "number",
            "minimum": 0,
            "default": 3600,
            "description": "visibility_timeout of the application's broker_transport_options. \
                Longer delays are refused, because Celery would run the task several times."
        },
        "discover": {
            "type": "boolean",
            "default": true,
            "description": "Ask the workers which tasks they know. Otherwise only configured tasks \
                are offered."
        },
        "discover_every_seconds": {
            "type": "number",
            "minimum": 1,
            "default": 10,
            "description": "How often the workers are asked."
        },
        "tasks": {
            "type": "object",
            "description": "Tasks by name. The key is the name of the task in Celery; or, where \
                `task` is given, the name to offer it by.",
            "additionalProperties": task()
        },
    }));
    properties.extend(sending());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["broker"],
        "additionalProperties": false,
        "properties": properties,
    })
}

fn task() -> Value {
    let mut properties = object(json!({
        "task": {
            "type": "string",
            "description": "Name of the task in Celery. Absent: the key."
        },
        "title": {
            "type": "string",
            "description": "Title for people. Absent: what the worker says."
        },
        "description": {
            "type": "string",
            "description": "What the task does, for the model that calls it. Absent: what the \
                worker says."
        },
        "input_schema": {
            "type": "object",
            "description": "JSON Schema of the keyword arguments. Absent: what the worker says, \
                else any object."
        },
        "output_schema": {
            "type": "object",
            "description": "JSON Schema of the result."
        },
        "cancellable": {
            "type": "boolean",
            "default": true,
            "description": "False: no way to cancel it is offered."
        },
        "idempotent": {
            "type": "boolean",
            "default": false,
            "description": "Running it twice does no harm."
        },
        "estimate_ms": {
            "type": "integer",
            "minimum": 0,
            "description": "How long it usually takes, in milliseconds."
        },
        "timeout_ms": {
            "type": "integer",
            "minimum": 1,
            "description": "How long it may take, in milliseconds, waiting in the queue included. \
                Absent: the host's default."
        },
        "terminate": {
            "type": "boolean",
            "description": "As the setting of the same name, for this task."
        },
        "strategy": {
            "type": "string",
            "minLength": 1,
            "description": "Configured name of the one strategy that shows it. Absent: what the \
                worker says, else all."
        },
    }));
    properties.extend(sending());
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}

/// The same for all tasks, for one, and for a call.
fn sending() -> Map<String, Value> {
    object(json!({
        "queue": {
            "type": "string",
            "minLength": 1,
            "description": "The queue to send to. Absent: celery."
        },
        "priority": {
            "type": "integer",
            "minimum": 0,
            "maximum": 9,
            "description": "On Redis 0 is served first and 9 last. Absent: 0."
        },
        "expires_seconds": {
            "type": "number",
            "minimum": 0,
            "description": "A message that no worker has begun within this time is thrown away, \
                and the task fails with the code `expired`."
        },
        "countdown_seconds": {
            "type": "number",
            "minimum": 0,
            "description": "The task begins after this time at the earliest."
        },
        "soft_time_limit": {
            "type": "integer",
            "minimum": 1,
            "description": "Seconds after which the task gets SoftTimeLimitExceeded."
        },
        "time_limit": {
            "type": "integer",
            "minimum": 1,
            "description": "Seconds after which the worker kills the task."
        },
    }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
