//! Tasks and calls for strategies: each kind of task has a course, a function of the time it has run.

use std::collections::HashMap;
use std::rc::Rc;

use serde_json::{Value, json};

use super::{Host, Sleep, World};
use crate::bindings::host::taskhost::plugin::tasks::{Snapshot, StartOptions};
use crate::{Error, Observation, Outcome, Progress, Response};

/// How often `wait` looks, by the host's clock.
const LOOK_MS: u64 = 10;

/// The longest that the host waits.
const LONGEST_WAIT_MS: u64 = 55_000;

/// What a task that was asked something, or told something, has to go by.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// Milliseconds since its start.
    pub ran_ms: u64,
    /// What it was started with.
    pub arguments: Value,
    /// What was said to its questions, by key.
    pub answers: HashMap<String, Response>,
}

/// What was asked of a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// `elicitation/create` and its like.
    pub method: String,
    /// Its parameters.
    pub params: Value,
}

type Steps = Rc<dyn Fn(&Course) -> Observation>;

#[derive(Default)]
pub(super) struct Tasks {
    kinds: HashMap<String, Steps>,
    /// The oldest first.
    started: Vec<Started>,
    replies: HashMap<String, Value>,
    asked: Vec<Asked>,
    reports: Vec<Progress>,
    notices: Vec<Value>,
    lists_changed: u64,
}

/// Somebody asked it to stop.
#[derive(Clone)]
struct Stop {
    reason: Option<String>,
}

struct Started {
    task: String,
    key: Option<String>,
    begun_ms: u64,
    course: Course,
    cancelled: Option<Stop>,
    snapshot: Snapshot,
}

impl Host {
    /// A kind of task, and how it stands at any time. Cancelling ends it at once.
    #[must_use]
    pub fn task(self, name: &str, steps: impl Fn(&Course) -> Observation + 'static) -> Self {
        World::with(|world| world.calls.kinds.insert(name.into(), Rc::new(steps)));
        self
    }

    /// What a client answers to `method`.
    #[must_use]
    pub fn client_says(self, method: &str, answer: Value) -> Self {
        World::with(|world| world.calls.replies.insert(method.into(), answer));
        self
    }

    /// A call to answer.
    pub fn call(&self) -> Call {
        Call { _private: () }
    }

    /// All tasks that were started, as they stand now.
    pub fn started(&self) -> Vec<Snapshot> {
        let count = World::with(|world| world.calls.started.len());
        (0..count)
            .filter_map(|place| look(|_, at| at == place))
            .collect()
    }

    /// All progress that was reported.
    pub fn reports(&self) -> Vec<Progress> {
        World::with(|world| world.calls.reports.clone())
    }

    /// All that was asked of the client.
    pub fn asked(&self) -> Vec<Asked> {
        World::with(|world| world.calls.asked.clone())
    }

    /// All that was logged to the client.
    pub fn notices(&self) -> Vec<Value> {
        World::with(|world| world.calls.notices.clone())
    }

    /// How often it was said that lists have changed.
    pub fn lists_changed(&self) -> u64 {
        World::with(|world| world.calls.lists_changed)
    }
}

/// One `tools/call`, as the host's `tasks` has it.
#[derive(Debug)]
pub struct Call {
    _private: (),
}

#[allow(
    missing_docs,
    clippy::unused_async,
    clippy::unused_self,
    reason = "what they do is said in `wit/host.wit`, and these are as those"
)]
impl Call {
    pub async fn start(
        &self,
        task: String,
        arguments: String,
        options: StartOptions,
    ) -> Result<Snapshot, Error> {
        let key = options.idempotency_key;
        if key.is_some()
            && let Some(known) = look(|one, _| one.key == key)
        {
            return Ok(known);
        }
        let arguments = serde_json::from_str(&arguments)
            .map_err(|error| Error::invalid(format!("arguments of `{task}`: {error}")))?;
        World::with(|world| {
            let begun_ms = world.now_ms;
            let Tasks { kinds, started, .. } = &mut world.calls;
            if !kinds.contains_key(&task) {
                return Err(Error::unknown(format!(
                    "no task `{task}`: give the host one by `.task(\"{task}\", …)`"
                )));
            }
            let id = format!("t{}", started.len() + 1);
            started.push(Started {
                key,
                begun_ms,
                course: Course {
                    arguments,
                    ..Course::default()
                },
                cancelled: None,
                snapshot: Snapshot {
                    id: id.clone(),
                    task: task.clone(),
                    observation: Observation::Pending,
                    cancel_requested: false,
                    note: None,
                    cancellable: true,
                    created_ms: begun_ms,
                    updated_ms: begun_ms,
                    expires_ms: None,
                    revision: 1,
                },
                task,
            });
            Ok(id)
        })
        .and_then(|id| find(&id))
    }

