//! `taskhost test FLOWS --replay`: whether a build still fits the histories of the runs that there are.

use std::path::Path;

use serde_json::json;

use super::super::output;
use crate::admin::client::Host;
use crate::admin::protocol::{ListRequest, Request, Response};
use crate::admin::view::RunView;
use crate::error::{Code, Report};
use crate::store::sled::SledStore;
use crate::store::{Filter, Store as _, StoreError};
use crate::task::TaskId;
use crate::trial::Subject;
use crate::trial::replay::{History, Replayed, replay};

/// Replays all histories below `data_dir` that belong to the backend called like `subject`, or to `of`.
pub(super) async fn run(
    subject: &Subject,
    data_dir: &Path,
    of: Option<&str>,
    as_json: bool,
) -> Result<(), Report> {
    let backend = of.unwrap_or(&subject.name);
    let histories = histories(data_dir, backend)?;
    if histories.is_empty() {
        return Err(Report::new(
            Code(824),
            format!(
                "`{backend}` has no histories at {}, so there is nothing to replay",
                data_dir.display()
            ),
        )
        .help("name the directory of the host: --data-dir DIR")
        .help("or the backend whose histories they are: --histories-of NAME"));
    }
    let replayed = replay(subject, histories).await?;
    if as_json {
        let rows: Vec<_> = replayed.iter().map(row).collect();
        output::json(&rows)?;
    } else {
        show(&replayed);
    }
    verdict(&replayed, as_json)
}

/// From the host that runs there, or from its store.
fn histories(data_dir: &Path, backend: &str) -> Result<Vec<History>, Report> {
    let mut runs = Vec::new();
    if Host::find(data_dir).is_some() {
        for id in asked_for_tasks(data_dir, backend)? {
            let ask = Request::History { id: id.to_string() };
            asked(data_dir, &ask, |response| {
                if let Response::History(more) = response {
                    runs.extend(more);
                }
            })?;
        }
    } else if data_dir.is_dir() {
        let failed = |error: StoreError| Report::from(&error);
        let store = SledStore::open_read_only(data_dir).map_err(failed)?;
        let records = store.list(&Filter::default()).map_err(failed)?;
        for record in records {
            if record.origin.backend == backend {
                runs.extend(RunView::all(&store, record.id()).map_err(failed)?);
            }
        }
    }
    let history = |run: RunView| {
        Some(History {
            run: run.run.parse().ok()?,
            over: run.over,
            entries: (run.entries.iter())
                .map(|entry| entry.text().to_owned())
                .collect(),
        })
    };
    Ok(runs.into_iter().filter_map(history).collect())
}

fn asked_for_tasks(data_dir: &Path, backend: &str) -> Result<Vec<TaskId>, Report> {
    let mut ids = Vec::new();
    asked(
        data_dir,
        &Request::List(ListRequest::default()),
        |response| {
            if let Response::Tasks(tasks) = response {
                let mine = tasks.iter().filter(|task| task.backend == backend);
                ids.extend(mine.map(|task| task.id));
            }
        },
    )?;
    Ok(ids)
}

fn asked(data_dir: &Path, request: &Request, mut each: impl FnMut(Response)) -> Result<(), Report> {
    let Some(host) = Host::find(data_dir) else {
        return Err(Report::new(Code(730), "the host has gone meanwhile").help("run this again"));
    };
    host.ask(request, |response| {
        each(response);
        Ok(true)
    })
}

fn row(replayed: &Replayed) -> serde_json::Value {
    json!({
        "run": replayed.run.to_string(),
        "over": replayed.over,
        "entries": replayed.entries,
        "took_us": u64::try_from(replayed.took.as_micros()).unwrap_or(u64::MAX),
        "fits": replayed.difference.is_none(),
        "difference": replayed.difference,
    })
}

fn show(replayed: &[Replayed]) {
    for one in replayed {
        let word = match (&one.difference, one.over) {
            (None, _) => "fits",
            (Some(_), true) => "differs",
            (Some(_), false) => "DIFFERS",
        };
        let state = if one.over { "over" } else { "under way" };
        println!("{word:<8} {}  {} entries, {state}", one.run, one.entries);
        if let Some(difference) = &one.difference {
            println!("         {difference}");
        }
    }
}

/// What is over may differ: nothing will ever go on with it.
fn verdict(replayed: &[Replayed], as_json: bool) -> Result<(), Report> {
    let differ = |over: bool| {
        let those = replayed.iter();
        those
            .filter(|one| one.over == over && one.difference.is_some())
            .count()
    };
    let (live, over) = (differ(false), differ(true));
    if live == 0 {
        if !as_json {
            let all = replayed.len();
            println!(
                "\n{all} histories; {over} of those that are over differ, none of those under way"
            );
        }
        return Ok(());
    }
    Err(Report::new(
        Code(825),
        format!("{live} runs under way have histories that this build would not have written"),
    )
    .help("for the author: give runs under way the old way, with `if ctx.version(\"name of the change\") { new } else { old }`")
    .help("or let the old build end them before the new one is put in its place"))
}
