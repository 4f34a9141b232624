//! What has become of tasks: pushed where Redis pushes, polled where it does not.
//!
//! Invariants:
//! - What a worker publishes is a reason to look and never believed; the key is.
//! - Listening comes before looking, so that no change falls between the two.
//! - A new connection listens to nothing: all live tasks are subscribed to again, then all are read.
//!
//! Cost: one subscription for each live task, one `GET` for each change, nothing in between. Where
//! listening is refused by an ACL, one `MGET` a second for all live tasks.

use std::rc::Rc;

use redis::{cmd, pipe};
use taskhost_sdk::host::timers;
use taskhost_sdk::{Error, Observation, Work, events, tracing};

use crate::backend::Backend;
use crate::handle::Handle;
use crate::mark::{HEAD, LIFETIME_S, Mark};
use crate::meta::Meta;
use crate::wire::{Trouble, first};

/// Keys in one `MGET`: results may be large.
const AT_ONCE: usize = 256;
/// Between two looks where nothing is pushed.
const POLL_MS: u64 = 1000;
/// Between two looks that failed.
const PAUSE_MS: u64 = 500;
/// Marks are prolonged this often.
const PROLONG_MS: u64 = 6 * 3_600_000;

/// Listens to tasks that are not listened to yet.
pub(crate) async fn watch(backend: &Backend, tasks: &[(String, Handle)]) -> Result<(), Error> {
    let now_ms = timers::now_ms();
    let mut channels = Vec::new();
    let mut added = Vec::new();
    for (id, handle) in tasks {
        if backend.live.add(id, handle, now_ms) {
            channels.push(backend.result_keys.meta(id));
            added.push(id);
        }
    }
    if channels.is_empty() || !backend.pushes.get() {
        return Ok(());
    }
    match backend.results.subscribe(&channels).await {
        Ok(()) => Ok(()),
        Err(trouble) if trouble.is_forbidden() => {
            poll_from_now_on(backend, &trouble);
            Ok(())
        }
        Err(trouble) => {
            // The next call tries again.
            for id in added {
                backend.live.remove(id);
            }
            Err(trouble.into())
        }
    }
}

/// No longer listens to a task.
pub(crate) async fn unwatch(backend: &Backend, id: &str) {
    if backend.live.remove(id) && backend.pushes.get() {
        // A subscription that stays is harmless, and ends with the connection.
        _ = backend
            .results
            .unsubscribe(&[backend.result_keys.meta(id)])
            .await;
    }
}

/// The answer to `observe`: in the order of `works`.
pub(crate) async fn observe(backend: &Backend, works: &[Work]) -> Result<Vec<Observation>, Error> {
    if works.is_empty() {
        return Ok(Vec::new());
    }
    let mut tasks = Vec::with_capacity(works.len());
    for work in works {
        tasks.push((work.id.clone(), Handle::read(&work.handle)?));
    }
    watch(backend, &tasks).await?;
    let ids: Vec<String> = tasks.into_iter().map(|(id, _)| id).collect();
    let metas = read(backend, &ids).await?;
    let marks = marks(backend, &ids).await?;
    let mut observations = Vec::with_capacity(ids.len());
    for ((id, meta), mark) in ids.iter().zip(metas).zip(marks) {
        let observation = conclude(backend, id, meta, mark.as_ref());
        if matches!(observation, Observation::Finished(_) | Observation::Unknown) {
            unwatch(backend, id).await;
        }
        observations.push(observation);
    }
    Ok(observations)
}

/// Tells the host of every change, for as long as the component lives.
pub(crate) async fn follow(backend: Rc<Backend>) {
    let mut seen = None;
    loop {
        let number = backend.results.number();
        if number.is_some() && number != seen {
            match resume(&backend).await {
                Ok(()) => seen = number,
                Err(_) => timers::sleep(PAUSE_MS).await,
            }
            continue;
        }
        let wakeups = backend.results.wakeups();
        let news = first(wakeups.rung(), backend.results.changed(seen));
        if backend.pushes.get() {
            news.await;
        } else {
            first(news, timers::sleep(POLL_MS)).await;
        }
        let heard = wakeups.take();
        let ids: Vec<String> = if backend.pushes.get() {
            let id = |channel: &String| backend.result_keys.id(channel).map(str::to_owned);
            heard.iter().filter_map(id).collect()
        } else {
            backend.live.ids()
        };
        if refresh(&backend, &ids).await.is_err() {
            for channel in heard {
                wakeups.add(channel);
            }
            timers::sleep(PAUSE_MS).await;
        }
    }
}

