//! What strategies may do with tasks: the service as [`Tasks`].

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::audit::{self, Act};
use super::{Found, Service, internal, rendering};
use crate::error::{Code, Report};
use crate::plugin::{Caller, Snapshot, Start, TaskError, Tasks};
use crate::store::Filter;
use crate::task::{Json, Response, Status};

impl Tasks for Service {
    fn start(
        &self,
        caller: &Caller,
        start: Start,
    ) -> BoxFuture<'static, Result<Snapshot, TaskError>> {
        let (service, caller) = (self.clone(), caller.clone());
        Box::pin(async move {
            let inner = service.clone();
            service
                .shielded(async move { inner.start_task(&caller, start).await })
                .await
        })
    }

    fn get(&self, caller: &Caller, id: &str) -> Result<Snapshot, TaskError> {
        Ok(self.find(Some(caller), id)?.snapshot())
    }

    fn wait(
        &self,
        caller: &Caller,
        id: &str,
        since: u64,
        timeout: Duration,
    ) -> BoxFuture<'static, Result<Snapshot, TaskError>> {
        let found = self.find(Some(caller), id);
        Box::pin(async move {
            let found = found?;
            if let Found::Live(live) = &found {
                live.wait(timeout, |record| {
                    record.revision > since || record.state.is_done()
                })
                .await;
            }
            Ok(found.snapshot())
        })
    }

    fn cancel(
        &self,
        caller: &Caller,
        id: &str,
        reason: Option<String>,
    ) -> BoxFuture<'static, Result<Snapshot, TaskError>> {
        let (service, caller, id) = (self.clone(), caller.clone(), id.to_owned());
        Box::pin(async move {
            let inner = service.clone();
            service
                .shielded(async move { inner.cancel_task(Some(&caller), &id, reason).await })
                .await
        })
    }

    fn answer(
        &self,
        caller: &Caller,
        id: &str,
        key: String,
        response: Response,
    ) -> BoxFuture<'static, Result<Snapshot, TaskError>> {
        let (service, caller, id) = (self.clone(), caller.clone(), id.to_owned());
        Box::pin(async move {
            let inner = service.clone();
            service
                .shielded(async move {
                    let answered = inner.answer_task(&caller, &id, key, response).await;
                    audit::acted(Some(&caller), Act::Answer, Some(&id), &answered);
                    answered
                })
                .await
        })
    }

    fn output(
        &self,
        caller: &Caller,
        id: &str,
        after: u64,
        limit: usize,
    ) -> Result<(Vec<String>, u64), TaskError> {
        let id = self.find(Some(caller), id)?.snapshot().record.id();
        let lines = self
            .0
            .store
            .output(id, after, limit)
            .map_err(|error| internal(&error))?;
        let last = lines.last().map_or(after, |(position, _)| *position);
        Ok((lines.into_iter().map(|(_, line)| line).collect(), last))
    }

    fn list_active(
        &self,
        caller: &Caller,
        task: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Snapshot>, TaskError> {
        if caller.principal.is_nobody() {
            return Err(TaskError::Unsupported(callers_are_alike()));
        }
        let filter = Filter {
            owner: Some(caller.principal.clone()),
            statuses: Status::ALL
                .into_iter()
                .filter(|status| !status.is_done())
                .collect(),
            task: task.map(str::to_owned),
            before: None,
            limit,
        };
        let records = self
            .0
            .store
            .list(&filter)
            .map_err(|error| internal(&error))?;
        let live = self.live();
        Ok(records
            .into_iter()
            .map(|record| match live.get(&record.id()) {
                Some(live) => live.snapshot(),
                None => Snapshot {
                    record: Arc::new(record),
                    note: None,
                },
            })
            .collect())
    }

    fn result(&self, caller: &Caller, id: &str) -> Result<Json, TaskError> {
        let snapshot = self.find(Some(caller), id)?.snapshot();
        rendering::result(&snapshot.record).ok_or_else(|| {
            TaskError::Invalid(Report::new(
                Code(716),
                "the task is not over: it has no result",
            ))
        })
    }

    fn lists_changed(&self) {
        self.0.look_again.notify_one();
    }

    fn document_changed(&self, uri: &str) {
        // Nobody listens: nobody is told.
        _ = self.0.documents.send(uri.to_owned());
    }
}

/// Who is nobody in particular has no list of its own: it would be everybody's.
fn callers_are_alike() -> Report {
    Report::new(
        Code(717),
        "tasks are not listed where nothing tells callers apart: keep their tokens",
    )
    .help(
        "give callers names, and start the host again: taskhost token NAME --config taskhost.toml",
    )
}
