//! The tasks on offer: what is configured, joined with what workers say they know.
//!
//! A name is the last part of the Celery name where that is unique, because a model reads it often
//! and `reports.tasks.monthly` says no more than `monthly`. Where it is not unique, the full name
//! stays. Names depend on the set of tasks alone, not on the order in which workers answered.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use taskhost_sdk::TaskDefinition;

use crate::config::{Config, TaskConfig};

/// The longest name the host takes.
const LONGEST_NAME: usize = 96;

/// What the host takes in all.
const MOST_TASKS: usize = 10_000;

/// A schema that is larger than this is not offered: a model would have to read it.
const LARGEST_SCHEMA: usize = 64 * 1024;

/// Tasks by their Celery name, with what the worker says of each in its `mcp` attribute.
pub(crate) type Discovered = BTreeMap<String, Option<String>>;

/// Tasks by the name they are offered by.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Catalogue {
    tasks: BTreeMap<String, Task>,
}

/// One task on offer.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// Its settings; empty where it was discovered.
    pub(crate) config: TaskConfig,
    pub(crate) definition: TaskDefinition,
}

impl PartialEq for Task {
    fn eq(&self, other: &Self) -> bool {
        // Settings do not change while the component runs.
        self.config.task == other.config.task && self.definition == other.definition
    }
}

impl Catalogue {
    pub(crate) fn new(config: &Config, discovered: &Discovered) -> Self {
        let configured: BTreeSet<&str> =
            config.tasks.iter().map(|task| task.task.as_str()).collect();
        let found = discovered
            .keys()
            .filter(|name| !configured.contains(name.as_str()))
            .map(|name| TaskConfig {
                task: name.clone(),
                ..TaskConfig::default()
            });
        // Chosen names first, so that no other task takes one of them.
        let mut all: Vec<TaskConfig> = config.tasks.iter().cloned().chain(found).collect();
        all.sort_by_cached_key(|task| (task.name.is_none(), task.name.clone(), task.task.clone()));
        let mut shared: BTreeMap<String, usize> = BTreeMap::new();
        for task in &all {
            *shared.entry(short(task)).or_default() += 1;
        }
        let mut tasks = BTreeMap::new();
        for task in all {
            let mut name = short(&task);
            if task.name.is_none() && shared.get(&name).is_some_and(|count| *count > 1) {
                name = clean(&task.task);
            }
            // Two tasks are left with one name only where cleaning made them equal.
            if tasks.len() < MOST_TASKS && !tasks.contains_key(&name) {
                let attribute = discovered.get(&task.task).and_then(Option::as_deref);
                let definition = define(name.clone(), &task, attribute);
                tasks.insert(
                    name,
                    Task {
                        config: task,
                        definition,
                    },
                );
            }
        }
        Self { tasks }
    }

    /// A task by the name it is offered by, or by its name in Celery: names change when a second
    /// task of the same short name appears, and a request may have been stored before that.
    pub(crate) fn find(&self, name: &str) -> Option<&Task> {
        self.tasks
            .get(name)
            .or_else(|| self.tasks.values().find(|task| task.config.task == name))
            .or_else(|| {
                let mut same = self
                    .tasks
                    .values()
                    .filter(|task| short(&task.config) == name);
                let only = same.next()?;
                same.next().is_none().then_some(only)
            })
    }

    /// In order of their names.
    pub(crate) fn definitions(&self) -> Vec<TaskDefinition> {
        self.tasks
            .values()
            .map(|task| task.definition.clone())
            .collect()
    }
}

fn short(task: &TaskConfig) -> String {
    match &task.name {
        Some(name) => clean(name),
        None => clean(task.task.rsplit('.').next().unwrap_or(&task.task)),
    }
}

/// Only characters that a tool's name may have, and the end of a name that is too long.
fn clean(name: &str) -> String {
    let valid = |char: char| char.is_ascii_alphanumeric() || "_-.".contains(char);
    let chars: Vec<char> = name
        .chars()
        .map(|char| if valid(char) { char } else { '_' })
        .collect();
    let from = chars.len().saturating_sub(LONGEST_NAME);
    let name: String = chars.into_iter().skip(from).collect();
    if name.is_empty() { "task".into() } else { name }
}

fn define(name: String, task: &TaskConfig, attribute: Option<&str>) -> TaskDefinition {
    let mut said = attribute.and_then(said);
    // A word for the host beside the schema, and no part of it.
    let named = said.as_mut().and_then(|said| said.remove("strategy"));
    let named = named.and_then(|named| named.as_str().map(str::to_owned));
    let mut title = task.title.clone();
    let mut description = task.description.clone();
    if let Some(said) = &said {
        let text = |key| said.get(key).and_then(Value::as_str).map(str::to_owned);
        title = title.or_else(|| text("title"));
        description = description.or_else(|| text("description"));
    }
    let schema = task.input_schema.clone().or(said);
    if schema.is_none() {
        let advice = format!(
            "Celery task `{}`. Its arguments are not described: pass keyword arguments as an \
             object. (To describe them, give the task an `mcp` attribute with a JSON Schema, or \
             set `input_schema` for it.)",
            task.task
        );
        description = Some(match description {
            Some(known) => format!("{known}\n\n{advice}"),
            None => advice,
        });
    }
    let mut schema = schema.unwrap_or_default();
    schema.insert("type".into(), "object".into());
    let output_schema = task
        .output_schema
        .clone()
        .map(|schema| Value::Object(schema).to_string());
    TaskDefinition {
        name,
        title,
        description: description.or_else(|| Some(format!("Celery task `{}`.", task.task))),
        input_schema: Value::Object(schema).to_string(),
        output_schema,
        cancellable: task.cancellable.unwrap_or(true),
        idempotent: task.idempotent.unwrap_or(false),
        estimate_ms: task.estimate_ms,
        timeout_ms: task.timeout_ms,
        strategy: task.strategy.clone().or(named),
    }
}

