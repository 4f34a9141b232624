//! Looks at the orchestrations that run, and tells the host what has changed.
//!
//! The server does not push, so they are asked for, one by one, as often as the operator has said; what
//! is news is pushed. The host asks by itself too, now and then: after a restart, for what nobody
//! remembers here.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use futures_util::{StreamExt as _, stream};
use taskhost_sdk::{Observation, Work, events, time};

use crate::Backend;

/// Instances that are looked at together.
const AT_ONCE: usize = 16;

/// Who is not over, and what was said of them last. Absent: nothing yet.
#[derive(Debug, Default)]
pub(crate) struct Watched(RefCell<BTreeMap<String, Option<Observation>>>);

impl Watched {
    /// From now on.
    pub(crate) fn add(&self, id: &str) {
        self.0.borrow_mut().entry(id.to_owned()).or_default();
    }

    /// No more.
    pub(crate) fn remove(&self, id: &str) {
        self.0.borrow_mut().remove(id);
    }

    /// What the host is being told. True: it is news, of one that is watched.
    pub(crate) fn note(&self, id: &str, seen: &Observation) -> bool {
        let mut all = self.0.borrow_mut();
        let Some(last) = all.get_mut(id) else {
            return false;
        };
        let news = last.as_ref() != Some(seen);
        if seen.is_over() || *seen == Observation::Unknown {
            all.remove(id);
        } else if news {
            *last = Some(seen.clone());
        }
        news
    }

    fn ids(&self) -> Vec<String> {
        self.0.borrow().keys().cloned().collect()
    }
}

/// For as long as the instance lives.
pub(crate) async fn run(backend: Rc<Backend>) {
    loop {
        time::sleep(backend.config.poll()).await;
        let backend = &backend;
        let ids = stream::iter(backend.watched.ids());
        ids.for_each_concurrent(AT_ONCE, |id| look(backend, id))
            .await;
    }
}

async fn look(backend: &Backend, id: String) {
    let work = Work {
        handle: id.clone(),
        id,
    };
    // Whoever cannot be asked is asked again; the link tells the operator why.
    let Ok(seen) = backend.see(&work).await else {
        return;
    };
    // That it is unknown is for the host to find out: it may just have been released.
    if backend.watched.note(&work.id, &seen) && seen != Observation::Unknown {
        events::observed(&work.id, &seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_news_of_whom_is_watched_are_told_and_none_after_the_end() {
        let watched = Watched::default();
        let running = Observation::running();
        assert!(!watched.note("t1", &running));
        watched.add("t1");
        assert!(watched.note("t1", &running));
        assert!(!watched.note("t1", &running));
        assert!(watched.note("t1", &Observation::completed(&1)));
        assert!(!watched.note("t1", &running));
        assert!(watched.ids().is_empty());
    }
}