    pub async fn get(&self, id: String) -> Result<Snapshot, Error> {
        find(&id)
    }

    pub async fn wait(&self, id: String, since: u64, timeout_ms: u32) -> Result<Snapshot, Error> {
        let now_ms = || World::with(|world| world.now_ms);
        let end_ms = now_ms() + u64::from(timeout_ms).min(LONGEST_WAIT_MS);
        loop {
            let snapshot = find(&id)?;
            let left_ms = end_ms.saturating_sub(now_ms());
            if snapshot.revision > since || left_ms == 0 {
                return Ok(snapshot);
            }
            Sleep::new(left_ms.min(LOOK_MS)).await;
        }
    }

    pub async fn cancel(&self, id: String, reason: Option<String>) -> Result<Snapshot, Error> {
        let over = find(&id)?.observation.is_over();
        change(&id, |task| {
            if !over {
                task.cancelled.get_or_insert(Stop { reason });
                task.snapshot.cancel_requested = true;
            }
        });
        find(&id)
    }

    pub async fn answer(
        &self,
        id: String,
        key: String,
        response: Response,
    ) -> Result<Snapshot, Error> {
        find(&id)?;
        change(&id, |task| {
            task.course.answers.entry(key).or_insert(response);
        });
        find(&id)
    }

    pub async fn result(&self, id: String) -> Result<String, Error> {
        let text = |text: &str, is_error: bool| json!({ "content": [{ "type": "text", "text": text }], "isError": is_error });
        let result = match find(&id)?.observation {
            Observation::Finished(Outcome::Completed(json)) => text(&json, false),
            Observation::Finished(Outcome::Failed(failure)) => {
                text(&format!("{}: {}", failure.code, failure.message), true)
            }
            Observation::Finished(Outcome::Cancelled(_)) => text("cancelled", true),
            _ => return Err(Error::invalid(format!("`{id}` is not over"))),
        };
        Ok(result.to_string())
    }

    pub async fn output(
        &self,
        id: String,
        after: u64,
        _limit: u32,
    ) -> Result<(Vec<String>, u64), Error> {
        find(&id)?;
        Ok((Vec::new(), after))
    }

    pub async fn list_active(
        &self,
        task: Option<String>,
        limit: u32,
    ) -> Result<Vec<Snapshot>, Error> {
        let mut active = Host {
            _here: std::marker::PhantomData,
        }
        .started();
        active.retain(|one| {
            !one.observation.is_over() && task.as_ref().is_none_or(|task| one.task == *task)
        });
        active.reverse();
        active.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(active)
    }

    pub fn report(&self, progress: &Progress) {
        World::with(|world| world.calls.reports.push(progress.clone()));
    }

    pub fn log(&self, level: &str, logger: Option<&str>, data: &str) {
        let data: Value = serde_json::from_str(data).unwrap_or_else(|_| data.into());
        let notice = json!({ "level": level, "logger": logger, "data": data });
        World::with(|world| world.calls.notices.push(notice));
    }

    pub async fn ask(&self, method: String, params: String) -> Result<String, Error> {
        let params = serde_json::from_str(&params)
            .map_err(|error| Error::invalid(format!("parameters of `{method}`: {error}")))?;
        World::with(|world| {
            let answer = world.calls.replies.get(&method).map(ToString::to_string);
            world.calls.asked.push(Asked {
                method: method.clone(),
                params,
            });
            answer.ok_or_else(|| {
                Error::Unsupported(format!(
                    "the client knows no `{method}`: let it by `.client_says(\"{method}\", …)`"
                ))
            })
        })
    }

    pub fn lists_changed(&self) {
        World::with(|world| world.calls.lists_changed += 1);
    }

    pub fn document_changed(&self, uri: &str) {
        let notice = json!({ "changed": uri });
        World::with(|world| world.calls.notices.push(notice));
    }
}

