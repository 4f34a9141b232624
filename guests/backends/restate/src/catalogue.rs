//! The tasks on offer: one for each handler that is deployed and public.
//!
//! `Greeter/greet` is offered as `Greeter_greet`, in characters that the name of a tool may have with any
//! client. A handler may say more in its metadata: `taskhost.title`, and `taskhost.idempotent` with the
//! value `true` where starting it twice does no harm.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use taskhost_sdk::{TaskDefinition, tracing};

use crate::config::Config;
use crate::schema::{self, Form, Key};

/// The longest name the host takes.
const LONGEST_NAME: usize = 96;

/// What the host takes in all.
const MOST_TASKS: usize = 10_000;

/// A schema that is larger than this is not shown: a model would have to read it.
const LARGEST_SCHEMA: usize = 64 * 1024;

/// What the admin interface says is deployed.
#[derive(Debug, Deserialize)]
pub(crate) struct Deployed {
    services: Vec<Service>,
}

#[derive(Debug, Deserialize)]
struct Service {
    name: String,
    ty: String,
    #[serde(default = "yes")]
    public: bool,
    #[serde(default)]
    documentation: Option<String>,
    handlers: Vec<Handler>,
}

#[derive(Debug, Deserialize)]
struct Handler {
    name: String,
    #[serde(default)]
    ty: Option<String>,
    #[serde(default = "yes")]
    public: bool,
    #[serde(default)]
    documentation: Option<String>,
    #[serde(default)]
    input_description: Option<String>,
    #[serde(default)]
    input_json_schema: Option<Value>,
    #[serde(default)]
    output_json_schema: Option<Value>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

/// Tasks by the name they are offered by.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Catalogue {
    tasks: BTreeMap<String, Offer>,
}

/// One task on offer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Offer {
    pub(crate) service: String,
    pub(crate) handler: String,
    /// Restate takes no idempotency key for it: a workflow runs once for each key.
    pub(crate) is_workflow_run: bool,
    pub(crate) form: Form,
    pub(crate) definition: TaskDefinition,
}

impl Catalogue {
    pub(crate) fn new(config: &Config, deployed: &Deployed) -> Self {
        let mut all: Vec<(&Service, &Handler)> = deployed
            .services
            .iter()
            .filter(|service| service.public)
            .flat_map(|service| {
                service
                    .handlers
                    .iter()
                    .map(move |handler| (service, handler))
            })
            .filter(|(service, handler)| {
                handler.public && config.offers(&service.name, &handler.name)
            })
            .collect();
        // Which of two gets a name depends on the names alone, not on the order of the answer.
        all.sort_by_key(|(service, handler)| (&service.name, &handler.name));
        let mut tasks = BTreeMap::new();
        for (service, handler) in all {
            let (short, long) = names(&service.name, &handler.name);
            let free = [short, long]
                .into_iter()
                .find(|name| !tasks.contains_key(name));
            match free {
                Some(name) if tasks.len() < MOST_TASKS => {
                    tasks.insert(name.clone(), offer(name, service, handler));
                }
                _ => tracing::warn!(
                    service = service.name,
                    handler = handler.name,
                    "not offered: there is no name left for it; `hide` one of those like it",
                ),
            }
        }
        Self { tasks }
    }

    /// A task by the name it is offered by, or by its own: which of two got a short name may have
    /// changed since a request was stored.
    pub(crate) fn find(&self, name: &str) -> Option<&Offer> {
        self.tasks.get(name).or_else(|| {
            let mut all = self.tasks.values();
            all.find(|offer| {
                let (short, long) = names(&offer.service, &offer.handler);
                name == long || name == short
            })
        })
    }

    /// In order of their names.
    pub(crate) fn definitions(&self) -> impl Iterator<Item = TaskDefinition> {
        self.tasks.values().map(|offer| offer.definition.clone())
    }
}

/// The name that it is offered by, and the one where another handler has that.
fn names(service: &str, handler: &str) -> (String, String) {
    let short = format!("{}_{handler}", service.replace('.', "_"));
    (cut(&short), cut(&format!("{service}.{handler}")))
}

/// The end of a name that is too long. Restate's names are of ASCII.
fn cut(name: &str) -> String {
    let valid = |char: char| char.is_ascii_alphanumeric() || "_-.".contains(char);
    let chars: Vec<char> = name
        .chars()
        .map(|char| if valid(char) { char } else { '_' })
        .collect();
    let from = chars.len().saturating_sub(LONGEST_NAME);
    chars.into_iter().skip(from).collect()
}