/// The state of each, where its worker has written one.
pub(crate) async fn read(backend: &Backend, ids: &[String]) -> Result<Vec<Option<Meta>>, Trouble> {
    let mut metas = Vec::with_capacity(ids.len());
    for ids in ids.chunks(AT_ONCE) {
        let mut get = cmd("MGET");
        for id in ids {
            get.arg(backend.result_keys.meta(id));
        }
        let values: Vec<Option<Vec<u8>>> = backend.results.ask(&get).await?;
        metas.extend(
            values
                .into_iter()
                .map(|value| value.as_deref().map(Meta::read)),
        );
    }
    Ok(metas)
}

/// What became of the message of each. Marks of tasks that live long are prolonged.
pub(crate) async fn marks(backend: &Backend, ids: &[String]) -> Result<Vec<Option<Mark>>, Trouble> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut heads = pipe();
    for id in ids {
        // A message may be as large as its arguments; its beginning is enough.
        heads
            .cmd("GETRANGE")
            .arg(backend.broker_keys.sent(id))
            .arg(0)
            .arg(HEAD - 1);
    }
    for id in backend.live.take_stale(ids, timers::now_ms(), PROLONG_MS) {
        heads
            .cmd("EXPIRE")
            .arg(backend.broker_keys.sent(&id))
            .arg(LIFETIME_S)
            .ignore();
    }
    let heads: Vec<Vec<u8>> = backend.broker.ask_all(&heads).await?;
    Ok(heads.iter().map(|head| Mark::read(head)).collect())
}

fn conclude(backend: &Backend, id: &str, meta: Option<Meta>, mark: Option<&Mark>) -> Observation {
    if let Some(meta) = meta {
        backend.live.note(id, &meta);
        if let Some(end) = mark.and_then(Mark::end)
            && !meta.is_final()
        {
            return end;
        }
        return backend.live.reasoned(id, meta.observation);
    }
    match mark {
        None => Observation::Unknown,
        // The key of a task that runs long without a word expires; the last word still holds.
        Some(mark) => mark
            .end()
            .or_else(|| backend.live.last(id))
            .unwrap_or(Observation::Pending),
    }
}

async fn refresh(backend: &Backend, ids: &[String]) -> Result<(), Trouble> {
    let metas = read(backend, ids).await?;
    for (id, meta) in ids.iter().zip(metas) {
        let Some(meta) = meta else { continue };
        if !backend.live.has(id) || !backend.live.note(id, &meta) {
            continue;
        }
        let over = meta.is_final();
        events::observed(id, &backend.live.reasoned(id, meta.observation));
        if over {
            unwatch(backend, id).await;
        }
    }
    Ok(())
}

/// Listens on a new connection to all that live, and reads what was missed.
async fn resume(backend: &Backend) -> Result<(), Trouble> {
    // Somebody may have changed the ACL meanwhile.
    backend.pushes.set(true);
    let ids = backend.live.ids();
    if ids.is_empty() {
        return Ok(());
    }
    let channels: Vec<String> = ids.iter().map(|id| backend.result_keys.meta(id)).collect();
    match backend.results.subscribe(&channels).await {
        Err(trouble) if trouble.is_forbidden() => poll_from_now_on(backend, &trouble),
        other => other?,
    }
    refresh(backend, &ids).await
}

fn poll_from_now_on(backend: &Backend, trouble: &Trouble) {
    backend.pushes.set(false);
    tracing::warn!("{trouble}; results are polled once a second instead of being pushed");
    // Wakes the loop, which polls from now on.
    backend.results.wakeups().add(String::new());
}
