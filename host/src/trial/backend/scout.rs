//! Which tasks can be run, where nobody says it.
//!
//! Only tasks whose definition says that starting them twice does no harm are tried: this is somebody's
//! engine, and a trial starts what it runs a hundred times.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::argument::smallest;
use super::super::plan::{Errand, Named, Plan, Wishes};
use super::super::{Options, Subject, Workbench as _};
use super::Bench;
use super::bench::Instance;
use crate::plugin::Work;
use crate::plugin::load::Linked;
use crate::task::{Definition, Observation, Outcome};

/// Tasks that are tried at most.
const TRIED: usize = 16;
/// Tasks that are run from start to end at most.
const RUN: usize = 3;
/// What is not over by then goes on for a while.
const A_WHILE: Duration = Duration::from_secs(2);

/// What may be run of `subject`.
pub(in crate::trial) async fn plan(subject: &Arc<Subject>, options: &Options) -> Plan {
    let Wishes {
        tasks,
        slow,
        volatile,
    } = &subject.wishes;
    let mut plan = Plan {
        succeeds: options.task.is_some() || !tasks.is_empty(),
        quick: tasks.clone(),
        slow: slow.clone(),
        volatile: *volatile,
        lacks: String::new(),
    };
    let Linked::Backend(linked) = &subject.loaded.linked else {
        return plan;
    };
    let bench = Bench::new(subject, linked, &Arc::default(), options.timeout);
    let planned = tokio::time::timeout(options.timeout, async {
        if let Some(task) = &options.task {
            plan.quick = named(&bench, task, &mut plan.lacks).await;
        }
        if let Some(slow) = &options.slow {
            plan.slow = named(&bench, slow, &mut plan.lacks).await.pop();
        }
        // Who names a task does not want others to be run.
        if plan.quick.is_empty() && options.task.is_none() {
            let found = look(&bench).await;
            plan.quick = found.quick;
            plan.slow = plan.slow.take().or(found.slow);
            plan.lacks = found.lacks;
        }
    })
    .await;
    bench.room().end().await;
    if planned.is_err() {
        plan.lacks = format!("it lists no tasks within {} s", options.timeout.as_secs());
    } else if plan.lacks.is_empty() {
        "no task is known that may be run: name one with `[test] tasks` or --task"
            .clone_into(&mut plan.lacks);
    }
    plan
}

/// What a flag means: with the smallest arguments, where it says none. Nothing, where there is no such task.
async fn named(bench: &Bench, named: &Named, lacks: &mut String) -> Vec<Errand> {
    let task = named.task.clone();
    if let Some(arguments) = named.arguments.clone() {
        return vec![Errand { task, arguments }];
    }
    let definitions = bench.instance().list_tasks().await.unwrap_or_default();
    let found = match definitions.iter().find(|one| one.name == task) {
        Some(definition) => smallest(&definition.input_schema),
        None => Err(format!("it lists no task `{task}`")),
    };
    match found {
        Ok(arguments) => vec![Errand { task, arguments }],
        Err(why) => {
            *lacks = why;
            Vec::new()
        }
    }
}

#[derive(Default)]
struct Found {
    quick: Vec<Errand>,
    slow: Option<Errand>,
    lacks: String,
}

/// One that was tried.
struct Tried {
    definition: Definition,
    errand: Errand,
    work: Option<Work>,
    /// `None`: it is not over.
    end: Option<End>,
}

/// How it went, best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Completed,
    Failed,
    /// There is something wrong with it, which a scenario will say.
    Broken,
    /// It asks somebody something.
    Asks,
}

async fn look(bench: &Bench) -> Found {
    let instance = bench.instance();
    let definitions = match instance.list_tasks_once().await {
        Ok(definitions) => definitions,
        Err(error) => {
            return Found {
                lacks: format!("no tasks were listed: {error}"),
                ..Found::default()
            };
        }
    };
    if definitions.is_empty() {
        return Found {
            lacks: "it lists no tasks".to_owned(),
            ..Found::default()
        };
    }
    let mut tried = Vec::new();
    for definition in definitions.into_iter().filter(|one| one.idempotent) {
        let Ok(arguments) = smallest(&definition.input_schema) else {
            continue;
        };
        tried.push(Tried {
            errand: Errand {
                task: definition.name.clone(),
                arguments,
            },
            definition,
            work: None,
            end: None,
        });
    }
    // The shortest first; in the order of the list where nothing is said.
    tried.sort_by_key(|one| one.definition.estimate_ms.unwrap_or(1_000));
    let longest = tried.pop_if(|_| true);
    tried.truncate(TRIED - 1);
    tried.extend(longest);
    follow(bench, &instance, &mut tried).await;
    let slow = tried
        .iter()
        .rev()
        .find(|one| one.end.is_none() && one.work.is_some() && one.definition.cancellable);
    let slow = slow.map(|one| one.errand.clone());
    for one in tried.iter().filter(|one| one.end.is_none()) {
        if let Some(work) = &one.work {
            _ = instance.try_cancel(work).await;
        }
    }
    tried.retain(|one| one.end.is_some_and(|end| end != End::Asks));
    tried.sort_by_key(|one| one.end);
    let best = tried.first().and_then(|one| one.end);
    Found {
        quick: tried
            .into_iter()
            .filter(|one| one.end == best)
            .take(RUN)
            .map(|one| one.errand)
            .collect(),
        slow,
        lacks: String::new(),
    }
}

/// Starts all of them, and looks at them for a while.
async fn follow(bench: &Bench, instance: &Instance, tried: &mut [Tried]) {
    for one in tried.iter_mut() {
        match bench.begin(instance, &one.errand).await {
            Ok(work) => one.work = Some(work),
            Err(_) => one.end = Some(End::Broken),
        }
    }
    let until = Instant::now() + A_WHILE;
    while Instant::now() < until && tried.iter().any(|one| one.end.is_none()) {
        tokio::time::sleep(Duration::from_millis(50)).await;
        for one in tried.iter_mut().filter(|one| one.end.is_none()) {
            if let Some(work) = &one.work {
                one.end = seen(instance, work).await;
            }
        }
    }
}

async fn seen(instance: &Instance, work: &Work) -> Option<End> {
    use crate::task::Phase;
    match instance.observe_one(work).await {
        Ok(Observation::Finished(Outcome::Completed(_))) => Some(End::Completed),
        Ok(Observation::Finished(_)) => Some(End::Failed),
        Ok(Observation::At(Phase::AwaitingInput(_))) => Some(End::Asks),
        Ok(Observation::At(_)) => None,
        Ok(Observation::Unknown) | Err(_) => Some(End::Broken),
    }
}