fn offer(name: String, service: &Service, handler: &Handler) -> Offer {
    let is_workflow_run =
        service.ty == "Workflow" && handler.ty.as_deref().is_none_or(|ty| ty == "Workflow");
    let key = match service.ty.as_str() {
        "Service" => Key::None,
        _ if is_workflow_run => Key::Optional,
        _ => Key::Required,
    };
    let takes_none = handler.input_description.as_deref() == Some("none");
    let readable = |schema: &&Value| schema.to_string().len() <= LARGEST_SCHEMA;
    let input = handler.input_json_schema.as_ref().filter(readable);
    let (form, arguments) = schema::arguments(key, takes_none, input);
    let output = handler.output_json_schema.as_ref().filter(readable);
    let output = output.filter(|schema| schema.is_object() && schema::is_whole(schema));
    let words = handler.documentation.clone();
    let words = words.or_else(|| service.documentation.clone());
    let own = || {
        format!(
            "Handler `{}` of the Restate service `{}`.",
            handler.name, service.name
        )
    };
    Offer {
        service: service.name.clone(),
        handler: handler.name.clone(),
        is_workflow_run,
        form,
        definition: TaskDefinition {
            name,
            title: handler.metadata.get("taskhost.title").cloned(),
            description: Some(words.unwrap_or_else(own)),
            input_schema: arguments.to_string(),
            output_schema: output.map(Value::to_string),
            cancellable: true,
            idempotent: handler
                .metadata
                .get("taskhost.idempotent")
                .is_some_and(|value| value == "true"),
            estimate_ms: None,
            timeout_ms: None,
            strategy: None,
        },
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;
    use taskhost_sdk::Settings as _;

    use super::*;
    use crate::schema::Input;

    pub(crate) fn catalogue(services: &Value) -> Catalogue {
        let text = r#"{"ingress":"http://r:1","admin":"http://r:2","hide":["films/secret"]}"#;
        let config = Config::read(text).unwrap();
        let deployed = serde_json::from_value(json!({ "services": services })).unwrap();
        Catalogue::new(&config, &deployed)
    }

    #[test]
    fn a_handler_is_a_task_unless_it_is_private_or_hidden() {
        let catalogue = catalogue(&json!([
            { "name": "films", "ty": "Service", "documentation": "Films.", "handlers": [
                { "name": "render", "input_json_schema": { "type": "object" },
                  "metadata": { "taskhost.idempotent": "true", "taskhost.title": "Render" } },
                { "name": "secret" },
                { "name": "own", "public": false },
            ] },
            { "name": "inner", "ty": "Service", "public": false, "handlers": [{ "name": "x" }] },
            { "name": "cart", "ty": "VirtualObject", "handlers": [
                { "name": "add", "ty": "Exclusive", "input_json_schema": { "type": "integer" } } ] },
            { "name": "order", "ty": "Workflow", "handlers": [
                { "name": "run", "ty": "Workflow" },
                { "name": "look", "ty": "Shared", "input_description": "none" } ] },
        ]));
        let names: Vec<_> = catalogue.tasks.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            ["cart_add", "films_render", "order_look", "order_run"]
        );
        let form = |name: &str| catalogue.find(name).unwrap().form;
        assert_eq!(
            form("films_render"),
            Form {
                key: Key::None,
                input: Input::Whole
            }
        );
        assert_eq!(form("films.render"), form("films_render"));
        assert_eq!(
            form("cart_add"),
            Form {
                key: Key::Required,
                input: Input::Field
            }
        );
        assert_eq!(
            form("order_look"),
            Form {
                key: Key::Required,
                input: Input::None
            }
        );
        assert_eq!(
            form("order_run"),
            Form {
                key: Key::Optional,
                input: Input::Field
            }
        );
        assert!(catalogue.find("order_run").unwrap().is_workflow_run);
        let film = &catalogue.find("films_render").unwrap().definition;
        assert!(film.idempotent);
        assert_eq!(film.title.as_deref(), Some("Render"));
        assert_eq!(film.description.as_deref(), Some("Films."));
    }

    #[test]
    fn two_handlers_never_have_one_name() {
        let service = |name: &str, handler: &str| json!({ "name": name, "ty": "Service", "handlers": [{ "name": handler }] });
        let services = [
            service("a_b", "c"),
            service("a", "b_c"),
            service("a.b", "c"),
        ];
        let catalogue = catalogue(&json!(services));
        let names: Vec<_> = catalogue.tasks.keys().map(String::as_str).collect();
        assert_eq!(names, ["a.b.c", "a_b.c", "a_b_c"]);
        let long = super::names(&"x".repeat(200), "run").0;
        assert_eq!(long.len(), LONGEST_NAME);
        assert!(long.ends_with("x_run"));
    }
}
