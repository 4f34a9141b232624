//! Calls that somebody would make who has read the schema of a tool, and nothing else.
//!
//! What is known is put where the schema has a place for it: the name of the task where one is chosen,
//! its arguments where an object is wanted, its token where a text is. A word of a list is tried in
//! each of its meanings. What is returned fits the schema.

use serde_json::{Map, Value};

use super::super::argument::smallest;
use crate::plugin::Tool;
use crate::schema::Validator;
use crate::task::Json;

/// What there is to put in.
pub(super) struct Known<'a> {
    pub(super) task: &'a str,
    pub(super) arguments: &'a Value,
    /// Of a task that was started.
    pub(super) token: Option<&'a str>,
}

/// Words of one list that are tried.
const WORDS: usize = 16;

/// Arguments for `tool`, the most likely ones first.
pub(super) fn ways(tool: &Tool, known: &Known<'_>) -> Vec<Json> {
    let Ok(validator) = Validator::compile(&tool.input_schema) else {
        return Vec::new();
    };
    let schema = tool.input_schema.value();
    let mut ways = Vec::new();
    let mut add = |way: Value| {
        let way = Json::of(&way);
        if validator.check(&way).is_ok() && !ways.contains(&way) {
            ways.push(way);
        }
    };
    if known.token.is_none() {
        add(known.arguments.clone());
    }
    let empty = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object);
    let properties = properties.unwrap_or(&empty);
    for word in words(properties, known) {
        add(Value::Object(filled(
            tool,
            properties,
            known,
            word.as_ref(),
        )));
    }
    ways
}

/// A key, and one of the words that it may have.
type Word = (String, Value);

/// The choices of the first list of words that is not one of tasks; or none, once.
fn words(properties: &Map<String, Value>, known: &Known<'_>) -> Vec<Option<Word>> {
    let list = properties.iter().find_map(|(key, property)| {
        let list = property.get("enum")?.as_array()?;
        let of_tasks = list.iter().any(|word| word == known.task);
        (!of_tasks).then_some((key, list))
    });
    match list {
        None => vec![None],
        Some((key, list)) => list
            .iter()
            .take(WORDS)
            .map(|word| Some((key.clone(), word.clone())))
            .collect(),
    }
}

fn filled(
    tool: &Tool,
    properties: &Map<String, Value>,
    known: &Known<'_>,
    word: Option<&Word>,
) -> Map<String, Value> {
    let mut filled = match smallest(&tool.input_schema) {
        Ok(least) => least.value().as_object().cloned().unwrap_or_default(),
        Err(_) => Map::new(),
    };
    for (key, property) in properties {
        let value = match word {
            Some((chosen, word)) if chosen == key => Some(word.clone()),
            _ => value_for(key, property, known),
        };
        if let Some(value) = value {
            filled.insert(key.clone(), value);
        }
    }
    filled
}

/// What is known and belongs under `key`.
fn value_for(key: &str, property: &Value, known: &Known<'_>) -> Option<Value> {
    let is = |kinds: &[&str]| kinds.iter().any(|kind| key.contains(kind));
    if let Some(list) = property.get("enum").and_then(Value::as_array) {
        return list.iter().find(|word| **word == known.task).cloned();
    }
    match property.get("type").and_then(Value::as_str)? {
        "object" if is(&["arg", "param", "input", "payload"]) => Some(known.arguments.clone()),
        "string" if is(&["uri", "url"]) => {
            let token = known.token?;
            Some(Value::String(format!("task://{token}")))
        }
        "string" if is(&["token", "id", "handle", "operation", "ticket"]) => {
            known.token.map(|token| Value::String(token.to_owned()))
        }
        "string" if is(&["task", "kind", "type", "name", "tool"]) => {
            Some(Value::String(known.task.to_owned()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plugin::TaskSupport;

    fn ways_of(schema: &Value, token: Option<&str>) -> Vec<Value> {
        let tool = Tool {
            name: "tool".to_owned(),
            route: "route".to_owned(),
            title: None,
            description: None,
            input_schema: Json::of(schema),
            output_schema: None,
            annotations: None,
            meta: None,
            task_support: TaskSupport::Forbidden,
        };
        let known = Known {
            task: "echo",
            arguments: &json!({ "value": "x" }),
            token,
        };
        ways(&tool, &known).iter().map(Json::value).collect()
    }

    #[test]
    fn a_tool_with_the_schema_of_the_task_is_given_its_arguments() {
        let schema =
            json!({ "type": "object", "properties": { "value": {} }, "required": ["value"] });
        assert_eq!(
            ways_of(&schema, None).first(),
            Some(&json!({ "value": "x" }))
        );
    }

    #[test]
    fn a_tool_for_all_tasks_is_told_which() {
        let schema = json!({
            "type": "object",
            "properties": { "task_type": { "type": "string", "enum": ["count", "echo"] }, "params": { "type": "object" } },
            "required": ["task_type"],
            "additionalProperties": false,
        });
        assert_eq!(
            ways_of(&schema, None),
            [json!({ "task_type": "echo", "params": { "value": "x" } })]
        );
    }

    #[test]
    fn each_word_of_a_list_is_tried() {
        let schema = json!({
            "type": "object",
            "properties": { "action": { "enum": ["start", "check"] }, "token": { "type": "string" } },
            "required": ["action"],
        });
        let with_token = ways_of(&schema, Some("t1"));
        assert_eq!(
            with_token,
            [
                json!({ "action": "start", "token": "t1" }),
                json!({ "action": "check", "token": "t1" })
            ]
        );
    }
}
