//! Keeps its work in the instance, and forgets it with that.

#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "no exports"))]

use std::cell::RefCell;
use std::collections::HashMap;

use taskhost_wrong_backends::honest::Record;
use taskhost_wrong_backends::{
    Backend, CancelAnswer, Error, Observation, StartRequest, Work, export_backend, honest,
};

struct Forgets;

thread_local! {
    static TASKS: RefCell<HashMap<String, Record>> = RefCell::default();
}

impl Backend for Forgets {
    async fn start(request: StartRequest) -> Result<String, Error> {
        let record = honest::record(&request)?;
        TASKS.with_borrow_mut(|tasks| {
            tasks.entry(request.id.clone()).or_insert(record);
        });
        Ok(honest::handle(&request.id))
    }

    async fn observe(works: Vec<Work>) -> Result<Vec<Observation>, Error> {
        let look = |work: &Work| {
            TASKS.with_borrow(|tasks| tasks.get(&work.id).map_or(Observation::Unknown, honest::at))
        };
        Ok(works.iter().map(look).collect())
    }

    async fn cancel(work: Work, _: Option<String>) -> Result<CancelAnswer, Error> {
        TASKS.with_borrow_mut(|tasks| match tasks.get_mut(&work.id) {
            None => Err(Error::UnknownTask(work.id)),
            Some(record) if matches!(honest::at(record), Observation::Finished(_)) => {
                Ok(CancelAnswer::AlreadyFinished)
            }
            Some(record) => {
                record.cancelled = true;
                Ok(CancelAnswer::Accepted)
            }
        })
    }

    async fn release(work: Work) -> Result<(), Error> {
        TASKS.with_borrow_mut(|tasks| tasks.remove(&work.id));
        Ok(())
    }
}

export_backend!(super::Forgets);
