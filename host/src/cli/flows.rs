//! What a component of orchestrations has, for people and as JSON: `inspect` and `check` say the same.

use serde_json::{Map, Value, json};

use super::output;
use crate::capability::dispatch::{Activity, Described, Orchestration};

/// `orchestrations` and `activities`, with their schemas.
pub(super) fn summary(described: &Described) -> Map<String, Value> {
    let orchestration = |one: &Orchestration| {
        json!({
            "name": one.name,
            "description": one.description,
            "input_schema": schema(&one.input_schema),
            "output_schema": one.output_schema.as_deref().map(schema),
        })
    };
    let activity = |one: &Activity| json!({ "name": one.name, "description": one.description, "at_once": one.at_once });
    let orchestrations: Vec<_> = described.orchestrations.iter().map(orchestration).collect();
    let activities: Vec<_> = described.activities.iter().map(activity).collect();
    Map::from_iter([
        ("orchestrations".to_owned(), orchestrations.into()),
        ("activities".to_owned(), activities.into()),
    ])
}

/// One line for each orchestration, each key of its input, and each activity.
pub(super) fn show(described: &Described) {
    println!("  orchestrations");
    for one in &described.orchestrations {
        let words = output::sentence(one.description.as_deref().unwrap_or_default());
        println!("    {:<28} {words}", one.name);
        for (key, meaning) in output::keys(&schema(&one.input_schema)) {
            println!("      {key:<26} {meaning}");
        }
    }
    println!("  activities");
    for one in &described.activities {
        let words = output::sentence(one.description.as_deref().unwrap_or_default());
        println!("    {:<28} {words}{}", one.name, at_once(one));
    }
    if described.activities.is_empty() {
        println!("    none");
    }
}

/// The names alone, in two lines.
pub(super) fn in_short(described: &Described) -> [String; 2] {
    let orchestrations = described.orchestrations.iter();
    let orchestrations: Vec<_> = orchestrations.map(|one| one.name.clone()).collect();
    let activities = described.activities.iter();
    let activities: Vec<_> = activities
        .map(|one| format!("{}{}", one.name, at_once(one)))
        .collect();
    let line = |what: &str, names: &[String]| match names {
        [] => format!("  {what}: none"),
        names => format!("  {what}: {}", names.join(", ")),
    };
    [
        line("orchestrations", &orchestrations),
        line("activities", &activities),
    ]
}

fn at_once(one: &Activity) -> String {
    one.at_once
        .map_or_else(String::new, |most| format!(" ({most} at once)"))
}

/// What does not parse is shown as it is.
fn schema(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}
