//! What the operator configures.
//!
//! The host has checked the object against [`schema`] before it comes here; it is read with the same
//! care again, because a schema cannot say everything and another host may not check.

use serde_json::{Map, Value};
use taskhost_sdk::{Error, Settings, secrets};

use crate::endpoint::Endpoint;
use crate::fields::Fields;
use crate::options::Options;

mod schema;

use schema::schema;

/// All settings, with defaults filled in.
#[derive(Debug)]
pub struct Config {
    pub(crate) broker: Endpoint,
    pub(crate) results: Endpoint,
    pub(crate) broker_keyprefix: String,
    pub(crate) result_keyprefix: String,
    /// For all tasks.
    pub(crate) options: Options,
    /// Kill work that runs when it is cancelled, where the pool can.
    pub(crate) terminate: bool,
    pub(crate) signal: String,
    pub(crate) visibility_timeout_ms: u64,
    /// Absent: workers are not asked what they can do.
    pub(crate) discover_every_ms: Option<u64>,
    pub(crate) tasks: Vec<TaskConfig>,
}

/// What is configured of one task.
#[derive(Clone, Debug, Default)]
pub(crate) struct TaskConfig {
    /// The name it is shown by, where the operator chose one.
    pub(crate) name: Option<String>,
    /// Its name in Celery.
    pub(crate) task: String,
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) input_schema: Option<Map<String, Value>>,
    pub(crate) output_schema: Option<Map<String, Value>>,
    pub(crate) options: Options,
    pub(crate) cancellable: Option<bool>,
    pub(crate) idempotent: Option<bool>,
    pub(crate) estimate_ms: Option<u64>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) terminate: Option<bool>,
    /// The one strategy that shows it.
    pub(crate) strategy: Option<String>,
}

impl Settings for Config {
    fn schema() -> Option<Value> {
        Some(schema())
    }

    fn read(text: &str) -> Result<Self, Error> {
        Self::parse(text, secrets::get)
    }
}

impl Config {
    /// `secret` gives the value of a named secret.
    pub(crate) fn parse(
        text: &str,
        secret: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Error> {
        let value = serde_json::from_str(text).map_err(|error| {
            Error::InvalidInput(format!("the configuration is not JSON: {error}"))
        })?;
        let mut fields = Fields::new("", value).map_err(Error::InvalidInput)?;
        let secrets = [
            fields
                .text("broker_password_secret")
                .map_err(Error::InvalidInput)?,
            fields
                .text("result_password_secret")
                .map_err(Error::InvalidInput)?,
        ];
        let mut config = Self::of(fields).map_err(|error| {
            if error.contains("only Redis is supported") {
                Error::Unsupported(error)
            } else {
                Error::InvalidInput(error)
            }
        })?;
        let [broker, results] = secrets;
        // One server for both has one password, unless another is named.
        let same = config.results == config.broker;
        if let Some(name) = &broker {
            config.broker.password = Some(fetch(&secret, "broker_password_secret", name)?);
        }
        match (&results, same) {
            (Some(name), _) => {
                config.results.password = Some(fetch(&secret, "result_password_secret", name)?);
            }
            (None, true) => config.results = config.broker.clone(),
            (None, false) => {}
        }
        Ok(config)
    }

    fn of(mut fields: Fields) -> Result<Self, String> {
        let broker = fields.text("broker")?.ok_or(
            "`broker` is missing: the URL of Celery's broker, such as `redis://localhost:6379/0`",
        )?;
        let broker = Endpoint::parse("broker", &broker)?;
        let results = match fields.text("result_backend")? {
            Some(url) => Endpoint::parse("result_backend", &url)?,
            None => broker.clone(),
        };
        let both = fields.text("global_keyprefix")?;
        let mut prefix = |key| -> Result<String, String> {
            Ok(fields
                .text(key)?
                .or_else(|| both.clone())
                .unwrap_or_default())
        };
        let broker_keyprefix = prefix("broker_keyprefix")?;
        let result_keyprefix = prefix("result_keyprefix")?;
        let options = Options::take(&mut fields)?;
        let terminate = fields.flag("terminate")?.unwrap_or(true);
        let signal = fields.text("signal")?.unwrap_or_else(|| "SIGTERM".into());
        if !signal.starts_with("SIG") || !signal.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(format!(
                "`signal` must be the name of a signal, such as SIGTERM, not `{signal}`"
            ));
        }
        let visibility_timeout_ms = fields
            .seconds("visibility_timeout_seconds")?
            .unwrap_or(3_600_000);
        let discover = fields.flag("discover")?.unwrap_or(true);
        let every_ms = fields.seconds("discover_every_seconds")?.unwrap_or(10_000);
        if every_ms < 1000 {
            return Err("`discover_every_seconds` must be 1 or more".into());
        }
        let tasks = fields.object("tasks")?.unwrap_or_default();
        fields.finish()?;
        options.check(0, visibility_timeout_ms)?;
        let config = Self {
            broker,
            results,
            broker_keyprefix,
            result_keyprefix,
            terminate,
            signal,
            visibility_timeout_ms,
            discover_every_ms: discover.then_some(every_ms),
            tasks: tasks
                .into_iter()
                .map(TaskConfig::read)
                .collect::<Result<_, _>>()?,
            options,
        };
        for task in &config.tasks {
            let options = task.options.clone().or(&config.options);
            options
                .check(0, visibility_timeout_ms)
                .map_err(|error| format!("task `{}`: {error}", task.task))?;
        }
        Ok(config)
    }
}

