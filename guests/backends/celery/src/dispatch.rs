//! Starting a task: one script that pushes its message once.

use redis::cmd;
use taskhost_sdk::host::timers;
use taskhost_sdk::{Error, StartRequest, tracing};

use crate::backend::Backend;
use crate::discovery::Survey;
use crate::envelope::{self, Envelope, Order};
use crate::handle::Handle;
use crate::mark::{LIFETIME_S, SEND};
use crate::options::Options;
use crate::results;

/// Celery's own default.
const DEFAULT_QUEUE: &str = "celery";
/// The first round of questions is over about then.
const FIRST_ROUND_MS: u32 = 250;

/// Returns the handle. A repeated call with the same id pushes nothing and returns the same.
pub(crate) async fn start(backend: &Backend, request: &StartRequest) -> Result<String, Error> {
    let now_ms = timers::now_ms();
    let id = &request.id;
    let Plan {
        task,
        options,
        terminate,
    } = plan(backend, request, now_ms)?;
    let queue = options.queue.as_deref().unwrap_or(DEFAULT_QUEUE);
    let priority = options.priority.unwrap_or(0);
    let expires_ms = options.expires_ms.map(|after| now_ms.saturating_add(after));
    // Nobody wants the result after the deadline, so no worker need begin then.
    let expires_ms = match (expires_ms, request.deadline_ms) {
        (Some(expires), Some(deadline)) => Some(expires.min(deadline)),
        (expires, deadline) => expires.or(deadline),
    };
    let order = Order {
        id,
        task: &task,
        arguments: &request.arguments,
        queue,
        priority,
        eta_ms: options.due_ms(now_ms),
        expires_ms,
        time_limit: options.time_limit,
        soft_time_limit: options.soft_time_limit,
    };
    let message = Envelope::new(&order)
        .and_then(|envelope| envelope.bytes())
        .map_err(Error::InvalidInput)?;
    let list = backend.broker_keys.queue(queue, priority);
    let mut handle = Handle { list, terminate };

    // Listening first: a worker may be done before the next command is answered.
    results::watch(backend, &[(id.clone(), handle.clone())]).await?;
    let mut send = cmd("EVAL");
    send.arg(SEND)
        .arg(2)
        .arg(backend.broker_keys.sent(id))
        .arg(&handle.list);
    send.arg(&message).arg(LIFETIME_S);
    let known: Option<Vec<u8>> = backend.broker.ask(&send).await?;
    if let Some(known) = known {
        if let Some((queue, priority)) = envelope::address(&known) {
            handle.list = backend.broker_keys.queue(&queue, priority);
        }
        // It may have ended while nobody listened.
        backend.results.wakeups().add(backend.result_keys.meta(id));
        tracing::info!(
            "a task was started again; its message had been sent and was not sent twice"
        );
    } else {
        backend.live.sent(id, backend.broker.number());
    }
    Ok(handle.write())
}

struct Plan {
    /// The task's name in Celery.
    task: String,
    options: Options,
    terminate: Option<bool>,
}

fn plan(backend: &Backend, request: &StartRequest, now_ms: u64) -> Result<Plan, Error> {
    let call = Options::of_call(&request.options).map_err(Error::InvalidInput)?;
    let catalogue = backend.catalogue.borrow();
    let task = catalogue
        .find(&request.task)
        .ok_or_else(|| missing(&request.task, *backend.survey.borrow()))?;
    let options = call.or(&task.config.options).or(&backend.config.options);
    options
        .check(now_ms, backend.config.visibility_timeout_ms)
        .map_err(Error::InvalidInput)?;
    Ok(Plan {
        task: task.config.task.clone(),
        options,
        terminate: task.config.terminate,
    })
}

/// Why there is no such task. It is unknown only where somebody would know it: that ends the task, and
/// what was found before may be lost while workers are busy or away.
fn missing(task: &str, survey: Survey) -> Error {
    match survey {
        Survey::Begun => Error::Unavailable((
            format!("`{task}` is not known yet: workers are being asked for their tasks"),
            Some(FIRST_ROUND_MS),
        )),
        Survey::Unanswered => Error::Unavailable((
            format!(
                "`{task}` is not known: no Celery worker has said yet which tasks it has; start one, \
                 or configure the task"
            ),
            None,
        )),
        Survey::Answered => Error::UnknownTask(format!(
            "no Celery worker has registered `{task}`, and it is not configured"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_unknown_only_when_a_worker_has_said_what_it_knows() {
        for survey in [Survey::Begun, Survey::Unanswered] {
            let error = missing("render", survey);
            let Error::Unavailable((why, _)) = &error else {
                panic!("{survey:?}: {error:?}");
            };
            assert!(why.contains("`render`"), "{why}");
        }
        let error = missing("render", Survey::Answered);
        assert!(matches!(error, Error::UnknownTask(_)), "{error:?}");
    }
}