/// The schema in an `mcp` attribute. Something else of that name is nobody's business here.
fn said(attribute: &str) -> Option<Map<String, Value>> {
    if attribute.len() > LARGEST_SCHEMA {
        return None;
    }
    let schema: Map<String, Value> = serde_json::from_str(attribute).ok()?;
    matches!(schema.get("type"), None | Some(Value::String(_))).then_some(())?;
    (schema.get("type").is_none_or(|kind| kind == "object")).then_some(schema)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(tasks: &Value) -> Config {
        let text = json!({"broker": "redis://r", "tasks": tasks}).to_string();
        Config::parse(&text, |_| None).unwrap()
    }

    fn names(catalogue: &Catalogue) -> Vec<(String, String)> {
        let pair = |(name, task): (&String, &Task)| (name.clone(), task.config.task.clone());
        catalogue.tasks.iter().map(pair).collect()
    }

    fn found(names: &[&str]) -> Discovered {
        names
            .iter()
            .map(|name| ((*name).to_owned(), None))
            .collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    }

    #[test]
    fn short_names_where_they_are_unique() {
        let catalogue = Catalogue::new(&config(&json!({})), &found(&["a.sum", "b.sum", "b.mean"]));
        assert_eq!(
            names(&catalogue),
            pairs(&[("a.sum", "a.sum"), ("b.sum", "b.sum"), ("mean", "b.mean")])
        );
        assert_eq!(catalogue.find("mean").unwrap().config.task, "b.mean");
        assert_eq!(catalogue.find("b.mean").unwrap().config.task, "b.mean");
        assert!(catalogue.find("sum").is_none(), "either could be meant");
        assert!(catalogue.find("nothing").is_none());
    }

    #[test]
    fn a_chosen_name_is_kept_and_settings_join_what_was_discovered() {
        let config = config(&json!({
            "sum": {"task": "b.other"},
            "fast": {"task": "b.other", "queue": "fast"},
            "a.mean": {"description": "Mine.", "cancellable": false, "timeout_ms": 5},
        }));
        let schema = r#"{"title": "Mean", "description": "Theirs.", "properties": {"x": {}}}"#;
        let mut discovered = found(&["a.sum", "b.other"]);
        discovered.insert("a.mean".into(), Some(schema.into()));
        let catalogue = Catalogue::new(&config, &discovered);
        assert_eq!(
            names(&catalogue),
            pairs(&[
                ("a.sum", "a.sum"),
                ("fast", "b.other"),
                ("mean", "a.mean"),
                ("sum", "b.other"),
            ])
        );
        let mean = &catalogue.find("mean").unwrap().definition;
        assert_eq!(mean.title.as_deref(), Some("Mean"));
        assert_eq!(mean.description.as_deref(), Some("Mine."));
        assert!(!mean.cancellable && mean.timeout_ms == Some(5));
        let input: Value = serde_json::from_str(&mean.input_schema).unwrap();
        assert_eq!(input["type"], "object");
        assert_eq!(input["properties"], json!({"x": {}}));
    }

    #[test]
    fn a_strategy_is_named_by_the_operator_or_else_by_the_worker() {
        let config = config(&json!({ "a.sum": { "strategy": "blocking" } }));
        let attribute = r#"{"type": "object", "strategy": "polling"}"#;
        let discovered = ["a.sum", "a.mean"].map(|name| (name.into(), Some(attribute.into())));
        let catalogue = Catalogue::new(&config, &Discovered::from(discovered));
        let strategy = |name| {
            let definition = &catalogue.find(name).unwrap().definition;
            assert_eq!(definition.input_schema, r#"{"type":"object"}"#);
            definition.strategy.clone()
        };
        assert_eq!(strategy("sum").as_deref(), Some("blocking"));
        assert_eq!(strategy("mean").as_deref(), Some("polling"));
    }

    #[test]
    fn a_task_without_a_schema_says_how_to_add_one() {
        for attribute in [
            None,
            Some("not json"),
            Some("[1]"),
            Some(r#"{"type": "string"}"#),
        ] {
            let discovered = Discovered::from([("a.b".into(), attribute.map(str::to_owned))]);
            let catalogue = Catalogue::new(&config(&json!({})), &discovered);
            let definition = &catalogue.find("b").unwrap().definition;
            assert_eq!(definition.input_schema, r#"{"type":"object"}"#);
            assert!(
                definition
                    .description
                    .as_deref()
                    .unwrap()
                    .contains("`mcp` attribute")
            );
        }
    }

    #[test]
    fn names_fit_the_host() {
        let long = format!("app.{}", "x".repeat(200));
        let discovered = found(&["app.mod: do it", long.as_str(), "app."]);
        let catalogue = Catalogue::new(&config(&json!({})), &discovered);
        for name in catalogue.tasks.keys() {
            assert!((1..=96).contains(&name.len()), "{name}");
            assert!(
                name.chars()
                    .all(|char| char.is_ascii_alphanumeric() || "_-.".contains(char))
            );
        }
        assert_eq!(catalogue.tasks.len(), 3);
    }

    #[test]
    fn order_and_names_do_not_depend_on_who_answered_first() {
        let one = Catalogue::new(&config(&json!({})), &found(&["b.x", "a.x", "c.y"]));
        let other = Catalogue::new(&config(&json!({})), &found(&["c.y", "a.x", "b.x"]));
        assert_eq!(one, other);
        assert_eq!(one.definitions().len(), 3);
    }
}