impl TaskConfig {
    fn read((key, value): (String, Value)) -> Result<Self, String> {
        let mut fields = Fields::new(format!("tasks.{key}"), value)?;
        let task = fields.text("task")?;
        let config = Self {
            title: fields.text("title")?,
            description: fields.text("description")?,
            input_schema: fields.object("input_schema")?,
            output_schema: fields.object("output_schema")?,
            options: Options::take(&mut fields)?,
            cancellable: fields.flag("cancellable")?,
            idempotent: fields.flag("idempotent")?,
            estimate_ms: fields.whole("estimate_ms", 0, u64::MAX)?,
            timeout_ms: fields.whole("timeout_ms", 1, u64::MAX)?,
            terminate: fields.flag("terminate")?,
            strategy: fields.text("strategy")?,
            // A key beside `task` is a name of the operator's own; alone it is Celery's.
            name: task.is_some().then(|| key.clone()),
            task: task.unwrap_or(key),
        };
        fields.finish()?;
        Ok(config)
    }
}

fn fetch(
    secret: &impl Fn(&str) -> Option<String>,
    option: &str,
    name: &str,
) -> Result<String, Error> {
    secret(name).ok_or_else(|| {
        Error::Denied(format!(
            "the secret `{name}`, named by `{option}`, is not granted to this component or not set"
        ))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: &Value) -> Result<Config, Error> {
        Config::parse(&value.to_string(), |name| {
            (name == "known").then(|| "from-secret".into())
        })
    }

    #[test]
    fn the_broker_alone_is_enough() {
        let config = parse(&json!({"broker": "redis://r:1/2"})).unwrap();
        assert_eq!(config.results, config.broker);
        assert_eq!(config.discover_every_ms, Some(10_000));
        assert_eq!(config.visibility_timeout_ms, 3_600_000);
        assert!(config.terminate && config.signal == "SIGTERM");
        let config = parse(&json!({"broker": "redis://r", "discover": false})).unwrap();
        assert_eq!(config.discover_every_ms, None);
    }

    #[test]
    fn one_prefix_for_both_sides_or_one_each() {
        let config = parse(
            &json!({"broker": "redis://r", "global_keyprefix": "a", "result_keyprefix": "b"}),
        )
        .unwrap();
        assert_eq!(
            (
                config.broker_keyprefix.as_str(),
                config.result_keyprefix.as_str()
            ),
            ("a", "b")
        );
    }

    #[test]
    fn a_password_comes_from_a_secret() {
        let config =
            parse(&json!({"broker": "redis://r", "broker_password_secret": "known"})).unwrap();
        assert_eq!(config.broker.password.as_deref(), Some("from-secret"));
        assert_eq!(config.results, config.broker);
        let error = parse(&json!({"broker": "redis://r", "result_password_secret": "other"}));
        assert!(matches!(error, Err(Error::Denied(text)) if text.contains("`other`")));
    }

    #[test]
    fn a_key_is_a_name_where_the_task_is_named_beside_it() {
        let config = parse(&json!({"broker": "redis://r", "tasks": {
            "fast": {"task": "app.report", "priority": 0}, "app.sum": {"queue": "sums"},
        }}))
        .unwrap();
        let [fast, sum] = config.tasks.as_slice() else {
            panic!("{:?}", config.tasks)
        };
        assert_eq!((sum.name.as_deref(), sum.task.as_str()), (None, "app.sum"));
        assert_eq!(
            (fast.name.as_deref(), fast.task.as_str()),
            (Some("fast"), "app.report")
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (value, part) in [
            (json!({}), "`broker` is missing"),
            (json!({"broker": 5}), "`broker` must be a text"),
            (
                json!({"broker": "redis://r", "brokr": 1}),
                "`brokr` is not known",
            ),
            (
                json!({"broker": "redis://r", "tasks": {"a": {"prio": 1}}}),
                "`tasks.a.prio` is not known",
            ),
            (json!({"broker": "redis://r", "signal": "15"}), "`signal`"),
            (
                json!({"broker": "redis://r", "discover_every_seconds": 0}),
                "must be 1 or more",
            ),
            (
                json!({"broker": "redis://r", "tasks": {"a": {"countdown_seconds": 4000}}}),
                "task `a`",
            ),
            (json!([]), "must be an object"),
        ] {
            match parse(&value) {
                Err(Error::InvalidInput(text)) => assert!(text.contains(part), "{text}"),
                other => panic!("{value}: {other:?}"),
            }
        }
    }

    #[test]
    fn other_brokers_are_not_supported() {
        for value in [
            json!({"broker": "amqp://localhost"}),
            json!({"broker": "redis://r", "result_backend": "db+sqlite:///x"}),
        ] {
            assert!(
                matches!(parse(&value), Err(Error::Unsupported(_))),
                "{value}"
            );
        }
    }

    /// What the schema allows is what is read: the names in it are the names above.
    #[test]
    fn the_schema_knows_the_same_names() {
        let schema = schema();
        let names = |schema: &Value| {
            let properties = schema["properties"].as_object().unwrap();
            assert_eq!(schema["additionalProperties"], json!(false));
            for (name, property) in properties {
                assert!(
                    property["description"].is_string(),
                    "{name} has a description"
                );
            }
            let mut names: Vec<String> = properties.keys().cloned().collect();
            names.sort();
            names
        };
        let known = |error: Result<Config, Error>| match error {
            Err(Error::InvalidInput(text)) => {
                let list = text
                    .split("known are `")
                    .nth(1)
                    .unwrap()
                    .trim_end_matches('`')
                    .to_owned();
                let mut names: Vec<String> = list.split("`, `").map(str::to_owned).collect();
                names.sort();
                names
            }
            other => panic!("{other:?}"),
        };
        let outer = known(parse(&json!({"broker": "redis://r", "no": 1})));
        assert_eq!(names(&schema), outer);
        let inner = known(parse(
            &json!({"broker": "redis://r", "tasks": {"a": {"no": 1}}}),
        ));
        assert_eq!(
            names(&schema["properties"]["tasks"]["additionalProperties"]),
            inner
        );
    }
}
