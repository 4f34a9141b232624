//! What it does when the host says no, or is asked for what it never offered.

use serde_json::{Value, json};

use super::super::clause;
use super::super::text::shortened;
use super::super::verdict::{Claim, died, failed, said};
use super::Bench;
use super::bench::{Wanted, who};
use super::course::{MARK, Visit, nothing, read, text};
use super::hand::{Known, ways};
use crate::config::settings::Settings;
use crate::plugin::{Reply, TaskError};
use crate::task::Json;

pub(super) async fn no_room(bench: &Bench) -> Claim {
    let host = bench
        .host(Wanted {
            settings: Settings {
                live: 0,
                live_per_principal: 0,
                ..Settings::default()
            },
            ..Wanted::tasks(&["echo"])
        })
        .await?;
    let arguments = json!({ "value": MARK });
    let visit = Visit::new(&host, "alice", "echo", arguments.clone());
    let known = Known {
        task: "echo",
        arguments: &arguments,
        token: None,
    };
    let mut refused = false;
    for tool in host.tools() {
        for arguments in ways(&tool, &known) {
            let reply = host.call(&visit.caller, &tool.name, &arguments).await;
            refused |= matches!(&reply, Some(reply) if is_no(reply));
            read(&tool.name, reply)?;
        }
    }
    if !refused {
        return failed(
            "an error from the tool that starts a task",
            "every tool answered as if all were well",
            clause::BUSY,
        );
    }
    if host.tasks_of(&visit.caller.principal).is_empty() {
        return Ok(());
    }
    failed(
        "no task, since there is no room",
        "there is one",
        clause::BUSY,
    )
}

/// Whether a reply says that it was not done.
fn is_no(reply: &Result<Reply, TaskError>) -> bool {
    match reply {
        Err(_) | Ok(Reply::Refused { .. }) => true,
        Ok(Reply::Answer(answer)) => answer.value().get("isError") == Some(&Value::Bool(true)),
        Ok(Reply::Task(..) | Reply::InputRequired { .. }) => false,
    }
}

pub(super) async fn unknown_route(bench: &Bench) -> Claim {
    let host = bench.host(Wanted::tasks(&["echo"])).await?;
    let visit = Visit::new(&host, "alice", "echo", json!({}));
    let strategy = bench.strategy();
    let known: Vec<_> = host.tools().into_iter().map(|tool| tool.route).collect();
    let long = "x".repeat(10_000);
    let beyond = known.first().map(|route| format!("{route}:and-more"));
    let routes = ["", "no-such-route", "é\u{0}", &long];
    for route in routes.into_iter().map(str::to_owned).chain(beyond) {
        if known.contains(&route) {
            continue;
        }
        for arguments in [nothing(), Json::of(&json!({ "token": "t" }))] {
            let answer = strategy
                .call_tool(host.port(&visit.caller), who(), route.clone(), &arguments)
                .await;
            let route = shortened(&route);
            match answer {
                Err(error) if died(&error) => {
                    return failed(
                        format!("an error for the route `{route}`"),
                        said(&error),
                        clause::ROUTE,
                    );
                }
                Ok(reply) if !is_no(&Ok(reply.clone())) => {
                    return failed(
                        format!("an error for the route `{route}`, which it has not given out"),
                        shortened(&text(&reply)),
                        clause::CALL_ERROR,
                    );
                }
                Ok(_) | Err(_) => {}
            }
        }
    }
    Ok(())
}