fn find(id: &str) -> Result<Snapshot, Error> {
    look(|one, _| one.snapshot.id == id)
        .ok_or_else(|| Error::unknown(format!("there is no task `{id}`")))
}

fn change(id: &str, act: impl FnOnce(&mut Started)) {
    World::with(|world| {
        let mut tasks = world.calls.started.iter_mut();
        if let Some(task) = tasks.find(|task| task.snapshot.id == id) {
            act(task);
        }
    });
}

/// The first task of which `which` is true, as it stands now.
fn look(which: impl Fn(&Started, usize) -> bool) -> Option<Snapshot> {
    // A course is the test's own code, and may look at the host.
    let (place, steps, course, cancelled) = World::with(|world| {
        let now_ms = world.now_ms;
        let mut tasks = world.calls.started.iter_mut().enumerate();
        let (place, task) = tasks.find(|(place, task)| which(task, *place))?;
        task.course.ran_ms = now_ms - task.begun_ms;
        let steps = world.calls.kinds.get(&task.task)?.clone();
        Some((place, steps, task.course.clone(), task.cancelled.clone()))
    })?;
    let now = steps(&course);
    World::with(|world| {
        let now_ms = world.now_ms;
        let task = world.calls.started.get_mut(place)?;
        let snapshot = &mut task.snapshot;
        let now = match cancelled {
            Some(Stop { reason }) if !snapshot.observation.is_over() => {
                Observation::cancelled(reason)
            }
            _ => now,
        };
        if !snapshot.observation.is_over() && snapshot.observation != now {
            snapshot.observation = now;
            snapshot.revision += 1;
            snapshot.updated_ms = now_ms;
        }
        Some(snapshot.clone())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Host {
        Host::new().task("render", |course| match course.ran_ms {
            0..1000 => Observation::running(),
            _ => Observation::completed(&course.arguments),
        })
    }

    async fn start(call: &Call, key: Option<&str>) -> Snapshot {
        let options = StartOptions {
            idempotency_key: key.map(Into::into),
            ..StartOptions::default()
        };
        let begun = call.start("render".into(), r#"{"film":1}"#.into(), options);
        begun.await.unwrap()
    }

    #[test]
    fn a_wait_ends_with_the_news() {
        let host = host();
        let call = host.call();
        host.run(async {
            let begun = start(&call, None).await;
            assert_eq!(begun.observation, Observation::running());
            let over = call
                .wait(begun.id.clone(), begun.revision, 5000)
                .await
                .unwrap();
            assert_eq!(
                over.observation,
                Observation::completed(&json!({ "film": 1 }))
            );
            assert_eq!(over.updated_ms - over.created_ms, 1000);
            assert!(call.result(begun.id).await.unwrap().contains("film"));
        });
    }

    #[test]
    fn a_wait_without_news_ends_in_time() {
        let host = host();
        let call = host.call();
        host.run(async {
            let begun = start(&call, None).await;
            let same = call
                .wait(begun.id.clone(), begun.revision, 300)
                .await
                .unwrap();
            assert_eq!(same, begun);
        });
    }

    #[test]
    fn one_key_is_one_task() {
        let host = host();
        let call = host.call();
        host.run(async {
            let one = start(&call, Some("k")).await;
            assert_eq!(start(&call, Some("k")).await.id, one.id);
            assert_ne!(start(&call, None).await.id, one.id);
            assert_eq!(call.list_active(None, 10).await.unwrap().len(), 2);
            let stopped = call.cancel(one.id, Some("enough".into())).await.unwrap();
            assert_eq!(
                stopped.observation,
                Observation::cancelled(Some("enough".into()))
            );
        });
        assert_eq!(host.started().len(), 2);
    }

    #[test]
    fn a_client_says_what_it_was_told_to_say() {
        let host = Host::new().client_says("roots/list", json!({ "roots": [] }));
        let call = host.call();
        let answer = host.run(call.ask("roots/list".into(), "{}".into()));
        assert_eq!(answer.as_deref(), Ok(r#"{"roots":[]}"#));
        let refused = host.run(call.ask("sampling/createMessage".into(), "{}".into()));
        assert!(matches!(refused, Err(Error::Unsupported(_))));
        assert_eq!(host.asked().len(), 2);
    }
}
